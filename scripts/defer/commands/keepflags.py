"""The flags of `prune` and `wait`."""

from __future__ import annotations

from .parser import Parser, add_form, add_id


def prune() -> Parser:
    """`prune`."""
    parser = Parser(
        "defer prune",
        "--older DURATION [option]…",
        "Remove logs, prompts, run records and archive months that are old.",
        ("defer prune --older 90d --dry-run", "defer prune --older 90d"),
        _PRUNE,
    )
    add = parser.add_argument_group("which").add_argument
    add("--older", metavar="DURATION", help="what is older than this goes, e.g. 90d")
    add("--dry-run", action="store_true", help="say what would go, and remove nothing")
    add_form(parser)
    return parser


def wait() -> Parser:
    """`wait`."""
    parser = Parser(
        "defer wait",
        "ID [option]…",
        "Wait until the task's present occurrence has ended.",
        ("defer wait deploy", "defer wait deploy --timeout 10m"),
        _WAIT,
    )
    which = parser.add_argument_group("which")
    add_id(parser, which)
    which.add_argument("--timeout", metavar="DURATION", help="give up after this long, e.g. 10m; 0 only looks")
    add_form(parser)
    return parser


_WAIT = """\
Exit status: 0 it completed, 1 it failed or did not run, 75 it has not ended yet. It runs nothing: a wake does.
"""
_PRUNE = """\
Records go by whole months (UTC): a month stays as long as any day of it may be newer. What belongs to a running attempt
or to an unread notice stays. DEFER_KEEP_DAYS does this once a day.
"""
