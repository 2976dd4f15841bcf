"""`defer --version`: the version, and which of several copies this is."""

from __future__ import annotations

import platform
import sys
import tomllib

import pytest

from defer import paths
from defer.commands import cli
from support import ROOT


def test_the_first_line_is_the_version_and_the_rest_where_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main("front", ["--version"]) == 0
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first, code, python = capsys.readouterr().out.splitlines()
    assert first == f"defer {version}"
    assert code.startswith(f"code: {ROOT}/scripts (")
    assert python == f"Python: {sys.executable} ({platform.python_version()})"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (paths.CLONE, f"{paths.SCRIPTS} (a git clone)"),
        (paths.COPY, f"{paths.SCRIPTS} (a copy that git did not bring)"),
        (paths.WHEEL, f"{paths.CODE.parent} (installed as a package)"),
    ],
)
def test_it_says_how_it_came(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    monkeypatch.setattr(paths, "kind", lambda: kind)
    assert cli.main("front", ["--version"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"code: {said}"
