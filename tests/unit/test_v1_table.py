"""Every line of docs/v1.md is run: what v1 did is recorded here as a literal, what we do is asked of the scripts.

With V1_SCRIPTS set to the directory of v1's scripts the same questions are put to them, and each record is held to the
answer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import support
from defer.instants import from_text
from support import ROOT, Place, quoted, strict, v1_task

pytestmark = pytest.mark.programs

TABLE = ROOT / "docs" / "v1.md"
CHANGELOG = ROOT / "CHANGELOG.md"
V1_SCRIPTS = os.environ.get("V1_SCRIPTS")
ONE_YEAR_AHEAD = "2100-01-01T00:00:00Z"
Ask = Callable[[Place], Any]


class Case(NamedTuple):
    """What is asked, what v1 answered, and what we are to answer."""

    ask: Ask
    v1: Any
    here: Any


CASES: dict[str, Case] = {}


def same(name: str, answer: Any) -> Callable[[Ask], Ask]:
    """A line of the table in which nothing differs."""
    return differs(name, answer, answer)


def differs(name: str, v1: Any, here: Any) -> Callable[[Ask], Ask]:
    """A line of the table in which we answer something else than v1."""

    def note(ask: Ask) -> Ask:
        assert name not in CASES
        CASES[name] = Case(ask, v1, here)
        return ask

    return note


# Ways to ask


def is_v1() -> bool:
    """Whether v1's scripts are asked."""
    return support.SCRIPTS != ROOT / "scripts"


def front(place: Place, *words: str, **options: Any) -> Any:
    """What a command prints as JSON, or its exit status."""
    done = place.run("schedule-task.sh", *words, **options)
    return strict(done.stdout) if done.returncode == 0 else done.returncode


def later(place: Place, *words: str, **options: Any) -> Any:
    """What is scheduled an hour ahead."""
    return front(place, "--when", "1h", "--summary", "s", *words, **options)


def stored(place: Place) -> list[Any]:
    return support.records(place.store_path)


def woken(place: Place, *tasks: Any, script: str | None = None, **env: str) -> Any:
    """The task as a wake over the given store leaves it."""
    place.write_store(*tasks)
    executor = {"DEFER_EXECUTOR": place.executor(script)} if script is not None else {}
    place.run("run-deferred.sh", env={**executor, **env})
    left = [*place.archived(), *stored(place)]
    return left[0] if left else None


def chosen(task: Any, *names: str) -> Any:
    return {name: task.get(name) for name in names}


