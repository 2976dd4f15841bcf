"""The way in of the command line: which face and command is meant, and how errors leave.

``main(face, argv)``: ``front`` is `schedule-task.sh`, ``wake`` `run-deferred.sh`, ``attempt`` `execute-task.sh`,
``archive`` `archive-deferred.sh`, ``session`` `hooks/note-session.sh`, ``start`` `hooks/session-start.sh`, ``resume``
`hooks/resume-after-limit.sh`. A command is a function of a module that is loaded when it is asked for: it takes a
function that makes the client, and the arguments, and returns the exit status. An error ends as one line on stderr and
an exit code.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

from defer import exits, visible
from defer.client import Client
from defer.errors import BadInput, NoSuchTask

_FACES = {
    "wake": "wake.wake",
    "attempt": "wake.attempt",
    "archive": "wake.archive",
    "session": "session.note",
    "start": "handover.start",
    "resume": "goon.resume",
}
_RUNNING = ("wake", "attempt")
_COMMANDS = {
    "schedule": "schedule.schedule",
    "status": "status.status",
    "list": "list.list_tasks",
    "show": "show.show",
    "cancel": "change.cancel",
    "uncancel": "change.uncancel",
    "edit": "change.edit",
    "reschedule": "change.reschedule",
    "snooze": "change.snooze",
    "pause": "change.pause",
    "resume": "change.resume",
    "run": "change.run",
    "release": "change.release",
    "inbox": "inbox.inbox",
    "ack": "inbox.ack",
    "sync": "taskfiles.sync",
    "add": "taskfiles.add",
    "enable": "taskfiles.enable",
    "disable": "taskfiles.disable",
    "remove": "taskfiles.remove",
    "import": "taskfiles.import_jobs",
    "history": "history.history",
    "log": "log.log",
    "waker": "waker.waker",
    "cron": "waker.cron",
    "doctor": "doctor.doctor",
    "health": "health.health",
    "prune": "prune.prune",
    "wait": "wait.wait",
    "completion": "completion.completion",
    "mcp": "mcp.mcp",
}


def connect() -> Client:
    """The client of this process, which warns of what its store set aside."""
    return Client(tell=exits.warn)


def main(face: str, argv: list[str], callers_umask: int = -1) -> int:
    """Run one face; the process's exit status. ``callers_umask`` is for executors; -1 is the process's own."""
    exits.open_missing_streams()
    if face == "front":
        exits.hold_warnings()
    try:
        return exits.status_of(lambda: _answer(face, argv, callers_umask), exits.tell)
    finally:
        exits.release_warnings()


def _answer(face: str, argv: list[str], callers_umask: int) -> int:
    _check_words(argv)
    if face in _RUNNING or "--wait" in argv:
        from defer.run import environment

        environment.callers_umask = callers_umask
    return _call(face, argv)


def _check_words(argv: list[str]) -> None:
    for word in argv:
        if not visible.has_utf8_form(word):
            raise BadInput(f"an argument is not valid UTF-8: {ascii(word)[:80]} (pass UTF-8)")


def _call(face: str, argv: list[str]) -> int:
    if os.environ.get("DEFER_RESTRICTED"):
        _refuse_agents(face, argv)
    if face != "front":
        found = _FACES[face]
    elif argv[:1] == ["--version"]:
        return _print_version()
    elif argv and argv[0] in _COMMANDS:
        return _command(argv)
    elif argv in ([], ["help"], ["--help"], ["-h"]):
        return _help() if argv or not _is_for_a_person() else _glance()
    elif _asks_for_help(argv) and argv[1:]:
        found, argv = _COMMANDS[argv[1]], ["--help"]
    else:
        return _schedule(argv)
    return _run(found, argv)


def _asks_for_help(argv: list[str]) -> bool:
    return argv[:1] == ["help"] and (not argv[1:] or (len(argv) == 2 and argv[1] in _COMMANDS))


def _refuse_agents(face: str, argv: list[str]) -> None:
    """Raise Refused for what an agent's attempt may not call."""
    from . import restricted

    is_command = face == "front" and bool(argv) and argv[0] in _COMMANDS
    is_help = face == "front" and (not argv or argv[0] in ("--help", "-h", "--version") or _asks_for_help(argv))
    # What a hook says of a conversation is looked at where it is noted.
    if not is_help and face not in ("session", "start", "resume"):
        command = argv[0] if is_command else "schedule" if face == "front" else face
        restricted.check(connect(), command, argv[1:] if is_command else argv)


def _command(argv: list[str]) -> int:
    """Run a command, whose name may be the first word of a line that has its time further on."""
    try:
        return _run(_COMMANDS[argv[0]], argv[1:])
    except (BadInput, NoSuchTask):
        from . import mistyped

        if (error := mistyped.line(argv, connect) or mistyped.short_id(argv, connect)) is not None:
            raise error from None
        raise


def _schedule(argv: list[str]) -> int:
    """Schedule by flags, or by a line in words, whose first word may have been meant for a command."""
    try:
        return _run(_COMMANDS["schedule"], argv)
    except BadInput:
        from . import mistyped

        if (error := mistyped.command(argv, _COMMANDS, connect)) is not None:
            raise error from None
        raise


def _run(found: str, argv: list[str]) -> int:
    module, function = found.split(".")
    command = getattr(import_module(f"defer.commands.{module}"), function)
    _look_for_garbage()
    status: int = command(connect, argv)
    return status


def _look_for_garbage() -> None:
    """Turn on what ``__main__`` has turned off: what is loaded by now stays, and need not be searched."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _help() -> int:
    from . import firstscreen

    return firstscreen.show()


def _is_for_a_person() -> bool:
    return sys.stdout.isatty() and not os.environ.get("DEFER_RESTRICTED")


def _glance() -> int:
    from . import firstscreen

    return firstscreen.glance(connect())


def _print_version() -> int:
    from . import version

    return version.show()
