"""How a missing extra is said to be brought, by how the code came."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from defer import extras, paths


def came(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(paths, "kind", lambda: kind)


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a wheel."""
    came(monkeypatch, paths.WHEEL)
    monkeypatch.setattr(paths, "CODE", tmp_path / "lib" / "python3.12" / "site-packages" / "defer" / "paths.py")
    monkeypatch.setattr(sys, "executable", "/my venv/bin/python")
    return tmp_path


def installed_from(monkeypatch: pytest.MonkeyPatch, noted: str | None, installer: str = "pip\n") -> None:
    notes = {"direct_url.json": noted, "INSTALLER": installer}

    class Distribution:
        def read_text(self, name: str) -> str | None:
            return notes[name]

    monkeypatch.setattr(metadata, "distribution", lambda _: Distribution())


def test_in_a_clone_make_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    came(monkeypatch, paths.CLONE)
    assert extras.remedy("notify") == "make install EXTRAS=notify"


def test_in_a_copy_the_set_up_does(monkeypatch: pytest.MonkeyPatch) -> None:
    came(monkeypatch, paths.COPY)
    monkeypatch.setattr(paths, "SCRIPTS", Path("/my skills/defer/scripts"))
    assert extras.remedy("notify") == "python3 '/my skills/defer/scripts/bootstrap.py' --extra notify"


@pytest.mark.parametrize(
    ("left", "command"),
    [
        ("uv-receipt.toml", "uv tool install"),
        ("pipx_metadata.json", "pipx install --force"),
        ("pyvenv.cfg", "'/my venv/bin/python' -m pip install"),
    ],
)
def test_in_a_wheel_what_installed_it_does(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, left: str, command: str
) -> None:
    installed_from(monkeypatch, None)
    (prefix / left).touch()
    assert extras.remedy("notify") == f"{command} 'defer[notify]'"


@pytest.mark.parametrize(
    ("noted", "wanted"),
    [
        ('{"url": "file:///w/defer.whl", "archive_info": {}}', "defer[notify] @ file:///w/defer.whl"),
        ('{"url": "https://host/d", "vcs_info": {"vcs": "git"}}', "defer[notify] @ git+https://host/d"),
        ("not JSON", "defer[notify]"),
    ],
)
def test_it_comes_from_where_the_wheel_came_from(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, noted: str, wanted: str
) -> None:
    """A package of that name on an index would be somebody else's."""
    installed_from(monkeypatch, noted)
    (prefix / "uv-receipt.toml").touch()
    assert extras.remedy("notify") == f"uv tool install '{wanted}'"


def test_an_environment_of_uvs_has_no_pip(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_from(monkeypatch, None, "uv")
    assert extras.remedy("notify") == "uv pip install --python '/my venv/bin/python' 'defer[notify]'"


def test_where_nothing_was_noted_the_name_is_all_there_is(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: str) -> object:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", none)
    assert extras.remedy("notify") == "'/my venv/bin/python' -m pip install 'defer[notify]'"
