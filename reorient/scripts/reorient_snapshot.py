#!/usr/bin/env python3
"""Give way to Defer's own reorient_snapshot.py, wherever that lies: this skill's folder may have been copied alone.

Usage: reorient_snapshot.py [--project P] [--context-file F]

Looked at, in this order: the clone around this folder; the skill `defer` beside it; what `defer` on PATH is part of.
Exit: 74 if none of them has it; otherwise what it says itself.
"""

# Nothing else is imported: an empty part of PYTHONPATH is the working directory, whose modules would run as ours.
import os
import sys

NAME = "reorient_snapshot.py"


def candidates() -> "list[tuple[str, str]]":
    """Where it may lie, and the Python that is to start it: as paths."""
    skill = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    around = os.path.dirname(skill)
    found = [(os.path.join(around, *way, "scripts"), sys.executable) for way in ((), ("defer",))]
    for part in os.environ.get("PATH", "").split(os.pathsep):
        command = os.path.join(part, "defer")
        if os.path.isabs(part) and os.access(command, os.X_OK):
            found += beside(os.path.dirname(os.path.realpath(command)))
    return [(os.path.join(folder, NAME), python) for folder, python in found]


def beside(programs: str) -> "list[tuple[str, str]]":
    """The same of one `defer`: in its folder; of a wheel, <prefix>/lib/python3.12/site-packages/defer/data/scripts."""
    library = os.path.join(os.path.dirname(programs), "lib")
    versions = sorted(os.listdir(library)) if os.path.isdir(library) else []
    packages = [os.path.join(library, version, "site-packages", "defer") for version in versions]
    shipped = [(os.path.join(package, "data", "scripts"), os.path.join(programs, "python")) for package in packages]
    return [(programs, sys.executable), *shipped]


def main() -> int:
    """Start it in place of this process, apart from PYTHON… variables and the working directory."""
    for script, python in candidates():
        if python and os.path.isfile(script):
            os.execv(python, [python, "-I", script, *sys.argv[1:]])
    print(
        "defer: this skill was copied without Defer, which reads CONTEXT.md for it "
        "(install the skill `defer` beside it, or the command `defer`)",
        file=sys.stderr,
    )
    return 74


if __name__ == "__main__":
    sys.exit(main())