def zone_at_noon() -> str:
    """A zone in which it is between twelve and one, so that no day ends during a test."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def offset_of(zone: str) -> timedelta:
    return timedelta(hours=-int(zone.removeprefix("Etc/GMT")))


def local(place: Place, expression: str, zone: str | None = None) -> Any:
    """How many days ahead an expression is, at which time of day there; or ``this time``; or the exit status."""
    zone = zone or zone_at_noon()
    offset = offset_of(zone)
    before = datetime.now(UTC).replace(microsecond=0)
    done = place.run("time_utils.py", "normalize", expression, env={"DEFER_TIMEZONE": zone})
    after = datetime.now(UTC)
    if done.returncode:
        return done.returncode
    found = datetime.fromisoformat(done.stdout.strip())
    days = ((found + offset).date() - (before + offset).date()).days
    at = "this time" if before <= found - timedelta(days=days) <= after else f"{found + offset:%H:%M}"
    return f"{days:+d} {at}"


def weekday(place: Place, expression: str) -> Any:
    """The weekday of an expression that is one to seven days ahead."""
    zone = zone_at_noon()
    days, _, at = local(place, expression, zone).partition(" ")
    assert 1 <= int(days) <= 7
    return f"{datetime.now(UTC) + timedelta(days=int(days)) + offset_of(zone):%A} {at}"


def ahead(place: Place, expression: str, seconds: int) -> Any:
    """Whether an expression is so many seconds ahead; or the exit status."""
    before = datetime.now(UTC).replace(microsecond=0)
    done = place.run("time_utils.py", "normalize", expression)
    after = datetime.now(UTC)
    if done.returncode:
        return done.returncode
    return before <= datetime.fromisoformat(done.stdout.strip()) - timedelta(seconds=seconds) <= after


def instant(place: Place, expression: str, zone: str = "America/New_York", verb: str = "normalize") -> Any:
    """The instant of an expression that names its date; or the exit status."""
    done = place.run("time_utils.py", verb, expression, env={"DEFER_TIMEZONE": zone})
    return done.returncode or done.stdout.strip()


def snapshot(place: Place, text: str, *names: str) -> Any:
    """What a context file comes to."""
    file = place.home / "CONTEXT.md"
    file.write_text(text)
    found = strict(place.run("reorient_snapshot.py", "--context-file", str(file)).stdout)
    return chosen(found, *names) if names else {**found, "reoriented_from": Path(found["reoriented_from"]).name}


def waiting(task_id: str, **fields: Any) -> Any:
    return v1_task(task_id, run_at=ONE_YEAR_AHEAD, **fields)


# Names


@same("names", [True] * 6)
def _(place: Place) -> Any:
    names = ("schedule-task.sh", "run-deferred.sh", "execute-task.sh", "archive-deferred.sh", "time_utils.py")
    return [os.access(support.SCRIPTS / name, os.X_OK) for name in (*names, "reorient_snapshot.py")]


@differs("names-link", v1=1, here=0)
def _(place: Place) -> Any:
    (place.base / "link.sh").symlink_to(support.SCRIPTS / "schedule-task.sh")
    return place.run(str(place.base / "link.sh"), "list").returncode


@differs("functions-shell", v1=True, here=False)
def _(place: Place) -> Any:
    script = 'scripts=$1; . "$1/common.sh"; type now_utc_iso append_task_record acquire_tasks_lock'
    return subprocess.run(["bash", "-c", script, "-", support.SCRIPTS], capture_output=True).returncode == 0


@differs("functions-python", v1=[True, True], here=[False, False])
def _(place: Place) -> Any:
    texts = [(support.SCRIPTS / name).read_text() for name in ("time_utils.py", "reorient_snapshot.py")]
    return [
        f"def {name}(" in text for name, text in zip(("parse_time_expression", "build_snapshot"), texts, strict=True)
    ]


@differs("needs-jq", v1=1, here=0)
def _(place: Place) -> Any:
    tools = place.base / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "readlink", "date", "env", "dirname", "mkdir", "touch", "python3"):
        (tools / name).symlink_to(str(shutil.which(name)))
    return place.run("schedule-task.sh", "list", env={"PATH": str(tools)}).returncode


@same("make-targets", [True] * 7)
def _(place: Place) -> Any:
    text = (support.SCRIPTS.parent / "Makefile").read_text()
    names = ("help", "test", "test-python", "test-shell", "demo", "install", "clean-runtime")
    return [re.search(rf"^{name}:", text, re.MULTILINE) is not None for name in names]


@differs("make-clean", v1="deleted", here="refused")
def _(place: Place) -> Any:
    place.write_store(waiting("a"))
    command = ["make", "-s", "-C", str(support.SCRIPTS.parent), "clean-runtime"]
    subprocess.run(command, env=place.env, input=b"\n", capture_output=True)
    return "refused" if place.runtime.exists() else "deleted"


@differs("make-install", v1=False, here=True)
def _(place: Place) -> Any:
    """Whether `make install` puts a command into ~/.local/bin."""
    subprocess.run(["make", "-s", "-C", str(support.SCRIPTS.parent), "install"], env=place.env, capture_output=True)
    return (place.home / ".local" / "bin" / "defer").is_symlink()


# Files


@same("store", ["my-id"])
def _(place: Place) -> Any:
    later(place, "--id", "my-id")
    return [one["id"] for one in stored(place)]


@differs("store-order", v1=["id", "created_at", "run_at"], here=["id", "status", "run_at"])
def _(place: Place) -> Any:
    later(place)
    return list(stored(place)[0])[:3]


@differs("files-made", v1=["archive", "deferred.jsonl", "logs"], here=[])
def _(place: Place) -> Any:
    front(place, "list")
    return sorted(os.listdir(place.runtime)) if place.runtime.exists() else []


@differs("files-modes", v1=["644", "755"], here=["600", "700"])
def _(place: Place) -> Any:
    later(place, preexec_fn=support.umask(0o022))
    return [f"{path.stat().st_mode & 0o777:o}" for path in (place.store_path, place.logs)]


@same("prompt-file", "a.prompt.txt")
def _(place: Place) -> Any:
    return Path(woken(place, v1_task("a"))["result"]["prompt_path"]).relative_to(place.logs).name


@same("archive-month", {"a": "deferred_202603.jsonl", "b": "deferred_202605.jsonl", "c": "deferred_202604.jsonl"})
def _(place: Place) -> Any:
    place.write_store(
        v1_task("a", status="completed", completed_at="2026-03-31T23:59:59Z"),
        v1_task("b", status="failed", failed_at="2026-05-01T00:00:00Z"),
        v1_task("c", status="cancelled", cancelled_at="2026-04-08T17:00:00Z"),
        waiting("d"),
    )
    done = place.run("archive-deferred.sh")
    assert (done.returncode, done.stdout, [one["id"] for one in stored(place)]) == (0, "", ["d"])
    return {one["id"]: path.name for path in place.archive_dir.iterdir() for one in support.records(path)}


@same("archive-no-stamp", ["deferred_202604.jsonl"])
def _(place: Place) -> Any:
    place.write_store(v1_task("a", status="cancelled"))
    place.run("archive-deferred.sh")
    return os.listdir(place.archive_dir)


@differs("duplicate-id", v1="completed", here="cancelled")
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), v1_task("a", status="cancelled"))["status"]


@differs("broken-line", v1=[4, 4, 4, "scheduled"], here=[0, 0, 0, "completed"])
def _(place: Place) -> Any:
    place.write_store(b"{not json\n", v1_task("a"), waiting("b"))
    asked = (("run-deferred.sh",), ("schedule-task.sh", "list"), ("schedule-task.sh", "cancel", "--id", "b"))
    statuses = [place.run(*words).returncode for words in asked]
    left = {one["id"]: one for one in [*place.archived(), *place.tasks().values()]}
    return [*statuses, left["a"]["status"]]


@differs("wrong-type", v1=["completed", "completed"], here=["scheduled", "scheduled"])
def _(place: Place) -> Any:
    attempts = woken(place, v1_task("a", attempts="2"))["status"]
    shutil.rmtree(place.runtime)
    return [attempts, woken(place, v1_task(7))["status"]]


@differs("huge-record", v1="completed", here="scheduled")
def _(place: Place) -> Any:
    context = {"summary": "s", "key_points": [], "artifacts": [], "constraints": [], "notes": "x" * (5 << 20)}
    return woken(place, v1_task("a", context=context))["status"]


@differs("stored-words", v1="completed", here="scheduled")
def _(place: Place) -> Any:
    return woken(place, v1_task("a", run_at="today 00:00"))["status"]


@same("stored-zone", "completed")
def _(place: Place) -> Any:
    return woken(place, v1_task("a", run_at="2026-04-08 16:45"))["status"]


@same("stored-little", "completed")
def _(place: Place) -> Any:
    return woken(place, {"id": "a", "status": "scheduled", "run_at": "2026-04-08T16:45:00Z"})["status"]


@differs("dead-runner", v1="executing", here="failed")
def _(place: Place) -> Any:
    return woken(place, v1_task("a", status="executing", started_at="2026-04-08T16:45:00Z"))["status"]


@same("odd-id-runs", "completed")
def _(place: Place) -> Any:
    return woken(place, v1_task("ä b"))["status"]


@same("runner-of-v1", [0, "scheduled", 0, "completed"])
def _(place: Place) -> Any:
    """While it is at work; and when it has been killed."""
    place.write_store(v1_task("a"))
    lock = place.runtime / ".defer.lock"
    lock.mkdir()
    (lock / "pid").write_text(f"{os.getpid()}\n")
    while_it_works = [place.run("run-deferred.sh").returncode, place.task("a")["status"]]
    (lock / "pid").write_text(f"{ended_process()}\n")
    return [*while_it_works, place.run("run-deferred.sh").returncode, place.archived()[0]["status"]]


def ended_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


@same("writer-of-v1-killed", 0)
def _(place: Place) -> Any:
    return beside_writer(place, ended_process())


@differs("writer-of-v1", v1="waits", here=75)
def _(place: Place) -> Any:
    return beside_writer(place, os.getpid())


def beside_writer(place: Place, pid: int) -> Any:
    """What `schedule` comes to where a process of v1 writes, or died at it."""
    lock = place.runtime / ".deferred-tasks.lock"
    lock.mkdir(parents=True)
    (lock / "pid").write_text(f"{pid}\n")
    env = {"DEFER_LOCK_TIMEOUT_SECONDS": "0.5"}
    patience = 5 if is_v1() else support.DEADLINE_SECONDS
    try:
        return place.run("schedule-task.sh", *FLAGS, env=env, timeout=patience).returncode
    except subprocess.TimeoutExpired:
        return "waits"


@differs("odd-id-slash", v1="executing", here="completed")
def _(place: Place) -> Any:
    return woken(place, v1_task("a/b"))["status"]


# Environment


@same("variables", [True, True, True, True])
def _(place: Place) -> Any:
    base = place.base
    env = {
        "DEFER_TASKS_FILE": str(base / "a" / "t.jsonl"),
        "DEFER_ARCHIVE_DIR": str(base / "b"),
        "DEFER_LOG_DIR": str(base / "c"),
        "DEFER_LOG_FILE": str(base / "d" / "audit.log"),
    }
    for name in "abcd":
        (base / name).mkdir()
    (base / "a" / "t.jsonl").write_text(json.dumps(v1_task("a")) + "\n")
    place.run("run-deferred.sh", env=env)
    paths = (base / "a" / "t.jsonl", base / "b", base / "c" / "a.prompt.txt", base / "d" / "audit.log")
    return [path.exists() and (path.is_file() or any(path.iterdir())) for path in paths]


@same("default-directory", True)
def _(place: Place) -> Any:
    later(place, env={"DEFER_RUNTIME_DIR": ""})
    return (place.home / "data" / "runtime" / "deferred.jsonl").exists()


@same("zone", ["2035-01-15T14:00:00Z", "2035-01-15T00:00:00Z"])
def _(place: Place) -> Any:
    here = {"DEFER_TIMEZONE": "", "TZ": "Asia/Tokyo"}
    from_tz = place.run("time_utils.py", "normalize", "2035-01-15T09:00", env=here).stdout.strip()
    return [instant(place, "2035-01-15T09:00"), from_tz]


@differs("zone-unknown", v1=0, here=2)
def _(place: Place) -> Any:
    done = place.run("schedule-task.sh", "--when", "1h", "--summary", "s", env={"DEFER_TIMEZONE": "Nowhere/Land"})
    return done.returncode


@differs("zone-posix", v1=0, here=2)
def _(place: Place) -> Any:
    env = {"DEFER_TIMEZONE": "", "TZ": "XYZ-3"}
    return place.run("schedule-task.sh", "--when", "9am", "--summary", "s", env=env).returncode


@differs("directory-shared", v1=0, here=74)
def _(place: Place) -> Any:
    place.runtime.mkdir()
    place.runtime.chmod(0o777)
    return place.run("schedule-task.sh", "--when", "1h", "--summary", "s").returncode


@differs("store-shared", v1=[0, 0], here=[74, 74])
def _(place: Place) -> Any:
    place.write_store(waiting("a"))
    place.store_path.chmod(0o666)
    shared = place.run("schedule-task.sh", "--when", "1h", "--summary", "s").returncode
    place.store_path.chmod(0o600)
    os.link(place.store_path, place.base / "backup")
    return [shared, place.run("schedule-task.sh", "--when", "1h", "--summary", "s").returncode]


@differs("directory-tilde", v1=True, here=False)
def _(place: Place) -> Any:
    later(place, env={"DEFER_RUNTIME_DIR": "~/runtime"})
    return (place.home / "~").exists()


@same("directory-relative", True)
def _(place: Place) -> Any:
    later(place, env={"DEFER_RUNTIME_DIR": "runtime"})
    return (place.home / "runtime" / "deferred.jsonl").exists()


@differs("settings-file", v1=0, here=2)
def _(place: Place) -> Any:
    settings = place.base / "settings"
    settings.write_text('DEFER_LOG_DIR="$HOME/logs"\n')
    env = {"DEFER_ENV_FILE": str(settings)}
    return place.run("schedule-task.sh", "--when", "1h", "--summary", "s", env=env).returncode


@differs("lock-variable", v1=True, here=False)
def _(place: Place) -> Any:
    return "DEFER_TASKS_LOCK_DIR:-" in (support.SCRIPTS / "common.sh").read_text()


# Commands and flags

FLAGS = (
    *("--when", "2035-01-15T09:00:00Z", "--summary", "s", "--intent", "notify", "--mode", "callback"),
    *("--prompt-template", "p", "--aura-level", "high", "--max-retries", "3", "--key-point", "k1"),
    *("--key-point", "k2", "--artifact", "a1", "--constraint", "c1", "--id", "my-id"),
)


@same(
    "flags",
    {
        "id": "my-id",
        "run_at": "2035-01-15T09:00:00Z",
        "type": "deferred_task",
        "intent": "notify",
        "execution": {"mode": "callback", "prompt_template": "p", "aura_level": "high"},
        "status": "scheduled",
        "attempts": 0,
        "max_retries": 3,
        "reorient_requested": False,
        "reorient": {"requested": False, "project": None, "explicit_context_file": None},
        "context": {"summary": "s", "key_points": ["k1", "k2"], "artifacts": ["a1"], "constraints": ["c1"]},
    },
)
def _(place: Place) -> Any:
    task = front(place, *FLAGS)
    names = ("id", "run_at", "type", "intent", "execution", "status", "attempts", "max_retries")
    given = {name: value for name, value in task["context"].items() if name != "reoriented_from"}
    return {**chosen(task, *names, "reorient_requested", "reorient"), "context": given}


@same("defaults", ["resume_task", {"mode": "fresh", "prompt_template": "s", "aura_level": "low"}, 0])
def _(place: Place) -> Any:
    task = later(place)
    return [task["intent"], task["execution"], task["max_retries"]]


@differs("many-flags", v1=2500, here=2)
def _(place: Place) -> Any:
    task = later(place, *["--key-point", "k"] * 2500)
    return task if isinstance(task, int) else len(task["context"]["key_points"])


@differs("reoriented-from", v1=False, here=True)
def _(place: Place) -> Any:
    return "reoriented_from" in later(place)["context"]


@differs(
    "more-fields-ended",
    v1=["error", "failed_at", "prompt_path", "result", "started_at", "type"],
    here=[
        *("error", "error_type", "failed_at", "last", "last_attempt_at", "last_error", "occurrence"),
        *("prompt_path", "result", "started_at", "type"),
    ],
)
def _(place: Place) -> Any:
    task = woken(place, v1_task("a"), script="exit 3")
    return sorted((task.keys() | task["result"].keys()) - v1_task("a").keys() | {"type"})


@differs("more-fields", v1=[], here=["cwd", "occurrence", "origin", "ready_at", "schema_version", "tz", "when"])
def _(place: Place) -> Any:
    # A delay that is over at the beginning of a minute has nothing before its time.
    return sorted({*later(place).keys(), "ready_at"} - v1_task("a").keys() - {"warnings"})


@same("schedule-word", "scheduled")
def _(place: Place) -> Any:
    return front(place, "schedule", "--when", "1h", "--summary", "s")["status"]


@same("flag-twice", "b")
def _(place: Place) -> Any:
    return later(place, "--summary", "a", "--summary", "b")["context"]["summary"]


@same("flag-empty", [True, "s", {"requested": False, "project": None, "explicit_context_file": None}])
def _(place: Place) -> Any:
    flags = ("--id", "", "--prompt-template", "", "--context-json", "", "--project", "", "--context-file", "")
    task = later(place, *flags)
    return [task["id"].startswith("task_"), task["execution"]["prompt_template"], task["reorient"]]


@same("flag-dash", ["-x"])
def _(place: Place) -> Any:
    return later(place, "--constraint", "-x")["context"]["constraints"]


@differs("flag-for-value", v1="--compact", here=2)
def _(place: Place) -> Any:
    task = later(place, "--summary", "--compact")
    return task if isinstance(task, int) else task["context"]["summary"]


@same("retries-zeros", 7)
def _(place: Place) -> Any:
    return later(place, "--max-retries", "007")["max_retries"]


@differs("retries-large", v1=0, here=2)
def _(place: Place) -> Any:
    return place.run("schedule-task.sh", "--when", "1h", "--summary", "s", "--max-retries", "1234567890").returncode


@differs("list-lines", v1=["a", "b"], here=["a\nb"])
def _(place: Place) -> Any:
    return later(place, "--key-point", "a\nb")["context"]["key_points"]


@differs("bad-utf8", v1=0, here=2)
def _(place: Place) -> Any:
    summary = os.fsdecode(b"caf\xe9")
    return place.run("schedule-task.sh", "--when", "1h", "--summary", summary).returncode


@differs("summary-blank", v1=0, here=2)
def _(place: Place) -> Any:
    return place.run("schedule-task.sh", "--when", "1h", "--summary", "  ").returncode


@differs("made-up-id", v1=True, here=False)
def _(place: Place) -> Any:
    # A process has seven digits at most; ten hexadecimal ones may all be decimal by chance.
    return re.fullmatch(r"task_\d{8}_\d{6}_\d{1,7}", later(place)["id"]) is not None and True


@differs("id-odd", v1=["a b", "a/b", "ä"], here=[2, 2, 2])
def _(place: Place) -> Any:
    tasks = [later(place, "--id", wanted) for wanted in ("a b", "a/b", "ä")]
    return [one if isinstance(one, int) else one["id"] for one in tasks]


@differs("id-taken", v1=0, here=1)
def _(place: Place) -> Any:
    place.write_store(waiting("a"))
    return place.run("schedule-task.sh", "--when", "1h", "--summary", "s", "--id", "a").returncode


@differs("artifact-path", v1="notes.md", here="{home}/notes.md")
def _(place: Place) -> Any:
    (place.home / "notes.md").touch()
    return later(place, "--artifact", "notes.md")["context"]["artifacts"][0].replace(str(place.home), "{home}")


@same("context-json", {"summary": "J", "key_points": ["j", "f"], "artifacts": [], "reoriented_from": "/x"})
def _(place: Place) -> Any:
    context = '{"summary":"J","key_points":["j"],"artifacts":null,"reoriented_from":"/x"}'
    task = front(place, "--when", "1h", "--context-json", context, "--key-point", "f")
    return chosen(task["context"], "summary", "key_points", "artifacts", "reoriented_from")


@differs("context-unknown", v1=False, here=True)
def _(place: Place) -> Any:
    return "mine" in later(place, "--context-json", '{"mine":1}')["context"]


@differs("context-numbers", v1=[0, "executing"], here=[2, None])
def _(place: Place) -> Any:
    flags = ("--when", "now", "--summary", "s", "--context-json", '{"key_points":[1]}')
    status = place.run("schedule-task.sh", *flags).returncode
    place.run("run-deferred.sh")
    return [status, stored(place)[0]["status"] if status == 0 else None]


@differs("context-summary", v1="7", here=2)
def _(place: Place) -> Any:
    task = front(place, "--when", "1h", "--context-json", '{"summary":7}')
    return task if isinstance(task, int) else task["context"]["summary"]


@differs("context-bad", v1=[4, 1, 5], here=[2, 2, 2])
def _(place: Place) -> Any:
    return [later(place, "--context-json", text) for text in ("{", "null", "[]")]


@same("dry-run", ["scheduled", 0])
def _(place: Place) -> Any:
    task = later(place, "--dry-run")
    return [task["status"], len(stored(place))]


STATUSES = ("scheduled", "executing", "completed", "failed", "cancelled")


@same("list", [["scheduled", "executing"], list(STATUSES), ["failed", "cancelled"], ["failed"]])
def _(place: Place) -> Any:
    place.write_store(*(waiting(status, status=status) for status in STATUSES))
    asked: list[tuple[str, ...]] = [(), ("--all",), ("--status", "failed", "--status", "cancelled")]
    return [[one["id"] for one in front(place, "list", *flags)] for flags in (*asked, ("--all", "--status", "failed"))]


@differs("list-paused", v1=[], here=["p"])
def _(place: Place) -> Any:
    place.write_store(waiting("p", status="paused"))
    return [one["id"] for one in front(place, "list")]


@differs("list-status-unknown", v1=[], here=2)
def _(place: Place) -> Any:
    return front(place, "list", "--status", "bogus")


@same("cancel", {"status": "cancelled", "cancel_reason": "why"})
def _(place: Place) -> Any:
    place.write_store(waiting("a"))
    task = front(place, "cancel", "--id", "a", "--reason", "why")
    assert task["cancelled_at"]
    return chosen(task, "status", "cancel_reason")


@same("cancel-no-reason", [None, None])
def _(place: Place) -> Any:
    place.write_store(waiting("a"), waiting("b"))
    return [front(place, "cancel", "--id", "a", *flags)["cancel_reason"] for flags in [()]] + [
        front(place, "cancel", "--id", "b", "--reason", "")["cancel_reason"]
    ]


@same("cancel-not-possible", [1, 1, 1])
def _(place: Place) -> Any:
    place.write_store(waiting("a", status="executing"), waiting("b", status="completed"))
    return [front(place, "cancel", "--id", one) for one in ("a", "b", "nobody")]


@differs("cancel-word", v1=1, here=0)
def _(place: Place) -> Any:
    place.write_store(waiting("a"))
    return place.run("schedule-task.sh", "cancel", "a").returncode


# Output, errors, exits


@same("output-pretty", ['{\n  "id": "a",', "[]\n"])
def _(place: Place) -> Any:
    empty = place.run("schedule-task.sh", "list").stdout
    return [place.run("schedule-task.sh", *FLAGS, "--id", "a").stdout[:14], empty]


@same("output-compact", [1, 1, "[]\n"])
def _(place: Place) -> Any:
    empty = place.run("schedule-task.sh", "list", "--compact").stdout
    one = place.run("schedule-task.sh", *FLAGS, "--compact").stdout
    listed = place.run("schedule-task.sh", "list", "--compact").stdout
    return [one.count("\n"), listed.count("\n"), empty]


@same("output-unicode", "Überfällig 🌊")
def _(place: Place) -> Any:
    return later(place, "--summary", "Überfällig 🌊")["context"]["summary"]


@same("streams-as-one", ["my-id", "my-id"])
def _(place: Place) -> Any:
    both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "capture_output": False}
    scheduled = place.run("schedule-task.sh", *FLAGS, **both)
    cancelled = place.run("schedule-task.sh", "cancel", "--id", "my-id", **both)
    return [strict(done.stdout)["id"] for done in (scheduled, cancelled)]


@differs("warnings", v1=False, here=True)
def _(place: Place) -> Any:
    return "warnings" in later(place)


@differs("terminal", v1="{", here="“")
def _(place: Place) -> Any:
    ours, theirs = os.openpty()
    place.run("schedule-task.sh", *FLAGS, stdout=theirs, capture_output=False, stderr=subprocess.DEVNULL)
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    return said[0]


@same("help", [[0, True, ""]] * 3)
def _(place: Place) -> Any:
    asked = [place.run("schedule-task.sh", *words, "--help") for words in ((), ("list",), ("cancel",))]
    return [[done.returncode, "--compact" in done.stdout, done.stderr] for done in asked]


@differs("no-arguments", v1=1, here=0)
def _(place: Place) -> Any:
    return place.run("schedule-task.sh").returncode


BAD = {
    "unknown flag": ("--bogus",),
    "no value": ("--when",),
    "no time": ("--summary", "s"),
    "no summary": ("--when", "1h"),
    "bad time": ("--when", "gibberish", "--summary", "s"),
    "bad number": ("--when", "1h", "--summary", "s", "--max-retries", "-1"),
    "bad intent": ("--when", "1h", "--summary", "s", "--intent", "x"),
    "bad mode": ("--when", "1h", "--summary", "s", "--mode", ""),
    "bad aura level": ("--when", "1h", "--summary", "s", "--aura-level", "x"),
    "list": ("list", "--bogus"),
    "cancel": ("cancel",),
}


@differs("exit-bad-input", v1=dict.fromkeys(BAD, 1), here=dict.fromkeys(BAD, 2))
def _(place: Place) -> Any:
    return {name: place.run("schedule-task.sh", *words).returncode for name, words in BAD.items()}


@differs("error-form", v1=False, here=True)
def _(place: Place) -> Any:
    said = place.run("schedule-task.sh", "--bogus").stderr
    return said.startswith("defer: ") and said.count("\n") == 1


@differs("exit-io", v1=1, here=74)
def _(place: Place) -> Any:
    return place.run(
        "schedule-task.sh", "--when", "1h", "--summary", "s", env={"DEFER_RUNTIME_DIR": "/dev/null/x"}
    ).returncode


@differs("wake-flags", v1=0, here=2)
def _(place: Place) -> Any:
    return place.run("run-deferred.sh", "--bogus").returncode


@same("wake-quiet", [0, "", ""])
def _(place: Place) -> Any:
    place.write_store(v1_task("a"))
    done = place.run("run-deferred.sh")
    return [done.returncode, done.stdout, done.stderr]


@differs("wake-tells", v1=[0, False], here=[0, True])
def _(place: Place) -> Any:
    place.write_store(v1_task("a"))
    done = place.run("run-deferred.sh", env={"DEFER_EXECUTOR": place.executor("exit 3")})
    return [done.returncode, "a" in done.stderr]


# Times

DELAYS = {
    "30m": 1800,
    "2h": 7200,
    "1d": 86400,
    "1w": 604800,
    "90s": 90,
    "1h30m": 5400,
    "2w3d4h5m6s": 1483506,
    "2H": 7200,
    "in 10m": 600,
    "+10m": 600,
    "+ 10m": 600,
    "in 2 hours": 7200,
    "2 hours 5 minutes": 7500,
    "2hours": 7200,
    "2 hours and 5 minutes": 7500,
    "1 week": 604800,
    "30 secs": 30,
    "5 mins": 300,
    "2 hrs": 7200,
    "now": 0,
    " NOW ": 0,
}


@same("delays", dict.fromkeys(DELAYS, True))
def _(place: Place) -> Any:
    return {text: ahead(place, text, seconds) for text, seconds in DELAYS.items()}


@differs("delay-zero", v1=True, here=2)
def _(place: Place) -> Any:
    return ahead(place, "0m", 0)


@differs("delay-capital-m", v1=[True, True, True], here=[2, 2, 2])
def _(place: Place) -> Any:
    return [ahead(place, text, seconds) for text, seconds in (("10M", 600), ("in 10M", 600), ("1H30M", 5400))]


@differs("delay-in-text", v1=[True] * 4, here=[2] * 4)
def _(place: Place) -> Any:
    texts = ("call bob in 2 hours", "about 2 hours or so", "2 hours ago", "in -2 hours")
    return [ahead(place, text, 7200) for text in texts]


@differs("delay-every", v1=False, here=True)
def _(place: Place) -> Any:
    return "recurrence" in front(place, "--when", "every 2 hours", "--summary", "s")


@differs("delay-unit-twice", v1=True, here=2)
def _(place: Place) -> Any:
    return ahead(place, "1 minute and 9 mins", 600)


@differs("delay-minute", v1=False, here=True)
def _(place: Place) -> Any:
    """A wake at the beginning of the minute in which a delay is over takes what was given so."""
    place.schedule("1h", "s", "--id", "a")
    due = from_text(place.task("a")["run_at"])
    early = place.wake_at(due.replace(second=0) - timedelta(seconds=1))["started"]
    return (early, place.wake_at(due.replace(second=0))["started"]) == (0, 1)


@differs("delay-plus-in", v1=True, here=2)
def _(place: Place) -> Any:
    return ahead(place, "+in 10m", 600)


@differs("delay-fraction", v1=[True, False], here=[False, True])
def _(place: Place) -> Any:
    return [ahead(place, "1.5 hours", 18000), ahead(place, "1.5 hours", 5400)]


@same("clock-ahead", ["+0 15:00"] * 4 + ["+0 15:30"] * 3 + ["+1 00:00"])
def _(place: Place) -> Any:
    texts = ("3pm", "3 pm", "3PM", "3p.m.", "3:30pm", "15:30", "1530", "midnight")
    return [local(place, text) for text in texts]


@differs("clock-past", v1=["+0 09:00", "+0 00:00", "+0 08:05"], here=["+1 09:00", "+1 00:00", "+1 08:05"])
def _(place: Place) -> Any:
    return [local(place, text) for text in ("9am", "12am", "08:5")]


@differs("clock-digits", v1=["+0 09:00", "+0 08:30", "+0 08:05"], here=[2, 2, 2])
def _(place: Place) -> Any:
    return [local(place, text) for text in ("900", "8.30", "8:5")]


DAYS = {
    "today": "+0 this time",
    "tomorrow": "+1 this time",
    "TOMORROW": "+1 this time",
    "today 6pm": "+0 18:00",
    "today 18:00": "+0 18:00",
    "tomorrow 9am": "+1 09:00",
    "tomorrow   9 am": "+1 09:00",
    "tomorrow 9:5pm": "+1 21:05",
    "tomorrow 0900": "+1 09:00",
    "tomorrow noon": "+1 12:00",
}


@same("days", DAYS)
def _(place: Place) -> Any:
    return {text: local(place, text) for text in DAYS}


@differs("day-midnight", v1="+1 00:00", here=2)
def _(place: Place) -> Any:
    return local(place, "tomorrow midnight")


@same("weekdays", ["Monday this time", "Friday 09:00", "Sunday 12:00", "Thursday 15:30"])
def _(place: Place) -> Any:
    texts = ("next monday", "next Friday 9am", "next sunday noon", "next thursday 15:30")
    return [weekday(place, text) for text in texts]


@differs("day-past", v1="+0 09:00", here=2)
def _(place: Place) -> Any:
    return local(place, "today 9am")


ISO = {
    "2035-01-15T09:00:00Z": "2035-01-15T09:00:00Z",
    "2035-01-15T09:00:00+02:00": "2035-01-15T07:00:00Z",
    "2035-01-15T09:00:00-0500": "2035-01-15T14:00:00Z",
    "2035-01-15T09:00:00.5Z": "2035-01-15T09:00:00Z",
    "2035-01-15T09:00": "2035-01-15T14:00:00Z",
    "2035-01-15 09:00": "2035-01-15T14:00:00Z",
    "20350115T0900": "2035-01-15T14:00:00Z",
    "2035-03-11T02:30": "2035-03-11T07:30:00Z",
    "2035-11-04T01:30": "2035-11-04T05:30:00Z",
}


@same("iso", ISO)
def _(place: Place) -> Any:
    return {text: instant(place, text) for text in ISO}


DATES = {
    "2035-01-15": "2035-01-15T05:00:00Z",
    "2035-07-15": "2035-07-15T04:00:00Z",
    "2035-W02": "2035-01-08T05:00:00Z",
    "2035-W02-5": "2035-01-12T05:00:00Z",
    "2035W025": "2035-01-12T05:00:00Z",
}


@same("date-alone", DATES)
def _(place: Place) -> Any:
    return {text: instant(place, text) for text in DATES}


GLUED = {
    "20350115": "2035-01-15T05:00:00Z",
    "20350115 0900": "2035-01-15T14:00:00Z",
    "2035-01-15_09:00": "2035-01-15T14:00:00Z",
    "2035-01-15T09:00:00 Z": "2035-01-15T09:00:00Z",
}


@differs("date-glued", v1=GLUED, here=dict.fromkeys(GLUED, 2))
def _(place: Place) -> Any:
    return {text: instant(place, text) for text in GLUED}


@differs("past", v1=[0, 0], here=[2, 2])
def _(place: Place) -> Any:
    whens = ("2020-01-01T00:00:00Z", "2020-01-01")
    return [place.run("schedule-task.sh", "--when", when, "--summary", "s").returncode for when in whens]


@differs("far", v1="2099-01-01T00:00:00Z", here=2)
def _(place: Place) -> Any:
    return instant(place, "2099-01-01T00:00:00Z")


@same("epoch", "2052432000")
def _(place: Place) -> Any:
    return instant(place, "2035-01-15T00:00:00Z", verb="epoch")


@differs("exit-time", v1=[1, 1, 1], here=[2, 2, 2])
def _(place: Place) -> Any:
    return [instant(place, text) for text in ("gibberish", "3pm EST", "9am America/New_York")]


@differs("daylight-saving", v1=True, here=False)
def _(place: Place) -> Any:
    """Whether the system's zone is today's offset the year round: asked of the source, a test has no other system."""
    text = (support.SCRIPTS / "time_utils.py").read_text()
    return "astimezone().tzinfo" in text


# Executor


@same("executor-ok", {"status": "completed", "type": "executor_output", "output": "out"})
def _(place: Place) -> Any:
    task = woken(place, v1_task("a"), script="echo out")
    assert task["completed_at"] >= task["started_at"]
    assert task["result"]["prompt_path"] == str(place.logs / "a.prompt.txt")
    return {"status": task["status"], **chosen(task["result"], "type", "output")}


@same("executor-input", ["a", "executing", "go on with the review"])
def _(place: Place) -> Any:
    seen = strict(woken(place, v1_task("a"), script="cat")["result"]["output"])
    return [seen["id"], seen["status"], seen["execution"]["prompt_template"]]


@differs("executor-input-lines", v1=False, here=True)
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), script="wc -l")["result"]["output"].strip() == "1"


@differs("executor-stderr", v1="out\nerr", here="out")
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), script="echo out; echo err >&2")["result"]["output"]


@same("executor-environment", "bar")
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), script='echo "$FOO"', FOO="bar")["result"]["output"]


@differs("executor-secret", v1="s3cr3t-t0k3n", here="[masked]")
def _(place: Place) -> Any:
    env = {"API_TOKEN": "s3cr3t-t0k3n"}
    return woken(place, v1_task("a"), script='echo "$API_TOKEN"', **env)["result"]["output"]


@differs("executor-path", v1=["/usr/bin", "/bin", ".", ""], here=["/usr/bin", "/bin"])
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), script='echo "$PATH"', PATH="/usr/bin:/bin:.:")["result"]["output"].split(":")


@differs("executor-session", v1="[1]", here="[]")
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), script='echo "[$CLAUDECODE]"', CLAUDECODE="1")["result"]["output"]


@differs("executor-directory", v1="{base}", here="{home}")
def _(place: Place) -> Any:
    place.write_store(v1_task("a"))
    place.run("run-deferred.sh", env={"DEFER_EXECUTOR": place.executor("pwd")}, cwd=place.base)
    output = place.archived()[0]["result"]["output"]
    return output.replace(str(place.home), "{home}").replace(str(place.base), "{base}")


@differs("executor-output-size", v1=100000, here=65536)
def _(place: Place) -> Any:
    return len(woken(place, v1_task("a"), script="printf %0100000d 0")["result"]["output"])


@same("executor-fails", ["failed", "executor_failed", 1, True])
def _(place: Place) -> Any:
    task = woken(place, v1_task("a"), script="echo why >&2; exit 3")
    return [task["status"], task["result"]["type"], task["attempts"], task["failed_at"] is not None]


@differs("executor-error", v1="bad\nwhy", here="executor exited with 3: why")
def _(place: Place) -> Any:
    return woken(place, v1_task("a"), script="echo bad; echo why >&2; exit 3")["error"]


@same("executor-missing", ["failed", True])
def _(place: Place) -> Any:
    """It fails at once though retries are left, and the error names the path."""
    task = woken(place, v1_task("a", max_retries=2), DEFER_EXECUTOR=str(place.base / "none"))
    return [task["status"], str(place.base / "none") in task["error"]]


@differs("attempts-counted", v1=[0, 0, 0], here=[1, 1, 1])
def _(place: Place) -> Any:
    task = woken(place, v1_task("a"), script="cat")
    shutil.rmtree(place.runtime)
    missing = woken(place, v1_task("a"), DEFER_EXECUTOR="/none")
    return [strict(task["result"]["output"])["attempts"], task["attempts"], missing["attempts"]]


@differs("ended-at", v1=False, here=True)
def _(place: Place) -> Any:
    """Whether the end is told that the executor itself saw."""
    task = woken(place, v1_task("a"), script="cat >/dev/null; sleep 2; date -u +%Y-%m-%dT%H:%M:%SZ")
    return task["completed_at"] >= task["result"]["output"]


@differs("last-error-stays", v1="was down", here=None)
def _(place: Place) -> Any:
    task = v1_task("a", attempts=1, max_retries=1, last_error="was down")
    return woken(place, task, script="cat >/dev/null").get("last_error")


@differs("executor-shared", v1="completed", here="failed")
def _(place: Place) -> Any:
    path = Path(place.executor("cat >/dev/null"))
    path.chmod(0o777)
    return woken(place, v1_task("a"), DEFER_EXECUTOR=str(path))["status"]


@same("no-executor", ["completed", "prompt_prepared", True])
def _(place: Place) -> Any:
    task = woken(place, v1_task("a"))
    return [task["status"], task["result"]["type"], task["result"]["prompt_path"] == str(place.logs / "a.prompt.txt")]


@differs("no-executor-told", v1=[None, False], here=[["inbox"], True])
def _(place: Place) -> Any:
    task = woken(place, v1_task("a"))
    return [task["result"].get("told"), (place.runtime / "notices.jsonl").exists()]


@differs("exits-77-78", v1=["scheduled", "scheduled"], here=["failed", "failed"])
def _(place: Place) -> Any:
    found = []
    for status in (77, 78):
        found.append(woken(place, v1_task("a", max_retries=1), script=f"exit {status}")["status"])
        shutil.rmtree(place.runtime)
    return found


@differs("order", v1=["late", "early"], here=["early", "late"])
def _(place: Place) -> Any:
    out = place.base / "order"
    script = f'sed -n \'s/.*"summary": *"\\([a-z]*\\)".*/\\1/p\' >>{quoted(out)}'
    tasks = [
        v1_task(name, run_at=at, context={"summary": name, "key_points": [], "artifacts": [], "constraints": []})
        for name, at in (("late", "2026-04-08T17:00:00Z"), ("early", "2026-04-08T16:00:00Z"))
    ]
    woken(place, *tasks, script=script, DEFER_MAX_PARALLEL="1")
    return out.read_text().split()


@differs("parallel", v1=False, here=True)
def _(place: Place) -> Any:
    """Whether two executors that wait for one another meet. Alone, the first gives up after some seconds."""
    here = quoted(place.base)
    tries = 50 if is_v1() else 600
    script = (
        f"cd {here}; mkdir one 2>/dev/null && me=one other=two || {{ mkdir two; me=two other=one; }}; "
        f"n=0; until [ -d $other ] || [ $n -ge {tries} ]; do n=$((n+1)); sleep 0.1; done; "
        "[ -d $other ] && touch met-$me; :"
    )
    woken(place, v1_task("a"), v1_task("b"), script=script)
    return (place.base / "met-one").exists()


@differs("left-running", v1=True, here=False)
def _(place: Place) -> Any:
    pid = place.base / "pid"
    woken(place, v1_task("a"), script=f"sleep 600 >/dev/null 2>&1 </dev/null & echo $! >{quoted(pid)}")
    leftover = int(pid.read_text())
    lives = support.is_running(leftover)
    if lives:
        os.kill(leftover, signal.SIGKILL)
    return lives


@differs("bound-inside", v1=0, here=1)
def _(place: Place) -> Any:
    inside = {"DEFER_TASK_ID": "a", "DEFER_RUN_ID": "r", "DEFER_MAX_DEPTH": "0"}
    return place.defer("--when", "1h", "--summary", "again", env=inside).returncode


@differs("time-limit", v1=False, here=True)
def _(place: Place) -> Any:
    """Whether an attempt that takes longer than it may is ended."""
    seconds = 3 if is_v1() else 600
    return woken(place, v1_task("a"), script=f"exec sleep {seconds}", DEFER_TIMEOUT_SECONDS="1")["status"] == "failed"


# One attempt by hand


def by_hand(place: Place, task: Any, script: str) -> subprocess.CompletedProcess[str]:
    env = {"DEFER_EXECUTOR": place.executor(f"cat >/dev/null; {script}")}
    return place.run("execute-task.sh", input=json.dumps(task).encode(), env=env)


@same("attempt-in-store", [0, "completed", "fine", "completed"])
def _(place: Place) -> Any:
    place.write_store(v1_task("a"))
    done = by_hand(place, v1_task("a"), "echo fine")
    printed = strict(done.stdout)
    left = [*place.tasks().values(), *place.archived()]
    return [done.returncode, printed["status"], printed["result"]["output"], left[0]["status"]]


@same("attempt-fails", [1, "failed"])
def _(place: Place) -> Any:
    place.write_store(v1_task("a"))
    done = by_hand(place, v1_task("a"), "exit 3")
    return [done.returncode, strict(done.stdout)["status"]]


@differs("attempt-under-way", v1=[0, 0], here=[1, 1])
def _(place: Place) -> Any:
    started = v1_task("a", status="executing", started_at="2026-04-08T16:45:00Z", run={"run_id": "run_1"})
    ended = v1_task("b", status="completed", completed_at="2026-04-08T16:46:00Z")
    place.write_store(started, ended)
    return [by_hand(place, one, "exit 0").returncode for one in (started, ended)]


@differs("attempt-other-record", v1="as given", here="as stored")
def _(place: Place) -> Any:
    texts = {"given": "as given", "stored": "as stored"}
    tasks = {
        name: v1_task("a", execution={"mode": "fresh", "prompt_template": text, "aura_level": "low"})
        for name, text in texts.items()
    }
    place.write_store(tasks["stored"])
    by_hand(place, tasks["given"], "exit 0")
    return (place.logs / "a.prompt.txt").read_text().splitlines()[-1]


@differs("attempt-tells", v1=0, here=1)
def _(place: Place) -> Any:
    return by_hand(place, v1_task("a"), "exit 3").stderr.count("\n")


@differs("attempt-lines", v1=False, here=True)
def _(place: Place) -> Any:
    place.write_store(v1_task("a"))
    by_hand(place, v1_task("a"), "exit 0")
    return len(stored(place)) > 1


@differs("attempt-apart", v1=["completed", 1], here=["completed", 0])
def _(place: Place) -> Any:
    place.write_store()
    printed = strict(by_hand(place, v1_task("a"), "echo fine").stdout)
    return [printed["status"], len(stored(place))]


@differs("attempt-bad-input", v1=[4, 0], here=[2, 2])
def _(place: Place) -> Any:
    return [place.run("execute-task.sh", input=text).returncode for text in (b"{", b"")]


# Prompt


@same("prompt-parts", [True] * 7)
def _(place: Place) -> Any:
    context = {"summary": "SUM", "key_points": ["KEY"], "artifacts": ["ART"], "constraints": ["CON"]}
    execution = {"mode": "callback", "prompt_template": "TEMPLATE", "aura_level": "low"}
    task = woken(place, v1_task("an-id", intent="notify", context=context, execution=execution))
    text = Path(task["result"]["prompt_path"]).read_text()
    return (
        [part in text for part in ("an-id", "notify", "callback", "SUM", "KEY", "ART", "CON")]
        if (text.rstrip().endswith("TEMPLATE"))
        else text
    )


@same("prompt-empty", True)
def _(place: Place) -> Any:
    context = {"summary": "s", "key_points": [], "artifacts": [], "constraints": []}
    return "(none)" in Path(woken(place, v1_task("a", context=context))["result"]["prompt_path"]).read_text()


@differs("prompt-form", v1=[False, False], here=[True, True])
def _(place: Place) -> Any:
    lines = Path(woken(place, v1_task("a"))["result"]["prompt_path"]).read_text().splitlines()
    return ["## Key points" in lines, "> resume the review" in lines]


@differs("prompt-control", v1=True, here=False)
def _(place: Place) -> Any:
    context = {"summary": "a\x1b[31mb", "key_points": [], "artifacts": [], "constraints": []}
    return "\x1b" in Path(woken(place, v1_task("a", context=context))["result"]["prompt_path"]).read_text()


@differs("prompt-from-file", v1=True, here=False)
def _(place: Place) -> Any:
    """Whether a file's words are the instruction where no prompt template was given."""
    (place.home / "CONTEXT.md").write_text("## Overview\nTides\n")
    front(place, "--when", "now", "--reorient")
    place.run("run-deferred.sh")
    return Path(place.archived()[0]["result"]["prompt_path"]).read_text().rstrip().endswith("\nTides")


