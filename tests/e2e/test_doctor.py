"""What the doctor says under Debian's own cron, held to what cron's wakes then do: of a daemon that is dead, of
programs that its bare environment lacks, of a checkout that has moved, of two on one store.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine import Machine
from privatecron import PrivateShell
from support import quoted

# What depends on the machine that the tests run on.
OF_MACHINE = ("disk-", "tzdata-", "clocks-", "zone-", "command-", "path-")


def ids(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["findings"] if not one["id"].startswith(OF_MACHINE)]


def the(found: dict[str, Any], kind: str) -> dict[str, Any]:
    (one,) = [one for one in found["findings"] if one["id"] == kind]
    return one


def records(runtime: Path) -> dict[str, dict[str, Any]]:
    """What has ended, by its id."""
    lines = [line for file in (runtime / "archive").glob("*.jsonl") for line in file.read_text().splitlines()]
    return {one["id"]: one for one in map(json.loads, lines)}


def start_cron(shell: PrivateShell, runtime: Path, woken: str) -> None:
    """Start the daemon with the environment that a system gives it, and wait for a first wake."""
    daemon = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    shell.give(f"env -i {daemon} -f &")
    shell.wait_for(lambda: woken in records(runtime), "a wake")


def test_a_dead_daemon_and_a_program_that_crons_wakes_lack(
    tmp_path: Path, private_shell: Callable[..., PrivateShell], front: Path, here: dict[str, str]
) -> None:
    runtime, later = tmp_path / "runtime", tmp_path / "put on PATH later"
    later.mkdir(mode=0o755)
    for name, says in (("claude", "echo '9.9.9 (Claude Code)'"), ("a-late-tool", "echo late")):
        (later / name).write_text(f"#!/bin/sh\n{says}\n")
        (later / name).chmod(0o755)
    shell = private_shell({**here, "LATER": str(later)})
    shell.answer(front, "cron", "install")
    in_later = ["env", f"PATH={later}:{here['PATH']}"]
    task_file = tmp_path / "my config" / "defer" / "tasks" / "late.yaml"
    task_file.parent.mkdir()
    task_file.write_text("schedule: now\ncommand: [a-late-tool]\n")
    asks = tmp_path / "my config" / "defer" / "tasks" / "ask.yaml"
    asks.write_text(f"schedule: now\ncommand: {json.dumps([str(front), 'doctor', '--compact'])}\n")
    shell.answer(*in_later, front, "sync", "--json")
    shell.answer(*in_later, front, "--when", "2h", "--summary", "an agent", "--executor", "claude", "--id", "agent")

    found = shell.answer(*in_later, front, "doctor")
    assert ids(found) == ["daemon-dead", "executor-missing", "program-missing"]
    assert the(found, "daemon-dead")["fix"].startswith("start it")
    missing = the(found, "executor-missing")
    assert missing["what"] == f"executor claude: {later}/claude is not on the PATH that a wake will have"
    assert (missing["where"], missing["fix"]) == ("task agent", "defer waker install")
    assert the(found, "program-missing")["where"] == "task late"
    status = shell.answer(front, "cron", "status", "--json")
    assert [one["id"] for one in status["findings"]] == ["daemon-dead"]

    start_cron(shell, runtime, "ask")
    # It was right: under cron the program is not found.
    shell.wait_for(lambda: "late" in records(runtime), "the end of the task")
    assert records(runtime)["late"]["error_type"] == "ConfigError"
    assert "no such program: a-late-tool" in records(runtime)["late"]["error"]
    # In cron's bare environment it finds the same, but for what needs this shell's PATH to be known.
    under_cron = json.loads(Path(records(runtime)["ask"]["result"]["log_path"]).read_text())
    assert [one for one in ids(under_cron) if one != "program-missing"] == ["executor-missing"]
    assert the(under_cron, "executor-missing")["fix"] == "install it, then: defer waker install"

    found = shell.answer(*in_later, front, "doctor")
    assert ids(found) == ["executor-missing"]
    shell.answer(*in_later, front, "cron", "install")
    found = shell.answer(*in_later, front, "doctor")
    assert ids(found) == []
    (agent,) = found["agents"]
    assert (agent["executor"], agent["version"]) == ("claude", "9.9.9 (Claude Code)")


def test_two_checkouts_on_one_store_and_one_that_moves(
    tmp_path: Path, private_shell: Callable[..., PrivateShell], front: Path, here: dict[str, str]
) -> None:
    runtime, checkout = tmp_path / "runtime", front.parent.parent
    second = tmp_path / "second"
    shutil.copytree(checkout, second, symlinks=True)
    shell = private_shell(here)
    shell.answer(front, "cron", "install")
    shell.answer(second / "scripts" / front.name, "cron", "install")
    found = shell.answer(front, "doctor")
    assert ids(found) == ["two-copies", "daemon-dead"]
    assert the(found, "two-copies")["fix"] == f"{quoted(second / 'scripts/schedule-task.sh')} waker uninstall"
    shell.answer(second / "scripts" / front.name, "cron", "uninstall")
    assert ids(shell.answer(front, "doctor")) == ["daemon-dead"]

    moved = checkout.rename(tmp_path / "moved")
    front = moved / "scripts" / front.name
    status = shell.answer(front, "cron", "status", "--json")
    assert (status["installed"], status["other_lines"], len(status["dead_lines"])) == (False, [], 1)
    shell.answer(front, "--when", "now", "--summary", "woken after a move", "--id", "woken")
    found = shell.answer(front, "doctor")
    assert ids(found) == ["waker-gone", "daemon-dead"]
    shell.give("crontab -l | sed '1i # mine: 5 4 * * * backup' | crontab -")
    settings = (tmp_path / "my config" / "defer" / "env").read_bytes()
    found = shell.answer(front, "doctor", "--fix")
    (mended,) = found["mended"]
    assert (mended["id"], mended["failed"]) == ("waker-gone", None)
    runner = os.fsdecode(Machine.in_crontab(moved / "scripts" / "run-deferred.sh"))
    assert runner in mended["did"]
    assert ids(found) == ["daemon-dead"]
    assert (tmp_path / "my config" / "defer" / "env").read_bytes() == settings
    shell.give(f"crontab -l >{quoted(tmp_path / 'tab')}; touch {quoted(tmp_path / 'told')}")
    shell.wait_for((tmp_path / "told").exists, "the crontab")
    mine, line = (tmp_path / "tab").read_text().splitlines()
    assert mine == "# mine: 5 4 * * * backup"
    assert runner in line
    start_cron(shell, runtime, "woken")
    assert ids(shell.answer(front, "doctor")) == []
