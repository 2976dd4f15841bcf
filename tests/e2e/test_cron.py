"""Debian's own cron wakes the runner: the line, its quoting, its settings, in cron's bare environment.

The daemon runs in a mount and a process namespace of its own, over empty spool directories: it
neither meets nor harms the machine's. That takes root; where it cannot be had, a person's run skips
this and says so, CI fails.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
WITHIN_SECONDS = 125  # cron looks once a minute; two minutes is what is promised
FOLDER = 'it\'s 100% "quoted"'
PRIVATE_CRON = """\
set -e
mount -t tmpfs none /run
mount -t tmpfs none /etc/cron.d
mount -t tmpfs none /var/spool/cron
install -d -m 1730 -g crontab /var/spool/cron/crontabs
mount --bind /dev/null /etc/crontab
set +e
"""
EXECUTOR = """\
#!/bin/bash
cat >"$OUT/task.json"
env >"$OUT/env"
a-tool-of-mine >"$OUT/tool"
echo "done by cron"
"""


class PrivateShell:
    """A shell in namespaces of its own, with an empty crontab and no other cron."""

    def __init__(self, shell: subprocess.Popen[bytes], base: Path) -> None:
        self._shell, self._base = shell, base
        self.give(PRIVATE_CRON)

    def give(self, commands: str) -> None:
        """Have it run ``commands``, after those before them; does not wait."""
        assert self._shell.stdin is not None
        self._shell.stdin.write(commands.encode() + b"\n")
        self._shell.stdin.flush()

    def answer(self, *argv: str | Path) -> Any:
        """The JSON that a command run there prints."""
        answer = self._base / "answer"
        answer.unlink(missing_ok=True)
        self.give(f"{shlex.join(map(str, argv))} >{shlex.quote(f'{answer}.part')}")
        self.give(shlex.join(["mv", f"{answer}.part", str(answer)]))
        self.wait_for(answer.exists, shlex.join(map(str, argv)))
        return json.loads(answer.read_text())

    def wait_for(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while not happened():
            log = self._base / "shell.log"
            assert time.monotonic() < deadline, f"{what}: not within {WITHIN_SECONDS} s\n{log.read_text()}"
            time.sleep(0.2)


@pytest.fixture
def private_shell(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Callable[..., PrivateShell]]:
    """``private_shell(environment)`` starts one; it ends, with all that runs in it, with the test."""
    needs("unshare", "cron", "crontab")
    possible = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/run"], capture_output=True, check=False)
    if possible.returncode != 0:
        why = f"cron needs namespaces of its own: {possible.stderr.decode().strip()}"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    started: list[subprocess.Popen[bytes]] = []

    def start(environment: dict[str, str]) -> PrivateShell:
        with (tmp_path / "shell.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [*UNSHARE, "bash", "-s"], stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
                )
            )
        return PrivateShell(started[0], tmp_path)

    yield start
    for shell in started:
        # The shell is process 1 of its namespace: with it the kernel ends whatever else is in there.
        shell.kill()
        shell.communicate()


@pytest.fixture
def front(tmp_path: Path, root: Path) -> Path:
    """`schedule-task.sh` of a checkout at a path that cron and the shell both like to misread."""
    checkout = tmp_path / FOLDER
    checkout.mkdir()
    for name in ("scripts", "requirements", "references"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(root / "pyproject.toml", checkout)
    if (root / ".venv").exists():
        (checkout / ".venv").symlink_to(root / ".venv")
    return checkout / "scripts" / "schedule-task.sh"


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """The environment of the shell that schedules. Cron knows nothing of it."""
    tools, config = tmp_path / "my tools", tmp_path / "my config"
    for folder in (tmp_path / "out", tools, config / "defer"):
        folder.mkdir(parents=True)
        folder.chmod(0o755)  # whatever the umask: of a PATH that all can write to nothing is noted
    for path, text in ((tools / "executor", EXECUTOR), (tools / "a-tool-of-mine", "#!/bin/sh\necho found\n")):
        path.write_text(text)
        path.chmod(0o755)
    (config / "defer" / "env").write_text(f"# mine\nOUT='{tmp_path}/out'\nTOKEN=s3cret\n")
    return {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(config),
        "DEFER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "DEFER_EXECUTOR": str(tools / "executor"),
    }


def test_cron_runs_a_due_task(
    tmp_path: Path, private_shell: Callable[..., PrivateShell], front: Path, here: dict[str, str]
) -> None:
    shell = private_shell(here)
    installed = shell.answer(front, "cron", "install")
    assert installed["change"] == "added"
    assert installed["settings_written"] == ["PATH", "DEFER_EXECUTOR", "DEFER_RUNTIME_DIR"]
    assert shell.answer(front, "cron", "install")["change"] == "unchanged"
    task = shell.answer(front, "--when", "now", "--summary", "woken by cron", "--id", "woken")
    daemon = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    shell.give(f"env -i {daemon} -f &")

    archive = tmp_path / "runtime" / "archive"
    shell.wait_for(lambda: any(archive.glob("*.jsonl")), "a run of the task")
    (record,) = [json.loads(line) for file in archive.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert (record["id"], record["status"]) == ("woken", "completed")
    assert record["result"]["output"] == "done by cron"

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