# Retries


def delay(task: Any) -> int:
    """The delay before the next attempt, to five minutes: how long the one before took is not in it."""
    gap = datetime.fromisoformat(task["run_at"]) - datetime.fromisoformat(task["last_attempt_at"])
    return int(gap.total_seconds()) // 300 * 300


@same("retry", {"status": "scheduled", "attempts": 1, "type": "retry_scheduled", "is told": True, "in a minute": True})
def _(place: Place) -> Any:
    before = datetime.now(UTC).replace(microsecond=0)
    task = woken(place, v1_task("a", max_retries=1), script="exit 3")
    after = datetime.now(UTC)
    in_a_minute = before <= datetime.fromisoformat(task["run_at"]) - timedelta(seconds=60) <= after
    is_told = task["result"]["next_run_at"] == task["run_at"] and task["last_error"] is not None
    said = {"type": task["result"]["type"], "is told": is_told, "in a minute": in_a_minute}
    return {**chosen(task, "status", "attempts"), **said}


@same("retry-delay", 900)
def _(place: Place) -> Any:
    return delay(woken(place, v1_task("a", max_retries=1), script="exit 3", DEFER_RETRY_DELAY_SECONDS="900"))


@differs("retry-delay-bad", v1=[0, "executing"], here=[2, "scheduled"])
def _(place: Place) -> Any:
    place.write_store(v1_task("a", max_retries=1))
    env = {"DEFER_EXECUTOR": place.executor("cat >/dev/null; exit 3"), "DEFER_RETRY_DELAY_SECONDS": "soon"}
    return [place.run("run-deferred.sh", env=env).returncode, place.task("a")["status"]]


