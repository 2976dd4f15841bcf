"""Where the store is: one table, to which shell (``scripts/where.sh``) and Python (``settings/config``) are held alike.

Shell may leave a case to Python (``ASKS``), which costs a wake some milliseconds; it may never find another place.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from defer import homedir, paths
from defer.errors import BadInput
from defer.settings import config
from support import SCRIPTS

ASKS, REFUSED = True, None
CHECKOUT = Path("/nowhere")
USUAL = "HOME/data/runtime"
Case = tuple[dict[str, str], str | None, tuple[str, str] | None, bool]

# The environment; the user's settings file, or none; the runtime directory and the tasks file; whether shell asks.
# HOME stands for a home directory made for the test, in all columns.
TABLE: dict[str, Case] = {
    "nothing is set": ({}, None, (USUAL, f"{USUAL}/deferred.jsonl"), False),
    "runtime": ({"DEFER_RUNTIME_DIR": "/r"}, None, ("/r", "/r/deferred.jsonl"), False),
    "tasks": ({"DEFER_TASKS_FILE": "/t/x"}, None, (USUAL, "/t/x"), False),
    "both": ({"DEFER_RUNTIME_DIR": "/r", "DEFER_TASKS_FILE": "/t/x"}, None, ("/r", "/t/x"), False),
    "with spaces": ({"DEFER_RUNTIME_DIR": "/a b"}, None, ("/a b", "/a b/deferred.jsonl"), False),
    "with a star": ({"DEFER_RUNTIME_DIR": "/a*"}, None, ("/a*", "/a*/deferred.jsonl"), False),
    "empty runtime": ({"DEFER_RUNTIME_DIR": ""}, None, (USUAL, f"{USUAL}/deferred.jsonl"), ASKS),
    "empty tasks": ({"DEFER_TASKS_FILE": ""}, None, (USUAL, f"{USUAL}/deferred.jsonl"), ASKS),
    "empty over the file's": (
        {"DEFER_RUNTIME_DIR": ""},
        "DEFER_RUNTIME_DIR=/f",
        (USUAL, f"{USUAL}/deferred.jsonl"),
        ASKS,
    ),
    "a tilde": ({"DEFER_RUNTIME_DIR": "~/r"}, None, REFUSED, ASKS),
    "relative": ({"DEFER_RUNTIME_DIR": "r"}, None, ("/r", "/r/deferred.jsonl"), ASKS),
    "upwards": ({"DEFER_RUNTIME_DIR": "/a/../b"}, None, ("/b", "/b/deferred.jsonl"), ASKS),
    "no home": ({"HOME": ""}, None, REFUSED, ASKS),
    "a relative home": ({"HOME": "h"}, None, REFUSED, ASKS),
    "another home": (
        {"HOME": "/h"},
        "DEFER_RUNTIME_DIR=/f",
        ("/h/data/runtime", "/h/data/runtime/deferred.jsonl"),
        False,
    ),
    "file": ({}, "DEFER_RUNTIME_DIR=/f", ("/f", "/f/deferred.jsonl"), False),
    "file, tasks": ({}, "DEFER_TASKS_FILE=/f/x", (USUAL, "/f/x"), False),
    "environment over file": ({"DEFER_RUNTIME_DIR": "/r"}, "DEFER_RUNTIME_DIR=/f", ("/r", "/r/deferred.jsonl"), False),
    "one from each": ({"DEFER_TASKS_FILE": "/t/x"}, "DEFER_RUNTIME_DIR=/f", ("/f", "/t/x"), False),
    "file, exported": ({}, "export DEFER_RUNTIME_DIR=/f", ("/f", "/f/deferred.jsonl"), False),
    "file, single quotes": ({}, "DEFER_RUNTIME_DIR='/a b'", ("/a b", "/a b/deferred.jsonl"), False),
    "file, double quotes": ({}, 'DEFER_RUNTIME_DIR="/a b"', ("/a b", "/a b/deferred.jsonl"), False),
    "file, no newline": ({}, "# notes\nDEFER_RUNTIME_DIR=/f", ("/f", "/f/deferred.jsonl"), False),
    "file, a comment": ({}, "#DEFER_RUNTIME_DIR=/f\n", (USUAL, f"{USUAL}/deferred.jsonl"), False),
    "file, others": ({}, "TOKEN='a b' # DEFER\nEDITOR=vi\n", (USUAL, f"{USUAL}/deferred.jsonl"), False),
    "file, a comment behind": ({}, "DEFER_RUNTIME_DIR=/f # here", ("/f", "/f/deferred.jsonl"), ASKS),
    "file, a hash within": ({}, "DEFER_RUNTIME_DIR=/f#1", ("/f#1", "/f#1/deferred.jsonl"), ASKS),
    "file, twice": ({}, "DEFER_RUNTIME_DIR=/e\nDEFER_RUNTIME_DIR=/f\n", ("/f", "/f/deferred.jsonl"), ASKS),
    "file, CR LF": ({}, "DEFER_RUNTIME_DIR=/f\r\n", ("/f", "/f/deferred.jsonl"), ASKS),
    "file, a tilde": ({}, "DEFER_RUNTIME_DIR=~/f", REFUSED, ASKS),
    "file, relative": ({}, "DEFER_RUNTIME_DIR=f", REFUSED, ASKS),
    "file, a variable": ({}, "DEFER_RUNTIME_DIR=$HOME/f", REFUSED, ASKS),
    "file, empty": ({}, "DEFER_RUNTIME_DIR=", (USUAL, f"{USUAL}/deferred.jsonl"), ASKS),
    "file, indented": ({}, "  DEFER_RUNTIME_DIR=/f", ("/f", "/f/deferred.jsonl"), ASKS),
    "file, a slash at the end": ({}, "DEFER_TASKS_FILE=/f/x/", (USUAL, "/f/x"), ASKS),
    "another settings file": (
        {"DEFER_ENV_FILE": "HOME/other", "XDG_CONFIG_HOME": "/nowhere"},
        "DEFER_RUNTIME_DIR=/f",
        (USUAL, f"{USUAL}/deferred.jsonl"),
        False,
    ),
    "a settings file that is missing": ({"DEFER_ENV_FILE": "/none"}, None, REFUSED, ASKS),
    "no settings file": (
        {"DEFER_ENV_FILE": "/dev/null"},
        "DEFER_RUNTIME_DIR=/f",
        (USUAL, f"{USUAL}/deferred.jsonl"),
        False,
    ),
    "another place for settings": ({"XDG_CONFIG_HOME": "HOME/xdg"}, None, ("/x", "/x/deferred.jsonl"), False),
    "a relative place for settings": (
        {"XDG_CONFIG_HOME": "xdg"},
        "DEFER_RUNTIME_DIR=/f",
        ("/f", "/f/deferred.jsonl"),
        False,
    ),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with a second settings file, and a third in another place for them; no checkout has one."""
    monkeypatch.setattr(paths, "SETTINGS", CHECKOUT / ".env")
    for name, text in {"other": "EDITOR=vi\n", "xdg/defer/env": "DEFER_RUNTIME_DIR=/x\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def found_by_python(environ: dict[str, str]) -> tuple[str, str] | None:
    try:
        found = config.load(environ)
        return str(found.runtime_dir), str(found.tasks_file_as_named)
    except BadInput:
        return REFUSED


def found_by_shell(environ: dict[str, str]) -> str:
    sourced = f'scripts={SCRIPTS}; . "$scripts/where.sh"; root={CHECKOUT}'
    script = sourced + '; if tasks_file; then printf %s "$REPLY"; else printf asks; fi'
    done = subprocess.run(["/bin/bash", "-uc", script], env=environ, cwd="/", capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_shell_and_python_find_the_same_store(home: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    given, settings, expected, asks = case
    monkeypatch.chdir("/")
    environ = {"HOME": str(home), **{name: value.replace("HOME", str(home)) for name, value in given.items()}}
    if settings is not None:
        file = home / ".config" / "defer" / "env"
        file.parent.mkdir(parents=True)
        file.write_bytes(settings.encode())
    wanted = expected and tuple(path.replace("HOME", str(home)) for path in expected)
    assert found_by_python(environ) == wanted
    assert found_by_shell(environ) == ("asks" if asks or wanted is None else wanted[1])


def test_the_settings_of_the_checkout_serve_where_a_user_has_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = home / "checkout"
    checkout.mkdir()
    (checkout / ".env").touch()
    monkeypatch.setattr(paths, "SETTINGS", checkout / ".env")
    script = f'scripts={SCRIPTS}; . "$scripts/where.sh"; root={checkout}; settings_file; printf %s "$REPLY"'
    users = home / "xdg"
    for places, expected in (({}, checkout / ".env"), ({"XDG_CONFIG_HOME": str(users)}, users / "defer" / "env")):
        environ = {"HOME": str(home), **places}
        done = subprocess.run(["/bin/bash", "-uc", script], env=environ, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (str(expected), "")
        assert homedir.settings_path(environ) == expected


@pytest.mark.parametrize("named", ["tasks", "runtime"])
def test_a_link_is_followed_by_both(home: Path, named: str) -> None:
    """An idle wake that meets a link asks Python, which works where the link leads (``run-deferred.sh``)."""
    real = home / "real"
    real.mkdir()
    (real / "deferred.jsonl").touch()
    link = home / "link"
    link.symlink_to(real / "deferred.jsonl" if named == "tasks" else real)
    variable = "DEFER_TASKS_FILE" if named == "tasks" else "DEFER_RUNTIME_DIR"
    environ = {"HOME": str(home), variable: str(link)}
    assert config.load(environ).tasks_file == real / "deferred.jsonl"
    assert os.path.samefile(found_by_shell(environ), real / "deferred.jsonl")
