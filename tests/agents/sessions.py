"""Conversations that go on, end to end with the real programs: a limit that is waited for, and callbacks.

    PYTHONPATH=scripts python tests/agents/sessions.py [--cases quota,callback] [--agents claude,codex]

`make e2e-sessions` runs this. Each case prints what happened. Exit: 0 if everything is as promised, 1 if not.
``quota`` waits a minute or two, for real.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from cases import forget
from world import PATIENCE_SECONDS, SCRIPTS, Cell, World, until, world

from defer.executors import registry
from defer.executors.agents.base import Wishes

Findings = Iterator[tuple[str, bool]]
"""What was looked for, and whether it was so."""
_LIMIT_SECONDS = 30
_SESSION = re.compile(r'"(?:session_id|sessionId|sessionID|thread_id)": ?"([^"]+)"').search


def quota(one: World, agent: str) -> Findings:
    """A run hits the limit of its subscription halfway; it goes on in the same conversation when that is over."""
    cell = one.cell(agent, "quota-resume")
    cell.write(".claude/settings.json", json.dumps({"permissions": {"allow": ["Bash"]}}))
    cell.play("answer")
    task = cell.schedule("RUN: sleep 5; echo first-half", "--no-drift")
    wake = cell.start_wake()
    until(lambda: cell.turns())
    cell.play(f"usage:{_LIMIT_SECONDS}")
    wake.communicate(timeout=PATIENCE_SECONDS)
    waits = cell.task(task["id"])
    cell.play("answer:The second half is done.")
    ended = _woken_until_over(cell, task["id"])
    runs, asked = cell.runs(task["id"]), cell.turns()[-1]["all_user"]
    print(f"  it waited until {waits['run_at']}; its second attempt began at {runs[-1]['started_at']}")
    print(f"  sessions of its runs: {[run['session_id'] for run in runs]}")
    yield "the first attempt left it waiting for a time", waits["status"] == "scheduled"
    yield "that time is of the limit: no backoff, no retry used", bool(waits.get("deferrals"))
    yield "it completed", ended["status"] == "completed"
    yield "two attempts", len(runs) == 2
    yield "one occurrence", len({run["occurrence"] for run in runs}) == 1
    yield "one session", len({run["session_id"] for run in runs}) == 1 and bool(runs[0]["session_id"])
    yield "the second began when the limit was over, to the minute", 0 <= _seconds(waits["run_at"], runs[-1]) < 60
    yield "the model received the earlier turns", "first-half" in json.dumps(asked) and "goes on" in json.dumps(asked)
    history = json.loads(cell.defer("history", task["id"], "--compact").stdout)
    print(f"  history: {[(row['outcome'], row['attempt'], row['occurrence'], row['session_id']) for row in history]}")
    told = [{row[name] for row in history} for name in ("attempt", "occurrence", "session_id")]
    yield "so history says", [len(one) for one in told] == [2, 1, 1] and len(history) == 2


def callback(one: World, agent: str) -> Findings:
    """A conversation schedules its own continuation by its shell tool, and ends; a wake goes on in it."""
    cell = one.cell(agent, "callback", may_run=True)
    _hook(cell)
    cell.play("answer")
    words = "--when now --summary later --prompt-template go-on-with-it --mode callback --compact"
    command = f"{SCRIPTS}/schedule-task.sh {words} --executor {agent}"
    said, error = _talk(cell).communicate(f"The secret word is kumquat.\nRUN: {command}\n", timeout=PATIENCE_SECONDS)
    found = _SESSION(said)
    if found is None:
        yield f"it names its conversation: {said[-300:]} {error[-300:]}", False
        return
    session = found[1]
    noted = cell.runtime / "sessions" / f"{session}.json"
    yield "the hook noted it", noted.exists() and noted.stat().st_mode & 0o777 == 0o600
    (task,) = (json.loads(line) for line in (cell.runtime / "deferred.jsonl").read_text().splitlines())
    print(f"  the conversation: {session}; the task's: {task.get('session_id')}, of {task.get('session_directory')}")
    yield "scheduling took the id from the agent", task.get("session_id") == session
    yield "with the directory that it belongs to", task.get("session_directory") == str(cell.workspace)
    yield from _went_on(cell, task["id"], session)
    yield from _open_elsewhere(cell, session)
    yield from _gone(cell, session)


def _went_on(cell: Cell, task_id: str, session: str, *, but_not: str = "\0") -> Findings:
    """A wake continues the conversation; the model does not hear what another copy of it was told."""
    before = len(cell.turns())
    cell.wake()
    ended, run = cell.task(task_id), cell.runs(task_id)[0]
    print(f"  its run: {ended['status']}, {_how(ended)}, {run['session_id']} {run['usage']} {run['error'] or ''}")
    told = _told(cell, before)
    yield "it completed", ended["status"] == "completed"
    yield "in the same conversation", run["session_id"] == session
    yield "the run says so", _how(ended) == "continued"
    yield "the model received its earlier turns", "kumquat" in told and "go-on-with-it" in told
    yield "and no others", but_not not in told


def _open_elsewhere(cell: Cell, session: str) -> Findings:
    """The same while the program has the conversation open: in a copy, or in a new one where it makes none."""
    can_fork = "fork" in registry.SHIPPED[cell.agent].enforces
    cell.play("hang")
    before = len(cell.turns())
    opened = _talk(cell, session)
    try:
        assert opened.stdin is not None
        opened.stdin.write("It is open now.\n")
        opened.stdin.close()
        until(lambda: len(cell.turns()) > before)
        cell.play("answer")
        bound = ("--permissions", "read") if can_fork else ()
        asks = f"and-once-more\nRUN: touch {cell.workspace}/made-in-a-copy"
        task = cell.schedule(asks, "--mode", "callback", "--session", session, *bound)
        before = len(cell.turns())
        cell.wake()
        is_open = opened.poll() is None
    finally:
        os.killpg(opened.pid, signal.SIGTERM)
        opened.wait(timeout=PATIENCE_SECONDS)
    ended, run = cell.task(task["id"]), cell.runs(task["id"])[0]
    told = _told(cell, before)
    print(
        f"  while it is open: {ended['status']}, {_how(ended)}, {run['session_id']} {run['usage']} {run['error'] or ''}"
    )
    print(f"  it says: {ended['result'].get('session_error')}")
    yield "it was open all the while", is_open
    yield "while it is open elsewhere it completed", ended["status"] == "completed"
    yield "the run says how", _how(ended) == ("forked" if can_fork else "new")
    yield "a profile holds in a copy", not (can_fork and (cell.workspace / "made-in-a-copy").exists())
    yield "in a conversation of its own", run["session_id"] not in (None, session)
    yield "which knows the earlier turns, if it is a copy", ("kumquat" in told) == can_fork and "and-once-more" in told
    if cell.agent == "gemini":
        return  # at times it loses a conversation that has been continued before, and says so
    after = cell.schedule("go-on-with-it, again", "--mode", "callback", "--session", session)
    yield from _went_on(cell, after["id"], session, but_not="and-once-more")


def _gone(cell: Cell, session: str) -> Findings:
    """The same when the program has lost the conversation between scheduling and the run: once more without it."""
    task = cell.schedule("start-afresh", "--mode", "callback", "--session", session)
    forget(cell, may_run=True)
    before = len(cell.turns())
    cell.wake()
    ended, runs = cell.task(task["id"]), cell.runs(task["id"])
    told = _told(cell, before)
    print(f"  when it is gone: {ended['status']}, {_how(ended)}, {runs[0]['session_id']} {runs[0]['error'] or ''}")
    print(f"  it says: {ended['result'].get('session_error')}")
    yield "when it is gone it completed, in one attempt", ended["status"] == "completed" and len(runs) == 1
    yield "the run says that it is a new one, and why", _how(ended) == "new" and bool(ended["result"]["session_error"])
    yield "the dead id is forgotten", session not in (runs[0]["session_id"], ended.get("session_id"))
    yield "the model heard of the task, and of nothing before", "start-afresh" in told and "kumquat" not in told


def _how(ended: dict[str, Any]) -> str | None:
    return (ended.get("result") or {}).get("conversation")


def _told(cell: Cell, before: int) -> str:
    return json.dumps([turn["all_user"] for turn in cell.turns()[before:]])


def _talk(cell: Cell, session: str | None = None) -> subprocess.Popen[str]:
    """The agent's program, started by somebody else than Defer: its hook is trusted, and its shell tool may be used."""
    more = {
        "claude": ["--allowedTools=Bash"],
        "codex": ["--dangerously-bypass-hook-trust", "--sandbox=danger-full-access"],
    }
    first, *words = registry.agent(cell.agent).start(Wishes(session=session, workspace=cell.workspace)).arguments
    return cell.start([cell.agent, first, *more.get(cell.agent, ()), *words], stdin=subprocess.PIPE)


