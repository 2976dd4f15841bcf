"""How much is gone through: little in CI, all by ``make crash``. Read when imported: a test's environment is bare."""

from __future__ import annotations

import os

DEPTH = int(os.environ.get("DEFER_TEST_DEPTH") or 1)
"""1 in CI; more goes through more of what could be enumerated."""
RUNS = int(os.environ.get("DEFER_TEST_RUNS") or 60)
STEPS = int(os.environ.get("DEFER_TEST_STEPS") or 40)
"""Histories of the store against the model, and the commands in each."""
