"""The flags of the commands that only look at what has happened."""

from __future__ import annotations

from .flags import Parser, text_if_any, whole_number
from .since import HELP as SINCE

HEALTH_FORMATS = ("prometheus", "markdown", "discord")
"""What `health` can print for another program."""


def _looking(name: str, description: str) -> Parser:
    """A parser with the flags that every such command has."""
    parser = Parser(f"defer {name}", description)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON also where stdout is a terminal")
    form.add_argument("--table", action="store_true", help="text also where stdout is not a terminal")
    return parser


def _add_id(parser: Parser) -> None:
    parser.add_argument("id_word", nargs="?", metavar="ID")
    parser.add_argument("--id", metavar="ID", help="the task's id")


def show() -> Parser:
    """`show`."""
    parser = _looking("show", "Show one task, from the store or else from the archive.")
    _add_id(parser)
    return parser


def history() -> Parser:
    """`history`."""
    parser = _looking("history", "What ran, and what did not: each attempt, the newest first.")
    _add_id(parser)
    parser.add_argument("--since", metavar="TIME", help=SINCE)
    words = "ok, failed, timeout, lost, cancelled, expired, missed, skipped; completed and failed as a task's status"
    parser.add_argument("--status", action="append", metavar="S,…", help=f"only these outcomes: {words}")
    parser.add_argument(
        "--limit", type=whole_number, metavar="N", help="only the newest N (default: 100, on a terminal 50)"
    )
    return parser


def log() -> Parser:
    """`log`."""
    parser = _looking("log", "Print what the latest attempt of a task printed, or that of one run.")
    _add_id(parser)
    parser.add_argument("--run", type=text_if_any, metavar="RUN", help="which run: its id, or the end of it")
    parser.add_argument("--follow", action="store_true", help="go on until the attempt has ended")
    return parser


def health() -> Parser:
    """`health`."""
    parser = _looking("health", "Which tasks need attention, the worst first, each with the command that mends it.")
    add = parser.add_argument
    add("--since", default="24h", metavar="TIME", help=f"from when on: {SINCE} (default: 24h)")
    add("--detail", action="store_true", help="what stands behind each finding, too")
    add("--send", action="store_true", help="also send it to all that DEFER_NOTIFY names")
    add("--format", choices=HEALTH_FORMATS, help="metrics, a document, or the payload of a Discord webhook")
    return parser


def status() -> Parser:
    """`status`."""
    parser = _looking(
        "status", "How things stand, on one screen: wakes, what runs and comes next, what needs attention."
    )
    parser.add_argument(
        "--since", default="24h", metavar="TIME", help=f"what ended counts from: {SINCE} (default: 24h)"
    )
    return parser
