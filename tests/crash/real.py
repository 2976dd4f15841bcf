"""The real programs in a real directory: start them, hinder them from outside, look at what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 300.0
PYTHON = [sys.executable, "-I", "-S", "-X", "utf8", str(ROOT / "scripts" / "defer" / "__main__.py")]
"""What an entry gives way to (``start_python`` in scripts/common.sh)."""
_ALIKE = """
import os, runpy, sys
dice = os.urandom
os.urandom = lambda size: bytes(8) if size == 8 else dice(size)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
PREDICTABLE = [*PYTHON[:-1], "-c", _ALIKE, PYTHON[-1]]
"""The same with temporary names (eight random bytes) that are known beforehand: a tracer is told them."""

Task = dict[str, Any]


class Place:
    """One runtime directory and an executor that notes each of its runs in a file."""

    def __init__(self, base: Path, body: str = "cat >/dev/null") -> None:
        self.base, self.runtime = base, base / "runtime"
        self.store = self.runtime / "deferred.jsonl"
        self.ledger = base / "ledger"
        base.mkdir(parents=True, exist_ok=True)
        executor = base / "executor"
        executor.write_text(
            f'#!/bin/sh\necho "$DEFER_RUN_ID $DEFER_TASK_ID $DEFER_ATTEMPT" >>"{self.ledger}"\n{body}\n'
        )
        executor.chmod(0o755)
        self.environment = {
            "HOME": str(base),
            "PATH": os.environ.get("PATH", os.defpath),
            "DEFER_RUNTIME_DIR": str(self.runtime),
            "DEFER_EXECUTOR": str(executor),
            "DEFER_TIMEZONE": "UTC",
            "DEFER_RETRY_DELAY_SECONDS": "0",
            "DEFER_KILL_GRACE_SECONDS": "0.2",
            "DEFER_ENV_FILE": os.devnull,
        }

    def command(self, face: str, *words: str) -> list[str]:
        return [*PYTHON, face, *words]

    def run(
        self,
        face: str,
        *words: str,
        before: Sequence[str] = (),
        program: Sequence[str] = PYTHON,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run one face to its end, behind the words of ``before`` (a tracer, say)."""
        return subprocess.run(
            [*before, *program, face, *words],
            env={**self.environment, **(env or {})},
            cwd=self.base,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
            **options,
        )

    def schedule(
        self, task_id: str, when: str = "60m", *words: str, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return self.run(
            "front", "schedule", "--when", when, "--summary", "s", "--id", task_id, "--compact", *words, **options
        )

    def write_due(self, *names: str, **fields: Any) -> None:
        """Tasks that are overdue, as somebody may have written them by hand."""
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        with self.store.open("a") as file:
            file.writelines(json.dumps(due_task(name, **fields)) + "\n" for name in names)

    def tasks(self) -> list[Task]:
        listed = self.run("front", "list", "--all", "--compact")
        assert listed.returncode == 0, listed.stderr
        assert "Traceback" not in listed.stderr
        return list(json.loads(listed.stdout))

    def lines(self, folder: str) -> list[Task]:
        """The records in all files of ``archive`` or ``runs``."""
        found = []
        for path in sorted((self.runtime / folder).glob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return found

    def ran(self) -> list[str]:
        """The run ids of executors that really started."""
        return [line.split()[0] for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []

    def settle(self) -> None:
        """Wake until nothing is due or executing; executors that outlived their runner end by themselves."""

        def at_rest() -> bool:
            woken = self.run("wake")
            assert woken.returncode == 0, woken.stderr
            assert "Traceback" not in woken.stderr
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return all(one["status"] == "scheduled" and one["run_at"] > now for one in self.tasks())

        until(at_rest, "a store at rest")

    def examine(self, acknowledged: set[str]) -> None:
        """Every acknowledged task in one place, every run that began in one record, nothing left behind."""
        self.settle()
        waiting, filed = list(map(_key, self.tasks())), list(map(_key, self.lines("archive")))
        runs = Counter(one["run_id"] for one in self.lines("runs"))
        attempts = Counter((one["task_id"], one["occurrence"], one["attempt"]) for one in self.lines("runs"))
        assert len(waiting) == len({one[0] for one in waiting})
        assert len(filed) == len(set(filed)), "filed twice"
        assert not set(waiting) & set(filed), "in the store and in the archive"
        assert acknowledged <= {one[0] for one in [*waiting, *filed]}, "lost"
        assert max(runs.values(), default=1) == 1, "a run has two records"
        assert max(attempts.values(), default=1) == 1, "an attempt number was given twice"
        assert max(Counter(self.ran()).values(), default=1) == 1, "a run began twice"
        assert set(self.ran()) <= set(runs), "a run without its record"
        assert self.contradictions() == []

    def contradictions(self) -> list[Any]:
        """What the history checker says of all that is left."""
        done = self.run("front", "doctor", "--records", "--compact")
        assert done.returncode in (0, 1), done.stderr
        return list(json.loads(done.stdout)["contradictions"])


def _key(one: Task) -> tuple[str, ...]:
    """An occurrence of a task; the summary tells apart what was replaced within a second."""
    return one["id"], one["created_at"], one.get("occurrence", ""), one["context"]["summary"]


def due_task(name: str, **fields: Any) -> Task:
    return {
        "id": name,
        "created_at": "2026-04-08T16:35:00Z",
        "run_at": "2026-04-08T16:45:00Z",
        "status": "scheduled",
        "context": {"summary": "s"},
        "attempts": 0,
        "max_retries": 0,
        **fields,
    }


def until(condition: Callable[[], Any], what: str) -> Any:
    """Poll until ``condition()`` is truthy; its value."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come about within {DEADLINE_SECONDS:g} s")
