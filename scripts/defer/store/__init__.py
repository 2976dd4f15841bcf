"""Where tasks, run records and what has ended are kept.

Who is outside goes by ``open_store``, ``interface``, ``audit`` and ``places``: all else is the JSON-lines store's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from defer.settings.config import Config

    from .interface import Report, Store


def open_store(config: Config, report: Report) -> Store:
    """The store that a configuration names: the one place that knows which kinds there are.

    ``report`` is told of what the store sets aside or finds unreadable. Nothing is opened before it is needed.
    """
    from .jsonl import JsonlStore

    return JsonlStore(
        config.tasks_file,
        config.archive_dir,
        config.runs_dir,
        config.lock_timeout_seconds,
        report,
        config.v1_tasks_lock,
        config.v1_runner_lock,
    )
