"""What the tests under a real cron share: a shell with a daemon of its own, and a checkout that it wakes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from defer.settings import edit
from privatecron import UNSHARE, PrivateShell
from support import DEADLINE_SECONDS, need_root

FOLDER = 'it\'s 100% "quoted"'
EXECUTOR = """\
#!/bin/bash
cat >"$OUT/task.json"
env >"$OUT/env"
a-tool-of-mine >"$OUT/tool"
echo "done by cron"
"""


@pytest.fixture
def private_shell(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Callable[..., PrivateShell]]:
    """``private_shell(environment)`` starts one; it ends, with all that runs in it, with the test."""
    need_root()
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
    (checkout / ".git").mkdir(parents=True)
    for name in ("scripts", "requirements", "references"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(root / "pyproject.toml", checkout)
    if (root / ".venv").exists():
        (checkout / ".venv").symlink_to(root / ".venv")
    for name, constant in (("notices/channels/ways.py", "SECONDS = 10.0"), ("run/sending.py", "SECONDS = 15.0")):
        path = checkout / "scripts" / "defer" / name
        # What is sent has as long as a test: its receiver, or all of this machine, may stand still.
        assert constant in path.read_text()
        path.write_text(path.read_text().replace(constant, f"SECONDS = {DEADLINE_SECONDS}"))
    # Tests lie in a temporary directory. This checkout counts as one that stays, so that cron has to call it itself.
    places, passing = checkout / "scripts/defer/wakers/stable.py", "for one in (*_PASSING, *named, *at_home)]"
    assert passing in places.read_text()
    places.write_text(places.read_text().replace(passing, "for one in ()]"))
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
    (config / "defer" / "env").write_bytes(b"# mine\n%b\nTOKEN=s3cret\n" % edit.line("OUT", f"{tmp_path}/out"))
    return {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(config),
        "DEFER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "DEFER_EXECUTOR": str(tools / "executor"),
    }
