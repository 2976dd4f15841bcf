"""Debian's own cron wakes the runner: the line, its quoting, its settings, in cron's bare environment.

`conftest.py` has the daemon, which takes root: where it cannot be had, a person's run skips this and says so, CI fails.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import loopback
from privatecron import PrivateShell


@pytest.fixture
def receiver() -> Iterator[loopback.Receiver]:
    """An HTTP server on this machine, which the daemon's wakes reach, too."""
    with loopback.receiver() as one:
        yield one


def test_cron_runs_a_due_task(
    tmp_path: Path,
    private_shell: Callable[..., PrivateShell],
    front: Path,
    here: dict[str, str],
    receiver: loopback.Receiver,
) -> None:
    shell = private_shell(here)
    installed = shell.answer(front, "cron", "install")
    assert installed["change"] == "added"
    assert installed["settings_written"] == ["PATH", "DEFER_EXECUTOR", "DEFER_RUNTIME_DIR"]
    assert shell.answer(front, "cron", "install")["change"] == "unchanged"
    with (tmp_path / "my config" / "defer" / "env").open("a") as settings:
        settings.write(f"DEFER_NOTIFY=inbox;{receiver.url}/notices\nDEFER_PING_URL={receiver.url}/pinged\n")
    asked = ["--when", "now", "--summary", "woken by cron", "--id", "woken", "--notify", "always"]
    task = shell.answer(front, *asked)
    daemon = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    shell.give(f"env -i {daemon} -f &")

    archive = tmp_path / "runtime" / "archive"
    shell.wait_for(lambda: any(b"\n" in file.read_bytes() for file in archive.glob("*.jsonl")), "a run of the task")
    (record,) = [json.loads(line) for file in archive.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert (record["id"], record["status"]) == ("woken", "completed")
    assert record["result"]["output"] == "done by cron"

    shell.wait_for(lambda: {"GET", "POST"} <= {one.method for one in receiver.requests}, "a notice and a ping")
    assert {(one.method, one.path) for one in receiver.requests} == {("GET", "/pinged"), ("POST", "/notices")}
    (told,) = [json.loads(one.body) for one in receiver.requests if one.method == "POST"]
    assert (told["id"], told["event"]) == ("woken", "completed")

    out = tmp_path / "out"
    assert json.loads((out / "task.json").read_text())["context"] == task["context"]
    assert (out / "tool").read_text() == "found\n"
    seen = dict(line.split("=", 1) for line in (out / "env").read_text().splitlines() if "=" in line)
    assert {"TOKEN": "s3cret", "PATH": here["PATH"], "DEFER_TASK_ID": "woken"}.items() <= seen.items()
    assert not {"XDG_CONFIG_HOME", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"} & seen.keys()

    status = shell.answer(front, "cron", "status")
    assert (status["installed"], status["daemon"], status["trouble"]) == (True, "running", None)
    assert status["last_wake"] is not None
    assert status["settings_file"] == str(tmp_path / "my config/defer/env")
    assert shell.answer(front, "cron", "uninstall")["removed"] == [installed["line"]]
    assert shell.answer(front, "cron", "status")["installed"] is False
