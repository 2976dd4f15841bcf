"""The command line: which flags there are, what they mean, and errors that name the nearest one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from defer import timeparse
from defer.errors import BadInput
from defer.record import occurrences, shapes, task

from . import output

NONE = "none"
"""What `edit` takes to remove a setting."""
REMOVABLE = (
    *("times", "until", "jitter", "expires", "executor", "workspace", "permissions", "tag", "condition", "check"),
    *("model", "max_cost", "max_turns"),
)
"""The flags for which it takes that."""

SUBCOMMANDS = (
    *("schedule", "list", "show", "cancel", "edit", "reschedule", "snooze", "pause", "resume", "run", "release"),
    *("status", "inbox", "ack"),
    *("sync", "add", "enable", "disable", "remove", "import", "history", "log", "health", "cron", "doctor"),
    "prune",
    "wait",
)

_COLUMNS = 80
_MOST_FLAGS = 2000

_EXAMPLES = """\
times: 30m is minutes, 3mo months, a capital M is refused; case matters nowhere else

examples:
  defer 30m resume the review
  defer every weekday 8:30 check the inbox
  defer schedule --when "tomorrow 9am" --summary "check the deploy" --executor claude

defer --help has the other commands.

exit status: 0 done, 1 not possible, 2 bad input, 74 input/output failure, 75 store busy
"""


_EDITING = """\
--count, --until, --jitter, --expires, --executor, --workspace, --permissions, --tag, --if, --check, --model,
--max-cost and --max-turns take none: that removes what was set.
"""


def _formatter(prog: str) -> argparse.HelpFormatter:
    # Without a width argparse asks shutil for the terminal's at every flag, and shutil imports four compressors.
    return argparse.RawDescriptionHelpFormatter(prog, width=_COLUMNS)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours: one line, exit code 2, the nearest known flag."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            exit_on_error=False,
            formatter_class=_formatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise BadInput instead of printing usage."""
        raise self._refused(message)

    def _refused(self, message: str, flag: str | None = None) -> BadInput:
        action = self._option_string_actions.get(flag or "")
        return BadInput(f"{message} (see {self.prog} --help)", field=action.dest if action else None)

    def print_help(self, file: Any = None) -> None:
        """Print the help. Raises OSError, which argparse itself passes over: help cut short, and exit status 0."""
        output.say(*self.format_help().splitlines(), out=file)
        (file or sys.stdout).flush()

    def parse(self, words: list[str]) -> argparse.Namespace:
        """Parse ``words``, whose positionals may stand anywhere. Raises BadInput."""
        # argparse looks at all flags once for each flag: twenty thousand of them take ten seconds.
        if sum(word.startswith("-") for word in words) > _MOST_FLAGS:
            raise BadInput(f"more than {_MOST_FLAGS} flags (give lists with --context-json, or in a file)")
        try:
            namespace, unknown = self.parse_known_intermixed_args(self._joined(words))
        except argparse.ArgumentError as error:
            raise self._refused(str(error), error.argument_name) from None
        flags = [word for word in unknown if word.startswith("-")]
        if flags:
            raise BadInput(self._unknown_flag(flags[0].split("=")[0]))
        if unknown:
            raise BadInput(f"unexpected argument: {unknown[0]} (see {self.prog} --help)")
        return namespace

    def _joined(self, words: list[str]) -> list[str]:
        """`--summary -x` as `--summary=-x`: what follows a flag is its value, as in v1, unless it is a flag of ours."""
        joined: list[str] = []
        rest = iter(words)
        for word in rest:
            action = self._option_string_actions.get(word)
            value = next(rest, None) if action is not None and action.nargs is None else None
            if value is None:
                joined.append(word)
            elif value.startswith("-") and value.partition("=")[0] not in self._option_string_actions:
                joined.append(f"{word}={value}")
            else:
                joined += [word, value]
        return joined

    def _unknown_flag(self, flag: str) -> str:
        from defer import spelling

        begun = [known for known in self.flags() if known.startswith(flag) and len(flag) > len("--")]
        near = spelling.nearest(flag, self.flags()) or (begun[0] if len(begun) == 1 else None)
        mend = f"did you mean {near}?" if near else f"see {self.prog} --help"
        return f"unknown flag: {flag} ({mend})"

    def flags(self) -> list[str]:
        """Every long flag this parser knows."""
        return [flag for flag in self._option_string_actions if flag.startswith("--")]


