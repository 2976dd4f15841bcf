"""The flags of the commands that schedule and change, and of the entries beside the front."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from defer.record import occurrences, shapes, task

from . import SELECTING
from .parser import Group, Parser, add_form, seconds, text_if_any, whole_number

NONE = "none"
"""What `edit` takes to remove a setting."""
OF_CONTEXT = ("key_point", "artifact", "constraint")
REMOVABLE = (
    *("times", "until", "jitter", "expires", "executor", "command", "workspace", "permissions", "tag"),
    *OF_CONTEXT,
    *("condition", "check", "model", "max_cost", "max_turns"),
)
"""The flags for which it takes that."""

_TIMES = """\
times: 30m is minutes, 3mo months, a capital M is refused; case matters nowhere else
"""
_ALSO = """\
--prompt-template, --max-retries and --schedule are other names of --prompt, --retries and --when.
"""
_EXITS = """\
exit status: 0 done, 1 not possible, 2 bad input, 74 input/output failure, 75 store busy
"""
_NOT_TO_BE_EDITED = {
    "--id": "a task keeps its id: cancel it and schedule another",
    "--session": "a task keeps its conversation: cancel it and schedule another",
    "--if-exists": "the task is there",
    "--dry-run": "defer show ID says what it is, and another edit takes this one back",
}
_EDITING = f"""\
--count, --until, --jitter, --expires, --executor, --command, --workspace,
--permissions, --tag, --if, --check, --model, --max-cost, --max-turns, --key-point,
--artifact and --constraint take none: that removes what was set.

