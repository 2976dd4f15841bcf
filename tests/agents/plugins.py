"""What agents' programs take from this repository, plugins, hooks and skills, used as docs/agents.md says.

``make e2e-agents`` runs this after its table, ``make e2e-agents CASES=plugins`` alone: a line for each check.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import programs
from world import ROOT, Cell, World, until

CASE = "plugins"
MOST_CPU_SECONDS = 0.15
"""What a hook may take. Of a machine's time, since how long it is waited for depends on what else runs there."""
_RUNS = 5
_BEGINNING = "Results of deferred tasks"
_SAID = {"session_id": "5f1c0000-0000-4000-8000-000000000000", "cwd": "/", "hook_event_name": "SessionStart"}

Findings = Iterator[tuple[str, bool]]
"""What was looked for, and whether it was so."""


def run(one: World, agents: list[str]) -> int:
    """Print each check; how many were not as promised."""
    source = _source(one)
    failed = 0
    for name, check in CHECKS.items():
        if name not in programs.TOOLS and name not in agents:
            continue
        print(f"{name} {CASE}: {(check.__doc__ or '').splitlines()[0]}", flush=True)
        for what, was_so in _each(check, one, source):
            failed += not was_so
            print(f"  {'ok' if was_so else 'NO'}  {what}", flush=True)
    print(f"{failed} not as promised")
    return failed


def _each(check: Callable[[World, Path], Findings], one: World, source: Path) -> Findings:
    try:
        yield from check(one, source)
    except Exception as error:
        yield f"broken: {type(error).__name__}: {error}", False


