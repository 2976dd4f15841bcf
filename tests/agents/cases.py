"""The cases in which each agent's real program is run through Defer, and what is seen of each.

A case is a function of a cell: it schedules, wakes, and gives back the task and its last run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from world import PATIENCE_SECONDS, Cell, Task, processes_of, until

LONGEST = "200s"
"""What an attempt may take where it is to end by itself: some programs try again for more than a minute."""
PATIENT_SECONDS = (40, 100, 250)
"""Time limits of attempts that are to be stopped: the next if the program had not come that far within the last."""
TOOL = "touch began; exec sleep 600"
LIMIT_SECONDS = 7200


class Seen(NamedTuple):
    """What came of a cell. ``back``: ``at`` the time that was named, after a ``backoff``, or empty for not at all."""

    status: str
    run: str
    exit_code: int | None
    error_type: str | None
    back: str
    has_session: bool
    has_usage: bool
    error: str
    troubles: tuple[str, ...]

    @property
    def word(self) -> str:
        """The outcome as the table shows it."""
        if self.status == "completed":
            return "ok"
        short = {"TimeoutError": "timeout", "RunnerStopped": "stopped", "PermissionBlocked": "blocked"}
        word = short.get(self.error_type or "") or str(self.exit_code)
        return f"{word} {self.back}".strip()


class Case(NamedTuple):
    """A case: what is done in a cell, how that cell is set up, and which agents have such a case; empty for all."""

    does: Callable[[Cell], Seen]
    given: Mapping[str, Any] = MappingProxyType({})
    agents: tuple[str, ...] = ()


def see(cell: Cell, task_id: str, *troubles: str) -> Seen:
    """What is to be seen of a task and its last run."""
    task, run = cell.task(task_id), cell.runs(task_id)[-1]
    error = run.get("error") or ""
    found = list(troubles)
    if re.search(r"exited with \d+\W*$|Traceback", error):
        found.append(f"the error is not the program's own word: {error}")
    if left := processes_of(run["run_id"]):
        found.append(f"processes are left: {left}")
    return Seen(
        status=task["status"],
        run=run["status"],
        exit_code=run["exit_code"],
        error_type=run["error_type"],
        back=_back(task, run),
        has_session=bool(run["session_id"]),
        has_usage=bool((run["usage"] or {}).get("output_tokens")),
        error=error,
        troubles=tuple(found),
    )


def _back(task: Task, run: Task) -> str:
    if task["status"] != "scheduled" or task.get("recurrence"):
        return ""
    ahead = (_moment(task["run_at"]) - _moment(run["ended_at"])).total_seconds()
    return "at" if abs(ahead - LIMIT_SECONDS) < 600 else "backoff" if ahead < 600 else f"in {ahead:.0f} s"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _woken(cell: Cell) -> list[str]:
    """A wake, and what it should not have printed: one line for a task that has failed is right."""
    done = cell.wake()
    lines = [line for line in done.stderr.splitlines() if not line.startswith("defer: task failed: ")]
    if done.returncode or lines or done.stdout:
        return [f"the wake exited with {done.returncode}: {' '.join(lines)[-300:]} {done.stdout}"]
    return []


def plain(scenario: str) -> Callable[[Cell], Seen]:
    """One attempt, with retries left."""

    def does(cell: Cell) -> Seen:
        cell.play(scenario)
        task = cell.schedule("Say hello.", "--max-retries", "2", "--timeout", LONGEST)
        return see(cell, task["id"], *_woken(cell))

    return does


def answer(cell: Cell) -> Seen:
    """It answers, and the model was told the prompt."""
    seen = plain("answer:All green.")(cell)
    told = any("Say hello." in turn["user"] for turn in cell.turns())
    return _doubted(seen, (told, "the model was not told the prompt"), (_output(cell) == "All green.", _output(cell)))


def tool(cell: Cell) -> Seen:
    """It calls a tool that its user's settings allow."""
    seen = plain("tool")(cell)
    made = (cell.workspace / "stub-was-here.txt").exists()
    calls = _last(cell)["tool_calls"]
    said = "made-it" in _output(cell)
    return _doubted(seen, (made, "nothing was made"), (calls == 1, f"tool_calls is {calls}"), (said, _output(cell)))


def denied(cell: Cell) -> Seen:
    """It calls a tool that it may not use."""
    seen = plain("tool")(cell)
    made = (cell.workspace / "stub-was-here.txt").exists()
    return _doubted(seen, (not made, "what was denied was done"))


