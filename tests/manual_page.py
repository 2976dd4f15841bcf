#!/usr/bin/env python3
"""Writes the manual page out of the help texts and the tables of the documents; `make manual` runs this."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterable, Iterator

import parsers
from defer import paths
from defer.commands import firstscreen, flags
from defer.commands.parser import Parser

PLACE = paths.SCRIPTS / "man" / "defer.1"
DOCUMENTS = paths.ROOT / "docs"
ELSEWHERE = (flags._EXITS, flags._TIMES, "defer --help has the other commands.\n")
"""What a help repeats for whoever reads that help alone; the page has sections of it."""
OUTPUT = "output"
"""The group of flags that nearly every command has: said once."""

_DESCRIPTION = """\
Defer keeps a piece of work until its time comes, and then has it done: a command is run, a coding agent gets its
prompt, or a reminder appears in the inbox. Nothing stays in memory meanwhile: cron, or another waker, starts a short
run each minute, and that does what is due.

A line in words needs no flags: the longest run of time words at its start is the time, and the rest is the text.
"""


def _plain(text: str) -> str:
    """Markdown of one paragraph or cell without its marks."""
    text = re.sub(r" \(\[[^]]*\]\([^)]*\)\)", "", text)  # nothing but a link in parentheses
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    return text.replace("`", "").replace("**", "").replace("\\|", "|").replace("<br>", " ")


def _safe(text: str) -> str:
    """Text that the formatter prints as it is."""
    text = text.replace("\\", "\\e").replace("…", "...").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _bold(text: str) -> str:
    return f"\\fB{_safe(text)}\\fR"


def _paragraphs(text: str) -> Iterator[str]:
    """Text in paragraphs, which blank lines part, each filled by the formatter."""
    for one in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        yield _safe(" ".join(one.split()))


def _entry(tag: str, text: str) -> list[str]:
    return [".TP", tag, _safe(" ".join(text.split()))]


def _flag(action: argparse.Action) -> list[str]:
    """One flag and what it does."""
    names = ", ".join(map(_bold, action.option_strings))
    value = "" if action.nargs == 0 else str(action.metavar or "|".join(map(str, action.choices or ())))
    value = f"[{value}]" if action.nargs == "?" else value
    return _entry(f"{names} \\fI{_safe(value)}\\fR" if value else names, str(action.help))


def _groups(parser: Parser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """The groups of a help, each with those of its flags that are shown."""
    for group in parser._action_groups:
        shown = [one for one in group._group_actions if one.help != argparse.SUPPRESS]
        # A group of flags that exclude each other has them as its own.
        if shown and group.title:
            yield group.title, shown


def _is_said_of_schedule(action: argparse.Action) -> bool:
    of_schedule = parsers.OF_FRONT["schedule"]()._option_string_actions.get(action.option_strings[0])
    return of_schedule is not None and (of_schedule.help, of_schedule.metavar) == (action.help, action.metavar)


def _command(name: str, parser: Parser) -> Iterator[str]:
    """One command: how it is called, what it does, its flags, examples."""
    yield f".SS {_safe(name)}"
    calls = [line.strip() for line in str(parser.usage).splitlines()]
    yield from (line for call in calls for line in (_bold(call), ".br"))
    yield from _paragraphs(str(parser.description))
    common: list[str] = []
    for title, actions in _groups(parser):
        is_own = title != OUTPUT and name == "schedule"
        own = [one for one in actions if is_own or not _is_said_of_schedule(one)]
        common += [one.option_strings[0] for one in actions if one not in own and title != OUTPUT]
        yield from (line for action in own for line in _flag(action))
    if common:
        yield from [".TP", "As for schedule:", ", ".join(map(_bold, common))]
    rest = parser.epilog or ""
    for said in ELSEWHERE if name == "schedule" else (*ELSEWHERE, flags._ALSO):
        rest = rest.replace(said, "")
    yield from _paragraphs(rest) if rest.strip() else ()
    yield from [".PP", "For example:", ".RS 4"]
    yield from (line for one in parser.examples for line in (".br", _safe(one)))
    yield ".RE"


def _table(document: str, after: str) -> Iterator[list[str]]:
    """The rows of the first table after a line of a document, without its marks."""
    text = (DOCUMENTS / document).read_text(encoding="utf-8").partition(after)[2]
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert rows, f"{document} has no table after {after!r}"
    for line in rows[0].splitlines()[2:]:
        yield [_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


def _paragraph(document: str, heading: str) -> str:
    """The first paragraph below a heading of a document."""
    text = (DOCUMENTS / document).read_text(encoding="utf-8").partition(f"{heading}\n\n")[2]
    return re.sub(r"[^.:]*:$", "", _plain(text.partition("\n\n")[0]))  # what leads to an example


def _order() -> list[str]:
    """The commands as the first screen has them."""
    said = [part for _, _, commands in firstscreen.GROUPS for command, _ in commands for part in command.split(", ")]
    names = [one.split()[0] for one in said]
    names.insert(names.index("waker") + 1, "cron")  # another name, which needs no room there
    assert {*names} == {*parsers.OF_FRONT}
    return [*dict.fromkeys(names)]


def _sections() -> Iterator[tuple[str, Iterable[str]]]:
    project = tomllib.loads(paths.PROJECT.read_text(encoding="utf-8"))["project"]
    summary = project["description"]
    yield "NAME", [f"defer \\- {_safe(summary[0].lower() + summary[1:])}"]
    yield "SYNOPSIS", [_bold("defer TIME TEXT…"), ".br", _bold("defer COMMAND …"), ".br", _bold("run-deferred")]
    yield "DESCRIPTION", _paragraphs(_DESCRIPTION)
    yield "TIMES", _paragraphs(_paragraph("commands.md", "## Times"))
    commands = [line for name in _order() for line in _command(name, parsers.OF_FRONT[name]())]
    yield "COMMANDS", commands
    forms = dict(_groups(parsers.OF_FRONT["list"]()))[OUTPUT]
    lead = "A terminal gets tables and sentences, all else JSON. Nearly every command takes one of these:"
    yield "OUTPUT", [*_paragraphs(lead), *(line for one in forms for line in _flag(one))]
    entries = [line for name, make in parsers.OF_ENTRIES.items() for line in _command(name, make())]
    yield "ENTRIES", entries
    yield (
        "EXIT STATUS",
        [line for code, text in _table("commands.md", "## Exit status") for line in _entry(_bold(code), text)],
    )
    yield "ENVIRONMENT", [*_paragraphs(_paragraph("settings.md", "# Settings")), *_variables()]
    kept = [line for name, text in _table("settings.md", "## Where things lie") for line in _entry(_bold(name), text)]
    yield "FILES", [*_paragraphs("Under DEFER_RUNTIME_DIR:"), *kept]
    yield "SEE ALSO", [_bold("crontab") + "(1), " + _bold("at") + "(1)"]


def _variables() -> Iterator[str]:
    for name, default, meaning in _table("settings.md", "# Settings"):
        yield from _entry(_bold(name), f"{meaning.removesuffix('.')} (default: {default})")


def written() -> str:
    """The whole page."""
    version = tomllib.loads(paths.PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    lines = [
        '.\\" Written by `make manual` out of the help texts and the tables in docs/.',
        f'.TH DEFER 1 "" "defer {version}" "User Commands"',
        ".nh",
        ".ad l",
    ]
    for title, section in _sections():
        lines += [f".SH {title}", *section]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