@differs("retry-again", v1=900, here=1800)
def _(place: Place) -> Any:
    task = v1_task("a", max_retries=2, attempts=1)
    return delay(woken(place, task, script="exit 3", DEFER_RETRY_DELAY_SECONDS="900"))


@same("retry-last", ["failed", 3])
def _(place: Place) -> Any:
    task = woken(place, v1_task("a", max_retries=2, attempts=2), script="exit 3")
    return [task["status"], task["attempts"]]


# Audit log


def audited(place: Place) -> list[list[str]]:
    return [line.split() for line in place.log_path.read_text().splitlines()]


@same("audit-lines", [True, "scheduled", "id=a", "cancelled", "id=a"])
def _(place: Place) -> Any:
    later(place, "--id", "a")
    front(place, "cancel", "--id", "a")
    first, second = audited(place)
    return [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first[0]) is not None, *first[1:3], *second[1:3]]


@differs("audit-fields", v1=["run_at", "intent", "mode", "retries"], here=["run_at", "when"])
def _(place: Place) -> Any:
    later(place, "--id", "a")
    return [word.partition("=")[0] for word in audited(place)[0][3:]]


@differs("audit-words", v1=["runner claimed", "executed", "archived"], here=["started", "completed", "archived"])
def _(place: Place) -> Any:
    woken(place, v1_task("a"), script="exit 0")
    return [" ".join(words[1 : words.index("id=a")]) for words in audited(place)]


