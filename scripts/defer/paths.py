"""Where the files that come with this package lie.

Nothing else derives a place from where a module is, so that another way of installing is one change here.
In a clone they are around ``scripts/``. A wheel has the same tree as package data, in ``data`` beside the modules.
"""

from __future__ import annotations

from pathlib import Path

CODE = Path(__file__).resolve()
"""A file of the package: who owns it owns the code."""


def root(package: Path) -> Path:
    """The directory that holds ``scripts/`` and ``references/``, given the directory of the package."""
    shipped = package / "data"
    return shipped if shipped.is_dir() else package.parent.parent


ROOT = root(CODE.parent)
SCRIPTS = ROOT / "scripts"
EXECUTORS = SCRIPTS / "executors"
REFERENCES = ROOT / "references"
PROJECT = ROOT / "pyproject.toml"
SETTINGS = ROOT / ".env"
"""The settings file of somebody who works in a clone."""