def patience(cell: Cell) -> Iterator[int]:
    """Time limits to try, until the program has come far enough by then; one that was too short is not tried again."""
    *shorter, longest = PATIENT_SECONDS
    for seconds in shorter:
        if (cell.agent, seconds) not in cell.world.too_short:
            yield seconds
            cell.world.too_short.add((cell.agent, seconds))
    yield longest


def silent(cell: Cell) -> Seen:
    """The model says nothing until the time limit."""
    for seconds in patience(cell):
        cell.play("hang")
        task = cell.schedule("Say hello.", "--timeout", f"{seconds}s")
        troubles = _woken(cell)
        if cell.turns():
            break
    return see(cell, task["id"], *troubles)


def stuck(cell: Cell) -> Seen:
    """A tool runs until the time limit."""
    for seconds in patience(cell):
        cell.play(f"stall:{TOOL}")
        task = cell.schedule("Say hello.", "--timeout", f"{seconds}s")
        troubles = _woken(cell)
        if (cell.workspace / "began").exists():
            return see(cell, task["id"], *troubles)
    return see(cell, task["id"], *troubles, "the tool was not started")


def stopped(cell: Cell) -> Seen:
    """The runner gets a SIGTERM while a tool runs."""
    cell.play(f"stall:{TOOL}")
    task = cell.schedule("Say hello.", "--max-retries", "2", "--timeout", LONGEST)
    runner = cell.start_wake()
    until(lambda: (cell.workspace / "began").exists() or runner.poll() is not None)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=120)
    return see(cell, task["id"])


def _sticky(cell: Cell) -> str:
    """A first run of a task whose runs continue one conversation; its session."""
    cell.play("answer:The first.")
    words = ["add", "talk", "--schedule", "every day 3:00", "--prompt", "Say hello.", "--executor", cell.agent]
    done = cell.defer(*words, "--workspace", str(cell.workspace), "--sticky-session", "--timeout", LONGEST)
    if done.returncode:
        raise RuntimeError(done.stderr)
    _once_more(cell)
    session = _last(cell)["session_id"]
    if not session:
        raise RuntimeError(f"the first run has no session: {_last(cell)['error']}")
    return str(session)


def _once_more(cell: Cell) -> list[str]:
    done = cell.defer("run", "talk", "--compact")
    if done.returncode:
        raise RuntimeError(done.stderr)
    return _woken(cell)


def _last(cell: Cell) -> Task:
    runs = [run for path in sorted((cell.runtime / "runs").glob("*.jsonl")) for run in map(json.loads, path.open())]
    return dict(runs[-1])


def _output(cell: Cell) -> str:
    result = cell.task(_last(cell)["task_id"]).get("result") or {}
    return str(result.get("output"))


def _again(cell: Cell, between: Callable[[Cell], None], is_the_same: bool | None) -> Seen:
    session = _sticky(cell)
    between(cell)
    cell.play("answer:The second.")
    before = cell.turns()
    troubles = _once_more(cell)
    run = _last(cell)
    told = [turn["all_user"] for turn in cell.turns()[len(before) :]]
    same = run["session_id"] == session
    once = max(turn["all_user"].count("Say hello.") for turn in before)
    remembers = any(text.count("Say hello.") > once for text in told)
    spent = (run["usage"] or {}).get("input_tokens", 1200)
    seen = see(cell, run["task_id"], *troubles)
    if is_the_same is None:
        is_the_same = same  # either is right, as long as it is told what it is
    return _doubted(
        seen,
        (same == is_the_same, f"session {run['session_id']} after {session}"),
        (remembers == is_the_same, "it was told what was said before" if remembers else "it does not remember"),
        (spent <= 2400, f"it counts {spent} tokens"),
        (is_the_same or "new one" in cell.log(run), "the log does not say that a conversation was begun anew"),
    )


def resumed(cell: Cell) -> Seen:
    """A second run continues the conversation of the first."""
    return _again(cell, lambda _: None, True)


def elsewhere(cell: Cell) -> Seen:
    """The same when the task has another workspace by then."""

    def move(cell: Cell) -> None:
        other = cell.home / "other"
        cell.write("other/here.txt", "")
        path = next(Path(cell.runtime.parent).rglob("talk.y*ml"))
        path.write_text(path.read_text().replace(str(cell.workspace), str(other)))
        done = cell.defer("sync", "--compact")
        if done.returncode:
            raise RuntimeError(done.stderr)

    return _again(cell, move, None)


def gone(cell: Cell) -> Seen:
    """The same when the program has forgotten the conversation."""
    return _again(cell, lambda cell: forget(cell, **CASES["gone"].given), False)


