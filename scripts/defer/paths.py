"""Where the files that come with this package lie.

Nothing else derives a place from where a module is, so that another way of installing is one change here.
In a clone they are around ``scripts/``. A wheel has the same tree as package data, in ``data`` beside the modules.
"""

from __future__ import annotations

import os
from pathlib import Path

CODE = Path(__file__).parent.resolve() / "paths.py"
"""A file of the package: who owns it owns the code."""

CLONE, COPY, WHEEL = "clone", "copy", "wheel"
"""How this code came: what ``kind`` says."""


def root(package: Path) -> Path:
    """The directory that holds ``scripts/`` and ``references/``, given the directory of the package."""
    shipped = package / "data"
    return shipped if shipped.is_dir() else package.parent.parent


ROOT = root(CODE.parent)
SCRIPTS = ROOT / "scripts"
EXECUTORS = SCRIPTS / "executors"
COMPLETION = SCRIPTS / "completion"
REFERENCES = ROOT / "references"
PROJECT = ROOT / "pyproject.toml"
SETTINGS = ROOT / ".env"
"""The settings file of somebody who works in a clone."""


def kind(package: Path = CODE.parent) -> str:
    """How the code came whose package lies there.

    - ``CLONE``: by git; a ``.git``, be it a directory or the file of a worktree, lies beside ``scripts/``.
    - ``WHEEL``: installed into a Python environment, with what a clone holds as package data.
    - ``COPY``: another way, with ``scripts/`` around it: the cache of an agent's plugins, a folder of skills,
      ``node_modules``, an unpacked archive. Whoever put it there may take it away or replace it at any time.
    """
    around = root(package)
    if around.parent == package:
        return WHEEL
    return CLONE if os.path.lexists(around / ".git") else COPY


def runner(package: Path = CODE.parent) -> Path:
    """The entry that a waker is to start: ``run-deferred.sh``, of a wheel ``run-deferred`` among the programs.

    That place outlives an upgrade of the wheel, and has no Python's version in it.
    """
    return _entry(package, "run-deferred", "run-deferred.sh")


def front(package: Path = CODE.parent) -> Path:
    """The entry that is ``defer``: ``schedule-task.sh``, of a wheel ``defer`` among the programs."""
    return _entry(package, "defer", "schedule-task.sh")


def _entry(package: Path, program: str, script: str) -> Path:
    around = root(package)
    if around.parent == package and len(package.parents) > 3:
        # <prefix>/lib/python3.12/site-packages/defer
        installed = package.parents[3] / "bin" / program
        if os.path.lexists(installed):
            return installed
    return around / "scripts" / script