# Reorient

MARKDOWN = """\
# OVERVIEW:
The thing.
### Current  State
- a
* b
+ c
1. d
plain
## Open questions
- q
## What we should not do
- n
## Decisions already made
- d
## Key references
- r
## Key context
- k
## Elsewhere
- u
"""


@same(
    "reorient",
    {
        "summary": "The thing.",
        "key_points": ["a", "b", "c", "d", "plain", "Open question: q"],
        "artifacts": ["r"],
        "constraints": ["k", "Decision: d", "Avoid: n"],
        "reoriented_from": "CONTEXT.md",
    },
)
def _(place: Place) -> Any:
    return snapshot(place, MARKDOWN)


@differs("reorient-quotation", v1=["> they said so"], here=["they said so"])
def _(place: Place) -> Any:
    return snapshot(place, "# Constraints\n\n> they said so\n", "constraints")["constraints"]


@same("reorient-line", [1, ["summary", "key_points", "artifacts", "constraints", "reoriented_from"]])
def _(place: Place) -> Any:
    (place.home / "CONTEXT.md").write_text(MARKDOWN)
    said = place.run("reorient_snapshot.py").stdout
    return [said.count("\n"), list(strict(said))]


@same("reorient-places", ["explicit", "project", "variable", "newest", "research", "here", 1])
def _(place: Place) -> Any:
    research = place.home / "data" / "research"
    paths = {
        "explicit": place.base / "explicit.md",
        "project": research / "projects" / "p" / "CONTEXT.md",
        "variable": place.base / "variable.md",
        "newest": research / "projects" / "q" / "CONTEXT.md",
        "research": research / "CONTEXT.md",
        "here": place.home / "CONTEXT.md",
    }
    for name, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"## Overview\n{name}\n")
    os.utime(paths["project"], (1, 1))
    variable = {"DEFER_CONTEXT_FILE": str(paths["variable"])}
    asked: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("--context-file", str(paths["explicit"]), "--project", "p"), variable),
        (("--project", "p"), variable),
        ((), variable),
    ]
    found = [strict(place.run("reorient_snapshot.py", *words, env=env).stdout)["summary"] for words, env in asked]
    paths["project"].unlink()
    for name in ("newest", "research", "here"):
        found.append(strict(place.run("reorient_snapshot.py").stdout)["summary"])
        paths[name].unlink()
    return [*found, place.run("reorient_snapshot.py").returncode]


