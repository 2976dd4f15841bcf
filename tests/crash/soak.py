"""Row 9 of docs/promises.md: many processes at once, killed at random, and the invariants at the end.

``python tests/crash/soak.py [--seconds 60] [--processes 16] [--seed N]`` (``make soak``). Schedulers,
cancellers, replacers, wakes and archivers work on one store; runners and executors are killed in
between. At the end: every task that was acknowledged is in the store or in the archive, once; a
cancel that said yes was never run; no run began twice and no two attempts of a task overlapped; and
`defer doctor --records` finds no contradiction in what was recorded.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from real import DEADLINE_SECONDS, Place

# Notes its beginning and its end, so that an overlap shows; sometimes fails, lingers, or leaves a child behind.
BODY = """
cat >/dev/null
echo "begin $DEFER_TASK_ID $DEFER_RUN_ID" >>"$OVERLAPS"
case $(($$ % 7)) in
  0) sleep 0.2 ;;
  1) (sleep 0.3) & ;;
  2) sleep 0.05; echo "end $DEFER_TASK_ID $DEFER_RUN_ID" >>"$OVERLAPS"; exit 1 ;;
esac
echo "end $DEFER_TASK_ID $DEFER_RUN_ID" >>"$OVERLAPS"
"""


Key = tuple[str, str, str]


def key_of(one: dict[str, Any]) -> Key:
    """Tells apart what was replaced within a second."""
    return one["id"], one["created_at"], one["context"]["summary"]


class Soak:
    """One soak: what was said yes to, and how much was done."""

    def __init__(self, base: Path, seed: int) -> None:
        self.seed, self.dice = seed, random.Random(seed)  # noqa: S311
        self.place = Place(base, BODY)
        self.place.environment |= {"OVERLAPS": str(base / "overlaps"), "DEFER_MAX_PARALLEL": "6"}
        # A crowd on a slow disk: who has to wait for the lock is not wrong.
        self.place.environment |= {"DEFER_LOCK_TIMEOUT_SECONDS": f"{DEADLINE_SECONDS:g}"}
        self.acknowledged: set[Key] = set()
        self.cancelled: set[Key] = set()
        self.done: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.runners: list[subprocess.Popen[str]] = []
        self.stop_at = 0.0
        self.lock = threading.Lock()

    def go(self, seconds: float, processes: int) -> None:
        """Let ``processes`` of ours work at once for so long, then let everything come to rest."""
        self._write_backlog()
        self.stop_at = time.monotonic() + seconds
        works = [self.schedules, self.wakes, self.schedules, self.cancels]
        works += [self.wakes, self.replaces, self.kills, self.archives]
        threads = [
            threading.Thread(target=self._keep_on, args=(works[number % len(works)], self.dice.random()))
            for number in range(processes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _write_backlog(self) -> None:
        """Tasks that recur and are half an hour behind, so that they run again and again."""
        begun = time.time() - 1800
        anchor, first = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun + more)) for more in (0, 60))
        rule = {"expression": "every 1m", "tz": "UTC", "anchor": anchor, "count": 25}
        for number, policy in enumerate(("all", "all", "one")):
            self.place.write_due(
                f"backlog-{number}", created_at=anchor, run_at=first, occurrence=first, max_retries=1,
                recurrence={**rule, "catch_up": policy}, schema_version=2,
            )  # fmt: skip

    def _keep_on(self, work: object, seed: float) -> None:
        dice, number = random.Random(seed), 0  # noqa: S311
        while time.monotonic() < self.stop_at:
            number += 1
            try:
                work(dice, f"{seed:.6f}"[2:] + f"-{number}")  # type: ignore[operator]
            except Exception as error:
                self.complaints.append(repr(error))
                return

    def _start(self, face: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.place.command(face, *words), env=self.place.environment, cwd=self.place.base,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _finish(self, what: str, process: subprocess.Popen[str], *allowed: int) -> tuple[int, str]:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        self.done[what] += 1
        if process.returncode not in (0, *allowed) or "Traceback" in err:
            self.complaints.append(f"{what}: {process.returncode} {err.strip()[-300:]}")
        return process.returncode, out

    def schedules(self, dice: random.Random, name: str) -> None:
        when = dice.choice(["now", "now", f"@{int(time.time()) + dice.randrange(1, 5)}", "60m"])
        process = self._start(
            "front", "schedule", "--when", when, "--summary", "s", "--id", name, "--compact",
            "--max-retries", str(dice.randrange(3)),
        )  # fmt: skip
        killed = dice.random() < 0.1 and self._kill_after(process, dice.random() * 0.1)
        code, out = self._finish("schedule", process, *((-9,) if killed else ()))
        if code == 0:
            self.acknowledged.add(key_of(json.loads(out)))

    def _kill_after(self, process: subprocess.Popen[str], seconds: float) -> bool:
        time.sleep(seconds)
        process.kill()
        return True

    def _one_of_them(self, dice: random.Random) -> str | None:
        known = list(self.acknowledged)
        return dice.choice(known[-40:])[0] if known else None

    def cancels(self, dice: random.Random, _: str) -> None:
        name = self._one_of_them(dice)
        if name is None:
            time.sleep(0.01)
            return
        code, out = self._finish("cancel", self._start("front", "cancel", name, "--compact"), 1)
        if code == 0:
            self.cancelled.add(key_of(json.loads(out)))

    def replaces(self, dice: random.Random, mark: str) -> None:
        name = self._one_of_them(dice)
        if name is None:
            time.sleep(0.01)
            return
        words = ["--when", "90m", "--summary", mark, "--id", name, "--if-exists", dice.choice(["replace", "skip"])]
        code, out = self._finish("replace", self._start("front", "schedule", *words, "--compact"), 1)
        if code == 0:
            self.acknowledged.add(key_of(json.loads(out)))

    def wakes(self, dice: random.Random, _: str) -> None:
        process = self._start("wake")
        with self.lock:
            self.runners.append(process)
        self._finish("wake", process, -9)
        with self.lock:
            self.runners.remove(process)
        time.sleep(dice.random() * 0.1)

    def archives(self, dice: random.Random, _: str) -> None:
        self._finish("archive", self._start("archive"))
        time.sleep(dice.random() * 0.5)

    def kills(self, dice: random.Random, _: str) -> None:
        """A runner, or the group of an executor that is under way."""
        time.sleep(dice.random() * 2)
        with self.lock:
            victims = list(self.runners)
        if victims and dice.random() < 0.7:
            dice.choice(victims).kill()
            self.done["runner killed"] += 1
            return
        leaders = [one["run"]["leader"]["pid"] for one in self._records() if (one.get("run") or {}).get("leader")]
        if leaders:
            try:
                os.killpg(dice.choice(leaders), signal.SIGKILL)
                self.done["executor killed"] += 1
            except ProcessLookupError:
                pass

    def _records(self) -> list[dict[str, Any]]:
        try:
            lines = self.place.store.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        last = {one["id"]: one for one in map(json.loads, filter(lambda line: line.endswith(b"}"), lines))}
        return [one for one in last.values() if one["status"] == "executing"]

    def examine(self) -> list[str]:
        """What is wrong in the end: nothing, if all goes well."""
        self.place.examine({key[0] for key in self.acknowledged})
        archived = self.place.lines("archive")
        everywhere = set(map(key_of, [*archived, *self.place.tasks()]))
        wrong = [f"lost: {key}" for key in self.acknowledged - everywhere]
        ran = Counter((one["task_id"], one["occurrence"]) for one in self.place.lines("runs"))
        for one in archived:
            key = key_of(one)
            if key in self.cancelled and one["status"] == "cancelled" and not one["attempts"]:
                wrong += [f"cancelled and run: {key}"] if ran[(one["id"], one["occurrence"])] else []
        kept = {key_of(one) for one in archived if one["status"] == "cancelled"}
        wrong += [f"a cancel that said yes is not filed as such: {key}" for key in self.cancelled - kept]
        return [*wrong, *self._overlaps(), *self.complaints]

    def _overlaps(self) -> list[str]:
        """Two attempts of one task at once; one whose executor was killed has no end, and its successor may begin."""
        lost = {one["run_id"] for one in self.place.lines("runs") if one["status"] != "ok" and one["exit_code"] != 1}
        running: dict[str, str] = {}
        wrong = []
        path = self.place.base / "overlaps"
        for line in path.read_text().splitlines() if path.exists() else []:
            what, name, run = line.split()
            if what == "end":
                running.pop(name, None)
            elif running.get(name, "") not in ("", *lost):
                wrong.append(f"two attempts of {name} at once: {running[name]} and {run}")
            else:
                running[name] = run
        return wrong


def soak(base: Path, seconds: float, processes: int, seed: int) -> tuple[Soak, list[str]]:
    """Run one and examine it."""
    one = Soak(base, seed)
    one.go(seconds, processes)
    return one, one.examine()


def main() -> int:
    parser = argparse.ArgumentParser(description="Many processes at once on one store, then a look at what is left.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as base:
        one, wrong = soak(Path(base) / "soak", args.seconds, args.processes, seed)
        runs = Counter(run["status"] for run in one.place.lines("runs"))
    print(f"done {dict(one.done)}; runs {dict(runs)}")
    print(f"acknowledged {len(one.acknowledged)}, cancelled {len(one.cancelled)}")
    for what in wrong:
        print(f"WRONG: {what}")
    print("nothing lost, nothing twice" if not wrong else f"{len(wrong)} things are wrong (seed {seed})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
