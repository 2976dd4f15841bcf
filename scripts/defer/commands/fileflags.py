"""The flags of the commands about task files."""

from __future__ import annotations

import argparse

from defer.record import occurrences, task

from .parser import Parser

TEXT_FLAGS = {
    "name": "what the task is called",
    "description": "what it is for",
    "when-to-use": "when somebody would want it",
    "schedule": '"every weekday 8:30", "*/5 * * * *", @daily, …',
    "command": "what to run, by sh -c; needs no agent",
    "prompt": "what an executor is to do",
    "workflow": "the prompt is this file under workflows/",
    "permissions": "what its agent may do: read, edit, work or all",
    "executor": "what runs the prompt: the name of a shipped one, or a path",
    "agent": "the agent that is meant, told to the executor",
    "model": "the model that is meant, told to the executor",
    "workspace": "working directory of its attempts",
    "tz": "IANA zone in which the schedule is read",
    "timeout": "longest an attempt may take: 10m, a number of seconds, or none",
    "expires": "how late an occurrence may still start",
    "jitter": "up to DURATION later, always the same for one task",
    "if": "a command to ask before each attempt: exit 0 goes on, 1 to 124 means not now",
    "check": "a command: an attempt is done only if this then exits with 0",
}
"""Flags of `add` that take a text, each with its help."""


_CALLED = {"schedule": "when"}
"""Fields whose flag is called otherwise: as everywhere else."""


def _parser(name: str, words: str, description: str, examples: tuple[str, str]) -> Parser:
    return Parser(f"defer {name}", f"{words} [option]…", description, examples)


def _add_rest(parser: Parser, *, with_dir: bool = True) -> None:
    """The flags that each of these commands has."""
    add = parser.add_argument_group("where and how").add_argument
    if with_dir:
        add("--dir", metavar="DIR", help="the directory of task files (default: DEFER_TASKS_DIR)")
    add("--dry-run", action="store_true", help="show what would be done and change nothing")
    form = parser.add_argument_group("output").add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON instead of lines of text")


def sync_parser() -> Parser:
    """`sync`."""
    parser = _parser(
        "sync",
        "[DIR]",
        "Make the schedule match a directory of task files (default: DEFER_TASKS_DIR).",
        ("defer sync --dry-run", "defer sync ~/tasks"),
    )
    parser.add_argument("dir", nargs="?", metavar="DIR", help=argparse.SUPPRESS)
    _add_rest(parser, with_dir=False)
    return parser


def add_parser() -> Parser:
    """`add`."""
    parser = _parser(
        "add",
        "ID --when TIME",
        "Write a task file and schedule its task.",
        (
            'defer add disk --when "0 7 * * *" --command "df -h /"',
            'defer add review --when "weekdays at 8:30" --prompt "read what is new"',
        ),
    )
    parser.add_argument("id", metavar="ID", help=argparse.SUPPRESS)
    group = parser.add_argument_group("the file")
    add = group.add_argument
    for name, meaning in TEXT_FLAGS.items():
        add(f"--{_CALLED.get(name, name)}", dest=name.replace("-", "_"), metavar="TEXT", help=meaning)
    add("--retries", type=int, metavar="N", help="attempts after a failure")
    add("--catch-up", choices=occurrences.CATCH_UP, help="run what was missed once (default), all or none")
    add("--overlap", choices=occurrences.OVERLAP, help="what comes due while one runs is skipped (default) or queued")
    add("--notify", choices=task.NOTIFY, help="which outcomes you are told of (default: failure)")
    add("--env", action="append", metavar="NAME=TEXT", help="a variable; ${NAME} is taken from the run's (repeatable)")
    add("--tag", action="append", dest="tags", metavar="TEXT", help="a label (repeatable)")
    add("--sticky-session", action="store_true", default=None, help="every run continues one conversation")
    add("--leave-running", action="store_true", default=None, help="what a run leaves running may stay")
    add("--worktree", action="store_true", default=None, help="each run works in a Git worktree of its own")
    add("--no-drift", dest="drift", action="store_false", default=None, help="its prompt does not say what has changed")
    add("--disabled", action="store_true", help="write it with enabled: false")
    _add_rest(parser)
    return parser


_BY_ID = {
    "enable": ("Set enabled: true in a task's file.", ("defer enable disk", "defer enable disk --dry-run")),
    "disable": (
        "Set enabled: false in a task's file; its task is paused.",
        ("defer disable disk", "defer disable disk --dry-run"),
    ),
    "remove": ("Remove a task's file and its task.", ("defer remove disk", "defer remove disk --dry-run")),
}


def by_id_parser(name: str) -> Parser:
    """`enable`, `disable` and `remove`."""
    parser = _parser(name, "ID", *_BY_ID[name])
    parser.add_argument("id", metavar="ID", help=argparse.SUPPRESS)
    _add_rest(parser)
    return parser


def import_parser() -> Parser:
    """`import`."""
    parser = _parser(
        "import",
        "FILE --from TOOL",
        "Write task files for another tool's jobs, and schedule their tasks.",
        ("defer import jobs.json --from agentica --dry-run", "defer import jobs.json --from agentica"),
    )
    add = parser.add_argument_group("whose").add_argument
    add("--from", dest="tool", choices=("agentica",), required=True, help="whose jobs they are")
    parser.add_argument("file", metavar="FILE", help=argparse.SUPPRESS)
    _add_rest(parser)
    return parser
