"""The world of one run of the real programs: a model, the programs, a user, and a place of its own for each cell.

    with world() as one:
        cell = one.cell("claude", "answer")
        cell.play("answer")
        task = cell.schedule("RUN: echo hello", "--permissions", "all")
        cell.wake()
        print(cell.runs(task["id"]), cell.turns())

Each cell has a home directory, a runtime directory, a workspace that is not a repository, and an address of the model
of its own, so that many can be at work at once. Everything is started as from cron: no variable but those named here,
no terminal, no locale.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import programs
from model.server import Model, serving

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
PATIENCE_SECONDS = 300.0
"""How long anything is waited for; far more than it takes."""

Task = dict[str, Any]


class World:
    """The model, the programs and the user of a run."""

    def __init__(self, base: Path, model: Model, binaries: Path) -> None:
        self.base, self.model, self.binaries = base, model, binaries
        # The programs behave in another way as root: Claude Code refuses to skip permissions, say.
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.too_short: set[tuple[str, int]] = set()
        """Time limits within which an agent did not come as far as it was to; machines differ."""
        self.shared_home = base
        self.shared: tuple[str, ...] = ()
        if os.geteuid() == 0:
            self._share()

    def _share(self) -> None:
        """Make once for all cells what each home directory would get: Defer's Python environment, since the user cannot
        enter that of root, and what Copilot unpacks at its first start."""
        lock = hashlib.sha256((ROOT / "requirements" / "core.lock").read_bytes()).hexdigest()[:8]
        self.shared_home = home = self.binaries.parents[1] / f"home-{self.user.pw_uid}-{lock}"
        home.mkdir(exist_ok=True)
        os.chown(home, self.user.pw_uid, self.user.pw_gid)
        self._as_user(["python3", "-I", str(SCRIPTS / "bootstrap.py")])
        self._as_user([str(self.binaries / "copilot"), "--version"])
        made = (".local/share/defer", ".cache/copilot")
        self.shared = tuple(name for name in made if (home / name).exists())

    def _as_user(self, words: list[str]) -> None:
        whose: dict[str, Any] = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        env = {"HOME": str(self.shared_home), "PATH": programs.PATH}
        subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL, **whose)

    def cell(self, agent: str, name: str, *, as_root: bool = False, **given: Any) -> Cell:
        """A new cell. ``as_root``: only for a run that root has started; ``given``: as of ``programs.setup``."""
        cell = Cell(self, agent, f"{agent}-{name}", as_root)
        cell.set_up(**given)
        return cell


@contextmanager
def world() -> Iterator[World]:
    """A world that is gone at the end of the block; ``AGENTS_KEEP=1`` leaves its directory, and names it."""
    binaries = programs.installed()
    # Not in /tmp, where homes are not: Codex complains of one that is.
    base = Path(tempfile.mkdtemp(prefix="defer-agents-", dir="/var/tmp"))
    base.chmod(0o755)
    try:
        with serving() as model:
            yield World(base, model, binaries)
    finally:
        # A program that was started without Defer, to be recorded, leaves its tools at work.
        for pid in _processes_with(f"HOME={base}/".encode()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if os.environ.get("AGENTS_KEEP"):
            print(f"left: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)


class Cell:
    """One agent in one case."""

    def __init__(self, world: World, agent: str, name: str, as_root: bool) -> None:
        self.world, self.agent, self.name = world, agent, name
        self._uid = 0 if as_root else world.user.pw_uid
        self._gid = 0 if as_root else world.user.pw_gid
        self.base = world.base / name
        self.home, self.runtime, self.workspace = (self.base / part for part in ("home", "runtime", "work"))
        for directory in (self.base, self.home, self.workspace):
            directory.mkdir()
            self._give(directory)
        for name in world.shared if not as_root else ():
            link = self.home / name
            self.write(f"{Path(name).parent}/.made", "")
            link.symlink_to(world.shared_home / name)
        self.env: dict[str, str] = {}

    def set_up(self, **given: Any) -> None:
        """Point the agent's program at the model: its settings, and the variables of all that the cell starts."""
        found = programs.setup(self.agent, self.world.model.base(self.name), **given)
        for path, text in found.files.items():
            self.write(path, text)
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{self.world.binaries}:{programs.PATH}",
            "DEFER_RUNTIME_DIR": str(self.runtime),
            "DEFER_TIMEZONE": "UTC",
            "DEFER_NOTIFY": "inbox",
            **found.environment,
        }

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._uid, self._gid)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the cell's user below its home directory."""
        target = self.home / path
        missing = [one for one in (target.parent, *target.parent.parents) if not one.exists()]
        for directory in reversed(missing):
            directory.mkdir()
            self._give(directory)
        target.write_text(text)
        self._give(target)
        return target

    # The model

    def play(self, scenario: str) -> None:
        """From now on the model answers so (see ``model``)."""
        self.world.model.play(self.name, scenario)

    def turns(self) -> list[dict[str, Any]]:
        """What the model was asked: user, all_user, system, tools, results, model of each request."""
        return self.world.model.turns(self.name)

    # Programs

    def start(self, words: list[str], **options: Any) -> subprocess.Popen[str]:
        """Start a program as the cell's user, in a session of its own; ``env`` is added to the cell's."""
        whose: dict[str, Any] = {}
        if os.geteuid() == 0:
            whose = {"user": self._uid, "group": self._gid, "extra_groups": []}
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {**streams, "cwd": self.workspace, **options, "env": {**self.env, **options.get("env", {})}}
        return subprocess.Popen(words, text=True, errors="replace", start_new_session=True, **whose, **options)

    def run(self, words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Start one and wait for its end."""
        process = self.start(words, **options)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def defer(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the front."""
        return self.run([str(SCRIPTS / "schedule-task.sh"), *words], **options)

    def schedule(self, prompt: str, *flags: str, **options: Any) -> Task:
        """Schedule a task for this cell's agent, due now. Raises RuntimeError with what Defer said if it would not."""
        words = ["--when", "now", "--summary", f"cell {self.name}", "--prompt-template", prompt]
        words += ["--executor", self.agent, "--workspace", str(self.workspace), "--compact", *flags]
        done = self.defer(*words, **options)
        if done.returncode:
            raise RuntimeError(f"schedule exited with {done.returncode}: {done.stderr.strip()}")
        return dict(json.loads(done.stdout))

    def wake(self, **options: Any) -> subprocess.CompletedProcess[str]:
        """One wake, to its end."""
        return self.run([str(SCRIPTS / "run-deferred.sh")], **options)

    def start_wake(self) -> subprocess.Popen[str]:
        """One wake that is left at work."""
        return self.start([str(SCRIPTS / "run-deferred.sh")])

    # What came of it

    def task(self, task_id: str) -> Task:
        """The record of a task, in the store or in the archive."""
        found = {
            one["id"]: one
            for path in [*self._months("archive"), self.runtime / "deferred.jsonl"]
            for one in _records(path)
            if "filed_at" not in one
        }
        return found[task_id]

    def runs(self, task_id: str) -> list[Task]:
        """The run records of a task, the oldest first."""
        return [one for path in self._months("runs") for one in _records(path) if one["task_id"] == task_id]

    def _months(self, folder: str) -> list[Path]:
        return sorted((self.runtime / folder).glob("*.jsonl"))

    def log(self, run: Task) -> str:
        """The log of an attempt."""
        return Path(run["log"]).read_text(errors="replace") if run.get("log") else ""


def _records(path: Path) -> list[Task]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def processes_of(run_id: str) -> dict[int, str]:
    """The processes that an attempt has left: id and command line, found by the variable that each inherits."""
    return _processes_with(f"DEFER_RUN_ID={run_id}".encode() + b"\0")


def _processes_with(variable: bytes) -> dict[int, str]:
    """Those with a variable that begins so."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if b"\0" + variable in b"\0" + (entry / "environ").read_bytes():
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = words.decode(errors="replace").strip()
            except OSError:
                continue  # it has ended, or is somebody else's
    return found


def until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll until ``condition()`` is truthy; its value. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError("what was waited for did not come about")
