"""The guards at work: what becomes of an executor that schedules itself, and of an agent that tries what it may not.

    python tests/agents/guards.py

`make e2e-guards` runs this. Everything is real but the agent: wakes, the shipped `claude` executor, commands of task
files; a script stands for Claude Code's program, and does what a tricked agent would. Each line says what was looked
for and what came of it. Exit: 0 if everything is as promised, 1 if not.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FRONT, WAKE = (ROOT / "scripts" / name for name in ("schedule-task.sh", "run-deferred.sh"))
PATIENCE_SECONDS = 300
MOST_WAKES = 50
HIDDEN = "a-value-that-nobody-may-see"
PRIVATE = "a private matter"

AGENT = """#!{python} -I
# Stands for Claude Code's program: does what $HOME/tries.json says, in its workspace, and notes what came of it.
import json, os, subprocess, sys
sys.stdin.read()
home = os.environ["HOME"]
with open(home + "/tries.json") as file:
    tries = json.load(file)
came = [subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL) for words in tries]
said = [[one.returncode, one.stdout, one.stderr] for one in came]
with open(home + "/came.json", "w") as file:
    json.dump({{"restricted": os.environ.get("DEFER_RESTRICTED"), "came": said}}, file)
print(json.dumps({{"type": "result", "subtype": "success", "is_error": False, "result": "done", "session_id": "5f1c"}}))
"""


class Finding(NamedTuple):
    """What was looked for, whether it was so, and what was seen."""

    claim: str
    holds: bool
    seen: str


Task = dict[str, Any]


class Place:
    """A home directory, a settings file with a secret, and a store, all of them thrown away."""

    def __init__(self, base: Path) -> None:
        self.home, self.runtime, self.workspace = base / "home", base / "runtime", base / "work"
        settings = self.home / ".config" / "defer"
        for directory in (self.home / "bin", settings, self.workspace):
            directory.mkdir(parents=True)
        self.settings = settings / "env"
        self.settings.write_text(f"API_KEY={HIDDEN}\n")
        self.settings.chmod(0o600)
        self.write("home/bin/claude", AGENT.format(python=sys.executable))
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin",
            "DEFER_RUNTIME_DIR": str(self.runtime),
            "DEFER_NOTIFY": "inbox",
            "DEFER_TIMEZONE": "UTC",
        }

    def write(self, name: str, text: str) -> Path:
        """A program, below the directory of all this."""
        path = self.home.parent / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command as a person gives it, in the workspace."""
        options: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
        return subprocess.run(
            list(map(str, words)), env=self.env, cwd=self.workspace, timeout=PATIENCE_SECONDS, check=False, **options
        )

    def asks(self, *words: str) -> Any:
        """The front's answer. Raises RuntimeError with what it said if it would not."""
        done = self.run(FRONT, *words)
        if done.returncode:
            raise RuntimeError(f"{shlex.join(words)} exited with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def waiting(self) -> list[Task]:
        return list(self.asks("list", "--compact"))

    def runs(self) -> list[Task]:
        files = sorted((self.runtime / "runs").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def store(self) -> bytes:
        return (self.runtime / "deferred.jsonl").read_bytes()


def rest(place: Place) -> Iterator[Finding]:
    """An executor that schedules itself twice, each time that it runs."""
    front = shlex.quote(str(FRONT))
    executor = place.write("twice.sh", f"#!/bin/sh\ncat >/dev/null\n{front} now again && {front} now again\n")
    place.env["DEFER_EXECUTOR"] = str(executor)
    place.asks("schedule", "now", "first", "--id", "first", "--compact")
    began, wakes = time.monotonic(), 0
    while place.waiting() and wakes < MOST_WAKES:
        wakes += 1
        place.run(WAKE)
    seconds, runs = time.monotonic() - began, place.runs()
    what = f"{len(runs)} attempts in {seconds:.0f} s and {wakes} wakes"
    yield Finding("an executor that schedules itself twice comes to rest", not place.waiting(), what)
    told = [one for one in place.asks("inbox", "--json")["notices"] if one["event"] != "completed"]
    what = "; ".join(f"{one['id']}: {one['event']}: {one.get('error')}" for one in told)
    yield Finding("of that, somebody is told once", [one["event"] for one in told] == ["bounded"], what)


def refusals(place: Place) -> dict[str, tuple[str, ...]]:
    """What an agent tries that is refused: what it is, and the words for the front."""
    outside = place.write("outside.md", f"{PRIVATE}\n")
    (place.workspace / "link.md").symlink_to(place.settings)
    (place.workspace / "up").symlink_to(place.home)
    place.write("work/x.sh", "#!/bin/sh\n")
    new = ("schedule", "1h", "x")
    return {
        "name an executor": (*new, "--executor", "./x.sh"),
        "name a condition": (*new, "--if", "./x.sh"),
        "name a check": (*new, "--check", "./x.sh"),
        "name an executor in a line of words": ("::defer 1h x", "--executor=./x.sh"),
        "read the settings file as a prompt": (*new, "--prompt-file", str(place.settings)),
        "read the settings file by a link in its workspace": (*new, "--prompt-file", "link.md"),
        "read the settings file by a link to its directory": (
            *new,
            f"--prompt-file=up/{place.settings.relative_to(place.home)}",
        ),
        "read another file outside": (*new, "--prompt-file", str(outside)),
        "name a file outside as an artifact": (*new, "--artifact", str(outside)),
        "widen its permissions": (*new, "--permissions", "all"),
        "widen those of a task that it made": ("edit", "child", "--permissions", "work"),
        "leave its workspace": (*new, "--workspace", ".."),
        "move a task that it made out of it": ("edit", "child", "--workspace", "/"),
        "take a higher limit of cost": (*new, "--max-cost", "100"),
        "recur for ever": ("schedule", "every minute", "x"),
        "replace a person's task": (*new, "--id", "persons", "--if-exists", "replace"),
        "take the id of a task that is over": (*new, "--id", "before"),
        "read a task that is over": ("history", "before"),
        "read a person's task": ("show", "persons"),
        "read the runs of a person's task": ("history", "persons"),
        "read the log of a person's task": ("log", "persons"),
        "cancel a person's task": ("cancel", "persons"),
        "change a person's task": ("edit", "persons", "--summary", "x"),
        "run a person's task": ("run", "persons"),
        "change its own task": ("edit", "own", "--summary", "x"),
        "run a task that it made, now": ("run", "child"),
        "look at the whole store": ("status",),
        "import a crontab": ("import", "crontab"),
        "remove what is filed": ("prune", "--keep-days", "0"),
    }


def restricted(place: Place) -> Iterator[Finding]:
    """An agent that has been tricked: what it tries is refused, one by one, and nothing of the store is changed."""
    flags = ("--executor", "claude", "--workspace", str(place.workspace), "--compact")
    place.asks("schedule", "in 9 years", PRIVATE, "--id", "persons", *flags)
    private = place.write("private.sh", f"#!/bin/sh\ncat >/dev/null\necho {shlex.quote(PRIVATE)}\nexit 1\n")
    place.asks("schedule", "now", PRIVATE, "--id", "before", "--executor", str(private), "--compact")
    place.run(WAKE)
    place.asks("schedule", "now", "x", "--id", "own", "--permissions", "edit", "--max-cost", "2", *flags)
    tried = refusals(place)
    child = ("schedule", "1h", "look again", "--id", "child", "--compact")
    calls = [child, *tried.values(), ("list", "--all", "--compact"), child]
    tries = [[str(FRONT), *words] for words in calls]
    (place.home / "tries.json").write_text(json.dumps(tries))
    place.run(WAKE)
    noted = json.loads((place.home / "came.json").read_text())
    yield Finding(
        "a shipped agent runs restricted", noted["restricted"] == "1", f"DEFER_RESTRICTED={noted['restricted']}"
    )
    (code, out, error), *came, (_, listed, _), _ = noted["came"]
    made = json.loads(out) if code == 0 else {}
    kept = {name: made.get(name) for name in ("executor", "permissions", "max_cost_usd", "parent")}
    expected = {"executor": "claude", "permissions": "edit", "max_cost_usd": 2, "parent": "own"}
    yield Finding("it may schedule what is as narrow as its task", kept == expected, f"{error.strip()} {kept}")
    for what, (code, out, error) in zip(tried, came, strict=True):
        is_refused = code in (1, 2) and not out and error.count("\n") == 1
        says_nothing = not any(text in out + error for text in (HIDDEN, PRIVATE))
        yield Finding(f"it may not {what}", is_refused and says_nothing, error.strip())
    seen = [one["id"] for one in json.loads(listed)]
    yield Finding("of all tasks it sees its own alone", seen == ["child"], f"{seen}")
    left = sorted(one["id"] for one in place.waiting())
    yield Finding("and nothing came of all that", left == ["child", "persons"], f"what waits: {left}")
    said = [name for name in ("deferred.jsonl", "prompts") if HIDDEN in read_all(place.runtime / name)]
    yield Finding("the secret is nowhere in the store or a prompt", not said, f"{said}")


def read_all(path: Path) -> str:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return "\n".join(one.read_text(errors="replace") for one in files)


def commands(place: Place) -> Iterator[Finding]:
    """A command of a task file asks for what an agent may not."""
    front = shlex.quote(str(FRONT))
    lines = {
        "pipes health": f"{front} health --json | grep -c attention",
        "runs another task": f"env LANG=C {front} run other | grep -c copy_of",
    }
    person = ("--executor", str(place.write("other.sh", "#!/bin/sh\n")), "--compact")
    place.asks("schedule", "in 9 years", "other", "--id", "other", *person)
    for name, line in lines.items():
        text = json.dumps({"schedule": "every year", "command": line})
        (place.workspace / f"{name.replace(' ', '-')}.json").write_text(text)
    place.asks("sync", str(place.workspace), "--json")
    asked = {name: place.asks("run", name.replace(" ", "-"), "--compact")["id"] for name in lines}
    place.run(WAKE)
    ended = {one["task_id"]: one for one in place.runs()}
    for name, task_id in asked.items():
        one = ended.get(task_id, {})
        yield Finding(
            f"a command that {name} is not restricted",
            one.get("status") == "ok",
            f"{one.get('status')}: {one.get('error') or one.get('summary')}",
        )


def main() -> int:
    failed = 0
    for guard in (rest, restricted, commands):
        with tempfile.TemporaryDirectory(prefix="defer-guards-") as base:
            for claim, holds, seen in guard(Place(Path(base))):
                print(f"{'ok' if holds else 'NOT SO':8}{claim}: {seen}".replace(base, "…"), flush=True)
                failed += not holds
    print("everything is as promised" if not failed else f"not as promised: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