@same("reorient-named-missing", [[1, True]] * 6)
def _(place: Place) -> Any:
    """The file that is named is in the error, and no other is read in its place."""
    (place.home / "CONTEXT.md").write_text(MARKDOWN)
    front_words = ("--when", "1h", "--summary", "s", "--reorient")
    asked: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("--context-file", "/no/typo.md"), {}),
        (("--project", "typo"), {}),
        ((), {"DEFER_CONTEXT_FILE": "/no/typo.md"}),
    ]
    done = [place.run("schedule-task.sh", *front_words, *words, env=env) for words, env in asked]
    done += [place.run("reorient_snapshot.py", *words, env=env) for words, env in asked]
    return [[one.returncode, "typo" in one.stderr] for one in done]


@same("reorient-tilde", "Tides")
def _(place: Place) -> Any:
    (place.home / "notes.md").write_text("## Overview\nTides\n")
    env = {"DEFER_CONTEXT_FILE": "~/notes.md"}
    return front(place, "--when", "1h", "--reorient", env=env)["context"]["summary"]


@same("reorient-merged", {"summary": "J", "key_points": ["a", "j", "f"], "reoriented_from": "/j"})
def _(place: Place) -> Any:
    file = place.home / "CONTEXT.md"
    file.write_text("## Overview\nTides\n## State\n- a\n")
    context = '{"summary":"J","key_points":["j"],"reoriented_from":"/j"}'
    flags = ("--reorient", "--context-file", str(file), "--context-json", context, "--key-point", "f")
    return chosen(front(place, "--when", "1h", *flags)["context"], "summary", "key_points", "reoriented_from")