def whole_number(text: str) -> int:
    """For flags that take a number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"not a whole number of at most nine digits: {text[:40]}")
    return int(text)


def _seconds(text: str) -> float:
    """A number of seconds, at least 1, or a duration in words."""
    if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= 1:
        return float(text)
    try:
        found = timeparse.parse_duration(text).total_seconds()
    except BadInput as error:
        raise argparse.ArgumentTypeError(f"not a number of seconds of at least 1: {error}") from None
    if found > shapes.MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"longer than {shapes.MAX_SECONDS:.0f} seconds: {text[:40]}")
    return found


def text_if_any(text: str) -> str | None:
    """For flags that a script may give with an empty value, such as `--id "$ID"`, as in v1."""
    return text or None


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


def _add_form(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON also where stdout is a terminal")
    return form


def _add_what(parser: argparse.ArgumentParser, text: Callable[[str], str | None] = str) -> None:
    """The flags that say what is to be done and how: those of `schedule` that `edit` takes too."""
    add = parser.add_argument
    add("--summary", type=text, metavar="TEXT", help="what is to be done")
    add("--intent", choices=task.INTENTS, help="what kind of work (default: resume_task)")
    add("--mode", choices=task.MODES, help="start afresh, or go on in this conversation (default: fresh)")
    add("--prompt-template", type=text, metavar="TEXT", help="the prompt (default: the summary)")
    add("--prompt-file", metavar="FILE", help="read the prompt from FILE; - is standard input")
    add("--aura-level", choices=task.AURA_LEVELS, help="kept for the executor (default: low)")
    add("--max-retries", type=whole_number, metavar="N", help="further attempts after a failure (default: 0)")
    add("--context-json", type=text, metavar="JSON", help="summary, key_points, artifacts, constraints as one object")
    add("--reorient", action="store_true", help="take the context from a CONTEXT.md")
    add("--project", type=text, metavar="NAME", help="the project whose CONTEXT.md that is")
    add("--context-file", type=text, metavar="FILE", help="the CONTEXT.md itself")
    add("--key-point", action="append", metavar="TEXT", help="what to know (repeatable)")
    add("--artifact", action="append", metavar="PATH", help="what to look at (repeatable)")
    add("--constraint", action="append", metavar="TEXT", help="what to keep to (repeatable)")
    add("--timeout", metavar="DURATION", help="the longest an attempt may take, or none")
    add("--executor", metavar="NAME|PATH", help="what runs it (default: DEFER_EXECUTOR)")
    add("--permissions", metavar="PROFILE", help="what its agent may do: read, edit, work or all")
    add("--allow", action="append", metavar="COMMAND", help="a command it may run, for work (repeatable)")
    add("--model", metavar="NAME", help="the model that its agent works with (default: the agent's own)")
    add(
        "--max-cost",
        type=_dollars,
        metavar="USD",
        help="what one of its runs may cost, if its agent has such a bound",
    )
    add("--max-turns", type=_whole_number_or_none, metavar="N", help="how often its agent may ask its model in one run")
    add("--workspace", metavar="DIR", help="working directory; no two attempts share one at the same time")
    add("--concurrent", action="store_true", default=None, help="may share its workspace with another attempt")
    add("--leave-running", action="store_true", default=None, help="what it leaves running may stay")
    add("--worktree", action="store_true", default=None, help="each occurrence works in a Git worktree of its own")
    add("--no-worktree", dest="worktree", action="store_false", default=None, help="it works in its workspace itself")
    add("--if", dest="condition", metavar="COMMAND", help="ask this first: 0 goes on, 1 to 124 is: not now")
    add("--check", metavar="COMMAND", help="an attempt is done only if this then exits with 0")
    add("--no-drift", dest="drift", action="store_false", default=None, help="its prompt does not say what has changed")
    add("--notify", choices=task.NOTIFY, help="which of its ends somebody is told of (default: failure)")
    add("--tag", action="append", metavar="TEXT", help="a label (repeatable)")


def _add_when(parser: argparse.ArgumentParser, number: Callable[[str], int | str] = whole_number) -> None:
    """The flags that say when."""
    moment = parser.add_mutually_exclusive_group()
    moment.add_argument("--when", metavar="TIME", help='when: 30m, "tomorrow 9am", "every weekday 8:30", …')
    moment.add_argument("--every", metavar="WORDS", help="again and again: 2h, weekday 8:30, …")
    moment.add_argument("--cron", metavar="FIELDS", help='again and again: five cron fields, "0 9 * * 1-5"')
    add = parser.add_argument
    add("--tz", metavar="ZONE", help="IANA zone in which the time is read (default: DEFER_TIMEZONE, else the system's)")
    add("--expires", metavar="DURATION|TIME", help="when it is too late to run; a duration counts from its time")
    add("--count", dest="times", type=number, metavar="N", help="recurring: N times in all")
    add("--until", metavar="TIME", help="recurring: not after TIME")
    add("--jitter", metavar="DURATION", help="recurring: up to DURATION later, always the same for one task")
    add("--catch-up", choices=occurrences.CATCH_UP, help="recurring: run what was missed once (default), all or none")
    add(
        "--overlap",
        choices=occurrences.OVERLAP,
        help="recurring: what comes due while one runs is skipped (default) or queued",
    )


def schedule() -> Parser:
    """`schedule` with every flag, and a line in words as positionals."""
    parser = Parser("defer", "Schedule work for later.", _EXAMPLES)
    parser.usage = (
        "defer [schedule] --when TIME --summary TEXT [option]…\n"
        "       defer TIME TEXT…\n"
        f"       defer {'|'.join(SUBCOMMANDS[1:])} …"
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="TIME TEXT…", help="the time and the summary as one line in words")
    _add_when(parser)
    _add_what(parser, text_if_any)
    add("--id", type=text_if_any, metavar="ID", help="the task's id (default: made up)")
    add(
        "--if-exists",
        choices=("error", "replace", "skip"),
        default="error",
        help="when the id is taken (default: error)",
    )
    add("--session", type=text_if_any, metavar="ID", help="--mode callback: the conversation (default: this one)")
    add("--dry-run", action="store_true", help="show the task and store nothing")
    _add_form(parser)
    return parser


def edit() -> Parser:
    """`edit`: any flag of `schedule` that can be changed later."""
    parser = Parser(
        "defer edit", "Change a task that waits. A flag that may be repeated replaces the whole list.", _EDITING
    )
    parser.add_argument("id", metavar="ID")
    _add_when(parser, _whole_number_or_none)
    _add_what(parser)
    _add_form(parser)
    return parser


def reschedule(name: str) -> Parser:
    """`reschedule` and `snooze`."""
    parser = Parser(f"defer {name}", "Move a task, or the next occurrence of a recurring one, to another time.")
    parser.add_argument("id", metavar="ID")
    parser.add_argument("words", nargs="+", metavar="WHEN", help='1h, "tomorrow 9am", …')
    parser.add_argument("--tz", metavar="ZONE", help="IANA zone in which WHEN is read (default: the task's)")
    _add_form(parser)
    return parser


def by_id(name: str, description: str) -> Parser:
    """A subcommand that takes an id, as a word or as --id, and nothing else."""
    parser = Parser(f"defer {name}", description)
    _add_id(parser)
    _add_form(parser)
    return parser


def run() -> Parser:
    """`run`."""
    parser = Parser("defer run", "Do once, at the next wake, what a task does; its schedule stays.")
    _add_id(parser)
    parser.add_argument("--timeout", metavar="DURATION", help="the longest this run may take, or none")
    parser.add_argument("--wait", action="store_true", help="at once, in a wake of its own; print what it prints")
    _add_form(parser)
    return parser


def _add_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id_word", nargs="?", metavar="ID")
    parser.add_argument("--id", metavar="ID", help="the task's id")


def listing() -> Parser:
    """`list`."""
    parser = Parser("defer list", "List what is scheduled, paused or being executed.")
    parser.add_argument("--status", action="append", choices=task.STATUSES, help="only this status (repeatable)")
    parser.add_argument("--all", action="store_true", help="everything still in the store")
    parser.add_argument("--upcoming", metavar="DURATION", help="every run within DURATION from now, e.g. 24h")
    looks_back = "with a --status that has ended: in the archive too"
    parser.add_argument("--since", metavar="TIME", help=f"what has ended since then, {looks_back}")
    parser.add_argument("--limit", type=whole_number, metavar="N", help=f"only the N that come first, {looks_back}")
    form = _add_form(parser)
    form.add_argument("--table", action="store_true", help="text also where stdout is not a terminal")
    return parser


def cancel() -> Parser:
    """`cancel`."""
    parser = Parser("defer cancel", "Cancel a task.")
    _add_id(parser)
    parser.add_argument("--reason", metavar="TEXT", help="why, for the record")
    parser.add_argument("--kill", action="store_true", help="end its attempt if one is under way")
    parser.add_argument("--occurrence", action="store_true", help="only the next occurrence of a recurring task")
    _add_form(parser)
    return parser


def cron() -> Parser:
    """`cron`."""
    parser = Parser("defer cron", "The crontab line that wakes the runner every minute.")
    actions = ("install", "uninstall", "status")
    parser.add_argument("action", choices=actions, metavar="|".join(actions), help="what to do with it")
    _add_form(parser)
    return parser


def doctor() -> Parser:
    """`doctor`."""
    parser = Parser("defer doctor", "Look the installation over: the waker, its environment, the store, the clock.")
    parser.add_argument("--fix", action="store_true", help="mend what is safe to mend, and say what was done")
    what = "the history instead: store, archive, runs and log held against each other"
    parser.add_argument("--records", action="store_true", help=what)
    form = _add_form(parser)
    form.add_argument("--table", action="store_true", help="text also where stdout is not a terminal")
    return parser


def wake() -> Parser:
    """`run-deferred.sh`."""
    parser = Parser("run-deferred.sh", "One wake: run what is due, settle it, file it.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="one wake (default)")
    how.add_argument(
        "--loop",
        nargs="?",
        type=_seconds,
        const=60,
        metavar="SECONDS",
        help="wake again and again (default: 60)",
    )
    parser.add_argument("--json", action="store_true", help="print what the wake did")
    return parser


def attempt() -> Parser:
    """`execute-task.sh`."""
    return Parser("execute-task.sh", "One attempt of the task whose JSON is on standard input; prints the task.")


def archive() -> Parser:
    """`archive-deferred.sh`."""
    parser = Parser("archive-deferred.sh", "File the tasks that have ended under their month.")
    parser.add_argument("--json", action="store_true", help="print what was filed")
    return parser