def _source(one: World) -> Path:
    """The repository as somebody gets it: what is committed, or about to be, without Git's own files."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    target = one.base / "a copy of defer"
    for name in filter(None, map(os.fsdecode, listed)):
        if not os.path.lexists(ROOT / name):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-P", ROOT / name, target / name], check=True)
    subprocess.run(["chmod", "-R", "a+rX", target], check=True)
    return target


# What all of them are asked


def _fill(cell: Cell, name: str = "photos") -> None:
    """A notice in the inbox that nobody has seen."""
    notice = {"op": "notice", "key": name, "event": "failed", "id": name, "summary": "back up", "error": "disk full"}
    line = json.dumps({**notice, "at": "2026-11-20T10:00:00Z"})
    cell.run(
        [
            "sh",
            "-c",
            'mkdir -p -m 700 "$1" && umask 077 && echo "$2" >>"$1/notices.jsonl"',
            "-",
            str(cell.runtime),
            line,
        ]
    )


def _unread(cell: Cell) -> list[str]:
    return [one["id"] for one in json.loads(cell.defer("inbox", "--peek", "--compact").stdout)["notices"]]


def _begin(cell: Cell, words: list[str], prompt: str = "Say hello.", **env: str) -> str:
    """Start the program with a prompt, to its end; what its model was told."""
    before = len(cell.turns())
    file = cell.write("prompt.txt", f"{prompt}\n")
    with file.open() as stdin:
        cell.run(words, stdin=stdin, env=env)
    return json.dumps(cell.turns()[before:])


def _shown(cell: Cell, words: list[str]) -> Findings:
    """A session that begins is shown the inbox, once, and never inside an attempt."""
    told = _begin(cell, words)
    yield (
        "with nothing unread its model hears of nothing",
        "Stub" not in told and told != "[]" and _BEGINNING not in told,
    )
    _fill(cell)
    told = _begin(cell, words, DEFER_RUN_ID="run_1", DEFER_TASK_ID="t")
    yield "inside an attempt neither", told != "[]" and _BEGINNING not in told
    yield "and nothing is eaten", _unread(cell) == ["photos"]
    told = _begin(cell, words)
    yield "its model received the inbox", _BEGINNING in told and "photos: failed" in told and "disk full" in told
    yield "which counts as read", _unread(cell) == []
    told = _begin(cell, words)
    yield "the next session hears of nothing", told != "[]" and _BEGINNING not in told


def _quick(cell: Cell, hook: Path, word: str, event: str = "SessionStart") -> Findings:
    """What the hook costs where nothing is unread, and where it shows something."""
    said = cell.write("said.json", json.dumps({**_SAID, "hook_event_name": event}))
    for number, state in enumerate(("nothing to show", "something to show")):
        spent = []
        for turn in range(_RUNS):
            if number:
                _fill(cell, f"n{turn}")
                said.write_text(json.dumps({**_SAID, "session_id": f"s-{turn}", "hook_event_name": event}))
            spent.append(_cpu_seconds(cell, hook, word, said))
        yield (
            f"the hook is quick with {state}: {min(spent) * 1000:.0f} ms of a processor",
            min(spent) < MOST_CPU_SECONDS,
        )


def _cpu_seconds(cell: Cell, hook: Path, word: str, said: Path) -> float:
    with said.open() as stdin:
        process = cell.start([str(hook), word], stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _runs(cell: Cell, copy: Path) -> Findings:
    """What a program has copied runs, and stays as it is."""
    done = cell.run([str(copy / "scripts" / "schedule-task.sh"), "list", "--compact"])
    yield f"its copy runs: {done.stderr.strip()[-200:]}", (done.returncode, done.stdout) == (0, "[]\n")
    made = [path for path in copy.rglob("*") if path.name in (".venv", "__pycache__")]
    yield "and makes nothing beside itself", not made


def _done(cell: Cell, *words: str) -> Findings:
    done = cell.run([cell.agent, *words])
    text = re.sub(r"\s+", " ", done.stdout + done.stderr)[-160:].replace(str(cell.world.base), "…")
    yield f"{cell.agent} {' '.join(words)}: {text}".replace(str(cell.world.base), "…"), done.returncode == 0


# Each of them


def skills(one: World, source: Path) -> Findings:
    """The installer of skills offers both, and copies what is enough to run."""
    cell = one.cell("claude", "skills")
    quiet = {"DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "CI": "1"}
    add = ["skills", "add", str(source), "--full-depth"]
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", cell.run([*add, "--list"], env=quiet).stdout)
    yield "both are offered", {"defer", "reorient"} <= set(re.findall(r"^\W*(\w+)\s*$", said, re.MULTILINE))
    done = cell.run([*add, "--yes", "--skill", "*", "--agent", "claude-code", "--agent", "codex"], env=quiet)
    copies = cell.workspace / ".agents" / "skills"
    yield (
        "both are installed",
        done.returncode == 0 and all((copies / name / "SKILL.md").exists() for name in ("defer", "reorient")),
    )
    yield from _runs(cell, copies / "defer")
    context = cell.write("CONTEXT.md", "# Tides\n\n## Orientation\n\nA service that predicts tides.\n")
    done = cell.run([str(copies / "reorient" / "scripts" / "reorient_snapshot.py"), "--context-file", str(context)])
    yield f"so does that of reorient: {done.stderr.strip()[-200:]}", done.returncode == 0
    there = sorted(path.name for path in cell.workspace.iterdir())
    yield f"nothing else is in the project: {there}", there == [".agents", ".claude", "skills-lock.json"]
    files = [path for path in (copies / "defer").rglob("*") if path.is_file()]
    yield f"it copied {len(files)} files, {sum(path.stat().st_size for path in files) >> 10} KiB", bool(files)


def claude(one: World, source: Path) -> Findings:
    """The marketplace, the plugin, its hook and its commands; a conversation that goes on after a limit."""
    cell = one.cell("claude", CASE)
    cell.play("answer")
    yield from _done(cell, "plugin", "validate", str(source))
    yield from _done(cell, "plugin", "marketplace", "add", str(source))
    yield from _done(cell, "plugin", "install", "defer@defer")
    (copy,) = (cell.home / ".claude" / "plugins" / "cache" / "defer" / "defer").iterdir()
    yield from _runs(cell, copy)
    start = ["claude", "-p", "--output-format", "json"]
    yield from _shown(cell, start)
    told = _begin(cell, start, "/defer:inbox")
    yield "/defer:inbox hands over what defer inbox prints", "Nothing new." in told
    told = _begin(cell, start, "/defer:defer 30m look again")
    yield "/defer:defer hands over the line", "::defer 30m look again" in told
    _fill(cell, "later")
    before, task = len(cell.turns()), cell.schedule("Say hello.")
    cell.wake()
    told = json.dumps(cell.turns()[before:])
    yield (
        "a task's own attempt hears of nothing",
        cell.task(task["id"])["status"] == "completed" and _BEGINNING not in told,
    )
    yield "and eats nothing", "later" in _unread(cell)
    yield from _quick(cell, copy / "scripts" / "hooks" / "session-start.sh", "claude")
    yield from _after_limit(one.cell("claude", "after-limit"), source, start)


def _after_limit(cell: Cell, source: Path, start: list[str]) -> Findings:
    """A turn that a usage limit ends goes on when it is over."""
    hook = {"type": "command", "command": f'"{source}/scripts/hooks/resume-after-limit.sh" claude', "timeout": 60}
    hooks = {"StopFailure": [{"matcher": "rate_limit", "hooks": [hook]}]}
    cell.write(".claude/settings.json", json.dumps({"hooks": hooks}))
    cell.play("usage:3600")
    _begin(cell, start, "The secret word is kumquat.", DEFER_RUN_ID="run_1", DEFER_TASK_ID="t")
    yield "inside an attempt a limit defers nothing", not (cell.runtime / "deferred.jsonl").exists()
    _begin(cell, start, "The secret word is kumquat.")
    # The program does not wait for this hook.
    until(lambda: (cell.runtime / "deferred.jsonl").exists())
    waiting = json.loads(cell.defer("list", "--compact").stdout)
    yield f"a limit defers going on: {[(row['id'], row['run_at']) for row in waiting]}", len(waiting) == 1
    cell.play("answer")
    task, before = waiting[0], len(cell.turns())
    cell.defer("reschedule", task["id"], "now")
    cell.wake()
    told = json.dumps(cell.turns()[before:])
    yield "it completed", cell.task(task["id"])["status"] == "completed"
    yield "in the same conversation", cell.runs(task["id"])[0]["session_id"] == task["session_id"]
    yield "the model received the turn that the limit had ended", "kumquat" in told and "usage limit" in told


def codex(one: World, source: Path) -> Findings:
    """The marketplace, the plugin and its hook, which runs only where it is trusted."""
    cell = one.cell("codex", CASE)
    cell.play("answer")
    yield from _done(cell, "plugin", "marketplace", "add", str(source))
    yield from _done(cell, "plugin", "add", "defer@defer")
    (copy,) = (cell.home / ".codex" / "plugins" / "cache" / "defer" / "defer").iterdir()
    yield from _runs(cell, copy)
    start = ["codex", "exec", "--json", "--skip-git-repo-check"]
    _fill(cell, "early")
    told = _begin(cell, [*start, "-"])
    # A skill at the top of a plugin it does not read: that one comes by `make install`.
    yield "its model knows the skill reorient", "defer:reorient" in told
    yield "without trust the hook is skipped", _BEGINNING not in told and _unread(cell) == ["early"]
    cell.defer("inbox")
    yield from _shown(cell, [*start, "--dangerously-bypass-hook-trust", "-"])
    yield from _quick(cell, copy / "scripts" / "hooks" / "session-start.sh", "codex")


def gemini(one: World, source: Path) -> Findings:
    """The extension and its hook."""
    cell = one.cell("gemini", CASE)
    cell.play("answer")
    yield from _done(cell, "extensions", "validate", str(source))
    yield from _done(cell, "extensions", "install", str(source), "--consent")
    copy = cell.home / ".gemini" / "extensions" / "defer"
    yield from _runs(cell, copy)
    yield from _shown(cell, ["gemini", "-o", "json"])
    yield "the conversations are noted", bool(list((cell.runtime / "sessions").glob("*.json")))
    yield from _quick(cell, copy / "scripts" / "hooks" / "session-start.sh", "gemini")


def copilot(one: World, source: Path) -> Findings:
    """The plugin and its hook, and the hook as a file of its own."""
    cell = one.cell("copilot", CASE)
    cell.play("answer")
    yield from _done(cell, "plugin", "marketplace", "add", str(source))
    yield from _done(cell, "plugin", "install", "defer@defer")
    start = ["copilot", "--output-format", "json"]
    told = _begin(cell, start)
    yield "its model knows both skills", "<name>defer</name>" in told and "<name>reorient</name>" in told
    yield from _shown(cell, start)
    cell = one.cell("copilot", f"{CASE}-by-hand")
    cell.play("answer")
    hook = source / "scripts" / "hooks" / "session-start.sh"
    hooks = {"sessionStart": [{"type": "command", "bash": f'"{hook}" copilot'}]}
    cell.write(".copilot/hooks/defer.json", json.dumps({"version": 1, "hooks": hooks}))
    yield from _shown(cell, start)
    yield from _quick(cell, hook, "copilot")


def opencode(one: World, source: Path) -> Findings:
    """The plugin, linked."""
    cell = one.cell("opencode", CASE)
    cell.play("answer")
    hooks = source / "scripts" / "hooks"
    plugins = cell.write(".config/opencode/plugin/.made", "").parent
    (plugins / "defer.js").symlink_to(hooks / "session-start.opencode.js")
    yield from _shown(cell, ["opencode", "run", "--format", "json"])
    yield "the conversations are noted", bool(list((cell.runtime / "sessions").glob("*.json")))
    yield from _quick(cell, hooks / "session-start.sh", "opencode")


def qwen(one: World, source: Path) -> Findings:
    """The hook, by hand: of the event that it fires without a person."""
    cell = one.cell("qwen", CASE)
    cell.play("answer")
    hook = source / "scripts" / "hooks" / "session-start.sh"
    settings: dict[str, Any] = json.loads((cell.home / ".qwen" / "settings.json").read_text())
    hooks = {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": f'"{hook}" qwen'}]}]}
    cell.write(".qwen/settings.json", json.dumps({**settings, "hooks": hooks}))
    yield from _shown(cell, ["qwen", "-o", "json"])
    yield from _quick(cell, hook, "qwen", "UserPromptSubmit")


CHECKS: dict[str, Callable[[World, Path], Findings]] = {
    "skills": skills,
    "claude": claude,
    "codex": codex,
    "gemini": gemini,
    "copilot": copilot,
    "opencode": opencode,
    "qwen": qwen,
}