@differs("reorient-implied", v1=[False, "tides", False], here=[True, "tides", True])
def _(place: Place) -> Any:
    file = place.home / "data" / "research" / "projects" / "tides" / "CONTEXT.md"
    file.parent.mkdir(parents=True)
    file.write_text("## State\n- a\n")
    task = later(place, "--project", "tides")
    return [task["reorient_requested"], task["reorient"]["project"], "a" in task["context"]["key_points"]]


@differs("reorient-relative", v1=["notes.md", "notes.md"], here=["{home}/notes.md", "{home}/notes.md"])
def _(place: Place) -> Any:
    (place.home / "notes.md").write_text("## Overview\nTides\n")
    task = later(place, "--reorient", "--context-file", "notes.md")
    paths = (task["reorient"]["explicit_context_file"], task["context"]["reoriented_from"])
    return [path.replace(str(place.home), "{home}") for path in paths]


@differs(
    "reorient-paragraphs",
    v1={"summary": "one", "key_points": ["an item", "goes on"]},
    here={"summary": "one two three", "key_points": ["an item goes on"]},
)
def _(place: Place) -> Any:
    return snapshot(place, "one\ntwo\n\nthree\n## State\n- an item\n  goes on\n", "summary", "key_points")


@differs("reorient-markdown", v1=["```", "# code", "```", "<!-- c -->", "***", "2) two"], here=["two"])
def _(place: Place) -> Any:
    text = "## State\n```\n code\n```\n<!-- c -->\n***\n2) two\n".replace(" code", "# code".replace("# ", "#"))
    return [one.replace("#code", "# code") for one in snapshot(place, text, "key_points")["key_points"]]


