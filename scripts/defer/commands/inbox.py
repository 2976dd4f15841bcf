"""The faces of `inbox` and `ack`: what nobody has seen yet, and what nobody wants to hear of again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from defer import exits, visible
from defer.client import Client
from defer.errors import EXIT_OK, Refused
from defer.notices import box, events, outbox, words
from defer.record import task, versions
from defer.record.codec import Task

from . import each, glance, handover, lookflags, output

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.notices.box import Box
    from defer.notices.events import Notice


def inbox(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print what nobody has seen; it counts as read once it is printed."""
    args = lookflags.inbox().parse(argv)
    if args.hook:
        return handover.answer(connect, args)
    client = connect()
    found = outbox.read(client.config.notices_file)
    new, dropped = found.unread(), found.dropped
    wanted = [*found.notices.values()] if args.all else new
    if client.is_restricted:
        # How much others have not read, or have missed, is theirs to know.
        new, wanted = ([one for one in some if client.may_see(one["id"])] for some in (new, wanted))
        dropped = 0
    _print(args, client, found, wanted, {"unread": len(new), "dropped": dropped})
    sys.stdout.flush()
    unread = [one["key"] for one in wanted if not found.is_read(one)]
    if (unread or dropped) and not args.peek and not exits.is_output_closed():
        # A notice that comes meanwhile has not been shown: only these are marked.
        with client.store.alone():
            outbox.mark_read(client.config.notices_file, unread, client.clock(), with_dropped=bool(dropped))
    return EXIT_OK


def _print(args: Namespace, client: Client, found: Box, shown: list[Notice], facts: dict[str, int]) -> None:
    if args.table or output.is_for_people(args):
        _print_for_people(client, shown, facts["dropped"], everything=args.all)
    else:
        output.print_object({"notices": [_as_json(found, one) for one in shown], **facts}, args.compact)


def _as_json(found: Box, notice: Notice) -> dict[str, Any]:
    told = [{"where": one.where, "status": one.status, "why": one.why} for one in found.places(notice)]
    return {**{name: value for name, value in notice.items() if name not in ("to", "inbox")}, "told": told}


def _print_for_people(client: Client, shown: list[Notice], dropped: int, *, everything: bool) -> None:
    when = words.shortly(client.config.timezone(), client.clock())
    if everything:
        shown = _without_lost_logs(client, shown)
    for number, group in enumerate(words.grouped(shown)):
        output.say(*([""] if number else []), *words.block(group, when))
    if dropped:
        output.say(f"{dropped:,} more went unread and are not kept here (defer history has what happened).")
    if not shown:
        output.say("Nothing is in the inbox." if everything else "Nothing new.")


def ack(connect: Callable[[], Client], argv: list[str]) -> int:
    """Silence tasks that fail until they succeed, or fail in another way."""
    args = glance.by_id("ack", argv)
    client = connect()
    wanted = each.chosen(client, args, "ack")
    silenced, refused = each.attempted(wanted, partial(_silence, client))

    def said() -> Iterator[str]:
        for one, facts in silenced.values():
            summary = visible.sentence(output.summary_of(one), 100)
            yield f"“{summary}” is silent until it succeeds or fails in another way: {facts['id']}."

    return each.answer(args, wanted, refused, (facts for _, facts in silenced.values()), said)


def _silence(client: Client, task_id: str) -> tuple[Task, dict[str, Any]]:
    """Acknowledge the failure of a task: the task, and what is told of it. Raises Refused where it does not fail."""
    found = client.find(task_id)
    versions.must_know(found)
    file = client.config.notices_file
    name, own = found["id"], _latest(client, found)
    now = client.clock()
    failing = [one for one in (own, _run_by_hand(client, found, now)) if one is not None and _failures(one)]
    if not failing:
        raise Refused(f"task is not failing: {name} (nothing to acknowledge)")
    known, first = outbox.read(file), failing[0]
    signature = _signature(first, known)
    with client.store.alone():
        outbox.acknowledge(file, name, events.since_of(first), signature, now)
        for one in failing[1:]:
            outbox.acknowledge(file, one["id"], events.since_of(one), _signature(one, known), now)
    facts = {"id": name, "since": events.since_of(first), "signature": signature, "failures": _failures(first)}
    return found, facts


def _failures(one: Task) -> int:
    """How many occurrences in a row have failed."""
    last = one.get("last")
    return last["failures"] if last else 0


def _without_lost_logs(client: Client, notices: list[Notice]) -> list[Notice]:
    """The notices, which name no log that is gone: `prune` keeps only what an unread one needs."""
    from defer.reports.recordfiles import finder

    is_there = finder(client.config.log_dir)
    return [{**one, "log": None} if (log := one.get("log")) and not is_there(log) else one for one in notices]


def _latest(client: Client, found: Task) -> Task:
    """The latest end of a task that is over: it may be that of a copy that was run of it since."""
    if found["status"] not in task.ENDED:
        return found
    return next((one for one in client.ended_records(found["id"]) if one["status"] != task.CANCELLED), found)


def _run_by_hand(client: Client, found: Task, now: datetime) -> Task | None:
    """The copy that was run of a task that goes on, if that was the last to end."""
    if found["status"] in task.ENDED:
        return None
    ended = client.ended_records(found["id"], now - box.KEPT, (task.COMPLETED, task.FAILED))
    latest = next(ended, None)
    return latest if latest is not None and latest["id"] != found["id"] else None


def _signature(found: Task, known: Box) -> str:
    """Of which failure it is silent: the last one, which what was missed since may hide in the record."""
    last = found.get("last")
    if last and last["outcome"] == task.FAILED:
        return events.signature_of(found)
    told = known.streaks.get(found["id"], events.Streak()).told
    return ["", *told][-1]
