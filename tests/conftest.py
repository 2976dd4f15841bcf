"""What every test stands on: a bare environment, and a say in what may be missing."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from support import Place

# A loaded machine is slow, not wrong.
settings.register_profile("defer", deadline=None, print_blob=True)
settings.load_profile("defer")

ROOT = Path(__file__).resolve().parent.parent

# What nohup, or a shell's `&`, had the run ignore is ignored by whatever the tests start, too: they send these signals.
for number, ordinary in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, ordinary)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the user's, and a home directory that holds nothing."""
    for name in list(os.environ):
        if name.startswith(("DEFER_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def needs() -> Callable[..., None]:
    """``needs("strace")``: skip where a program is missing on a person's machine, fail in CI."""

    def check(*programs: str) -> None:
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        missing = [program for program in programs if shutil.which(program, path=path) is None]
        if missing and os.environ.get("CI") == "true":
            pytest.fail(f"CI must have {', '.join(missing)} (see .ci/run)")
        if missing:
            pytest.skip(f"needs {', '.join(missing)}, which is not installed here")

    return check


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A throw-away home and runtime directory; what the core wrote there is held to the schema."""
    from support import Place  # only its users pay for it

    place = Place(tmp_path)
    yield place
    place.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was gone through, summed over all tests and workers."""
    totals: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name.startswith("count: "):
                totals[name.removeprefix("count: ")] += value
    if totals:
        terminalreporter.section("what the fault tests went through")
        for name, total in sorted(totals.items()):
            terminalreporter.line(f"{total:8} {name}")
