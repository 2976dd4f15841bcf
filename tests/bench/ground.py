"""The ground to measure on: a throw-away directory on a real disk, with stores of every size."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import measure
import stores
from measure import Sample

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRIPTS = ROOT / "scripts"
PROGRAMS = str(HERE / "programs.py")
CAT = "#!/bin/sh\ncat >/dev/null\n"


class Ground:
    """Where a run of the benchmark takes place. ``quick``: fewer rounds and smaller stores."""

    def __init__(self, parent: Path, quick: bool) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="defer-bench-", dir=parent))
        self.quick = quick
        self.home = self.directory / "home"
        self.home.mkdir()
        self._written: dict[int, Path] = {}
        self._taken = 0

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self.directory)

    def rounds(self, full: int) -> int:
        """How often something is measured."""
        return max(3, full // 5) if self.quick else full

    @property
    def largest(self) -> int:
        """Tasks in the largest store."""
        return 100_000 if self.quick else 1_000_000

    def env(self, runtime: Path | None = None, **more: str) -> dict[str, str]:
        """A bare environment, with the store under ``runtime``."""
        place = {"DEFER_RUNTIME_DIR": str(runtime)} if runtime else {}
        path = os.environ.get("PATH", os.defpath)
        return {"HOME": str(self.home), "PATH": path, **place, **more}

    def fresh(self, waiting: int = 0, due: int = 0) -> Path:
        """A runtime directory of its own; without tasks there is no store in it."""
        runtime = Path(tempfile.mkdtemp(dir=self.directory))
        if waiting or due:
            stores.write(runtime / "deferred.jsonl", waiting, due)
        return runtime

    def store(self, size: int) -> Path:
        """The runtime directory with ``size`` waiting tasks, written once."""
        if size not in self._written:
            self._written[size] = self.fresh(size)
        return self._written[size]

    def executor(self, name: str, text: str) -> str:
        """An executable file."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    # What is timed

    def entry(self, name: str, *args: str, runtime: Path, **more: str) -> Sample:
        """One of our entries as a process."""
        return measure.process([str(SCRIPTS / name), *args], self.env(runtime, **more))

    def defer(self, runtime: Path, *args: str) -> Sample:
        """The front."""
        return self.entry("schedule-task.sh", *args, runtime=runtime)

    def schedule(self, runtime: Path, when: str = "30m") -> Sample:
        """Schedule one task, cold."""
        return self.defer(runtime, "--when", when, "--summary", "resume the review of the report", "--compact")

    def wake(self, runtime: Path, **more: str) -> Sample:
        """One wake."""
        return self.entry("run-deferred.sh", runtime=runtime, **more)

    def wake_with_one_due(self, runtime: Path) -> Sample:
        """A wake that finds one task due among those that wait."""
        self.schedule(runtime, "now")
        return self.wake(runtime)

    def python(self, *args: str, runtime: Path | None = None) -> Sample:
        """A Python process; the interpreter is the one that the entries use."""
        return measure.process([sys.executable, "-I", *args], self.env(runtime))

    def bare_python(self) -> Sample:
        """The limit of anything that starts Python."""
        return self.python("-c", "pass")

    def bare_bash(self) -> Sample:
        """The limit of anything that is a shell script."""
        return measure.process(["/bin/bash", "-c", ":"], self.env())

    def told(self, *args: str, runtime: Path | None = None, python: str = sys.executable) -> Sample:
        """What a program of ``programs.py`` measured."""
        return measure.told([python, PROGRAMS, *args], self.env(runtime))

    def make_idle(self, runtime: Path) -> None:
        """Wake until the markers say that nothing is due: a store written in this very moment is read once more."""
        for _ in range(3):
            self.wake(runtime)
            time.sleep(0.05)

    def about_one(self, verb: str, runtime: Path) -> Sample:
        """`show` or `cancel` of one of the waiting tasks."""
        return self.defer(runtime, verb, self._next_id(), "--compact")

    def _next_id(self) -> str:
        """The id of a waiting task that was not taken yet: present in every store of ``stores``."""
        self._taken += 1
        return stores.task_id(self._taken)
