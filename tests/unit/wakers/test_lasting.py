"""Whether the code lies where a waker may count on it."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from defer.paths import CLONE, COPY, WHEEL
from defer.wakers import lasting

PASSING = [PurePosixPath(one) for one in ("/tmp", "/home/me/.cache")]
STABLE = PurePosixPath("/home/me/.local/share/defer/code")
TEMPORARY = "/tmp is cleared away now and then"
CACHED = "/home/me/.cache is cleared away now and then"
NOT_A_CLONE = "it is not a git clone, so that whoever put it there may replace it"


def why_not(root: str, kind: str, stable: PurePosixPath | None = STABLE) -> str | None:
    return lasting.why_not(PurePosixPath(root), is_copy=kind == COPY, passing=PASSING, stable=stable)


@pytest.mark.parametrize(
    ("kind", "root", "why"),
    [
        (CLONE, "/home/me/defer", None),
        (CLONE, "/opt/tmp/defer", None),
        (CLONE, "/tmp/defer", TEMPORARY),
        (CLONE, "/tmp", TEMPORARY),
        (CLONE, "/tmpfiles/defer", None),
        (CLONE, "/home/me/.cache/x/defer", CACHED),
        (CLONE, "/home/me/app/node_modules/defer", "a package manager keeps node_modules as it likes"),
        (COPY, "/home/me/.claude/plugins/cache/defer/2.0.0", NOT_A_CLONE),
        (COPY, "/home/me/.claude/skills/defer", NOT_A_CLONE),
        (COPY, "/tmp/defer", TEMPORARY),
        (COPY, "/home/me/.local/share/defer/code/2.0.0-0123456789ab", None),
        (WHEEL, "/home/me/.local/share/uv/tools/defer/lib/python3.12/site-packages/defer/data", None),
        (WHEEL, "/home/me/.cache/uv/archive-v0/x/lib/python3.12/site-packages/defer/data", CACHED),
        (WHEEL, "/tmp/venv/lib/python3.12/site-packages/defer/data", TEMPORARY),
    ],
)
def test_each_place(kind: str, root: str, why: str | None) -> None:
    assert why_not(root, kind) == why


def test_our_own_copies_stay_wherever_the_home_lies() -> None:
    stable = PurePosixPath("/tmp/home/.local/share/defer/code")
    assert why_not(f"{stable}/2.0.0-x", COPY, stable) is None


def test_without_a_home_the_place_is_looked_at_all_the_same() -> None:
    assert why_not("/srv/defer", CLONE, None) is None
    assert why_not("/srv/defer", COPY, None) == NOT_A_CLONE