def _hook(cell: Cell) -> None:
    """Install the hook that notes conversations as docs/agents.md says."""
    hook = f"{SCRIPTS}/hooks/note-session.sh {cell.agent}"
    if cell.agent == "opencode":
        plugins = cell.write(".config/opencode/plugin/.made", "").parent
        (plugins / "defer.js").symlink_to(SCRIPTS / "hooks" / "session-start.opencode.js")
        return
    path = {
        "claude": ".claude/settings.json",
        "codex": ".codex/hooks.json",
        "gemini": ".gemini/settings.json",
        "copilot": ".copilot/hooks/defer.json",
    }[cell.agent]
    hooks: dict[str, Any] = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": hook}]}]}}
    if cell.agent == "copilot":
        hooks = {"version": 1, "hooks": {"sessionStart": [{"type": "command", "bash": hook}]}}
    before = cell.home / path
    known = json.loads(before.read_text()) if before.exists() else {}
    cell.write(path, json.dumps({**known, **hooks}))


def _woken_until_over(cell: Cell, task_id: str) -> dict[str, Any]:
    """A wake every second, as from a quick cron, until the task has ended; its record."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        cell.wake()
        found = cell.task(task_id)
        if found["status"] not in ("scheduled", "executing"):
            return found
        time.sleep(1)
    raise TimeoutError(f"{task_id} has not ended")


def _seconds(since: str, run: dict[str, Any]) -> float:
    return (datetime.fromisoformat(run["started_at"]) - datetime.fromisoformat(since)).total_seconds()


CASES: dict[str, Callable[[World, str], Findings]] = {"quota": quota, "callback": callback}
AGENTS = {"quota": ("claude",), "callback": ("claude", "codex", "gemini", "opencode", "copilot")}
"""Which agents have such a case."""


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=_some_of(list(CASES)), default=list(CASES), help="some of them")
    parser.add_argument("--agents", type=_some_of(list(AGENTS["callback"])), default=[], help="some of them")
    options = parser.parse_args()
    failed = 0
    with world() as one:
        for name in options.cases:
            for agent in AGENTS[name]:
                if agent in (options.agents or AGENTS[name]):
                    failed += _run(one, name, agent)
    print(f"{failed} not as promised")
    return 1 if failed else 0


def _some_of(known: list[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = text.replace(",", " ").split()
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"not known: {', '.join(unknown)} (known: {', '.join(known)})")
        return found or known

    return names


def _run(one: World, name: str, agent: str) -> int:
    """How much was not as promised in one case with one agent."""
    print(f"{agent} {name}: {(CASES[name].__doc__ or '').splitlines()[0]}")
    failed = 0
    for what, was_so in CASES[name](one, agent):
        failed += not was_so
        print(f"  {'ok' if was_so else 'NO'}  {what}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
