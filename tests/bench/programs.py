"""What is measured inside one Python process. Each prints the seconds it took, start-up left out.

Usage: programs.py NAME [ARGUMENT]…
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))


def parse(path: str) -> None:
    """orjson over every line: the limit of anything that looks at each task."""
    import orjson

    with open(path, "rb") as lines:
        for line in lines:
            orjson.loads(line)


def copy(path: str) -> None:
    """orjson over every line, in and out: the limit of a list."""
    import orjson

    with open(path, "rb") as lines:
        before = b"["
        for line in lines:
            sys.stdout.buffer.write(before + orjson.dumps(orjson.loads(line)))
            before = b","
    sys.stdout.buffer.write(b"]\n")


def append(path: str, count: str) -> None:
    """Bare append and fsync of lines as long as a record."""
    line = b"x" * 749 + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    started = time.perf_counter()
    for _ in range(int(count)):
        os.write(file, line)
        os.fsync(file)
    _tell(started)


def schedule(count: str) -> None:
    """Schedule through a client of the SDK that is kept, one synced after the other."""
    import defer

    client = defer.Client()
    spec = defer.TaskSpec("30m", "resume the review of the report")
    client.add([client.plan(spec.request())])
    started = time.perf_counter()
    for _ in range(int(count)):
        client.add([client.plan(spec.request())])
    _tell(started)


def newest_runs(count: str) -> None:
    """The newest runs through the SDK."""
    import defer

    if len(defer.list_runs(limit=int(count))) != int(count):
        raise SystemExit("some are missing")


def schedule_all(count: str) -> None:
    """Schedule through the SDK, all in one batch."""
    import defer

    specs = [defer.TaskSpec("30m", "resume the review of the report")] * int(count)
    defer.schedule("30m", "resume the review of the report")
    started = time.perf_counter()
    defer.schedule_all(specs)
    _tell(started)


def sqlite(path: str, count: str) -> None:
    """The same in bare sqlite3, fully synced: a table, a row, a commit."""
    import sqlite3

    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS task (id INTEGER PRIMARY KEY, run_at REAL, record TEXT)")
    started = time.perf_counter()
    for _ in range(int(count)):
        database.execute("INSERT INTO task (run_at, record) VALUES (?, ?)", (time.time() + 1800, "x" * 700))
    _tell(started)


def huey(path: str, count: str) -> None:
    """The same in huey, on SQLite and synced."""
    from huey import SqliteHuey  # type: ignore[import-not-found]

    queue = SqliteHuey(filename=path, fsync=True)
    job = queue.task()(append)
    started = time.perf_counter()
    for _ in range(int(count)):
        job.schedule(("x" * 700, "1"), delay=1800)
    _tell(started)


def apscheduler(path: str, count: str) -> None:
    """The same in APScheduler, on SQLite through SQLAlchemy."""
    from datetime import UTC, datetime, timedelta

    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-not-found]

    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore("sqlalchemy", url=f"sqlite:///{path}")
    scheduler.start(paused=True)
    at = datetime.now(UTC) + timedelta(minutes=30)
    started = time.perf_counter()
    for _ in range(int(count)):
        scheduler.add_job(append, "date", run_date=at, args=["x" * 700, "1"])
    _tell(started)
    scheduler.shutdown()


def _tell(started: float) -> None:
    print(time.perf_counter() - started)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