@differs("reorient-headings", v1=[False] * 4, here=[True] * 4)
def _(place: Place) -> Any:
    texts = ("## State ##\n- a\n", "State\n-----\n- a\n", "## 1. **State**\n- a\n", "## State\n### Today\n- a\n")
    return ["a" in snapshot(place, text, "key_points")["key_points"] for text in texts]


@differs("reorient-no-state", v1=False, here=True)
def _(place: Place) -> Any:
    (point,) = snapshot(place, "## Overview\nTides\n", "key_points")["key_points"]
    return "no current state" in point


@differs("reorient-escapes", v1=False, here=True)
def _(place: Place) -> Any:
    (place.home / "CONTEXT.md").write_text("## Overview\nÄ\n")
    return "Ä" in place.run("reorient_snapshot.py").stdout


@differs("reorient-bounds", v1=5000, here=1000)
def _(place: Place) -> Any:
    return len(snapshot(place, f"## Overview\n{'x' * 5000}\n")["summary"])


@differs("reorient-link", v1=0, here=1)
def _(place: Place) -> Any:
    (place.base / "elsewhere").write_text("## State\n- a\n")
    (place.home / "CONTEXT.md").symlink_to(place.base / "elsewhere")
    return place.run("reorient_snapshot.py").returncode


@differs("reorient-flags", v1=["read", "read"], here=[2, 2])
def _(place: Place) -> Any:
    for project in ("tides", "group/tides"):
        file = place.home / "data" / "research" / "projects" / project / "CONTEXT.md"
        file.parent.mkdir(parents=True)
        file.write_text("## State\n- a\n")
    asked = (("--proj", "tides"), ("--project", "group/tides"))
    return [place.run("reorient_snapshot.py", *words).returncode or "read" for words in asked]


# The table


class Line(NamedTuple):
    """One line of docs/v1.md."""

    what: str
    v1: str
    here: str


def table() -> dict[str, Line]:
    """The lines of docs/v1.md by their names."""
    found: dict[str, Line] = {}
    for name, *cells in re.findall(
        r"^\| `([a-z0-9-]+)` \| (.+?) \| (.+?) \| (.+?) \|$", TABLE.read_text(), re.MULTILINE
    ):
        assert name not in found, f"{name} appears twice"
        found[name] = Line(*cells)
    return found


def listed() -> list[str]:
    """The lines that the rows of the CHANGELOG's table are about."""
    text = CHANGELOG.read_text()
    rows = re.findall(r"^\| (?!-|v1 ).+ \| .+ \| .+ \| (.+?) \|$", text, re.MULTILINE)
    return [name for cell in rows for name in re.findall(r"`([a-z0-9-]+)`", cell)]


@pytest.mark.parametrize("name", CASES)
def test_a_line_of_the_table(place: Place, name: str) -> None:
    place.own_records = False
    case = CASES[name]
    assert case.ask(place) == case.here


@pytest.mark.skipif(not V1_SCRIPTS, reason="V1_SCRIPTS does not say where v1's scripts are")
@pytest.mark.parametrize("name", CASES if V1_SCRIPTS else ["every line"])
def test_v1_answered_so(place: Place, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "SCRIPTS", Path(str(V1_SCRIPTS)))
    place.own_records = False
    assert CASES[name].ask(place) == CASES[name].v1


def test_the_table_has_these_lines_and_no_others() -> None:
    assert set(table()) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_table_says_whether_a_line_differs(name: str) -> None:
    says_same = table()[name].here == "the same"
    assert says_same == (CASES[name].v1 == CASES[name].here)


def test_the_changelog_has_every_difference_once_and_no_others() -> None:
    assert sorted(listed()) == sorted(name for name, case in CASES.items() if case.v1 != case.here)
