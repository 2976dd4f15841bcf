"""The flags of the commands that only look at what has happened."""

from __future__ import annotations

from .flags import Parser


def _looking(name: str, description: str) -> Parser:
    """A parser with the flags that every such command has."""
    parser = Parser(f"defer {name}", description)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON also where stdout is a terminal")
    form.add_argument("--table", action="store_true", help="text also where stdout is not a terminal")
    return parser


def log() -> Parser:
    """`log`."""
    parser = _looking("log", "Print what the latest attempt of a task printed, or that of one run.")
    parser.add_argument("id_word", nargs="?", metavar="ID")
    parser.add_argument("--id", metavar="ID", help="the task's id")
    parser.add_argument("--run", metavar="RUN", help="the run that is meant: its id, or the last characters of it")
    parser.add_argument("--follow", action="store_true", help="go on until the attempt has ended")
    return parser
