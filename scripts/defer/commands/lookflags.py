"""The flags of the commands that only look at what has happened."""

from __future__ import annotations

import argparse

from defer.executors import hooks

from .parser import Parser, add_form, add_id, text_if_any, whole_number
from .since import HELP as SINCE

HEALTH_FORMATS = ("prometheus", "markdown", "discord")
"""What `health` can print for another program."""
_OUTCOMES = "ok, failed, timeout, lost, cancelled, expired, missed, skipped; completed and failed as a task's status"


def show() -> Parser:
    """`show`."""
    parser = Parser(
        "defer show",
        "ID… [option]…",
        "Show tasks, from the store or else from the archive.",
        ("defer show deploy", "defer show deploy --json"),
    )
    parser.add_argument("id_words", nargs="*", metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument_group("which").add_argument("--id", metavar="ID", help="the task's id")
    add_form(parser)
    return parser


def history() -> Parser:
    """`history`."""
    parser = Parser(
        "defer history",
        "[ID] [option]…",
        "What ran, and what did not: each attempt, the newest first.",
        ("defer history --since yesterday", "defer history deploy --status failed"),
    )
    which = parser.add_argument_group("which")
    add_id(parser, which)
    add = which.add_argument
    add("--since", metavar="TIME", help=SINCE)
    add("--status", action="append", metavar="S,…", help=f"only these outcomes: {_OUTCOMES}")
    add("--limit", type=whole_number, metavar="N", help="only the newest N (default: 100, on a terminal 50)")
    add_form(parser)
    return parser


def log() -> Parser:
    """`log`."""
    parser = Parser(
        "defer log",
        "ID [option]…",
        "Print what the latest attempt of a task printed, or that of one run.",
        ("defer log deploy", "defer log deploy --follow"),
    )
    which = parser.add_argument_group("which")
    add_id(parser, which)
    which.add_argument("--run", type=text_if_any, metavar="RUN", help="which run: its id, or the end of it")
    which.add_argument("--follow", action="store_true", help="go on until the attempt has ended")
    add_form(parser)
    return parser


def health() -> Parser:
    """`health`."""
    parser = Parser(
        "defer health",
        "[option]…",
        "Which tasks need attention, the worst first, each with the command that mends it.",
        ("defer health --since 7d", "defer health --format prometheus"),
    )
    add = parser.add_argument_group("what").add_argument
    add("--since", default="24h", metavar="TIME", help=f"from when on: {SINCE} (default: 24h)")
    add("--detail", action="store_true", help="what stands behind each finding, too")
    add("--send", action="store_true", help="also send it to all that DEFER_NOTIFY names")
    add("--format", choices=HEALTH_FORMATS, help="metrics, a document, or the payload of a Discord webhook")
    add_form(parser)
    return parser


def status() -> Parser:
    """`status`."""
    parser = Parser(
        "defer status",
        "[option]…",
        "How things stand, on one screen: wakes, what runs and comes next, what needs attention.",
        ("defer status", "watch defer status --table"),
    )
    what = parser.add_argument_group("what")
    what.add_argument("--since", default="24h", metavar="TIME", help=f"what ended counts from: {SINCE} (default: 24h)")
    add_form(parser)
    return parser


def inbox() -> Parser:
    """`inbox`."""
    parser = Parser(
        "defer inbox",
        "[option]…",
        "Results that nobody has seen yet. What was shown counts as read.",
        ("defer inbox", "defer inbox --peek"),
    )
    add = parser.add_argument_group("which").add_argument
    add("--peek", action="store_true", help="leave them unread")
    add("--all", action="store_true", help="also what was read before")
    known = (*hooks.AGENTS, hooks.ANY)
    add("--hook", type=_hook, choices=known, help="as the answer to a session hook of this agent; nothing if empty")
    add_form(parser)
    return parser


def _hook(word: str) -> str:
    return hooks.OLDER.get(word, word)
