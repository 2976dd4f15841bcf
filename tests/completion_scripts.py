#!/usr/bin/env python3
"""Writes the completion scripts out of the argument parsers; `make completion` runs this.

shtab makes each script; which ids there are, the script asks `ids.sh` beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import shtab

import parsers
from defer import paths
from defer.commands.completion import SHELLS
from defer.commands.parser import Parser
from defer.executors import profiles, registry

ENTRIES = {"run-deferred": "run-deferred.sh"}
"""The commands beside `defer` that are completed, each with the entry that it is."""
OF_ENDED = ("show", "log", "history", "uncancel", "ack")
"""The commands that are about tasks which may have ended, too."""

# Where `defer` is, ids.sh is beside it: in a clone by its links, in a wheel as data of the package.
_ASK = (
    "command=$(command -v defer) || exit 0; "
    'while [ -L "$command" ]; do link=$(readlink "$command") || exit 0; '
    "case $link in /*) command=$link ;; *) command=${command%/*}/$link ;; esac; done; "
    'for ids in "${command%/*}/completion/ids.sh" '
    '"${command%/*}"/../lib/python3*/site-packages/defer/data/scripts/completion/ids.sh; do '
    'if [ -f "$ids" ]; then exec bash "$ids" "$@"; fi; done'
)
_BASH = """\
_defer_{which}_ids() {{
  compgen -W "$(sh -c '{ask}' sh {which} "$1" 2>/dev/null)" -- "$1"
}}
"""
_ZSH = """\
_defer_{which}_ids() {{
  local -a ids
  ids=(${{(f)"$(sh -c '{ask}' sh {which} "$PREFIX" 2>/dev/null)"}})
  compadd -a ids
}}
"""
_FISH = """\
function _defer_{which}_ids
  sh -c '{ask}' sh {which} (commandline -ct) 2>/dev/null
end
"""
_FORMS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def _ids(which: str) -> Mapping[str, object]:
    """What shtab is told of a flag or word that takes an id: ``which`` is live or all, as `ids.sh` takes it."""
    call = {"bash": f"_defer_{which}_ids", "zsh": f"_defer_{which}_ids", "fish": f"(_defer_{which}_ids)"}
    return {**call, "preamble": {shell: form.format(which=which, ask=_ASK) for shell, form in _FORMS.items()}}


def _taken(name: str, action: argparse.Action) -> object:
    """What a flag or word of a command takes, for shtab; None for words of which nobody knows any."""
    kind = str(action.metavar)
    if kind == "ID" and action.dest != "session" and name not in ("schedule", "add"):
        return _ids("all" if name in OF_ENDED else "live")
    if kind in ("FILE", "PATH"):
        return shtab.FILE
    return shtab.DIRECTORY if kind == "DIR" else None


_WORDS = {"permissions": profiles.NAMES, "executor": tuple(registry.SHIPPED)}
"""Words that are usual for a flag, which takes others too."""


def _completed(name: str, parser: Parser) -> Parser:
    """The parser, with what each flag and word takes said to shtab."""
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            action.help = str(action.metavar) if not action.option_strings else "all about it"
        if action.nargs == 0 or action.choices:
            continue
        found = _taken(name, action)
        if found is not None:
            vars(action)["complete"] = found
        elif action.dest in _WORDS:
            action.choices = _WORDS[action.dest]
    return parser


def front() -> argparse.ArgumentParser:
    """`defer`: its commands, and the flags of a line in words."""
    whole = parsers.OF_FRONT["schedule"]()
    whole._actions[:] = [one for one in whole._actions if one.option_strings]
    _completed("schedule", whole).add_argument("--version", action="store_true", help="which version this is")
    commands = whole.add_subparsers(dest="command", parser_class=argparse.ArgumentParser)
    for name, make in parsers.OF_FRONT.items():
        one = _completed(name, make())
        commands.add_parser(name, help=one.description)
        commands.choices[name] = one
    commands.add_parser("help", help="all about a command").add_argument("of", choices=list(parsers.OF_FRONT))
    return whole


def entry(name: str) -> Parser:
    """An entry beside it, by the name of its command."""
    parser = _completed(name, parsers.OF_ENTRIES[ENTRIES[name]]())
    parser.prog = name
    return parser


def _for_zsh(text: str) -> str:
    """The script with two things that shtab does not say to zsh: words that may recur, and a line in words."""
    again, end = '"(*)::ID:', "      esac\n  esac\n"
    assert again in text
    assert text.count(end) == 1
    line_in_words = "        *) _arguments -C -s $_shtab_defer_schedule_options ;;\n"
    return text.replace(again, '"*:ID:').replace('"(*)::', '"*:').replace(end, line_in_words + end)


def written() -> dict[str, str]:
    """The text of each script, by the name of its file."""
    found = {}
    for shell, names in SHELLS.items():
        for name, parser in zip(names, (front(), *map(entry, ENTRIES)), strict=True):
            made = shtab.complete(parser, shell)
            found[name] = (_for_zsh(made) if name == "_defer" else made).rstrip("\n") + "\n"
    return found


def main() -> None:
    """Write them."""
    for name, text in written().items():
        (paths.COMPLETION / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
