"""Completion: the scripts that come with us, what they offer in a real shell, and the ids in the store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import completion_scripts
from defer.commands import cli
from defer.commands.completion import SHELLS
from support import DEADLINE_SECONDS, SCRIPTS, Place, strict

HERE = SCRIPTS / "completion"
IDS = HERE / "ids.sh"
SYNTAX = {"bash": ("bash", "-n"), "zsh": ("zsh", "-n"), "fish": ("fish", "--no-execute")}
NEEDED = ("awk", "bash", "cut", "readlink", "sh", "sort", "tail")
"""The programs that completion may start."""


def test_the_scripts_are_those_of_todays_flags() -> None:
    made = completion_scripts.written()
    assert made.keys() == {name for names in SHELLS.values() for name in names}
    for name, text in made.items():
        assert (HERE / name).read_text(encoding="utf-8") == text, "run `make completion`"


@pytest.mark.parametrize("shell", SHELLS)
def test_they_are_printed(shell: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main("front", ["completion", shell]) == 0
    assert capfdbinary.readouterr().out == b"".join((HERE / name).read_bytes() for name in SHELLS[shell])


def test_a_copy_without_them_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("defer.paths.COMPLETION", tmp_path)
    assert cli.main("front", ["completion", "bash"]) == 74
    assert f"the script cannot be read: {tmp_path}/defer.bash: No such file or directory (" in capsys.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_them(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    for name in SHELLS[shell]:
        done = subprocess.run([*SYNTAX[shell], str(HERE / name)], capture_output=True, timeout=DEADLINE_SECONDS)
        assert (done.returncode, done.stderr) == (0, b"")


# What is offered

OFFERED: dict[str, tuple[str, ...]] = {
    "defer ca": ("cancel",),
    "defer cancel ": ("deploy", "disk", "review"),
    "defer cancel d": ("deploy", "disk"),
    "defer cancel deploy re": ("review",),
    "defer edit deploy --perm": ("--permissions",),
    "defer edit deploy --permissions ": ("read", "edit", "work", "all"),
    "defer 30m water --exec": ("--executor",),
    "defer 30m water --executor co": ("codex", "copilot"),
    "defer schedule --workspace pla": ("place",),
    "defer schedule --prompt-file pla": ("place", "plan.md"),
    "defer show go": ("gone",),
    "defer uncancel go": ("gone",),
    "defer cancel go": (),
    "defer pause --id r": ("review",),
    "defer help pru": ("prune",),
    "defer completion z": ("zsh",),
    "defer list --status pau": ("paused",),
    "defer list --tag ": (),
    "run-deferred --l": ("--loop",),
}
_TRY = """
source "$1/defer.bash"; source "$1/run-deferred.bash"
while IFS= read -r typed; do
  read -r -a COMP_WORDS <<<"$typed"
  case $typed in *' ') COMP_WORDS+=('') ;; esac
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  case $typed in run-deferred*) _shtab_run_deferred ;; *) _shtab_defer ;; esac
  printf '%s' "$typed"; printf '\\t%s' ${COMPREPLY[@]+"${COMPREPLY[@]}"}; echo