{_ALSO}"""


def _whole_number_or_none(text: str) -> int | str:
    return text if text == NONE else whole_number(text)


def _dollars(text: str) -> float | str:
    """An amount of money, or none."""
    if text == NONE:
        return text
    try:
        found = float(text.removeprefix("$"))
    except ValueError:
        found = -1
    if shapes.amount(found) is not None:
        raise argparse.ArgumentTypeError(f"not an amount in US dollars: {text[:40]} (such as 2.50)")
    return found


def _add_when(parser: Parser, number: Callable[[str], int | str] = whole_number) -> None:
    """The flags that say when."""
    group = parser.add_argument_group("when")
    moment = group.add_mutually_exclusive_group()
    moment.add_argument("--when", metavar="TIME", help='30m, "tomorrow 9am", "every weekday 8:30", …')
    moment.add_argument("--every", metavar="WORDS", help="again and again: 2h, weekday 8:30, …")
    moment.add_argument("--cron", metavar="FIELDS", help='again and again: five cron fields, "0 9 * * 1-5"')
    add = group.add_argument
    add("--tz", metavar="ZONE", help="IANA zone in which the time is read (default: DEFER_TIMEZONE, else the system's)")
    add("--expires", metavar="DURATION|TIME", help="when it is too late to run; a duration counts from its time")
    add = parser.add_argument_group("when it recurs").add_argument
    add("--count", dest="times", type=number, metavar="N", help="N times in all")
    add("--until", metavar="TIME", help="not after TIME")
    add("--jitter", metavar="DURATION", help="up to DURATION later, always the same for one task")
    add("--catch-up", choices=occurrences.CATCH_UP, help="run what was missed once (default), all or none")
    add("--overlap", choices=occurrences.OVERLAP, help="what comes due while one runs is skipped (default) or queued")


def _add_what(parser: Parser, text: Callable[[str], str | None] = str) -> None:
    """The flags that say what is to be done and how: those of `schedule` that `edit` takes too."""
    _add_work(parser.add_argument_group("what"), text)
    _add_context(parser.add_argument_group("what to know"), text)
    _add_hands(parser.add_argument_group("by whom and where"))
    add = parser.add_argument_group("how it ends").add_argument
    add("--timeout", metavar="DURATION", help="the longest an attempt may take, or none")
    add("--retries", dest="max_retries", type=whole_number, metavar="N", help="attempts after a failure (default: 0)")
    add("--if", dest="condition", metavar="COMMAND", help="ask this first: exit 0 goes on, 1 to 124 means not now")
    add("--check", metavar="COMMAND", help="an attempt is done only if this then exits with 0")
    add("--leave-running", action="store_true", default=None, help="what it leaves running may stay")
    add("--notify", choices=task.NOTIFY, help="which outcomes you are told of (default: failure)")


def _add_work(group: Group, text: Callable[[str], str | None]) -> None:
    add = group.add_argument
    add("--summary", type=text, metavar="TEXT", help="what is to be done")
    add("--prompt", dest="prompt_template", type=text, metavar="TEXT", help="the prompt (default: the summary)")
    add("--prompt-file", metavar="FILE", help="read the prompt from FILE; - is standard input")
    add("--command", metavar="COMMAND", help="instead of a prompt: a shell command, run in the directory it is said in")
    add("--intent", choices=task.INTENTS, help="what kind of work (default: resume_task)")
    add("--mode", choices=task.MODES, help="start afresh, or go on in this conversation (default: fresh)")
    add("--aura-level", choices=task.AURA_LEVELS, help="a label that executors may read, as in v1 (default: low)")
    add("--tag", action="append", metavar="TEXT", help="a label for you (repeatable)")


def _add_context(group: Group, text: Callable[[str], str | None]) -> None:
    add = group.add_argument
    add("--key-point", action="append", metavar="TEXT", help="what to know (repeatable)")
    add("--artifact", action="append", metavar="PATH", help="what to look at (repeatable)")
    add("--constraint", action="append", metavar="TEXT", help="what to keep to (repeatable)")
    add("--context-json", type=text, metavar="JSON", help="summary, key_points, artifacts, constraints as one object")
    add("--reorient", action="store_true", help="take the context from a CONTEXT.md")
    add("--project", type=text, metavar="NAME", help="the project whose CONTEXT.md that is")
    add("--context-file", type=text, metavar="FILE", help="the CONTEXT.md itself")
    add("--no-drift", dest="drift", action="store_false", default=None, help="its prompt does not say what has changed")


def _add_hands(group: Group) -> None:
    add = group.add_argument
    add("--executor", metavar="NAME|PATH", help="what runs it (default: DEFER_EXECUTOR)")
    add("--permissions", metavar="PROFILE", help="what its agent may do: read, edit, work or all")
    add("--allow", action="append", metavar="COMMAND", help="a command that it may run; implies work (repeatable)")
    add("--model", metavar="NAME", help="the model that its agent works with (default: the agent's own)")
    add("--max-cost", type=_dollars, metavar="USD", help="what one run may cost, if its agent has such a bound")
    add("--max-turns", type=_whole_number_or_none, metavar="N", help="how often its agent may ask its model in one run")
    add("--workspace", metavar="DIR", help="working directory; no two attempts share one at the same time")
    add("--concurrent", action="store_true", default=None, help="may share its workspace with another attempt")
    add("--worktree", action="store_true", default=None, help="each occurrence works in a Git worktree of its own")
    add("--no-worktree", dest="worktree", action="store_false", default=None, help="it works in its workspace itself")


def schedule() -> Parser:
    """`schedule` with every flag, and a line in words as positionals."""
    parser = Parser(
        "defer",
        "TIME TEXT… [option]…\n       defer schedule --when TIME --summary TEXT [option]…",
        "Schedule work for later. What follows -- is text, whatever it looks like.",
        (
            "defer 30m resume the review",
            'defer 30m --command "make build" build the app',
            "defer every weekday 8:30 check the inbox --executor claude --permissions read",
        ),
        f"{_TIMES}{_ALSO}\ndefer --help has the other commands.\n\n{_EXITS}",
    )
    parser.asked = "defer schedule --help"
    parser.add_argument("words", nargs="*", metavar="TIME TEXT…", help=argparse.SUPPRESS)
    _add_when(parser)
    _add_what(parser, text_if_any)
    add = parser.add_argument_group("the task itself").add_argument
    add("--id", type=text_if_any, metavar="ID", help="the task's id (default: made up)")
    add("--if-exists", choices=("error", "replace", "skip"), default="error", help="when the id is taken")
    add("--session", type=text_if_any, metavar="ID", help="--mode callback: the conversation (default: this one)")
    add("--dry-run", action="store_true", help="show the task and store nothing")
    add_form(parser)
    return parser


def edit() -> Parser:
    """`edit`: any flag of `schedule` that can be changed later."""
    parser = Parser(
        "defer edit",
        "ID [option]…",
        "Change a task that waits. A flag that may be repeated replaces the whole list.",
        ('defer edit deploy --when "tomorrow 9am" --retries 2', "defer edit deploy --tag none"),
        _EDITING,
    )
    parser.refused = _NOT_TO_BE_EDITED
    parser.add_argument("id", metavar="ID", help=argparse.SUPPRESS)
    _add_when(parser, _whole_number_or_none)
    _add_what(parser)
    add_form(parser)
    return parser


_MOVES = {
    "reschedule": (
        "Move a task, or the next occurrence of a recurring one, to another time. A delay counts from now.",
        ("defer reschedule deploy tomorrow 9am", "defer reschedule deploy 2h"),
    ),
    "snooze": (
        "Put off a task, or the next occurrence of a recurring one. A delay counts from\nits time while that is ahead.",
        ("defer snooze deploy 1h", "defer snooze deploy tomorrow 9am"),
    ),
}


def reschedule(name: str) -> Parser:
    """`reschedule` and `snooze`."""
    parser = Parser(f"defer {name}", "ID TIME… [option]…", *_MOVES[name])
    parser.add_argument("id", metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="+", metavar="TIME", help=argparse.SUPPRESS)
    add = parser.add_argument_group("when").add_argument
    add("--tz", metavar="ZONE", help="IANA zone in which TIME is read (default: the task's)")
    add_form(parser)
    return parser


_CHANGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "cancel": (
        "Cancel tasks. What is executing goes on, unless --kill ends it.",
        ('defer cancel deploy --reason "not today"', "defer cancel --tag nightly"),
    ),
    "uncancel": (
        "Bring cancelled tasks back: at their time, or at once where that has passed; a recurring one at its next.",
        ("defer uncancel deploy", "defer uncancel deploy review"),
    ),
    "pause": (
        "Keep tasks from running until they are resumed.",
        ("defer pause deploy", "defer pause --all --until monday"),
    ),
    "resume": (
        "Let paused tasks run again.",
        ("defer resume deploy", "defer resume --tag nightly"),
    ),
    "run": (
        "Run a copy of a task once, at the next wake; its schedule stays.",
        ("defer run deploy", "defer run deploy --wait --timeout 10m"),
    ),
    "release": (
        "Give up an attempt whose machine or container is gone; says who held it.",
        ("defer release deploy", "defer release deploy --json"),
    ),
    "ack": (
        "Hear no more of a task's failure until it succeeds, or fails in another way.",
        ("defer ack deploy", "defer ack deploy review"),
    ),
}
"""The commands that change tasks of which they are told the ids: what each does, and examples."""


def by_id(name: str) -> Parser:
    """One of those commands."""
    words = "ID… [option]…"
    parser = Parser(f"defer {name}", words, *_CHANGES[name])
    which = parser.add_argument_group("which")
    parser.add_argument("id_words", nargs="*", metavar="ID", help=argparse.SUPPRESS)
    which.add_argument("--id", metavar="ID", help="the same as ID alone, in v1's form")
    if name in SELECTING:
        which.add_argument("--tag", action="append", metavar="TEXT", help="all that have this label (repeatable: each)")
    if name in ("pause", "resume"):
        which.add_argument("--all", action="store_true", help="all tasks that it can be done to")
    _add_own(name, parser)
    add_form(parser)
    return parser


def _add_own(name: str, parser: Parser) -> None:
    """The flags that one of them alone has."""
    add = parser.add_argument_group("how").add_argument
    if name == "cancel":
        add("--reason", metavar="TEXT", help="why, for the record")
        add("--kill", action="store_true", help="end its attempt if one is under way")
        add("--occurrence", action="store_true", help="only the next occurrence of a recurring task")
    elif name == "pause":
        add("--until", metavar="TIME", help="they are resumed then, by themselves")
    elif name == "run":
        add("--timeout", metavar="DURATION", help="the longest this run may take, or none")
        add("--wait", action="store_true", help="at once, in a wake of its own; print what it prints")


def listing() -> Parser:
    """`list`."""
    parser = Parser(
        "defer list",
        "[option]…",
        "List what is scheduled, paused or being executed.",
        ("defer list --tag nightly", "watch defer list --table"),
    )
    add = parser.add_argument_group("which").add_argument
    add("--status", action="append", choices=task.STATUSES, metavar="STATUS", help=f"only these: {_STATUSES}")
    add("--tag", action="append", metavar="TEXT", help="only with this label (repeatable: each of them)")
    add("--text", metavar="WORD", help="only with this in their id, summary, prompt, command or labels")
    add("--all", action="store_true", help="everything still in the store")
    add("--upcoming", metavar="DURATION", help="every run within DURATION from now, e.g. 24h")
    looks_back = "with a --status that has ended: in the archive too"
    add("--since", metavar="TIME", help=f"what has ended since then, {looks_back}")
    add("--limit", type=whole_number, metavar="N", help=f"only the N that come first, {looks_back}")
    add_form(parser)
    return parser


_STATUSES = " ".join(task.STATUSES)


_WAKER_ACTIONS = ("install", "uninstall", "status")


def waker() -> Parser:
    """`waker`."""
    parser = Parser(
        "defer waker",
        "install|uninstall|status [cron|systemd|launchd] [option]…",
        "What wakes the runner every minute: a crontab line, a timer of systemd, a job of\nlaunchd; "
        "without a name what this machine has.",
        ("defer waker install", "defer waker install systemd", "defer waker status"),
    )
    add_action(parser)
    wakers = ("cron", "systemd", "launchd")
    parser.add_argument("waker", nargs="?", choices=wakers, metavar="|".join(wakers), help=argparse.SUPPRESS)
    add_form(parser)
    return parser


def cron() -> Parser:
    """`cron`."""
    parser = Parser(
        "defer cron",
        "install|uninstall|status [option]…",
        "The same as `defer waker install cron` and so on.",
        ("defer cron install", "defer cron status"),
    )
    add_action(parser)
    add_form(parser)
    return parser


def add_action(parser: Parser) -> None:
    """What is to be done with a waker."""
    parser.add_argument("action", choices=_WAKER_ACTIONS, metavar="|".join(_WAKER_ACTIONS), help=argparse.SUPPRESS)


def doctor() -> Parser:
    """`doctor`."""
    parser = Parser(
        "defer doctor",
        "[option]…",
        "Check the installation: the waker, its environment, the store, the clock.",
        ("defer doctor --fix", "defer doctor --records"),
    )
    add = parser.add_argument_group("how").add_argument
    add("--fix", action="store_true", help="mend what is safe to mend, and say what was done")
    add("--records", action="store_true", help="the history instead: store, archive, runs and log held together")
    add_form(parser)
    return parser


def wake() -> Parser:
    """`run-deferred.sh`."""
    parser = Parser(
        "run-deferred.sh",
        "[--once | --loop [SECONDS]] [--json]",
        "One wake: run what is due, settle it, file it.",
        ("run-deferred.sh", "run-deferred.sh --loop"),
    )
    how = parser.add_argument_group("how").add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="one wake (default)")
    how.add_argument(
        "--loop",
        nargs="?",
        type=seconds,
        const=60,
        metavar="SECONDS",
        help="go on: wake when something is due, and at least so often (default: 60)",
    )
    parser.add_argument_group("output").add_argument("--json", action="store_true", help="print what a wake did")
    return parser


def attempt() -> Parser:
    """`execute-task.sh`."""
    return Parser(
        "execute-task.sh",
        "< TASK",
        "One attempt of the task whose JSON is on standard input; prints the task.",
        ("execute-task.sh < task.json", "defer show deploy --json | execute-task.sh"),
    )


def archive() -> Parser:
    """`archive-deferred.sh`."""
    parser = Parser(
        "archive-deferred.sh",
        "[--json]",
        "File the tasks that have ended under their month.",
        ("archive-deferred.sh", "archive-deferred.sh --json"),
    )
    parser.add_argument_group("output").add_argument("--json", action="store_true", help="print what was filed")
    return parser
