"""Which CONTEXT.md is read, and which is not although it is there: what a repository may have planted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, Place, as_root

pytestmark = pytest.mark.programs

CANARY = "canary-settings-5b1e77"
IF_MEANT = "(if it is meant, name it with --context-file)"


@pytest.fixture
def settings(place: Place) -> Path:
    """A settings file with a secret, outside of every repository."""
    file = place.home / ".config" / "defer" / "env"
    file.parent.mkdir(parents=True)
    file.write_text(f"API_TOKEN={CANARY}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def cloned(place: Place) -> Path:
    """A repository of somebody else's, just cloned."""
    folder = place.home / "cloned"
    folder.mkdir()
    return folder


def reorient(place: Place, directory: Path, *arguments: str, **env: str) -> Any:
    """What schedule and the script of its own make of a CONTEXT.md: the snapshot, or the words of a refusal."""
    scheduled = place.defer("--when", "9h", "--reorient", "--compact", *arguments, cwd=directory, env=env)
    printed = subprocess.run(
        [sys.executable, "-I", SCRIPTS / "reorient_snapshot.py", *arguments],
        cwd=directory,
        env={**place.env, **env},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert CANARY not in scheduled.stdout + scheduled.stderr + printed.stdout + printed.stderr
    assert scheduled.returncode == printed.returncode, (scheduled.stderr, printed.stderr)
    if printed.returncode == 0:
        snapshot = json.loads(printed.stdout)
        assert json.loads(scheduled.stdout)["context"] == snapshot
        return snapshot
    assert (printed.returncode, printed.stdout, scheduled.stdout) == (1, "", "")
    assert printed.stderr == scheduled.stderr
    assert not place.store_path.exists() or CANARY not in place.store_path.read_text()
    return printed.stderr


def project(place: Place) -> Path:
    folder = place.home / "data" / "research" / "projects" / "tides"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("where", ["here", "project", "latest", "research"])
@pytest.mark.parametrize(
    "target", ["../.config/defer/env", "{home}/.config/defer/env", "../notes", "up/.config/defer/env"]
)
def test_a_link_out_of_the_folder_is_refused(place: Place, settings: Path, where: str, target: str) -> None:
    (place.home / "notes").write_text("mine\n")
    folder = place.home / "cloned" if where == "here" else project(place)
    folder = folder.parent.parent if where == "research" else folder
    folder.mkdir(exist_ok=True)
    (folder / "up").symlink_to(place.home)
    named = (
        target.format(home=place.home).replace("..", str(place.home))
        if where != "here"
        else target.format(home=place.home)
    )
    (folder / "CONTEXT.md").symlink_to(named)
    said = reorient(
        place, folder if where == "here" else place.home, *(["--project", "tides"] if where == "project" else [])
    )
    leads_to = (folder / "CONTEXT.md").resolve()
    assert said == f"defer: the context file leads out of its folder: {folder}/CONTEXT.md -> {leads_to} {IF_MEANT}\n"


def test_a_link_within_the_folder_is_followed(place: Place, cloned: Path) -> None:
    (cloned / "docs").mkdir()
    (cloned / "docs" / "state.md").write_text("Tides\n")
    (cloned / "CONTEXT.md").symlink_to("docs/state.md")
    snapshot = reorient(place, cloned)
    assert (snapshot["summary"], snapshot["reoriented_from"]) == ("Tides", f"{cloned}/CONTEXT.md")


def test_a_folder_may_be_a_link_of_the_users(place: Place, cloned: Path) -> None:
    (cloned / "CONTEXT.md").write_text("Tides\n")
    project(place).rmdir()
    (place.home / "data" / "research" / "projects" / "tides").symlink_to(cloned)
    assert reorient(place, place.home, "--project", "tides")["summary"] == "Tides"
    assert reorient(place, place.home)["summary"] == "Tides"
    (place.home / "link").symlink_to(cloned)
    assert reorient(place, place.home / "link", "--project", "")["summary"] == "Tides"


def test_a_hard_link_is_refused(place: Place, cloned: Path) -> None:
    (place.home / "notes").write_text("mine\n")
    (cloned / "CONTEXT.md").hardlink_to(place.home / "notes")
    said = reorient(place, cloned)
    assert said == f"defer: the context file has another name too, a hard link: {cloned}/CONTEXT.md {IF_MEANT}\n"


@as_root
def test_another_users_file_is_refused(place: Place, cloned: Path) -> None:
    (cloned / "CONTEXT.md").write_text("Tides\n")
    os.chown(cloned / "CONTEXT.md", 65534, 65534)
    said = reorient(place, cloned)
    assert said == f"defer: the context file belongs to another user, uid 65534: {cloned}/CONTEXT.md {IF_MEANT}\n"


@pytest.mark.parametrize("kind", ["link", "hard link", "file"])
def test_what_is_named_is_read_whatever_it_is(place: Place, cloned: Path, kind: str) -> None:
    named, notes = cloned / "CONTEXT.md", place.home / "notes"
    notes.write_text("mine\n")
    match kind:
        case "link":
            named.symlink_to("../notes")
        case "hard link":
            named.hardlink_to(notes)
        case _:
            shutil.copy(notes, named)
            if os.geteuid() == 0:
                os.chown(named, 65534, 65534)
    assert reorient(place, cloned, "--context-file", "CONTEXT.md")["summary"] == "mine"
    assert reorient(place, place.home, DEFER_CONTEXT_FILE=str(named))["summary"] == "mine"


@pytest.mark.parametrize("way", ["itself", "link", "hard link"])
@pytest.mark.parametrize("kind", ["the user's", "DEFER_ENV_FILE"])
def test_the_settings_file_is_never_read_whatever_leads_to_it(
    place: Place, settings: Path, cloned: Path, way: str, kind: str
) -> None:
    env = {}
    if kind == "DEFER_ENV_FILE":
        settings = settings.rename(place.home / "settings")
        env = {"DEFER_ENV_FILE": str(settings)}
    named = settings if way == "itself" else cloned / "notes.md"
    if way == "link":
        named.symlink_to(settings)
    elif way == "hard link":
        named.hardlink_to(settings)
    told = f"defer: the context file is the settings file, which may hold secrets: {named} (name another)\n"
    assert reorient(place, cloned, "--context-file", str(named), **env) == told
    assert reorient(place, cloned, **env, DEFER_CONTEXT_FILE=str(named)) == told


@pytest.mark.parametrize("way", ["--prompt-file", "edit", "standard input"])
def test_nor_is_it_a_prompt(place: Place, settings: Path, cloned: Path, way: str) -> None:
    (cloned / "PROMPT.md").symlink_to(settings)
    place.schedule("9h", "s", "--id", "waits")
    new = ["--when", "9h", "--summary", "s"]
    words = {
        "--prompt-file": [*new, "--prompt-file", "PROMPT.md"],
        "edit": ["edit", "waits", "--prompt-file", "PROMPT.md"],
        "standard input": [*new, "--prompt-file", "-"],
    }[way]
    with settings.open() as stdin:
        done = place.defer(*words, cwd=cloned, stdin=stdin)
    named = words[-1]
    told = f"defer: the prompt is the settings file, which may hold secrets: {named} (name another)\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    assert CANARY not in place.store_path.read_text()


@pytest.mark.parametrize("named", [False, True])
def test_a_pipe_keeps_nobody_waiting(place: Place, cloned: Path, named: bool) -> None:
    os.mkfifo(cloned / "CONTEXT.md")
    said = reorient(place, cloned, *(["--context-file", "CONTEXT.md"] if named else []))
    assert f"{cloned}/CONTEXT.md (not a file)" in said or f"is not a file: {cloned}/CONTEXT.md " in said
