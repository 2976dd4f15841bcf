"""Tasks that should be running and are not, or should not be running any more: what holds each of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from defer import instants, say
from defer.record import holders, sharing, task, versions

from .findings import NEVER_RAN, OVERDUE, STUCK, Finding, command
from .habits import useful_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from defer.record.codec import Task

PATIENCE = timedelta(minutes=2)
"""A task that is due for longer is overdue, if a wake has looked since."""
OVERRUN = timedelta(minutes=1)
"""An attempt that goes on for longer past its deadline is stuck: a runner that lives ends it at once."""
QUIET = timedelta(minutes=5)
"""Without a wake for longer nothing wakes the store: cron does every minute."""
_FOREIGN = "foreign holder"
_MOST_NAMED = 4


class Held(NamedTuple):
    """What keeps a task from running, by kind and in words, and the command that mends it."""

    by: str
    what: str
    fix: str


class Scene(NamedTuple):
    """What is going on in a store."""

    now: datetime
    last_wake: datetime | None
    trouble: str | None
    """Why the last wake could not do its work."""
    other_runner: str | None
    """Who keeps wakes of ours away from the store."""
    slots: int
    executing: Sequence[Task]
    out_of_reach: frozenset[str]
    """The ids of those attempts whose processes nobody can see from here."""
    is_watched: bool = True
    """Whether something will wake the store by itself: a wake by hand tells nothing of the next one."""
    gone: str | None = None
    """The runner that what should wake the store calls, where that is not there any more."""

    @property
    def is_recent(self) -> bool:
        """Whether a wake has come lately, whoever made it."""
        return self.last_wake is not None and self.now - self.last_wake <= QUIET

    @property
    def is_awake(self) -> bool:
        """Whether wakes come."""
        return self.is_recent and self.is_watched


def stuck(one: Task, scene: Scene) -> Finding | None:
    """An attempt that goes on past its deadline, or that nobody here can see. The task executes."""
    run = one.get("run") or {}
    deadline, since = run.get("deadline_at"), run.get("started_at") or one.get("started_at")
    evidence = {"held_by": holders.holder(one), "deadline_at": deadline, "run_id": run.get("run_id")}
    if one["id"] in scene.out_of_reach:
        what = f"is held by {holders.holder(one)}, which cannot be seen from here"
        return Finding(STUCK, one["id"], since, what, evidence, command("release", one["id"]))
    over = scene.now - instants.from_text(deadline) if deadline else timedelta()
    if over <= OVERRUN:
        return None
    what = f"has been executing for {say.distance(over)} past its deadline"
    fix = command("cancel", "--kill", one["id"])
    return Finding(STUCK, one["id"], since, what, evidence, fix, over.total_seconds())


def overdue(one: Task, scene: Scene) -> Finding | None:
    """A task that waits and has been due for a while although a wake has looked since."""
    due = task.run_at(one)
    late = scene.now - due
    has_looked = scene.last_wake is not None and scene.last_wake > due + PATIENCE
    if late <= PATIENCE or not has_looked:
        return None
    held = what_holds(one, scene)
    evidence = {"due": one["run_at"], "held_by": held.by, "last_wake": _text(scene.last_wake)}
    what = f"is overdue by {say.distance(late)}: {held.what}"
    return Finding(OVERDUE, one["id"], one["run_at"], what, evidence, held.fix, late.total_seconds())


def never_ran(one: Task, passed: int, begin: datetime | None, kept: datetime | None, scene: Scene) -> Finding:
    """A recurring task of which ``passed`` occurrences are over since ``begin``, none of them run.

    ``kept``: since when there are records at all, where older ones were pruned.
    """
    held = _why_never(one, scene)
    evidence = {"passed": passed, "held_by": held.by, "created_at": one.get("created_at")}
    since, created = _text(begin), one.get("created_at")
    never = "has never run"
    if begin is not None and since != created:
        never = (
            "has not run since records begin" if begin == kept else f"has not run for {say.distance(scene.now - begin)}"
        )
    what = f"{never}, and {passed} of its occurrences have passed: {held.what}"
    return Finding(NEVER_RAN, one["id"], since, what, evidence, held.fix, passed)


def _why_never(one: Task, scene: Scene) -> Held:
    if task.run_at(one) <= scene.now - PATIENCE or one.get("held"):
        return what_holds(one, scene)
    last = one.get("last")
    outcome, reason = (last["outcome"], last["reason"]) if last else (None, None)
    fix = command("run", one["id"])
    if scene.is_recent and useful_seconds(one) is not None:
        fix = command("edit", one["id"], "--expires", "none")
    return Held(outcome or "unknown", reason or "nobody knows why", fix)


def what_holds(one: Task, scene: Scene) -> Held:
    """What keeps a task from running although it is due. The first reason that is there is the one that counts."""
    held = _neighbour(one, scene)
    # Where all slots are out of reach, the trouble that the last wake left is about that, too.
    is_foreign = held is not None and held.by == _FOREIGN
    return _own_reason(one, scene) or (held if is_foreign else _wake_reason(scene)) or held or _unknown(one)


def _own_reason(one: Task, scene: Scene) -> Held | None:
    lacking = versions.lacking(one)
    if lacking:
        return Held("missing feature", f"it {versions.complaint(lacking)} (upgrade Defer)", "defer --version")
    held = one.get("held")
    if held and instants.from_text(held["until"]) > scene.now:
        why = held.get("reason") or "no reason given"
        return Held("held", f"held until {held['until']}: {why}", command("reschedule", one["id"], "now"))
    return None


def _wake_reason(scene: Scene) -> Held | None:
    if scene.other_runner:
        return Held("another runner", f"{scene.other_runner} keeps wakes away", command("doctor"))
    if scene.trouble:
        return Held("trouble", f"the last wake could not do its work: {scene.trouble}", command("doctor"))
    if not scene.is_recent:
        return Held("no wake", "nothing wakes the store", command("doctor"))
    return None


def _neighbour(one: Task, scene: Scene) -> Held | None:
    """The attempt that has its workspace, its task or its conversation, or one of those that have all slots."""
    mine = sharing.shared(one)
    for other in scene.executing:
        kinds = mine & sharing.shared(other)
        if other["id"] != one["id"] and not sharing.may_share(one, kinds):
            return _held_by(other, sorted(kind for kind, _ in kinds)[-1], scene)
    if len(scene.executing) < scene.slots:
        return None
    foreign = [other for other in scene.executing if other["id"] in scene.out_of_reach]
    if foreign:
        return _held_by(foreign[0], "slot", scene)
    many = f"all {scene.slots} slots are" if scene.slots > 1 else "the only slot is"
    longest = min(scene.executing, key=lambda other: str(other.get("started_at") or ""))
    ids = [other["id"] for other in scene.executing[:_MOST_NAMED]]
    what = f"{many} taken, by {', '.join(ids)} (DEFER_MAX_PARALLEL)"
    return Held("slot", what, command("cancel", "--kill", longest["id"]))


def _held_by(other: Task, kind: str, scene: Scene) -> Held:
    if other["id"] in scene.out_of_reach:
        what = f"{other['id']} has its {kind}, held by {holders.holder(other)}, which cannot be seen from here"
        return Held(_FOREIGN, what, command("release", other["id"]))
    return Held(kind, f"{other['id']} has its {kind}", command("cancel", "--kill", other["id"]))


def _unknown(one: Task) -> Held:
    return Held("unknown", "nothing that can be seen holds it", command("show", one["id"]))


def _text(at: datetime | None) -> str | None:
    return None if at is None else instants.to_text(at)
