"""Where the files that come with this package lie.

Nothing else works a place out from where a module lies, so that another way of installing is one change here.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
"""The directory that holds ``scripts/``."""
