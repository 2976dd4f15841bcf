"""The face of `show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import chain
from typing import TYPE_CHECKING, cast

from defer import fsio, instants, say
from defer.client import Client
from defer.record import task, versions
from defer.record.codec import Task

from . import details, each, glance, output

if TYPE_CHECKING:
    from defer.reports.history import Row

_WEEK = timedelta(days=7)
_MOST_KEPT = 3
_FILES = ("prompt_path", "log_path")
_MAY_LACK_AN_ATTEMPT = tuple(status for status in task.ENDED if status != task.COMPLETED)


def show(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print tasks, from the store or else the archive."""
    args = glance.show(argv)
    client = connect()
    wanted = each.chosen(client, args, "show")
    found, refused = each.attempted(wanted, client.find)
    if output.is_for_people(args):
        for number, one in enumerate(found.values()):
            output.say(*([""] if number else []))
            _details(client, one)
    return each.answer(args, wanted, refused, map(task.shown, found.values()), tuple)


def _details(client: Client, found: Task) -> None:
    """All that a person wants to know of one task."""
    zone, now = client.config.timezone(), client.clock()
    details.show(_with_lost_files_named(client, found), zone, now, sys.stdout, _told(client, found))
    _tell_of_its_runs(client, found, zone, now)
    _tell_of_its_worktrees(client, found)


def _with_lost_files_named(client: Client, found: Task) -> Task:
    """The record, which says of its prompt and its log where they are not here: pruned, say, or on another host."""
    result = output.object_of(found.get("result"))
    named = {name: path for name in _FILES if (path := result.get(name)) and isinstance(path, str)}
    if not named:
        return found
    from defer.reports.recordfiles import finder

    is_there = finder(client.config.log_dir)
    lost = {name: f"{path} (not here)" for name, path in named.items() if not is_there(path)}
    return cast("Task", {**found, "result": {**result, **lost}})


def _told(client: Client, found: Task) -> str | None:
    """Who was told of its last end."""
    if versions.is_newer(found) or (not found.get("last") and found["status"] not in task.ENDED):
        return None
    from defer.notices import outbox, words

    box = outbox.read_if_it_can_be(client.config.notices_file)
    if not box.is_readable:
        return "not known: the notices cannot be read (defer inbox says why)"
    return words.heard(found, box.told(found["id"]))


def _tell_of_its_runs(client: Client, one: Task, zone: tzinfo, now: datetime) -> None:
    """How its last run ended, what the last seven days came to, and since when it has failed in a row."""
    from defer.reports import history

    start = now - _WEEK
    runs: list[Row] = []
    week = history.rows(client.runs(one["id"], start), client.ended_records(one["id"], start, _MAY_LACK_AN_ATTEMPT))
    outcomes = history.counted(_noting(week, runs))
    last = next(chain(runs, _older_runs(client, one)), None)
    since = _failing_since(one)
    facts = {
        "Last run": last and _last_run(last, say.moment(last.started_at or last.ended_at, zone, now)),
        "Last 7 days": ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()),
        "Failing": since and f"since {say.moment(since, zone, now)}",
    }
    for name, said in facts.items():
        if said:
            output.say(f"{name + ':':<12} {said}")


def _tell_of_its_worktrees(client: Client, one: Task) -> None:
    """The worktrees that stay after earlier occurrences, where any were made."""
    if fsio.stat(client.config.worktrees_dir) is None:
        return
    from defer.context import worktree

    shown = output.object_of(output.object_of(one.get("result")).get("worktree")).get("path")
    kept = [place for place in worktree.kept(client.config.worktrees_dir, one["id"]) if os.path.isdir(place.path)]
    others = [f"{place.path} (branch {worktree.branch(place)})" for place in kept if place.path != shown]
    more = [f"and {len(others) - _MOST_KEPT} more"] if len(others) > _MOST_KEPT else []
    output.say(*(f"{'Kept:':<12} {said}" for said in [*others[:_MOST_KEPT], *more]))


def _noting(rows: Iterator[Row], runs: list[Row]) -> Iterator[Row]:
    """The same rows; the first that is an attempt is noted in ``runs``. A week may have ten thousand."""
    for row in rows:
        if row.run_id and not runs:
            runs.append(row)
        yield row


def _older_runs(client: Client, one: Task) -> Iterator[Row]:
    """The runs of a task that has had some; who has not is not looked for in all that was ever run."""
    from defer.reports import history

    has_run = one.get("attempts") or one.get("last") or one["status"] in task.ENDED
    return history.rows(client.runs(one["id"]), ()) if has_run else iter(())


def _last_run(row: Row, when: str) -> str:
    took = "" if row.duration_ms is None else f", took {say.brief(row.duration_ms / 1000)}"
    by_hand = ", by hand" if row.copy else ""
    said = row.why or row.summary
    return f"{row.outcome} {when}{took}{by_hand}{f': {said}' if said else ''}"


def _failing_since(one: Task) -> datetime | None:
    """When the present row of failures began, if there are several."""
    last = None if versions.is_newer(one) else one.get("last")
    if not last or last["failures"] < 2 or one["status"] in task.ENDED:
        return None
    return instants.from_text(last.get("since") or last["at"])