def forget(cell: Cell, **given: Any) -> None:
    """Take away all that the cell's program has written down; ``given`` as of ``programs.setup``."""
    for entry in cell.home.iterdir():
        if entry.name not in ("data", "other", ".local", ".cache"):
            shutil.rmtree(entry, ignore_errors=True)
    shutil.rmtree(cell.home / ".local" / "share" / "opencode", ignore_errors=True)
    cell.set_up(**given)


def worktree(cell: Cell) -> Seen:
    """It is stopped in a Git worktree of its own, goes on there, in the same conversation, and its work stays there."""
    _make_repository(cell)
    cell.env["DEFER_RETRY_DELAY_SECONDS"] = "1"
    cell.play(f"stall:echo first > first.txt; {TOOL}")
    task = cell.schedule("Say hello.", "--worktree", "--max-retries", "2", "--timeout", LONGEST)
    runner = cell.start_wake()
    until(lambda: [*cell.runtime.glob("worktrees/*/*/began")] or runner.poll() is not None)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=120)
    cell.play("tool:cat first.txt; echo second > second.txt")
    end = time.monotonic() + PATIENCE_SECONDS
    troubles: list[str] = []
    while cell.task(task["id"])["status"] == "scheduled" and time.monotonic() < end:
        time.sleep(0.5)
        troubles += _woken(cell)
    first, *_, last = runs = cell.runs(task["id"])
    there = [Path((run["worktree"] or {}).get("path", "nowhere")) for run in runs]
    made = sorted(path.name for path in there[-1].glob("*.txt"))
    kept = _git(cell, "branch", "--list", "--format=%(refname:short)", "defer/*").split()
    return _doubted(
        see(cell, task["id"], *troubles),
        (len(runs) == 2 and len({*there}) == 1, f"its attempts worked in {', '.join(map(str, there))}"),
        (made == ["first.txt", "here.txt", "second.txt"], f"in its worktree there are: {made}"),
        (not _git(cell, "status", "--porcelain"), "its workspace has changed"),
        ("first" in _output(cell), f"it did not find what the first attempt had made: {_output(cell)}"),
        (kept == [last["worktree"]["branch"]], f"branches: {kept}"),
        (first["session_id"] == last["session_id"], "it went on in another conversation"),
    )


def worktree_unused(cell: Cell) -> Seen:
    """It changes nothing in its worktree: nothing of that is left."""
    _make_repository(cell)
    cell.play("tool:cat here.txt")
    task = cell.schedule("Say hello.", "--worktree", "--timeout", LONGEST)
    troubles = _woken(cell)
    left = [*cell.runtime.glob("worktrees/*/*")]
    branches = _git(cell, "branch", "--list", "defer/*")
    return _doubted(
        see(cell, task["id"], *troubles),
        ("committed" in _output(cell), _output(cell)),
        (not left and not branches, f"left behind: {left} {branches}"),
    )


def _make_repository(cell: Cell) -> None:
    """Make the cell's workspace a repository with a committed file."""
    _git(cell, "init", "-q")
    _git(cell, "config", "user.name", "A")
    _git(cell, "config", "user.email", "a@example.org")
    cell.run(["sh", "-c", "echo committed >here.txt"])
    _git(cell, "add", ".")
    _git(cell, "commit", "-q", "-m", "first")


def _git(cell: Cell, *words: str) -> str:
    done = cell.run(["git", *words])
    if done.returncode:
        raise RuntimeError(f"git {words[0]}: {done.stderr}")
    return done.stdout


def _doubted(seen: Seen, *claims: tuple[bool, str]) -> Seen:
    wrong = tuple(what for holds, what in claims if not holds)
    return seen._replace(troubles=seen.troubles + wrong)


CASES = {
    "answer": Case(answer),
    "tool": Case(tool, {"may_run": True}),
    "denied": Case(denied, {"may_run": False}),
    "limit": Case(plain(f"usage:{LIMIT_SECONDS}")),
    "limit-untimed": Case(plain("rate")),
    "overload": Case(plain("overload")),
    "auth": Case(plain("auth")),
    "forbidden": Case(plain("forbidden")),
    "no-model": Case(plain("nomodel")),
    "no-login": Case(plain("answer"), {"key": None}),
    "too-long": Case(plain("context")),
    "untrusted": Case(plain("answer"), {"is_trusted": False}, ("gemini",)),
    "silent": Case(silent),
    "stuck": Case(stuck, {"may_run": True}),
    "resumed": Case(resumed),
    "elsewhere": Case(elsewhere),
    "gone": Case(gone),
    "stopped": Case(stopped, {"may_run": True}),
    "worktree": Case(worktree, {"may_run": True}),
    "worktree-unused": Case(worktree_unused, {"may_run": True}),
}
SAMPLE = ("answer", "denied", "stuck") if os.geteuid() == 0 else ()
"""What is run as root, too."""
