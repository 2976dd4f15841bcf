"""What was claimed brought behind its gate, and whose fault it is where that fails: the task's own, or the system's."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from defer import trust
from defer.errors import DeferError
from defer.record import events
from defer.record.codec import Task
from defer.record.outcome import CONFIG_ERROR, Outcome
from defer.settings.config import Config

from . import command
from .attempt import Attempt
from .command import Misconfigured, Paths

if TYPE_CHECKING:
    from defer.record.events import Event
    from defer.store.interface import Attempts

    from .keeper import Keeper

# What the system may lack for a while, whatever the task: that is not a reason for the task to fail.
_OUT_OF_RESOURCES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT)


def is_being_cancelled(store: Attempts, mine: Task) -> bool:
    """Whether somebody has asked for the end of an attempt; a store that cannot tell just now says no."""
    try:
        found = store.find(mine["id"])
    except DeferError:
        return False
    return found is not None and bool(found.get("cancel_requested_at"))


def keeper(
    config: Config, lease: int | None, tell: Callable[[Event], None], clock: Callable[[], datetime]
) -> Keeper | None:
    """The keeper of a wake, made at its first attempt."""
    from .keeper import Keeper

    try:
        return Keeper(config.secrets, config.output_limit_bytes, lease)
    except OSError as error:
        # Too many processes, say. The keeper is for the worst case; the attempts need not wait for it.
        tell(events.failing("no_keeper", None, error.strerror, clock()))
        return None


def gated(claimed: Task, paths: Paths, config: Config, was_told: Callable[[], bool]) -> Attempt | Outcome | OSError:
    """An attempt whose leader waits behind its gate; else what it came to; or what the system lacks just now."""
    try:
        command.write_prompt(claimed, paths, config)
    except Exception as error:
        # A directory in place of the prompt stops this task alone.
        if isinstance(error, OSError) and not isinstance(error, IsADirectoryError):
            return error
        return command.not_started(error, CONFIG_ERROR, config)
    try:
        argv = command.command_line(claimed, config)
        return (
            command.prompt_prepared(claimed, paths, config)
            if argv is None
            else Attempt(claimed, config, argv, was_told)
        )
    except Misconfigured as error:
        return command.misconfigured(error, paths, config)
    except Exception as error:
        # What the system lacks, or what is in place of our own directory, is not this task's fault.
        if isinstance(error, trust.Untrusted) or (isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES):
            return error
        return command.not_started(error, CONFIG_ERROR, config)
