"""Defer: schedule a piece of work for later; cron wakes it, any executable does it.

``defer.schedule("tomorrow 9am", "check the deploy")`` and its companions are in ``defer.sdk``.
They are loaded when first named, so that the command line does not pay for them.
"""

from __future__ import annotations

# The name is enough for a type checker; importing it would cost every start 8 ms.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .client import Client
    from .errors import BadInput, DeferError, Refused, StorageError, StoreBusy
    from .record.runs import Run
    from .sdk import ScheduledTask, TaskSpec, cancel, get_task, list_runs, list_tasks, schedule, schedule_all

__all__ = [
    "BadInput",
    "Client",
    "DeferError",
    "Refused",
    "Run",
    "ScheduledTask",
    "StorageError",
    "StoreBusy",
    "TaskSpec",
    "cancel",
    "get_task",
    "list_runs",
    "list_tasks",
    "schedule",
    "schedule_all",
]

_ROOMS = {
    "Client": "client",
    "Run": "record.runs",
    **dict.fromkeys(("BadInput", "DeferError", "Refused", "StorageError", "StoreBusy"), "errors"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'defer' has no attribute {name!r}")
    from importlib import import_module

    # Looked up once: a program names TaskSpec again for each task of a batch.
    found = globals()[name] = getattr(import_module(f"defer.{_ROOMS.get(name, 'sdk')}"), name)
    return found
