"""What the real programs print in each case, kept for the fast tests of their readers in ``tests/data/agents``.

    tests/data/agents/AGENT/CASE.stdout, .stderr, .status

Long texts are shortened, and what belongs to the machine is given one name for all: directories, ports, moments of
this run. Each program is started as its adapter starts it, but by itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from world import ROOT, Cell, World, until

from defer.executors import registry
from defer.executors.agents.base import Wishes

DATA = ROOT / "tests" / "data" / "agents"
SECONDS = 150.0
"""A program that tries again and again is stopped then."""
LONGEST = 400
NOISE = ("session.background_tasks_changed", "tool.execution_partial_result", "assistant.message_delta")


class Recording(NamedTuple):
    """One case: what the model does, what the user's settings allow, and which conversation is continued.

    ``session``: ``first`` for one that has just been held, ``elsewhere`` for the same from another directory, ``gone``
    for one that there never was.
    """

    scenario: str
    is_allowed: bool = False
    session: str = ""
    is_logged_in: bool = True
    is_stopped: bool = False
    max_turns: int | None = None
    max_cost_usd: float | None = None


RECORDINGS = {
    "answer": Recording("answer"),
    "tool": Recording("tool", is_allowed=True),
    "denied": Recording("tool"),
    "limit": Recording("usage"),
    "limit-untimed": Recording("rate"),
    "quota": Recording("quota"),
    "overload": Recording("overload"),
    "auth": Recording("auth"),
    "forbidden": Recording("forbidden"),
    "no-model": Recording("nomodel"),
    "no-login": Recording("answer", is_logged_in=False),
    "too-long": Recording("context"),
    "dropped": Recording("drop"),
    "resumed": Recording("answer:Again.", session="first"),
    "elsewhere": Recording("answer:Again.", session="elsewhere"),
    "gone": Recording("answer", session="gone"),
    "stopped": Recording("tool:touch began; exec sleep 600", is_allowed=True, is_stopped=True),
}
ONLY = {
    # Cases that one program alone has.
    ("claude", "turns"): Recording("loop", is_allowed=True, max_turns=2),
    ("claude", "budget"): Recording("loop", is_allowed=True, max_cost_usd=0.01),
    ("qwen", "turns"): Recording("loop", is_allowed=True, max_turns=1),
}


def record(world: World, agent: str, case: str) -> str:
    """Record one case; what came of it in a line."""
    what = RECORDINGS.get(case) or ONLY[agent, case]
    given: dict[str, Any] = {} if what.is_logged_in else {"key": None}
    # What opencode's settings do not deny it may do.
    may_run = True if what.is_allowed else False if case == "denied" else None
    cell = world.cell(agent, f"{case}-recorded", may_run=may_run, **given)
    cell.play(what.scenario)
    session = _session(cell, what.session)
    cwd = cell.home if what.session == "elsewhere" else cell.workspace
    out, err, status = _run(cell, session, cwd, what)
    directory = DATA / agent
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (("stdout", _shortened(out)), ("stderr", err[-4000:]), ("status", f"{status}\n")):
        (directory / f"{case}.{name}").write_text(_without_machine(cell, text))
    return f"{agent} {case}: {status}"


def _session(cell: Cell, kind: str) -> str:
    if kind in ("", "gone"):
        unknown = "ses_de3799543ffeWkmk5q1NW1x2Fh" if cell.agent == "opencode" else str(uuid.uuid4())
        return unknown if kind else ""
    out, _, _ = _run(cell, "", cell.workspace, Recording("answer"))
    found = re.search(r'"(?:session_id|sessionId|sessionID|thread_id)": ?"([^"]+)"', out)
    if found is None:
        raise RuntimeError(f"{cell.agent} names no session: {out[-300:]}")
    return found[1]


def _start(cell: Cell, session: str, cwd: Path, what: Recording, stdin: Any) -> subprocess.Popen[str]:
    """The program as its adapter starts it."""
    own = cell.base / "own"
    limits = {"max_turns": what.max_turns, "max_cost_usd": what.max_cost_usd}
    begin = registry.agent(cell.agent).start(Wishes(session=session or None, workspace=cwd, own=own, **limits))
    for name, text in begin.files.items():
        cell.write(str(own / name), text)
    env = {**{name: value for name, value in begin.defaults.items() if name not in cell.env}, **begin.environment}
    return cell.start([cell.agent, *begin.arguments], cwd=cwd, env=env, stdin=stdin)


def _run(cell: Cell, session: str, cwd: Path, what: Recording) -> tuple[str, str, str]:
    prompt = cell.base / "prompt.txt"
    prompt.write_text("Say hello.\n")
    asked = len(cell.turns())
    with prompt.open() as stdin:
        process = _start(cell, session, cwd, what, stdin)
    if what.is_stopped:
        until(lambda: any(_runs(process.pid, "sleep 600")) or process.poll() is not None, SECONDS)
        with suppress(ProcessLookupError):  # some end at once
            os.killpg(process.pid, signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=SECONDS)
        return out, err, str(process.returncode if process.returncode >= 0 else 128 - process.returncode)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return out, err, f"stopped after {SECONDS:.0f} s and {len(cell.turns()) - asked} requests"


def _runs(leader: int, words: str) -> Iterator[int]:
    """The processes below a leader that were started with such words."""
    shown = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [(int(row[0]), int(row[1]), row[2]) for row in (line.split(None, 2) for line in shown.splitlines())]
    below, known = {leader}, 0
    while len(below) != known:
        known = len(below)
        below |= {pid for pid, parent, _ in rows if parent in below}
    yield from (pid for pid, _, shown_words in rows if pid in below and shown_words == words)


def _shortened(out: str) -> str:
    """Each event without its longest texts; what is not an event as it is."""
    kept = []
    for line in out.splitlines(keepends=True):
        try:
            event = json.loads(line)
        except ValueError:
            kept.append(line)
            continue
        if not (isinstance(event, dict) and event.get("type") in NOISE):
            kept.append(json.dumps(_short(event), ensure_ascii=False) + "\n")
    return "".join(kept)


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value[:8]]
    return value[:LONGEST] if isinstance(value, str) else value


def _without_machine(cell: Cell, text: str) -> str:
    text = text.replace(str(cell.base), "/cell").replace(str(cell.world.binaries.parents[1]), "/agents")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", text)
    return re.sub(r"/tmp/[\w./-]+", "/tmp/file", text)
