"""What the core's tests share: a throw-away runtime directory, and ways to act on it and look at it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from jsonschema import Draft202012Validator

from defer import instants
from defer.executors import registry
from defer.executors.report import Report
from defer.record import outcome
from defer.record.outcome import Outcome
from defer.run.wake import Runner
from defer.settings.config import Config
from defer.store.audit import AuditLog
from defer.store.jsonl import JsonlStore

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts"
NOW = datetime(2026, 4, 8, 16, 45, tzinfo=UTC)
"""The moment at which tests with an injected clock take place."""
DEADLINE_SECONDS = 300.0
"""How long a test waits: far more than any machine needs, one that stands still for minutes too, so that only a hang is
a failure."""

PATIENTLY = f"""
import runpy, sys
sys.path.append({str(SCRIPTS)!r})
from defer.notices.channels import ways
from defer.run import kill, sending
ways.SECONDS = sending.SEEN_OFF_SECONDS = kill._SETTLE_PATIENCE_SECONDS = {DEADLINE_SECONDS}
sys.argv[0] = {str(SCRIPTS / "defer" / "__main__.py")!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""

T = TypeVar("T")
Task = dict[str, Any]
DONE = Outcome(outcome.OK, exit_code=0, result={"type": "executor_output", "output": ""})
FAILED = Outcome(outcome.FAILED, exit_code=1, error_type="ExecutorFailed", error="executor exited with 1")
"""What an attempt comes to."""

ONLY_ROOT = "only root can make another user's files, or namespaces"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason=ONLY_ROOT)
"""A kernel lets nobody else give a file to another user. `.ci/run` tries these as root, whoever runs it."""


def slow_but(daily: Container[str], values: Iterable[str]) -> list[Any]:
    """The values of a table, for ``parametrize``: those that are not among ``daily`` are for ``make test-slow``."""
    return [value if value in daily else pytest.param(value, marks=pytest.mark.slow) for value in values]


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Poll until ``condition()`` is truthy; its value."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come about within {DEADLINE_SECONDS:g} s")


def at(**ahead: float) -> datetime:
    """A moment so far after ``NOW``."""
    return NOW + timedelta(**ahead)


def text_at(**ahead: float) -> str:
    """The same as it stands in a record."""
    return instants.to_text(at(**ahead))


def moment(text: str) -> datetime:
    """A moment as it is written, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def v1_task(task_id: str = "task_20260408_163500_4821", **fields: Any) -> Task:
    """A record as v1 wrote it, overdue whatever the clock says."""
    return {
        "id": task_id,
        "created_at": "2026-04-08T16:35:00Z",
        "run_at": "2026-04-08T16:45:00Z",
        "type": "deferred_task",
        "intent": "resume_task",
        "context": {
            "summary": "resume the review",
            "key_points": ["two files are left"],
            "artifacts": ["docs/plan.md"],
            "constraints": ["no pushes"],
            "reoriented_from": None,
        },
        "execution": {"mode": "fresh", "prompt_template": "go on with the review", "aura_level": "low"},
        "status": "scheduled",
        "attempts": 0,
        "max_retries": 0,
        "reorient_requested": False,
        "reorient": {"requested": False, "project": None, "explicit_context_file": None},
        **fields,
    }


def strict(line: bytes | str) -> Any:
    """JSON as every other program reads it: no NaN, no Infinity."""

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(line, parse_constant=refuse)


@cache
def validator(definition: str | None = None) -> Draft202012Validator:
    """A validator for whole records, or for ``#/$defs/<definition>``."""
    schema = json.loads((ROOT / "references" / "task.schema.json").read_text())
    return Draft202012Validator({**schema, **schema["$defs"][definition]} if definition else schema)


def lines_of(path: Path) -> list[bytes]:
    """The lines of a file without their newlines; none where there is no file."""
    return path.read_bytes().splitlines() if path.exists() else []


def records(path: Path) -> list[Task]:
    """Every record of a file of JSON lines."""
    return [strict(line) for line in lines_of(path)]


