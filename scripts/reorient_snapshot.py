#!/usr/bin/env python3
"""Print where a piece of work stands, read from its CONTEXT.md.

Usage: reorient_snapshot.py [--project P] [--context-file F]

stdout: one line of JSON, {"summary", "key_points", "artifacts", "constraints", "reoriented_from"}.
Exit:   0 printed; 1 no CONTEXT.md that may be read (each place it looked at is named); 2 bad flags; 74 not written.

Needs nothing but Python 3.11; an older one gives way to the project's own.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Before any other import: an empty part of PYTHONPATH is the working directory, whose json.py would run as ours.
    import posix

    if any(name.startswith(b"PYTHON") for name in posix.environ):
        if not sys.executable:
            sys.exit("defer: this Python cannot tell where it lies (start it by its full path)")
        posix.execv(sys.executable, [sys.executable, "-I", *sys.argv])

import argparse
import json
import os
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
if __name__ == "__main__":
    os.umask(os.umask(0o077) | 0o002)  # whoever can write to our byte code can make us run theirs
    sys.dont_write_bytecode = True
    import setupplace

    setupplace.settle()

if sys.version_info < (3, 11):  # noqa: UP036  (a bare `python3` may be macOS's 3.9)
    import bootstrap

    bootstrap.enter_environment()

if __name__ == "__main__" and sys.getfilesystemencoding() != "utf-8":
    # Input and output are UTF-8, whatever the locale says.
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])

from defer import exits, homedir, visible
from defer.context import find, snapshot
from defer.errors import EXIT_OK, BadInput, Refused, StorageError

_FLAGS = ("--project", "--context-file", "--help")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (see --help)")

    def print_help(self, file: Any = None) -> None:
        # argparse itself passes over a write that fails.
        print(self.format_help(), end="", file=file, flush=True)


def _parser() -> _Parser:
    parser = _Parser(
        prog="reorient_snapshot.py",
        description="Print where a piece of work stands, read from its CONTEXT.md, as one line of JSON.",
        epilog="Read is what is named, by F, P or $DEFER_CONTEXT_FILE, in this order; it has to be there. Where "
        "nothing is named: the project file changed last, ~/data/research/CONTEXT.md, ./CONTEXT.md. Exit: 0 printed; "
        "1 none that may be read (each place looked at is named); 2 bad flags; 74 not written.",
        allow_abbrev=False,
    )
    parser.add_argument("--project", metavar="P", help="read ~/data/research/projects/P/CONTEXT.md")
    parser.add_argument("--context-file", metavar="F", help="read this file")
    return parser


def _arguments(argv: list[str]) -> argparse.Namespace:
    unreadable = next((word for word in argv if not _is_text(word)), None)
    if unreadable is not None:
        raise BadInput(f"an argument is not UTF-8: {unreadable!a}")
    parser = _parser()
    chosen, unknown = parser.parse_known_args(argv)
    if unknown:
        import difflib

        nearest = difflib.get_close_matches(unknown[0].partition("=")[0], _FLAGS, n=1)
        raise BadInput(f"not a flag: {unknown[0]} ({'did you mean ' + nearest[0] if nearest else 'see --help'})")
    return chosen


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it has been removed; nothing can lie in it
        return Path("/")


def _home() -> Path:
    return homedir.need(os.environ, of_account=True)


def _tell(text: str) -> None:
    print(f"defer: {visible.line(text)}", file=sys.stderr)


def _snapshot(argv: list[str]) -> snapshot.Snapshot:
    chosen = _arguments(argv)
    if os.environ.get("DEFER_RESTRICTED"):
        raise Refused("an agent's attempt may not look for a CONTEXT.md (read the one in its workspace itself)")
    context_file = Path(chosen.context_file) if chosen.context_file else None
    fallback = os.environ.get("DEFER_CONTEXT_FILE")
    secret = homedir.settings_places(os.environ)
    return find.snapshot(chosen.project, context_file, fallback, _home, _working_directory(), secret)


def _print(argv: list[str]) -> int:
    line = visible.in_json(json.dumps(_snapshot(argv), ensure_ascii=False, separators=(",", ":")))
    try:
        # Not through sys.stdout: JSON is UTF-8 whatever the locale, and a failed write is told once.
        with os.fdopen(os.dup(1), "wb", buffering=0) as stdout:
            stdout.write(line.encode() + b"\n")
    except OSError as error:
        raise StorageError(f"the snapshot was not written: {error.strerror}") from None
    return EXIT_OK


def main(argv: list[str]) -> int:
    exits.open_missing_streams()
    return exits.status_of(lambda: _print(argv), _tell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
