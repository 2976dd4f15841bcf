"""The argument parser of every command: its help, and errors that name the nearest flag."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, NoReturn, TypeAlias

from defer import timeparse
from defer.errors import BadInput
from defer.record import shapes

from . import ALIASES, output

Group: TypeAlias = argparse._ArgumentGroup

_COLUMNS = 80
_MOST_FLAGS = 2000
_NO_FLAG = "\0"
"""Put before each word after ``--``, which argparse may take for a flag all the same; no word can hold it."""
_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from ", re.DOTALL)
_MEANT = {
    **dict.fromkeys(("--at", "--in", "--time", "--on"), "--when"),
    **dict.fromkeys(("--repeat", "--interval"), "--every"),
    **dict.fromkeys(("--cmd", "--shell", "--run", "--exec"), "--command"),
    **dict.fromkeys(("--dir", "--directory", "--cwd", "--chdir"), "--workspace"),
    **dict.fromkeys(("--label", "--tags"), "--tag"),
    **dict.fromkeys(("--name", "--title", "--text", "--message"), "--summary"),
    **dict.fromkeys(("--agent", "--with"), "--executor"),
    **dict.fromkeys(("--retry", "--attempts", "--tries"), "--retries"),
    **dict.fromkeys(("--zone", "--timezone"), "--tz"),
    **dict.fromkeys(("--budget", "--cost"), "--max-cost"),
    **dict.fromkeys(("--force", "--now"), "--kill"),
}
"""What others call a flag, and ours that does it."""


def _formatter(prog: str) -> argparse.HelpFormatter:
    # Without a width argparse asks shutil for the terminal's at every flag, and shutil imports four compressors.
    return argparse.RawDescriptionHelpFormatter(prog, width=_COLUMNS)


def _without_mark(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_mark(one) for one in value]
    return value.removeprefix(_NO_FLAG) if isinstance(value, str) else value


def _filled(text: str) -> str:
    """Text whose long lines are broken."""
    import textwrap  # argparse loads it too, for a help

    return "\n".join(textwrap.fill(line, _COLUMNS) for line in text.splitlines())


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours: one line, exit code 2, the nearest known flag.

    Its help is the usage (``words`` follow the command's name), what the command does, examples of it, and then the
    flags in groups.
    """

    def __init__(
        self, prog: str, words: str, description: str, examples: tuple[str, ...] = (), epilog: str | None = None
    ) -> None:
        super().__init__(
            prog=prog,
            usage=f"{prog} {words}".rstrip(),
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            exit_on_error=False,
            formatter_class=_formatter,
            add_help=False,
        )
        self.examples = examples
        self.refused: dict[str, str] = {}
        """Flags that others take and this command does not, each with what to do instead."""
        self.asked = f"{prog} --help"
        """How to get this help."""
        self.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        """Raise BadInput instead of printing usage."""
        raise self._refused(message)

    def _refused(self, message: str, flag: str | None = None) -> BadInput:
        action = self._option_string_actions.get((flag or "").partition("/")[0])
        # Whether this comes by `error` or as an ArgumentError depends on the version of Python.
        missing = message.removeprefix("the following arguments are required: ")
        message = message if missing == message else f"{missing} is missing"
        said = message if message.endswith(")") else f"{message} (see {self.asked})"
        return BadInput(said, field=action.dest if action else None)

    def _said(self, error: argparse.ArgumentError) -> str:
        """What argparse says, in our words."""
        name = error.argument_name
        action = self._option_string_actions.get((name or "").partition("/")[0]) or next(
            (one for one in self._actions if not one.option_strings and one.metavar == name), None
        )
        wrong = _CHOICE.match(error.message)
        if action is not None and action.choices and wrong:
            from defer import spelling

            choices = [str(one) for one in action.choices]
            near = spelling.nearest(wrong[1], choices)
            mend = f"did you mean {near}?" if near else f"it takes {', '.join(choices)}"
            where = [self.prog.removeprefix("defer "), *action.option_strings][-1]
            return f"{where}: not one of its words: {wrong[1]} ({mend})"
        return str(error).removeprefix("argument ")

    def format_help(self) -> str:
        """The help as it is printed, within the width."""
        before = self.description, self.epilog
        shown = "".join(f"\n  {one}" for one in self.examples)
        said = _filled(self.description or "")
        self.description, self.epilog = f"{said}\n{shown}" if shown else said, _filled(self.epilog or "")
        try:
            return super().format_help()
        finally:
            self.description, self.epilog = before

    def print_help(self, file: Any = None) -> None:
        """Print the help. Raises OSError, which argparse itself passes over: help cut short, and exit status 0."""
        output.say(*self.format_help().splitlines(), out=file)
        (file or sys.stdout).flush()

    def parse(self, words: list[str]) -> argparse.Namespace:
        """Parse ``words``, whose positionals may stand anywhere. Raises BadInput."""
        # argparse looks at all flags once for each flag: twenty thousand of them take ten seconds.
        if sum(word.startswith("-") for word in words) > _MOST_FLAGS:
            raise BadInput(f"more than {_MOST_FLAGS} flags (give lists with --context-json, or in a file)")
        end = words.index("--") if "--" in words else len(words)
        words = [*words[:end], *(f"{_NO_FLAG}{word}" for word in words[end + 1 :])]
        try:
            namespace, unknown = self.parse_known_intermixed_args(self._joined(words))
        except argparse.ArgumentError as error:
            raise self._refused(self._said(error), error.argument_name) from None
        flags = [word for word in unknown if word.startswith("-")]
        if flags:
            raise BadInput(self._unknown_flag(flags[0].split("=")[0]))
        if unknown:
            raise BadInput(f"unexpected argument: {unknown[0].removeprefix(_NO_FLAG)} (see {self.asked})")
        return argparse.Namespace(**{name: _without_mark(value) for name, value in vars(namespace).items()})

    def _joined(self, words: list[str]) -> list[str]:
        """`--summary -x` as `--summary=-x`: what follows a flag is its value, as in v1, unless it is a flag of ours.

        A flag by another name becomes the one that is known.
        """
        joined: list[str] = []
        rest = iter(words)
        for word in map(self._as_known, rest):
            action = self._option_string_actions.get(word)
            value = next(rest, None) if action is not None and action.nargs is None else None
            if value is None:
                joined.append(word)
            elif value.startswith("-") and self._as_known(value).partition("=")[0] not in self._option_string_actions:
                joined.append(f"{word}={value}")
            else:
                joined += [word, value]
        return joined

    def _as_known(self, word: str) -> str:
        flag, is_joined, value = word.partition("=")
        known = ALIASES.get(flag)
        return f"{known}{is_joined}{value}" if known and known in self._option_string_actions else word

    def _unknown_flag(self, flag: str) -> str:
        if flag in self.refused:
            return f"{flag} is not for {self.prog} ({self.refused[flag]})"
        from defer import spelling

        begun = [known for known in self.flags() if known.startswith(flag) and len(flag) > len("--")]
        near = _MEANT.get(flag) if _MEANT.get(flag) in self.flags() else None
        near = near or spelling.nearest(flag, self.flags()) or (begun[0] if len(begun) == 1 else None)
        mend = f"did you mean {near}?" if near else f"see {self.asked}"
        return f"unknown flag: {flag} ({mend})"

    def flags(self) -> list[str]:
        """Every long flag this parser knows, by its first name."""
        return [flag for flag in self._option_string_actions if flag.startswith("--")]


def add_form(parser: Parser) -> None:
    """The flags for what is printed."""
    form = parser.add_argument_group("output").add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON also where stdout is a terminal")
    form.add_argument("--table", action="store_true", help="text also where stdout is not a terminal")


def add_id(parser: Parser, group: Group) -> None:
    """One id, as a word or as --id."""
    parser.add_argument("id_word", nargs="?", metavar="ID", help=argparse.SUPPRESS)
    group.add_argument("--id", metavar="ID", help="the task's id")


def whole_number(text: str) -> int:
    """For flags that take a number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"not a whole number of at most nine digits: {text[:40]}")
    return int(text)


def seconds(text: str) -> float:
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