def warnings_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The warnings of a command that printed an object; stderr, which is for errors, holds nothing."""
    assert (done.returncode, done.stderr) == (0, "")
    return strict(done.stdout).get("warnings", [])


class Started(subprocess.Popen[bytes]):
    """A process at work whose end is waited for with a deadline, so that a hang is a failure with a name."""

    def wait(self, timeout: float | None = DEADLINE_SECONDS) -> int:
        return super().wait(timeout)

    def communicate(self, input: bytes | None = None, timeout: float | None = DEADLINE_SECONDS) -> tuple[bytes, bytes]:  # noqa: A002
        return super().communicate(input, timeout)


def share_environment(data: Path) -> None:
    """Where a copy of the code looks for its Python environment lies the one that the tests run in: none is made.

    ``data``: what ``XDG_DATA_HOME`` says, or `.local/share` at home.
    """
    place = data / "defer" / f"venv-{(ROOT / 'requirements' / 'locks.hash').read_text().strip()}"
    place.mkdir(parents=True, mode=0o700)
    for one in Path(sys.prefix).iterdir():
        (place / one.name).symlink_to(one)


class Place:
    """A throw-away home and runtime directory."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"
        self.runtime = base / "runtime"
        self.store_path = self.runtime / "deferred.jsonl"
        self.archive_dir = self.runtime / "archive"
        self.logs = self.runtime / "logs"
        self.log_path = self.logs / "deferred.log"
        self.home.mkdir()
        self.env = {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "DEFER_RUNTIME_DIR": str(self.runtime),
            "DEFER_TIMEZONE": "UTC",
            # Whoever runs the tests may be logged in to a desktop.
            "DEFER_NOTIFY": "inbox",
            # Whoever holds a lock may stand still with it.
            "DEFER_LOCK_TIMEOUT_SECONDS": f"{DEADLINE_SECONDS:g}",
        }
        self.own_records = True
        """Whether every record is one that the core wrote, and so must satisfy the schema."""
        self._started: list[Started] = []

    # Real processes

    def run(
        self, entry: str, *args: str, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run an entry to its end in an environment that holds nothing but ours."""
        options = {"capture_output": True, "cwd": self.home, "timeout": DEADLINE_SECONDS, **options}
        raw = subprocess.run([str(SCRIPTS / entry), *args], env={**self.env, **(env or {})}, **options)
        return subprocess.CompletedProcess(
            raw.args,
            raw.returncode,
            (raw.stdout or b"").decode(errors="surrogateescape"),
            (raw.stderr or b"").decode(errors="surrogateescape"),
        )

    def defer(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the front."""
        return self.run("schedule-task.sh", *args, **options)

    def schedule(self, when: str = "now", summary: str = "resume the review", *args: str, **options: Any) -> Task:
        """Schedule a task; its record."""
        done = self.defer("--when", when, "--summary", summary, "--compact", *args, **options)
        assert done.returncode == 0, done.stderr
        return {name: value for name, value in strict(done.stdout).items() if name != "warnings"}

    def wake(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Wake once and expect that it could do its work."""
        done = self.run("run-deferred.sh", *args, **options)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def start(self, entry: str, *args: str, env: dict[str, str] | None = None) -> Started:
        """Start an entry and leave it at work; ``close`` ends it at the latest."""
        process = Started(
            [str(SCRIPTS / entry), *args],
            env={**self.env, **(env or {})},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(process)
        return process

    def executor(self, body: str, name: str = "executor") -> str:
        """Write an executor in shell; its path."""
        path = self.base / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    # In this process, with a clock of the test's

    def config(self, env: dict[str, str] | None = None, settings: dict[str, str] | None = None) -> Config:
        """The configuration of this place."""
        return Config({**self.env, **(env or {})}, settings or {}, None)

    def store(self, lock_timeout: float = DEADLINE_SECONDS) -> JsonlStore:
        """The store; what it reports is collected in ``reported``."""
        self.reported: list[tuple[str, dict[str, Any]]] = []
        return JsonlStore(
            self.store_path,
            self.archive_dir,
            self.runtime / "runs",
            lock_timeout,
            lambda action, **facts: self.reported.append((action, facts)),
        )

    def wake_at(
        self,
        moment: datetime = NOW,
        env: dict[str, str] | None = None,
        settings: dict[str, str] | None = None,
        claim_every: float = 60.0,
        *,
        to_the_second: bool = False,
    ) -> dict[str, int]:
        """One wake in this process at a moment that stands still; its counts. ``to_the_second`` as --loop wakes."""
        of = self.store(), self.config(env, settings), AuditLog(self.log_path), lambda: moment
        runner = Runner(*of, claim_every, to_the_second=to_the_second)
        runner.wake()
        return runner.counts

    # What is there

    def write_store(self, *tasks: Task | bytes) -> None:
        """Put a store written by somebody else in place: records, or lines as they are."""
        self.own_records = False
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        lines = [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in tasks]
        self.store_path.write_bytes(b"".join(lines))

    def tasks(self) -> dict[str, Task]:
        """The current record of each task in the store: lines that are not records are skipped."""
        found: dict[str, Task] = {}
        for line in lines_of(self.store_path):
            try:
                one = json.loads(line)
                found[one["id"]] = one
            except (ValueError, TypeError, KeyError):
                continue
        return {name: one for name, one in found.items() if "filed_at" not in one}

    def task(self, task_id: str) -> Task:
        """The current record of one task in the store."""
        return self.tasks()[task_id]

    def archived(self) -> list[Task]:
        """Every archive record, oldest month first."""
        return self._filed(self.archive_dir)

    def runs(self) -> list[Task]:
        """Every run record, oldest month first."""
        return self._filed(self.runtime / "runs")

    @staticmethod
    def _filed(directory: Path) -> list[Task]:
        return [one for path in sorted(directory.glob("*.jsonl")) for one in records(path)]

    def audit(self, action: str = "") -> list[str]:
        """The lines of the audit log, or those of one action."""
        lines = self.log_path.read_text().splitlines() if self.log_path.exists() else []
        return [line for line in lines if not action or line.split(" ")[1] == action]

    def wakes_for_long(self) -> None:
        """By its audit log wakes have come for hours, so that something that cannot be seen must be making them."""
        before = instants.to_text(instants.now() - timedelta(hours=2))
        lines = [f"{before} scheduled id=before", *self.audit()]
        self.log_path.write_text("".join(f"{line}\n" for line in lines))

    def attempt_log(self, run: Task) -> bytes:
        """What one attempt printed; one that printed nothing has no log."""
        return Path(run["log"]).read_bytes() if run["log"] else b""

    def files(self) -> Iterable[Path]:
        """Everything under the runtime directory."""
        return self.runtime.rglob("*")

    # The end of a test

    def close(self) -> None:
        """End what was left at work, and hold all that was written to the schema."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.check_records()

    def check_records(self) -> None:
        """Every record that the core wrote satisfies ``references/task.schema.json``."""
        for run in self.runs():
            validator("run").validate(run)
        if self.own_records:
            for one in [*self.tasks().values(), *self.archived()]:
                validator().validate(one)


def quoted(path: object) -> str:
    """A path as one word of a shell script."""
    return shlex.quote(str(path))


def until_there(path: object) -> str:
    """Shell that waits for a file."""
    return f"while [ ! -e {quoted(path)} ]; do sleep 0.01; done"


def leaving_pid(path: object) -> str:
    """Shell that leaves its process id in a file, which nobody finds half written."""
    return f"echo $$ >{quoted(path)}.new; mv {quoted(path)}.new {quoted(path)}"


def patient(face: str, *words: str) -> list[str]:
    """A command that waits for others (a server, a runner that settles) as long as a test does, not some seconds."""
    return [sys.executable, "-I", "-c", PATIENTLY, face, *words]


def once_up(place: Place, up: Path, attempt: Callable[[float], T]) -> T:
    """What an attempt comes to whose timeout strikes when the executor has made ``up``.

    ``attempt`` is given the timeout in seconds. On a machine so busy that the executor had not come that far, the next
    attempt has more.
    """
    for seconds in (0.2, 1.0, 5.0, 25.0):
        found = attempt(seconds)
        if up.exists():
            return found
        shutil.rmtree(place.runtime)
    raise AssertionError(f"the executor did not come to make {up}")


def is_running(pid: int) -> bool:
    """Whether a process lives (a zombie does not, unless only its main thread has ended)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" or int(fields[17]) > 1


def umask(mask: int) -> Callable[[], None]:
    """Something for ``preexec_fn`` that sets the umask."""
    return lambda: (os.umask(mask), None)[1]


def need_root() -> None:
    """``as_root`` for what only some cells of a table ask for."""
    if os.geteuid() != 0:
        pytest.skip(ONLY_ROOT)


def give_to_user(place: Place, as_user: list[str], uid: int) -> None:
    """Make a place the user's as whom ``as_user`` runs what stands behind it; skip where not root."""
    need_root()
    if subprocess.run([*as_user, "true"], capture_output=True).returncode:
        pytest.skip("this root may not hand on capabilities")
    for path in (place.base, place.home):
        os.chown(path, uid, uid)


ZONE = "America/Vancouver"


def zone_file(hours: int) -> bytes:
    """A zone file of version 1 (RFC 9636) with one offset for ever."""
    head = b"TZif" + bytes(16) + b"".join(number.to_bytes(4) for number in (0, 0, 0, 0, 1, 4))
    return head + (hours * 3600).to_bytes(4, signed=True) + b"\0\0" + b"XXX\0"


def zone_tree(
    root: Path, hours: int, told: str = "", file: str = "tzdata.zi", names: tuple[str, ...] = (ZONE,)
) -> Path:
    """A directory of zones, each at ``hours`` from UTC; the first line of ``file`` is ``told``."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(zone_file(hours))
    if told:
        (root / file).write_text(f"{told}\n# more\n")
    return root


def heard(agent: str, printed: str, complaints: str = "") -> Report:
    """What an agent's reader makes of all that its program printed, and complained of."""
    reader = registry.agent(agent).reader()
    for line in printed.splitlines(keepends=True):
        reader.feed(line)
    for line in complaints.splitlines(keepends=True):
        reader.complain(line)
    return reader.report()
