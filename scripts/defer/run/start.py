"""What was claimed brought behind its gate, and whose fault it is where that fails: the task's own, or the system's."""

from __future__ import annotations

import errno
from collections.abc import Callable

from defer import trust
from defer.record.codec import Task
from defer.record.outcome import CONFIG_ERROR, Outcome
from defer.settings.config import Config

from . import command
from .attempt import Attempt
from .command import Misconfigured, Paths

# What the system may lack for a while, whatever the task: that is not a reason for the task to fail.
_OUT_OF_RESOURCES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT)


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
        return command.prompt_prepared(paths) if argv is None else Attempt(claimed, config, argv, was_told)
    except Misconfigured as error:
        return command.misconfigured(error, paths, config)
    except Exception as error:
        # What the system lacks, or what is in place of our own directory, is not this task's fault.
        if isinstance(error, trust.Untrusted) or (isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES):
            return error
        return command.not_started(error, CONFIG_ERROR, config)
