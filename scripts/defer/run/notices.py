"""What a wake files, and what it has to do with notices: they are noted as that happens, and sent at some time."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio
from defer.errors import DeferError
from defer.settings.config import Config

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.store.interface import Attempts, BeforeDrop, LookBy


def filed(store: Attempts, config: Config, now: datetime) -> list[Task]:
    """File what has ended; the records. Their notices tell which worktrees stay: so those are looked at before."""
    if fsio.stat(config.worktrees_dir) is not None:
        from . import tidying

        tidying.tidy(store, config)
    return store.archive(now, before_drop(config, now), look_by(config, now))


def before_drop(config: Config, now: datetime) -> BeforeDrop:
    """What notes who is to be told of what is filed. It raises StorageError: then nothing is dropped."""
    return partial(_note, config, now)


def _note(config: Config, now: datetime, filed: list[Task]) -> None:
    from defer.notices import filing, places  # only a wake that files something notes anything

    filing.note(filed, config, places.of(config), now)


def look_by(config: Config, now: datetime) -> LookBy:
    """What tells when the next wake must look because something is to be sent, or pinged."""
    return partial(_next_at, config, now)


def _next_at(config: Config, now: datetime) -> datetime | None:
    looks = [_next_delivery(config)]
    if config.get("DEFER_PING_URL"):
        looks.append(_next_ping(config, now))
    return min((at for at in looks if at is not None), default=None)


def _next_delivery(config: Config) -> datetime | None:
    # A file that cannot be read is reported where it is written. Here it must not end a wake that has done its work.
    with suppress(DeferError, OSError):
        if fsio.stat(config.notices_file) is not None:
            from defer.notices import outbox

            return outbox.next_at(config.notices_file)
    return None


def is_something_due(config: Config, now: datetime) -> bool:
    """Whether something is to be sent by now."""
    next_at = _next_delivery(config)
    if next_at is None:
        return False
    from defer.notices import outbox

    return outbox.is_time(next_at, now)


def marker(config: Config) -> Path:
    """The file whose modification time says when a wake pinged last."""
    return config.notices_file.with_name(f".{config.notices_file.name}.pinged")


def last_ping(config: Config) -> datetime | None:
    """When a wake pinged last, or None."""
    with suppress(OSError):
        state = fsio.stat(marker(config))
        return datetime.fromtimestamp(int(state.st_mtime), tz=UTC) if state else None
    return None


def _next_ping(config: Config, now: datetime) -> datetime:
    """When a wake must look because it is to ping; one that is due now is sent by the wake that asks."""
    from defer.notices import pings

    last = last_ping(config)
    return now + pings.EVERY if last is None or pings.is_due(last, now) else last + pings.EVERY
