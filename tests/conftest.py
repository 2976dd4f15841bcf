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
from hypothesis import HealthCheck, settings

from defer import homedir

if TYPE_CHECKING:
    from support import Place

# A loaded machine is slow, not wrong.
settings.register_profile("defer", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("defer")

ROOT = Path(__file__).resolve().parent.parent

# What nohup, or a shell's `&`, had the run ignore is ignored by whatever the tests start, too: they send these signals.
for number, ordinary in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, ordinary)


# A home that is somebody's: the one of this shell, and the one of the account, which counts where HOME is not set.
HOMES = {Path(home) for home in (os.environ.get("HOME", ""), homedir.account()) if os.path.isabs(home)}
OURS_AT_HOME = ("data/runtime", ".config/defer", ".local/share/defer", ".claude/skills/defer", ".local/bin/defer")


def left_at_home() -> set[Path]:
    """What of ours stands in a home that is somebody's."""
    return {home / name for home in HOMES for name in OURS_AT_HOME if os.path.lexists(home / name)}


AT_FIRST = left_at_home()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting, proxy or umask of the user's, and an empty home directory; the user's own stays as it is."""
    for name in list(os.environ):
        if name.startswith(("DEFER_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    before = os.umask(0o022)  # what a test makes is to be trusted, unless it says otherwise
    yield
    os.umask(before)
    made = left_at_home() - AT_FIRST
    assert not made, f"a test that ran now has made {', '.join(map(str, made))}: it needs a HOME of its own"


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


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent by this process, or by a fork of it, has as long as a test: its receiver may stand still."""
    from defer.notices.channels import ways
    from defer.run import sending
    from support import DEADLINE_SECONDS

    monkeypatch.setattr(ways, "SECONDS", DEADLINE_SECONDS)
    monkeypatch.setattr(sending, "SEEN_OFF_SECONDS", DEADLINE_SECONDS)


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
