"""Row 9 and "every occurrence ends with a reason": recurring tasks in random histories, read back by the checker.

Tasks recur by all kinds of rules and policies, are changed, paused, replaced and cancelled, fail, are put off and ask
to run again; runners die, faults befall any command, the clock goes forwards and back. CI goes through a few dozen
histories; ``make crash`` through 1,000 of 100 steps.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from limits import RUNS, STEPS
from memfs import FAULTS, Fault
from world import (
    Machine,
    Proc,
    archive,
    cancel,
    claim_only,
    do,
    edited,
    examine_history,
    key_of,
    wake,
)

from defer.record.events import Event
from defer.scheduling import plan
from defer.scheduling.edit import Editor
from defer.scheduling.plan import Request

NAMES = ("one", "two", "three")
RULES = ("every 10m", "every 3m", "every hour", "0 * * * *", "*/7 * * * *")
ONCE = ("2m", "20m")
Act = Callable[[Proc], None]


def some_policies(dice: random.Random) -> dict[str, Any]:
    chosen = {
        "times": (0.3, dice.randrange(2, 12)),
        "jitter": (0.2, "2m"),
        "catch_up": (0.5, dice.choice(["all", "none", "one"])),
        "overlap": (0.4, "queue"),
        "expires": (0.2, "4m"),
        "until": (0.1, "90m"),
    }
    return {name: value for name, (share, value) in chosen.items() if dice.random() < share}


def schedules(name: str, dice: random.Random) -> Act:
    when, policies = dice.choice(RULES + ONCE), some_policies(dice)
    fields = {key: value for key, value in policies.items() if when in RULES or key == "expires"}
    request = Request(
        when=when,
        context={"summary": dice.choice(["ok", "fail", "later", "again"])},
        task_id=name,
        max_retries=dice.randrange(3),
        **fields,
    )
    if_exists = dice.choice(["error", "replace", "skip"])

    def act(proc: Proc) -> None:
        now = proc.machine.now
        planned = plan.plan(request, proc.config, now)
        (stored,) = proc.store.append([planned.task], now, if_exists)
        proc.machine.acknowledged.add(key_of(stored))
        if stored is planned.task:
            proc.audit.tell(Event(now, "scheduled", name, {"when": when}))

    return act


def changes(name: str, dice: random.Random) -> Act:
    rule, later, times = dice.choice(RULES), dice.choice(["1m", "4m", "25m", "2h"]), dice.randrange(3, 30)
    ways: list[Callable[[Editor], dict[str, Any]]] = [
        lambda editor: editor.pause(name),
        lambda editor: editor.resume(name),
        lambda editor: editor.resume(name),
        lambda editor: editor.reschedule(name, later),
        lambda editor: editor.reschedule(name, later),
        lambda editor: editor.edit(name, {"when": rule}),
        lambda editor: editor.edit(name, {"when": rule}),
        lambda editor: editor.edit(name, {"when": later}),
        lambda editor: editor.edit(name, {"times": times}),
        lambda editor: editor.cancel_occurrence(name, None),
        lambda editor: editor.run_now(name),
    ]
    return cancel(name) if dice.random() < 0.1 else edited(dice.choice(ways))


def step(dice: random.Random) -> Act:
    name, kind = dice.choice(NAMES), dice.random()
    if kind < 0.2:
        return schedules(name, dice)
    if kind < 0.5:
        return changes(name, dice)
    return claim_only if kind < 0.6 else archive if kind < 0.65 else wake


def live(seed: int, *, with_faults: bool) -> Machine:
    """One history, and at its end enough wakes for all to come to rest."""
    dice, machine, taken = random.Random(seed), Machine(), set[datetime]()  # noqa: S311
    for _ in range(STEPS):
        kind = dice.random()
        if kind < 0.2:
            machine.pass_time(seconds=dice.choice([1, 30, 61, 125, 700, 4000, 20_000]))
        elif kind < 0.23 and with_faults:
            machine.set_clock_back(seconds=dice.choice([5, 600, 3600]))
        else:
            # Two tasks of one name are told apart by the second in which they were made.
            while machine.now in taken:
                machine.pass_time(seconds=1)
            taken.add(machine.now)
            breaks = with_faults and dice.random() < 0.15
            do(machine, step(dice), Fault(dice.randrange(140), dice.choice(FAULTS)) if breaks else None)
            machine.end_executors()
    machine.pass_time(hours=3)
    for _ in range(3):
        assert do(machine, wake)[0] == "done"
        machine.pass_time(minutes=1)
    return machine


@pytest.mark.parametrize("with_faults", [False, True], ids=["nothing goes wrong", "faults"])
def test_row_9_every_occurrence_is_accounted_for_once(with_faults: bool, count: Callable[[str, int], None]) -> None:
    for seed in range(RUNS):
        try:
            examine_history(live(seed, with_faults=with_faults))
        except BaseException as error:
            error.add_note(f"seed {seed}, {STEPS} steps")
            raise
    count("recurring histories read back", RUNS)
