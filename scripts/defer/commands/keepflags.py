"""The flags of `prune` and `wait`."""

from __future__ import annotations

from .flags import Parser


def prune() -> Parser:
    """`prune`."""
    parser = Parser("defer prune", "Remove logs, prompts, run records and archive months that are old.", _PRUNE)
    parser.add_argument("--older", metavar="DURATION", help="what is older than this goes, e.g. 90d")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    _add_form(parser)
    return parser


def wait() -> Parser:
    """`wait`."""
    parser = Parser("defer wait", "Wait until what a task waits for, or is executing, has ended.", _WAIT)
    parser.add_argument("id_word", nargs="?", metavar="ID")
    parser.add_argument("--id", metavar="ID", help="the task's id")
    parser.add_argument("--timeout", metavar="DURATION", help="give up after this long, e.g. 10m; 0 only looks")
    _add_form(parser)
    return parser


_WAIT = """\
Exit status: 0 it completed, 1 it failed or did not run, 75 it has not ended yet. It runs nothing: a wake does.
"""
_PRUNE = """\
Records go by whole months (UTC): a month stays as long as any day of it may be newer. What belongs to a running attempt
or to an unread notice stays. DEFER_KEEP_DAYS does this once a day.
"""


def _add_form(parser: Parser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON also where stdout is a terminal")
    form.add_argument("--table", action="store_true", help="text also where stdout is not a terminal")
