"""Whether something wakes the store: the crontab line or the unit, who looks after it, the last wake."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defer import instants, paths, say
from defer.settings.config import Config
from defer.wakers import cron, crontab, managers, program, runners, stable, watch
from defer.wakers.entry import CRON, LAUNCHD, Entry
from defer.wakers.runners import Runner
from defer.wakers.standing import Standing

from . import journal
from .finding import Finding, found, parted

if TYPE_CHECKING:
    from defer.store.interface import Markers

ASLEEP_AFTER = timedelta(minutes=3)
"""How old the last wake may be while something wakes every minute."""
_BETWEEN_WAKES = timedelta(hours=1)

_TAB = "crontab"
_INSTALL = "defer waker install"


def findings(standing: Standing, markers: Markers, config: Config, now: datetime) -> Iterator[Finding]:
    """What is wrong with the waker of the store that ``markers`` are of."""
    last = markers.last_wake()
    at_work = [one for one in runners.at_work() if standing.store_of_runner(one) == str(config.tasks_file)]
    # One that goes on by itself may wake less often than cron.
    goes_on = any(one.is_loop for one in at_work)
    is_recent = last is not None and now - last <= (_BETWEEN_WAKES if goes_on else ASLEEP_AFTER)
    is_seen = watch.is_seen(standing, config)
    is_awake = is_recent and (is_seen or journal.is_steady(config.log_file, now))
    by_hand = f"; the last wake, {say.distance(now - last)} ago, was by hand" if last and is_recent else ""
    yield from _of_crontab(standing, config, by_hand, is_awake=is_awake)
    if last is not None and is_awake and not is_seen:
        yield from _of_unseen(standing, now - last)
    yield from _of_runners(standing, at_work)
    yield from _of_copies(standing)
    yield from _of_daemon(standing, is_awake=is_awake)
    for entry in standing.waking():
        yield from _of_line(standing, entry, config)
    yield from _of_wakes(standing, markers, last, now, is_awake=is_recent)


def _of_crontab(standing: Standing, config: Config, by_hand: str, *, is_awake: bool) -> Iterator[Finding]:
    for entry in standing.dead:
        yield _gone(standing, entry, config)
    for entry in standing.others:
        if entry not in standing.waking() and _is_ours(standing, entry, config):
            what = f"another copy of the code wakes this store too: {entry.runner}{_versions(entry.runner)}"
            name = "schedule-task.sh" if entry.runner.endswith(".sh") else "defer"
            front = Path(entry.runner).with_name(name)
            yield found("two-copies", what, entry.place, f"{shlex.quote(str(front))} waker uninstall")
    if is_awake or standing.waking():
        return
    if standing.error is not None:
        what, fix = parted(standing.error)
        yield found("crontab-unreadable", what, _TAB, fix or crontab.WITHOUT_CRON)
    elif not any(entry.marked and _is_ours(standing, entry, config) for entry in standing.dead):
        what = f"nothing wakes this store: no line of the crontab and no timer does{by_hand}"
        yield found("waker-missing", what, _TAB, _INSTALL)


def _of_unseen(standing: Standing, ago: timedelta) -> Iterator[Finding]:
    """Wakes that no waker we know of makes, and that have come for long."""
    if standing.error is not None:
        return
    what = f"something woke this store {say.distance(ago)} ago, and nothing that can be seen will do so again"
    fix = f"{_INSTALL}, unless something else wakes it every minute"
    if standing.waking():
        fix = f"{_start(standing.waking()[0])}, unless something else wakes it every minute"
    yield found("waker-unseen", what, _TAB, fix)


def _of_runners(standing: Standing, at_work: list[Runner]) -> Iterator[Finding]:
    """Runners at work on this store that come from another copy, such as one that goes on in a terminal."""
    for one in at_work:
        if os.path.exists(one.entry) and not program.is_of_this_code(one.entry, standing.program):
            what = f"a runner of another copy of the code is at work on this store: {one.entry}{_versions(one.entry)}"
            yield found("two-copies", what, f"process {one.pid}", f"kill {one.pid}, and use one copy")


def _versions(runner: str) -> str:
    """In which version another copy is, beside this one, where that can be told and differs."""
    theirs, ours = stable.version_of(runner), stable.version(paths.ROOT)
    return f" (version {theirs}, this one is {ours})" if theirs and ours and theirs != ours else ""


def _of_copies(standing: Standing) -> Iterator[Finding]:
    """Wakes that run other code than this: the stable copy is older, or this code is named and may not last."""
    mine = [one for one in standing.waking() if program.is_same(one.runner, paths.runner())]
    why = stable.why() if mine else None
    if why is not None:
        what = f"wakes run {mine[0].runner}, which may be gone tomorrow: {why}"
        yield found("copy-passing", what, mine[0].place, _INSTALL)
    named = [one for one in standing.waking() if one not in mine]
    other = stable.is_other_version() if named else None
    if other is not None:
        what = f"wakes run a copy of other code than this: {other}, this is {paths.ROOT}"
        yield found("copy-old", f"{what}{_versions(named[0].runner)}", named[0].place, _INSTALL)


def _gone(standing: Standing, entry: Entry, config: Config) -> Finding:
    """A line that calls a program which is not there any more. Ours, for this store, is safe to replace."""
    is_safe = entry.marked and entry.waker == CRON and not standing.waking() and _is_ours(standing, entry, config)
    settings_file = config.settings_file or config.user_directory / "env" if is_safe else None
    mend = partial(_replace, entry, standing.program, settings_file) if settings_file else None
    by_hand = "crontab -e, and take the line out" if entry.waker == CRON else f"remove {shlex.quote(entry.where)}"
    fix = _INSTALL if entry.marked else by_hand
    which = "a line of the crontab" if entry.waker == CRON else f"a unit of {entry.waker}"
    return found("waker-gone", f"{which} calls {entry.runner}, which is gone", entry.place, fix, mend)


def _replace(entry: Entry, program: str, settings_file: Path) -> str:
    new = cron.replace_line(entry.line, program, settings_file)
    return f"replaced it by: {new}"


def _is_ours(standing: Standing, entry: Entry, config: Config) -> bool:
    return standing.store_of(entry) == str(config.tasks_file)


def _of_daemon(standing: Standing, *, is_awake: bool) -> Iterator[Finding]:
    """Whether who looks after the lines and units is at work: where one of several is, that is enough."""
    called = [*standing.waking(), *standing.dead]
    states = {standing.state(one) for one in called}
    if is_awake or not called or managers.RUNNING in states:
        return
    first = called[0]
    is_cron = first.waker == CRON
    if managers.UNKNOWN not in states:
        what = "no cron daemon runs, so that no line of the crontab does anything"
        if not is_cron:
            what = f"{first.waker} does not wake by {first.where}"
        start = f"start it (such as: {_service('start')})" if is_cron else _start(first)
        yield found("daemon-dead", what, first.where, f"{start}, or {crontab.WITHOUT_CRON}")
    else:
        which = "a cron daemon runs" if is_cron else f"{first.waker} wakes by {first.where}"
        ask = f"ask the system (such as: {_service('status') if is_cron else _look(first)})"
        yield found("daemon-unknown", f"whether {which} cannot be told from here", first.where, ask)


def _service(what: str) -> str:
    return f"service cron {what}"


def _start(entry: Entry) -> str:
    """What has its daemon or manager wake by this line or unit again."""
    if entry.waker == CRON:
        return f"start the cron daemon (such as: {_service('start')})"
    return f"{_INSTALL} {entry.waker}" if entry.marked else f"have {entry.waker} start {entry.where}"


def _look(entry: Entry) -> str:
    """What shows how its daemon or manager has come along with this line or unit."""
    if entry.waker == CRON:
        return "grep CRON /var/log/syslog, or the mail of this user"
    unit = Path(entry.where).stem
    if entry.waker == LAUNCHD:
        return f"launchctl print {managers.domain()}/{unit}"
    return f"systemctl --user status {unit}.timer {unit}.service"


def _of_line(standing: Standing, entry: Entry, config: Config) -> Iterator[Finding]:
    """What a wake by this line works with, against what this shell works with."""
    reads = standing.store_of(entry)
    if reads is not None and reads != str(config.tasks_file):
        what = f"wakes look after {reads}, and this shell schedules into {config.tasks_file}"
        yield found("store-differs", what, entry.place, _INSTALL)


def _of_wakes(
    standing: Standing, markers: Markers, last: datetime | None, now: datetime, *, is_awake: bool
) -> Iterator[Finding]:
    trouble = markers.last_trouble()
    if trouble:
        what = f"the last wake could not do its work: {trouble}"
        yield found("wakes-fail", what, "the last wake", "mend what it names; the next wake tries again")
    at_work = standing.at_work()
    if is_awake or not at_work:
        return
    first = at_work[0]
    fix = f"look at what {first.waker} says of it (such as: {_look(first)})"
    if last is None:
        yield found("never-woken", "nothing has woken this store yet", first.place, "wait a minute")
    else:
        what = f"nothing has woken this store for {say.distance(now - last)}, since {instants.to_text(last)}"
        yield found("wakes-stopped", what, first.place, fix)
