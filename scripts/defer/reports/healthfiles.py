"""The records, read from their files for `health`: the store once, runs and ended occurrences from their ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from defer import fsio, instants
from defer.record import codec, holders, versions
from defer.settings import budget
from defer.wakers import watch

from .checkup import Checkup
from .doctor import journal
from .findings import worst_first
from .recordfiles import finder
from .spending import Spending
from .waiting import Scene

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.settings.config import Config
    from defer.store.interface import Store

    from .health import Health


def health(
    store: Store,
    config: Config,
    now: datetime,
    since: datetime,
    *,
    acknowledged: Callable[[Task], bool] = lambda record: False,
    for_metrics: bool = False,
) -> Health:
    """How the tasks are doing in the window from ``since`` to ``now``. Raises StorageError.

    ``acknowledged(record)``: whether a person knows of the failures that its ``last`` tells of. ``for_metrics``: with
    what only metrics need.
    """
    with fsio.storage_errors(config.runtime_dir):
        checkup = Checkup(
            now,
            since,
            config.timeout_seconds,
            is_there=finder(config.log_dir),
            host=holders.host(),
            look_up=store.runs,
            acknowledged=acknowledged,
            kept=store.kept_since(),
            for_metrics=for_metrics,
        )
        _take_tasks(store, checkup, now)
        scene = _scene(store, config, checkup, now)
        spending = Spending(config, now) if budget.is_set(config) else None
        for run in store.runs(None, checkup.seen_since):
            if spending is not None:
                spending.take(run)
            if not checkup.take_run(run):
                break
        for one in store.ended_records(None, checkup.first):
            checkup.take_ended(one)
        found = checkup.report(scene)
        costly = None if spending is None else spending.finding()
        return found if costly is None else found._replace(findings=worst_first([*found.findings, costly]))


def _take_tasks(store: Store, checkup: Checkup, now: datetime) -> None:
    """Hand over the records of the store; most of a large one wait for their only run, which a glance tells."""
    present = instants.to_text(now).encode()
    for line in store.scan_json():
        quick = codec.waiting(line)
        if quick and quick[2] > present and b'"recurrence"' not in line:
            checkup.pass_over(quick[1].decode())
        else:
            checkup.take_task(codec.decode(line))


def _scene(store: Store, config: Config, checkup: Checkup, now: datetime) -> Scene:
    executing = checkup.executing
    # What a newer version has written may be of any form.
    known = [one for one in executing if not versions.is_newer(one)]
    watched = watch.watch(config)
    return Scene(
        now=now,
        last_wake=store.markers.last_wake(),
        trouble=store.markers.last_trouble(),
        other_runner=store.other_runner(),
        slots=config.max_parallel,
        executing=executing,
        out_of_reach=frozenset(one["id"] for one in known if _is_out_of_reach(one, now, store)),
        is_watched=watched.is_seen or (watched.gone is None and journal.is_steady(config.log_file, now)),
        gone=watched.gone,
    )


def _is_out_of_reach(one: Task, now: datetime, store: Store) -> bool:
    """Whether nobody here can tell that the holder of an attempt lives; one that holds its lease does.

    A v1 runner leaves no name: its attempts count as alive for an hour, and are over then.
    """
    run = one.get("run")
    if not run or not run.get("runner") or store.is_held(run.get("lease")):
        return False
    return holders.is_out_of_reach(one, now, store.is_held)
