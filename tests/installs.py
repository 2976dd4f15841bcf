"""`make e2e-install`: each way to install Defer, by the real installers and over the network, in an empty home each.

Prints what was typed and what came of it, and exits 1 if anything went otherwise than it should. `CASES="uv pipx"` runs
some of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = os.path.realpath(sys.executable)
# How to get to the network is this machine's own; nothing else of the environment passes.
NETWORK = ("PROXY", "_CERT", "SSL_", "CA_BUNDLE", "SSL_CAINFO", "INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX")
MOST_LINES = 6


class Failed(Exception):
    """Something went otherwise than it should."""


class Home:
    """An empty home directory in which things are typed."""

    def __init__(self, base: Path, tools: Path) -> None:
        self.path = base / "my home"
        self.path.mkdir(parents=True)
        self.bin = self.path / ".local" / "bin"
        passed = {name: value for name, value in os.environ.items() if any(one in name.upper() for one in NETWORK)}
        self.environment = {
            **passed,
            "HOME": str(self.path),
            "PATH": f"{self.bin}:{tools}:{os.path.dirname(PYTHON)}:/usr/local/bin:/usr/bin:/bin",
            "PIP_ROOT_USER_ACTION": "ignore",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def type(self, *words: str | Path, status: int = 0) -> str:
        """Run a command, show it and the beginning of what it says, and return what it printed. Raises Failed."""
        argv = [str(word) for word in words]
        print(f"$ {shlex.join(argv)}", flush=True)
        program = shutil.which(argv[0], path=self.environment["PATH"])
        if program is None:
            raise Failed(f"no such command: {argv[0]}")
        done = subprocess.run(
            [program, *argv[1:]],
            env=self.environment,
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (done.stdout + done.stderr).splitlines()
        print(
            "\n".join(f"  {line}" for line in (*lines[:MOST_LINES], *(["…"] if lines[MOST_LINES:] else []))), flush=True
        )
        if done.returncode != status:
            raise Failed(f"exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


def is_at_work(home: Home, defer: str | Path = "defer", runner: str | Path = "run-deferred") -> None:
    """The first minute: schedule, wake, look. Raises Failed."""
    home.type(defer, "--version")
    task = json.loads(home.type(defer, "now", "water the plants", "--executor", "/bin/echo"))["id"]
    home.type(runner)
    shown = json.loads(home.type(defer, "show", task, "--json"))
    if shown["status"] != "completed":
        raise Failed(f"the task is {shown['status']}")


def uv(home: Home, ground: Ground) -> None:
    """The wheel by `uv tool`, which is then installed again, and lastly with an extra."""
    home.type("uv", "tool", "install", "--python", PYTHON, ground.wheel)
    is_at_work(home)
    runner = os.path.realpath(home.bin / "run-deferred")
    home.type("uv", "tool", "install", "--reinstall", "--python", PYTHON, ground.wheel)
    is_at_work(home, runner=runner)
    home.type("uv", "tool", "install", "--python", PYTHON, f"defer[notify,mcp] @ {ground.wheel.as_uri()}")
    home.type(Path(runner).with_name("python"), "-c", "import apprise, defer, mcp")
    home.type("defer", "mcp", "--workspace", ".")
    is_at_work(home, runner=runner)


def uv_clone(home: Home, ground: Ground) -> None:
    """A clone by `uv tool`."""
    home.type("git", "clone", "--quiet", ROOT, "clone")
    home.type("uv", "tool", "install", "--python", PYTHON, "./clone")
    is_at_work(home)


def pipx(home: Home, ground: Ground) -> None:
    """The wheel by pipx."""
    home.type("pipx", "install", "--python", PYTHON, ground.wheel)
    is_at_work(home)


def _venv(home: Home, package: str | Path) -> None:
    home.type(PYTHON, "-m", "venv", "my venv")
    programs = home.path / "my venv" / "bin"
    home.type(programs / "pip", "install", "--quiet", package)
    is_at_work(home, programs / "defer", programs / "run-deferred")
    home.type(programs / "python", "-c", "import defer; print(defer.schedule('1h', 'look').id)")


def pip(home: Home, ground: Ground) -> None:
    """The wheel by pip, into an environment at a path with a blank."""
    _venv(home, ground.wheel)


def pip_sdist(home: Home, ground: Ground) -> None:
    """The source archive by pip."""
    _venv(home, ground.sdist)


def pip_git(home: Home, ground: Ground) -> None:
    """A git address by pip."""
    _venv(home, f"git+{ROOT.as_uri()}")


def pip_user(home: Home, ground: Ground) -> None:
    """The wheel by `pip install --user`."""
    home.type(PYTHON, "-m", "pip", "install", "--quiet", "--user", "--no-warn-script-location", ground.wheel)
    is_at_work(home)


def copy(home: Home, ground: Ground) -> None:
    """The files alone, in folders of skills of two projects: one environment, and nothing written into a project."""
    projects = [home.path / name / ".claude" / "skills" / "defer" for name in ("one", "two")]
    for skill in projects:
        skill.mkdir(parents=True)
        home.type("git", "-C", ROOT, "archive", "--format=tar", f"--output={home.path}/skill.tar", "HEAD")
        home.type("tar", "-xf", home.path / "skill.tar", "-C", skill)
    before = {path for skill in projects for path in skill.rglob("*")}
    for skill in projects:
        is_at_work(home, skill / "scripts" / "schedule-task.sh", skill / "scripts" / "run-deferred.sh")
    if made := {path for skill in projects for path in skill.rglob("*")} - before:
        raise Failed(f"written into a project: {sorted(map(str, made))}")
    made_once = list((home.path / ".local" / "share" / "defer").glob("venv-*/bin"))
    if len(made_once) != 1:
        raise Failed(f"not one environment: {made_once}")


CASES: dict[str, Callable[[Home, Ground], None]] = {
    "uv": uv,
    "uv-clone": uv_clone,
    "pipx": pipx,
    "pip": pip,
    "pip-sdist": pip_sdist,
    "pip-git": pip_git,
    "pip-user": pip_user,
    "copy": copy,
}


class Ground:
    """The installers, and the two archives that are installed, all made once."""

    def __init__(self, base: Path) -> None:
        home = Home(base / "ground", base)
        home.type(PYTHON, "-m", "venv", base / "tools")
        self.tools = base / "tools" / "bin"
        home.type(self.tools / "pip", "install", "--quiet", "build", "pipx", "uv")
        home.type(self.tools / "python", "-m", "build", "--outdir", base / "dist", ROOT)
        (self.wheel,) = (base / "dist").glob("*.whl")
        (self.sdist,) = (base / "dist").glob("*.tar.gz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="", help=f"some of: {' '.join(CASES)}")
    chosen = parser.parse_args().cases.split() or [*CASES]
    failed = []
    with tempfile.TemporaryDirectory(prefix="defer-installs-") as base:
        ground = Ground(Path(base))
        for name in chosen:
            case, begun = CASES[name], time.monotonic()
            print(f"\n== {name}: {case.__doc__}")
            try:
                case(Home(Path(base) / name, ground.tools), ground)
            except Failed as error:
                failed.append(name)
                print(f"FAILED: {error}")
            print(f"({time.monotonic() - begun:.0f} s)")
    print(
        f"\n{len(chosen) - len(failed)} of {len(chosen)} ways to install it work"
        + "".join(f"; not {one}" for one in failed)
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
