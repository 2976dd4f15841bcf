"""The newer of the system's and the package's zones is read, whatever this machine has."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import sysconfig
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from defer import timeparse
from defer.timegrammar import zonedata
from support import DEADLINE_SECONDS, ZONE, zone_tree

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
WINTER = datetime(2027, 1, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_zones() -> Iterator[None]:
    """What this process has read is forgotten, before and afterwards."""
    forget()
    yield
    zoneinfo.reset_tzpath()
    forget()


def forget() -> None:
    ZoneInfo.clear_cache()
    for each in (zonedata.load, zonedata._of_package, zonedata._version):
        each.cache_clear()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``world(*directories, package=…, version=…)``: the search path Python was built with, and the package."""

    def make(*directories: Path, package: Path | None = None, version: str = "2026b") -> None:
        path = os.pathsep.join(map(str, directories))
        monkeypatch.setattr(sysconfig, "get_config_var", {"TZPATH": path}.get)
        zoneinfo.reset_tzpath([*map(str, directories)])
        found = ModuleType("tzdata")
        if package is not None:
            (package / "zoneinfo").mkdir(parents=True, exist_ok=True)
            found.__path__ = [str(package)]
            found.IANA_VERSION = version
        monkeypatch.setitem(sys.modules, "tzdata", found if package else None)

    return make


def hours(name: str = ZONE) -> float:
    offset = WINTER.astimezone(timeparse.zone(name)).utcoffset()
    assert offset is not None
    return offset / timedelta(hours=1)


@pytest.mark.parametrize(
    ("told", "file", "package", "read"),
    [
        ("# version 2025b", "tzdata.zi", "2026f", "package"),
        ("# version 2025b", "tzdata.zi", "2026a", "package"),
        ("# version 2026g", "tzdata.zi", "2026f", "system"),
        ("# version 2027a", "tzdata.zi", "2026f", "system"),
        ("# version 2026f", "tzdata.zi", "2026f", "system"),
        ("# version 2026za", "tzdata.zi", "2026z", "system"),
        ("# version 2026z", "tzdata.zi", "2026za", "package"),
        ("# version 2026f-12-g3c5c1a9-dirty", "tzdata.zi", "2026f", "system"),
        ("# version 2025b-0+deb12u2", "tzdata.zi", "2025c", "package"),
        ("2025b", "+VERSION", "2026f", "package"),
        ("2026g", "+VERSION", "2026f", "system"),
        ("# version unknown", "tzdata.zi", "2026f", "system"),
        ("", "tzdata.zi", "2026f", "system"),
    ],
)
def test_the_newer_of_the_two_is_read(
    tmp_path: Path, world: Callable[..., None], told: str, file: str, package: str, read: str
) -> None:
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    world(zone_tree(tmp_path / "system", 3, told, file), package=tmp_path / "package", version=package)
    origin = zonedata.origin(ZONE)
    assert origin is not None
    assert (origin.source, hours()) == (read, 7 if read == "package" else 3)


def test_a_name_that_only_one_has_is_read_from_there(tmp_path: Path, world: Callable[..., None]) -> None:
    old = zone_tree(tmp_path / "system", 3, "# version 2025b", names=(ZONE, "US/Pacific-New"))
    zone_tree(tmp_path / "package" / "zoneinfo", 7, names=(ZONE, "Etc/Unknown"))
    world(old, package=tmp_path / "package")
    assert (hours(ZONE), hours("US/Pacific-New"), hours("Etc/Unknown")) == (7, 3, 7)
    assert zonedata.origin("Asia/Atlantis") is None


def test_the_directory_that_has_the_zone_tells_its_version(tmp_path: Path, world: Callable[..., None]) -> None:
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    first, second = zone_tree(tmp_path / "first", 3, "# version 2027a", names=("UTC",)), tmp_path / "second"
    world(first, zone_tree(second, 5, "# version 2025a"), package=tmp_path / "package", version="2026f")
    origin = zonedata.origin(ZONE)
    assert origin is not None
    assert (origin.source, origin.version, hours()) == ("package", "2026f", 7)


def test_without_the_package_the_systems_is_read(tmp_path: Path, world: Callable[..., None]) -> None:
    world(zone_tree(tmp_path / "system", 3, "# version 2020a"))
    assert hours() == 3


def test_without_a_system_the_packages_is_read(tmp_path: Path, world: Callable[..., None]) -> None:
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    world(tmp_path / "nowhere", package=tmp_path / "package")
    assert hours() == 7


def test_where_neither_has_a_zone_it_is_refused_by_name(tmp_path: Path, world: Callable[..., None]) -> None:
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    world(zone_tree(tmp_path / "system", 3, "# version 2025b"), package=tmp_path / "package")
    for name in ("Asia/Atlantis", "America", "America/vancouver/", "tzdata.zi"):
        with pytest.raises(timeparse.TimeExpressionError, match="is not an IANA time zone"):
            timeparse.zone(name)


def test_a_file_that_is_not_a_zone_is_refused_by_name(tmp_path: Path, world: Callable[..., None]) -> None:
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    (tmp_path / "package" / "zoneinfo" / ZONE).write_bytes(b"not a zone")
    world(zone_tree(tmp_path / "system", 3, "# version 2025b"), package=tmp_path / "package")
    with pytest.raises(timeparse.TimeExpressionError, match="is not an IANA time zone"):
        timeparse.zone(ZONE)


def test_what_was_read_before_by_that_name_is_not_taken_for_it(tmp_path: Path, world: Callable[..., None]) -> None:
    """Python keeps zones by their name, so that a program around us may have read the older data first."""
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    world(zone_tree(tmp_path / "system", 3, "# version 2025b"), package=tmp_path / "package")
    elsewhere = ZoneInfo(ZONE)
    assert WINTER.astimezone(elsewhere).utcoffset() == timedelta(hours=3)
    assert hours() == 7
    assert timeparse.zone(ZONE) is timeparse.zone(ZONE)
    assert WINTER.astimezone(ZoneInfo(ZONE)).utcoffset() == timedelta(hours=3)


def test_a_copy_of_a_zone_is_the_same_zone(tmp_path: Path, world: Callable[..., None]) -> None:
    zone_tree(tmp_path / "package" / "zoneinfo", 7)
    world(zone_tree(tmp_path / "system", 3, "# version 2025b"), package=tmp_path / "package")
    zone = timeparse.zone(ZONE)
    assert (zone.key, str(zone)) == (ZONE, ZONE)
    assert copy.deepcopy(zone) is zone
    assert copy.copy(zone) is zone


def described(*argv: str, **environ: str) -> dict[str, object]:
    """What ``time_utils.py describe --json`` answers in a process of its own."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); import time_utils; sys.exit(time_utils.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, SCRIPTS, "describe", *argv, "--json", "--now", "2027-01-15T12:00Z"],
        env={**os.environ, "DEFER_ENV_FILE": "/dev/null", **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_path_that_somebody_set_is_taken_at_their_word(tmp_path: Path) -> None:
    own = zone_tree(tmp_path, 3, "# version 2001a")
    found = described("tomorrow 9am", "--tz", ZONE, PYTHONTZPATH=str(own))
    assert found["utc"] == "2027-01-16T06:00:00Z"
    assert found["tzdata"] == {"version": "2001a", "source": "PYTHONTZPATH"}