done
"""


@pytest.fixture
def shop(place: Place) -> Place:
    """A home with `defer` as it is installed, a few tasks, and files to name."""
    tools = place.home / "tools of ours"
    tools.mkdir()
    (tools / "defer").symlink_to(SCRIPTS / "schedule-task.sh")
    for name in NEEDED:
        (tools / name).symlink_to(shutil.which(name) or name)
    place.env["PATH"] = str(tools)
    place.own_records = False
    lines = [waiting("deploy"), waiting("gone"), waiting("review"), waiting("disk", "paused")]
    place.write_store(*lines, waiting("gone", "cancelled"))
    (place.home / "place").mkdir()
    (place.home / "plan.md").touch()
    return place


def waiting(task_id: str, status: str = "scheduled") -> bytes:
    """A line as the store has it."""
    line = {"id": task_id, "status": status, "run_at": "2026-04-08T16:45:00Z", "note": 'not "id":"other"'}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def test_bash_offers_what_fits_without_starting_python(shop: Place) -> None:
    done = subprocess.run(
        ["bash", "-c", _TRY, "bash", str(HERE)],
        input="".join(f"{line}\n" for line in OFFERED),
        env=shop.env,
        cwd=shop.home,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0
    said = [line.split("\t") for line in done.stdout.splitlines()]
    found = {line: tuple(word for word in words if word) for line, *words in said}
    assert found == OFFERED


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize("line", ["defer cancel d", "defer show go", "defer edit deploy --permissions "])
def test_fish_offers_it_too(shop: Place, line: str) -> None:
    fish = shutil.which("fish") or ""
    done = subprocess.run(
        [fish, "--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', str(HERE / "defer.fish"), line],
        env=shop.env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert {said.partition("\t")[0] for said in done.stdout.splitlines()} == {*OFFERED[line]}


# The ids


def ids(place: Place, *words: str) -> list[str]:
    done = subprocess.run(
        [str(IDS), *words], env=place.env, capture_output=True, cwd=place.home, timeout=DEADLINE_SECONDS
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def test_they_are_those_that_wait_or_all_and_of_a_beginning(shop: Place) -> None:
    assert ids(shop) == ids(shop, "live") == ["deploy", "disk", "review"]
    assert ids(shop, "all") == ["deploy", "disk", "gone", "review"]
    assert ids(shop, "live", "d") == ["deploy", "disk"]
    assert ids(shop, "live", ".*") == ids(shop, "live", "\\e") == []


def test_they_are_found_as_defer_itself_writes_them(place: Place) -> None:
    for name in ("a", "b", "c"):
        assert place.defer("2h", f"task {name}", "--id", name).returncode == 0
    place.defer("cancel", "b")
    again = place.defer("every day at 9am", "water", "--id", "d", "--compact")
    assert strict(again.stdout)["id"] == "d"
    assert ids(place) == ["a", "c", "d"]
    assert ids(place, "all") == ["a", "b", "c", "d"]


def test_nothing_of_a_line_is_obeyed_or_shown_but_a_plain_id(shop: Place) -> None:
    odd = [
        b'{"id":"$(touch x)","status":"scheduled"}',
        b'{"id":"a\\u001b[2J","status":"scheduled"}',
        b'{"id":"red\x1b[31m","status":"scheduled"}',
        b'{"id":"two words","status":"scheduled"}',
        b'{"id":"../up","status":"scheduled"}',
        b'{"id":"' + b"l" * 129 + b'","status":"scheduled"}',
        b'{"summary":"{\\"id\\":\\"inside\\"}","id":"later"}',
        b'{"id":"cut',
        b"\xff\xfe\x00",
        b'{"id":"' + b"x" * 500_000,
        b'{ "id": "spaced", "status": "scheduled" }',
        b'{"id":"filed","status":"completed","filed_at":"2026-04-08T16:45:00Z"}',
        b'{"id":"recurs","ended":[{"id":"recurs","status":"completed"}],"status":"scheduled"}',
    ]
    shop.write_store(*(one + b"\n" for one in odd))
    assert ids(shop, "all") == ids(shop) == ["recurs", "spaced"]
    assert not (shop.home / "x").exists()


@pytest.mark.parametrize("kind", ["none", "fifo", "directory"])
def test_where_there_is_no_store_there_are_none(place: Place, kind: str) -> None:
    place.runtime.mkdir()
    if kind == "fifo":
        os.mkfifo(place.store_path)
    elif kind == "directory":
        place.store_path.mkdir()
    assert ids(place) == []
    if kind == "directory":
        place.store_path.rmdir()
    elif kind == "fifo":
        place.store_path.unlink()


def test_they_are_found_where_a_wheel_has_put_us(shop: Place) -> None:
    site = shop.home / "tool" / "lib" / "python3.13" / "site-packages" / "defer" / "data"
    site.mkdir(parents=True)
    (site / "scripts").symlink_to(SCRIPTS)
    (shop.home / "tool" / "bin").mkdir()
    command = shop.home / "tool" / "bin" / "defer"
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    link = shop.home / "tools of ours" / "defer"
    link.unlink()
    link.symlink_to(os.path.relpath(command, link.parent))
    done = subprocess.run(
        ["bash", "-c", 'source "$1"; _defer_live_ids de', "bash", str(HERE / "defer.bash")],
        env=shop.env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert done.stdout == "deploy\n"
