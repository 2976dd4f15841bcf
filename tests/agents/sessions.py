"""Conversations that go on, end to end with the real Claude Code: a limit that is waited for, and a callback.

    PYTHONPATH=scripts python tests/agents/sessions.py [--cases quota,callback]

`make e2e-sessions` runs this. Each case prints what happened. Exit: 0 if everything is as promised, 1 if not.
``quota`` waits a minute or two, for real.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from world import PATIENCE_SECONDS, SCRIPTS, Cell, World, until, world

from defer import process

Findings = Iterator[tuple[str, bool]]
"""What was looked for, and whether it was so."""
_LIMIT_SECONDS = 30


def quota(one: World) -> Findings:
    """A run hits the limit of its subscription halfway; it goes on in the same conversation when that is over."""
    cell = one.cell("claude", "quota-resume")
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


def callback(one: World) -> Findings:
    """A conversation schedules its own continuation by its shell tool, and ends; a wake goes on in it."""
    cell = one.cell("claude", "callback")
    hook = {"type": "command", "command": f"{SCRIPTS}/hooks/note-session.sh claude"}
    cell.write(".claude/settings.json", json.dumps({"hooks": {"SessionStart": [{"hooks": [hook]}]}}))
    cell.play("answer")
    words = "--when now --summary later --prompt-template go-on-with-it --mode callback --executor claude --compact"
    command = f"{SCRIPTS}/schedule-task.sh {words}"
    flags = ["-p", "--output-format", "json", "--allowedTools", "Bash"]
    agent = cell.start(["claude", *flags], stdin=subprocess.PIPE)
    said, _ = agent.communicate(f"The secret word is kumquat.\nRUN: {command}\n", timeout=PATIENCE_SECONDS)
    session = json.loads(said)["session_id"]
    noted = cell.runtime / "sessions" / f"{session}.json"
    (task,) = (json.loads(line) for line in (cell.runtime / "deferred.jsonl").read_text().splitlines())
    before = len(cell.turns())
    cell.wake()
    ended, asked = cell.task(task["id"]), cell.turns()[before:]
    print(f"  the conversation: {session}; the task's: {task.get('session_id')}, of {task.get('session_directory')}")
    how, run = ended["result"].get("conversation"), cell.runs(task["id"])[0]
    print(f"  its run: {ended['status']}, {how}, {run['session_id']}")
    yield "the hook noted it", noted.exists() and noted.stat().st_mode & 0o777 == 0o600
    yield "scheduling took the id from the agent", task.get("session_id") == session
    yield "with the directory that it belongs to", task.get("session_directory") == str(cell.workspace)
    yield "it completed", ended["status"] == "completed"
    yield "in the same conversation", cell.runs(task["id"])[0]["session_id"] == session
    yield "the run says so", ended["result"].get("conversation") == "continued"
    told = json.dumps([turn["all_user"] for turn in asked])
    yield "the model received its earlier turns", "kumquat" in told and "go-on-with-it" in told
    yield from _forked(cell, session)


def _forked(cell: Cell, session: str) -> Findings:
    """The same while the conversation is open: in a copy, and the original stays as it was."""
    transcript = next(cell.home.glob(f".claude/projects/*/{session}.jsonl"))
    cell.play("answer")
    opened = cell.start(["sleep", "1000"])
    try:
        note = cell.runtime / "sessions" / f"{session}.json"
        known = {**json.loads(note.read_text()), "process": process.identity(opened.pid)}
        note.write_text(json.dumps(known))
        length = transcript.stat().st_size
        flags = ("--mode", "callback", "--session", session)
        task = cell.schedule("and-once-more", *flags)
        cell.wake()
    finally:
        opened.kill()
        opened.communicate()
    ended, run = cell.task(task["id"]), cell.runs(task["id"])[0]
    print(f"  while it is open: {ended['status']}, {ended['result'].get('conversation')}, {run['session_id']}")
    yield "while it is open elsewhere: in a copy", ended["result"].get("conversation") == "forked"
    yield "the copy has its own id", run["session_id"] not in (None, session)
    yield "the original is as it was", transcript.stat().st_size == length
    yield "the copy knows the earlier turns", "kumquat" in json.dumps(cell.turns()[-1]["all_user"])


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


CASES: dict[str, Callable[[World], Findings]] = {"quota": quota, "callback": callback}


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", default="", help=f"some of them: {', '.join(CASES)}")
    wanted = parser.parse_args().cases.replace(",", " ").split()
    if unknown := [name for name in wanted if name not in CASES]:
        parser.error(f"not known: {', '.join(unknown)} (known: {', '.join(CASES)})")
    failed = 0
    with world() as one:
        for name in wanted or CASES:
            print(f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}")
            for what, was_so in CASES[name](one):
                failed += not was_so
                print(f"  {'ok' if was_so else 'NO'}  {what}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
