"""The faces of `run-deferred.sh` and `execute-task.sh`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import BinaryIO, TypeAlias

from defer import exits, instants
from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED, BadInput, DeferError, StoreBusy
from defer.record import codec, events, holders, task
from defer.run import notices
from defer.run.loop import Loop
from defer.run.wake import Runner

from . import glance, output

_ABSENT_AFTER = timedelta(minutes=15)
Connect: TypeAlias = Callable[[], Client]


def wake(connect: Connect, argv: list[str]) -> int:
    """Wake once, or again and again; the exit status is 0 whatever the attempts came to."""
    args = glance.wake(argv)
    with Loop(owns_process=True) as loop:
        if args.loop is None:
            client = connect()
            wake_once(client, loop, 60.0, args.json)
            _see_off(client, loop)
        else:
            from . import looping

            once = partial(wake_once, loop=loop, claim_every=args.loop, as_json=args.json, to_the_second=True)
            looping.keep_waking(connect, loop, once, args.loop, is_heard=not args.json)
    return EXIT_OK


def _see_off(client: Client, loop: Loop) -> None:
    """Wait, within a bound, for what the wake sends: where its process ends, all that it started may be ended."""
    if loop.companions or loop.pings or loop.is_to_look:
        from defer.run.sending import Sending

        Sending(client.config, client.audit, client.clock, loop).finish()
        # What has been sent calls for no further wake.
        with suppress(DeferError):
            _archive(client)


def _tell_watcher(client: Client, loop: Loop) -> None:
    """Ping DEFER_PING_URL because this wake could not do its work."""
    if client.config.get("DEFER_PING_URL"):
        from defer.run import sending

        sending.tell_failure(client.config, client.audit, client.clock, loop)


def wake_once(client: Client, loop: Loop, claim_every: float, as_json: bool, *, to_the_second: bool = False) -> None:
    """One wake. A failure is left where `schedule` finds it, and raised."""
    markers = client.store.markers
    _note_absence(client)
    markers.beat()
    try:
        of = client.store, client.config, client.audit, client.clock
        runner = Runner(*of, claim_every, loop, to_the_second=to_the_second)
        is_left = _is_left_to_v1(client)
        if not is_left:
            runner.wake()
            _keep_what_is_wanted(client, loop)
    except Exception as error:
        what = client.config.masked(str(error))
        markers.set_trouble(client.clock(), what)
        client.audit.tell(events.failing("wake_failed", None, what, client.clock()))
        _tell_watcher(client, loop)
        raise
    if not is_left:
        _tell_out_of_reach(client, runner)
    if as_json:
        output.print_json(runner.counts, compact=True)


def _keep_what_is_wanted(client: Client, loop: Loop) -> None:
    """Once a day remove what is older than the settings want to keep; who holds the lock for long is not waited for."""
    if client.config.keep_days is not None and not loop.is_told_to_stop:
        from defer.run import prune

        with suppress(StoreBusy):
            prune.daily(client.store, client.config, client.audit, client.clock(), lambda: not loop.is_told_to_stop)


def _note_absence(client: Client) -> None:
    """Note that nothing has woken this store for a while, for those who ask later.

    Whatever looks moves the time of the next look into the future, unless something executes or the look fails.
    """
    markers, now = client.store.markers, client.clock()
    try:
        due = markers.next_look()
    except OSError:
        return  # a failing disk must not keep a wake from its work
    if due is not None and instants.EPOCH < due < now - _ABSENT_AFTER and markers.last_trouble() is None:
        client.audit.tell(events.met("wakes_resumed", {"since": instants.to_text(due)}, now))


def _is_left_to_v1(client: Client) -> bool:
    """Whether a v1 runner is at work: it works from a copy of the store, and would run what we run."""
    what = client.store.other_runner()
    if what is not None:
        client.audit.tell(events.met("wake_skipped", {"reason": what}, client.clock()))
        client.store.markers.set_trouble(client.clock(), f"{what} (if that is not a v1 runner, remove the directory)")
    return what is not None


def _tell_out_of_reach(client: Client, runner: Runner) -> None:
    """Say once, and leave for `schedule` to say, that attempts which cannot be seen from here hold all slots."""
    held = runner.out_of_reach
    if len(held) < client.config.max_parallel:
        client.store.markers.clear_trouble()
        return
    who = "; ".join(f"{one['id']} by {holders.holder(one)}" for one in held)
    what = f"every slot is held by an attempt that cannot be reached from here: {who} (defer release ID frees one)"
    if what not in (client.store.markers.last_trouble() or ""):
        exits.warn(what)
        client.store.markers.set_trouble(client.clock(), what)


def _archive(client: Client) -> list[codec.Task]:
    now = client.clock()
    filed = client.store.archive(now, notices.before_drop(client.config, now), notices.look_by(client.config, now))
    client.audit.tell(*(events.archived(one, now) for one in filed))
    return filed


def archive(connect: Connect, argv: list[str]) -> int:
    """File what has ended, apart from any wake."""
    from . import flags

    args = flags.archive().parse(argv)
    client = connect()
    filed = _archive(client)
    if args.json:
        output.print_json({"archived": [one["id"] for one in filed]}, compact=True)
    return EXIT_OK


def attempt(connect: Connect, argv: list[str]) -> int:
    """One attempt of the task on standard input; prints the task as it is then, as v1 did.

    0 for one that is completed or waits for its retry, 1 for one that has failed.
    """
    from . import flags

    flags.attempt().parse(argv)
    client = connect()
    _ = client.config.secret_names
    given = _read_task(sys.stdin.buffer)
    from defer.run import byhand

    came_to, differing = byhand.attempt(client.store, client.config, client.audit, client.clock, given)
    if differing:
        exits.hold_warnings()
        exits.warn(f"the task was run as it stands in the store; standard input has other {', '.join(differing)}")
    output.print_object(task.shown(came_to), compact=False)
    return EXIT_OK if came_to["status"] in (task.COMPLETED, task.SCHEDULED) else EXIT_REFUSED


def _read_task(stream: BinaryIO) -> codec.Task:
    raw = stream.read(codec.MAX_TASK_BYTES + 1)
    if len(raw) > codec.MAX_TASK_BYTES:
        raise BadInput(f"the task on standard input is larger than {codec.MAX_TASK_BYTES} bytes")
    try:
        one = codec.decode(raw)
    except codec.BadLine as error:
        raise BadInput(f"no task on standard input: {error} (pipe one line of deferred.jsonl)") from None
    if codec.is_filed(one):
        raise BadInput(f"no task on standard input: {one['id']} is filed (pipe its line of the archive)")
    return one
