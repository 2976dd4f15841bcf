"""What attempts printed: which attempt is meant, where its log lies, and its bytes, also while it is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from defer import fsio, instants
from defer.errors import NoSuchTask, Refused
from defer.record import codec, task, versions

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.record.types import RunUnderWay
    from defer.store.interface import Store

_PIECE_BYTES = 1 << 16


class Printed(NamedTuple):
    """One attempt as far as its log goes.

    ``task_id``: the task that made it, a copy perhaps. ``outcome``: a run record's status, or ``executing``.
    ``log``: the path that was noted, None where there is nothing to read: it printed nothing, or has not begun.
    ``log_bytes``: what it printed, as far as anybody counted. Moments are instants as text.
    """

    task_id: str
    run_id: str | None
    attempt: int | None
    outcome: str
    started_at: str | None
    ended_at: str | None
    host: str | None
    log: str | None
    log_bytes: int | None


def find(store: Store, task_id: str, wanted: str | None = None) -> Printed:
    """The latest attempt of a task or of a copy of it, or the one whose run is ``wanted``: its id or the end of it.

    Raises Refused where there is none, and where an end fits several.
    """
    found: Printed | None = None
    for one in _attempts(store, task_id):
        if wanted is None or one.run_id == wanted:
            return one
        if one.run_id and one.run_id.endswith(wanted):
            if found is not None and found.run_id != one.run_id:
                raise Refused(f"several runs end in {wanted}: {found.run_id}, {one.run_id} (give more of it)")
            found = one
    if found is None:
        raise _none(store, task_id, wanted)
    return found


def _attempts(store: Store, task_id: str) -> Iterator[Printed]:
    """Those under way, then those that have ended, the newest first."""
    executing = (codec.decode(line) for line in store.scan_json({task.EXECUTING}))
    under_way = (_of_task(one) for one in executing if task_id in (one["id"], one.get("copy_of")))
    yield from sorted(under_way, key=lambda one: one.started_at or "", reverse=True)
    for run in store.runs(task_id):
        started = instants.to_text(run.started_at) if run.started_at else None
        ended = instants.to_text(run.ended_at)
        yield Printed(
            run.task_id, run.run_id, run.attempt, run.status, started, ended, run.host, run.log, run.log_bytes
        )
    # What a version without run records did.
    last = store.ended({task_id}).get(task_id)
    if last is not None and (versions.knowable(last).get("result") or {}).get("log_path"):
        yield _of_task(last)


def _of_task(one: Task) -> Printed:
    one = versions.knowable(one)
    run, result = one.get("run") or {}, one.get("result") or {}
    return Printed(
        one["id"],
        run.get("run_id"),
        run.get("attempt") or one.get("attempts"),
        one["status"],
        run.get("started_at") or one.get("started_at"),
        None if run else instants.to_text(task.ended_at(one)),
        run.get("host"),
        run.get("log") or (None if run else result.get("log_path")),
        None,
    )


def _none(store: Store, task_id: str, wanted: str | None) -> Refused:
    if store.find(task_id) is None and not store.ended({task_id}):
        return NoSuchTask(task_id)
    if wanted is None:
        return Refused(f"nothing has run{since_when(store) or ' yet'}: {task_id} (see defer show {task_id})")
    return Refused(f"no such run of {task_id}: {wanted} (see defer history {task_id})")


def since_when(store: Store) -> str:
    """Since when it is known what has run, as words that follow others; no words where nothing was pruned."""
    kept = store.kept_since().records
    return "" if kept is None else f" since {instants.to_text(kept)}"


def places(named: str, log_dir: Path) -> tuple[Path, ...]:
    """Where a log or a prompt may lie: where it was written, or where it would be if its directory was moved."""
    path = Path(named)
    return (path, log_dir.joinpath(*path.parts[-3:]), log_dir / path.name)


def place(named: str, log_dir: Path) -> Path | None:
    """Where a log lies, or None where it is gone. Raises PermissionError where nobody can tell."""
    return next((path for path in places(named, log_dir) if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    try:
        return fsio.stat(path) is not None
    except PermissionError:
        raise
    except (OSError, ValueError):
        return False


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a log as long as it is now."""
    return followed(lambda: path, lambda: True, lambda: None)


def followed(
    path_now: Callable[[], Path | None], is_over: Callable[[], bool], rest: Callable[[], object]
) -> Iterator[bytes]:
    """The bytes of a log, and those that are added until ``is_over``; ``rest`` is called between two looks.

    ``path_now``: where it lies, None as long as that is not known.
    """
    stream = None
    try:
        while True:
            # Asked first: what was written before the end is read after it.
            over = is_over()
            path = None if stream else path_now()
            stream = fsio.reader(path) if path else stream
            while stream and (piece := stream.read(_PIECE_BYTES)):
                yield piece
            if over:
                return
            rest()
    finally:
        if stream is not None:
            stream.close()


def is_under_way(store: Store, one: Printed) -> bool:
    """Whether the attempt is still being made."""
    return _run_of(store, one) is not None


def noted(store: Store, one: Printed) -> str | None:
    """The log of an attempt: what is known of it, else what its record says by now. It says so once it may begin."""
    return one.log or (_run_of(store, one) or {}).get("log")


def _run_of(store: Store, one: Printed) -> RunUnderWay | None:
    found = store.find(one.task_id)
    run = None if found is None or found["status"] != task.EXECUTING else found.get("run")
    return run if run and run.get("run_id") == one.run_id else None
