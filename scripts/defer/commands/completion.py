"""`completion`: the script that a shell reads to complete our commands and flags. It is the same for everybody."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from defer import paths
from defer.client import Client
from defer.errors import EXIT_OK, StorageError

from . import output
from .parser import Parser

SHELLS = {
    "bash": ("defer.bash", "run-deferred.bash"),
    "zsh": ("_defer", "_run-deferred"),
    "fish": ("defer.fish", "run-deferred.fish"),
}
"""The files for each shell. Installed, each lies where its shell looks; here they are printed one after another."""


def parser() -> Parser:
    """`completion`."""
    parser = Parser(
        "defer completion",
        "bash|zsh|fish",
        "Print the script by which a shell completes commands, flags and ids. `make install` puts it in its place.",
        ('eval "$(defer completion bash)"', "defer completion fish | source"),
        _WHERE,
    )
    parser.add_argument("shell", choices=tuple(SHELLS), metavar="|".join(SHELLS), help=argparse.SUPPRESS)
    return parser


def completion(_connect: Callable[[], Client], argv: list[str]) -> int:
    """Print it. Raises StorageError where the scripts did not come with this copy."""
    for name in SHELLS[parser().parse(argv).shell]:
        place = paths.COMPLETION / name
        try:
            text = place.read_bytes()
        except OSError as error:
            raise StorageError(f"the script cannot be read: {place}: {error.strerror} (install Defer anew)") from None
        output.raw([text], sys.stdout.buffer)
    return EXIT_OK


_WHERE = """\
For good: the line of the example in ~/.bashrc, or in ~/.zshrc after compinit with zsh for bash;
for fish, `defer completion fish >~/.config/fish/completions/defer.fish`.
"""
