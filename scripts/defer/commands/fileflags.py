"""The flags of the commands about task files."""

from __future__ import annotations

from defer.record import occurrences, task

from .flags import Parser

TEXT_FLAGS = {
    "name": "what the task is called",
    "description": "what it is for",
    "when-to-use": "when somebody would want it",
    "schedule": 'when: "every weekday 8:30", "*/5 * * * *", @daily, …',
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
    "if": "a command to ask before each attempt: 0 goes on, 1 to 124 is: not now",
    "check": "a command: an attempt is done only if this then exits with 0",
}
"""Flags of `add` that take a text, each with its help."""


def _parser(name: str, description: str) -> Parser:
    parser = Parser(f"defer {name}", description)
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and change nothing")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--compact", action="store_true", help="JSON on one line")
    form.add_argument("--json", action="store_true", help="JSON instead of lines of text")
    return parser


def _with_dir(parser: Parser) -> Parser:
    parser.add_argument("--dir", metavar="DIR", help="the directory of task files (default: DEFER_TASKS_DIR)")
    return parser


def sync_parser() -> Parser:
    """`sync`."""
    parser = _parser("sync", "Make the schedule match a directory of task files.")
    parser.add_argument("dir", nargs="?", metavar="DIR", help="the directory (default: DEFER_TASKS_DIR)")
    return parser


def add_parser() -> Parser:
    """`add`."""
    parser = _with_dir(_parser("add", "Write a task file and schedule its task."))
    add = parser.add_argument
    add("id", metavar="ID", help="the task's id, which is the file's name")
    for name, meaning in TEXT_FLAGS.items():
        add(f"--{name}", metavar="TEXT", help=meaning)
    add("--retries", type=int, metavar="N", help="further attempts after a failure")
    add("--catch-up", choices=occurrences.CATCH_UP, help="run what was missed once (default), all or none")
    add("--overlap", choices=occurrences.OVERLAP, help="what comes due while one runs is skipped (default) or queued")
    add("--notify", choices=task.NOTIFY, help="which of its ends somebody is told of (default: failure)")
    add("--env", action="append", metavar="NAME=TEXT", help="a variable; ${NAME} is taken from the run's (repeatable)")
    add("--tag", action="append", dest="tags", metavar="TEXT", help="a label (repeatable)")
    add("--sticky-session", action="store_true", default=None, help="every run continues one conversation")
    add("--leave-running", action="store_true", default=None, help="what a run leaves running may stay")
    add("--worktree", action="store_true", default=None, help="each run works in a Git worktree of its own")
    add("--no-drift", dest="drift", action="store_false", default=None, help="its prompt does not say what has changed")
    add("--disabled", action="store_true", help="write it with enabled: false")
    return parser


def by_id_parser(name: str, description: str) -> Parser:
    """`enable`, `disable` and `remove`."""
    parser = _with_dir(_parser(name, description))
    parser.add_argument("id", metavar="ID")
    return parser


def import_parser() -> Parser:
    """`import`."""
    parser = _with_dir(_parser("import", "Write task files for another tool's jobs, and schedule their tasks."))
    parser.add_argument("--from", dest="tool", choices=("agentica",), required=True, help="whose jobs they are")
    parser.add_argument("file", metavar="FILE", help="its jobs.json")
    return parser
