"""Which of the due tasks a claim takes: order, slots, workspaces, lateness."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from defer.record import task
from defer.run import claim
from support import NOW, Task, at, text_at, v1_task


def due(task_id: str, minutes_ago: float = 1, **fields: Any) -> Task:
    return v1_task(task_id, run_at=text_at(minutes=-minutes_ago), **fields)


def running(task_id: str, **fields: Any) -> Task:
    return due(task_id, status="executing", attempts=1, run={"run_id": "other"}, **fields)


def recurring(task_id: str, minutes_ago: float, **policies: Any) -> Task:
    rule = {"expression": "* * * * *", "tz": "UTC", "anchor": text_at(days=-9), **policies}
    return due(task_id, minutes_ago, occurrence=text_at(minutes=-minutes_ago), recurrence=rule)


def choose(*hot: Task, slots: int = 4) -> list[Task]:
    numbers = count(1)
    return claim.choose(hot, NOW, slots, lambda: {"run_id": f"r{next(numbers)}"})


def names(changed: list[Task], status: str = "executing") -> list[str]:
    return [one["id"] for one in changed if one["status"] == status]


def test_due_tasks_in_the_order_of_their_times_then_of_their_names() -> None:
    changed = choose(due("c"), due("b", 3), due("d", 2), due("a"))
    assert names(changed) == ["b", "d", "a", "c"]
    assert [one["run"]["run_id"] for one in changed] == ["r1", "r2", "r3", "r4"]


def test_what_is_not_due_or_does_not_wait_is_left_alone() -> None:
    later = v1_task("later", run_at=text_at(seconds=1))
    others = [due(status, status=status) for status in task.STATUSES if status not in ("scheduled", "executing")]
    assert choose(later, *others) == []
    assert names(choose(v1_task("now", run_at=text_at()))) == ["now"]


def test_no_more_than_there_are_slots_and_those_at_work_have_theirs() -> None:
    assert names(choose(due("a"), due("b"), due("c"), slots=2)) == ["a", "b"]
    assert names(choose(running("x"), due("a"), due("b"), slots=2)) == ["a"]
    assert choose(running("x"), running("y"), running("z"), due("a"), slots=2) == []


def test_no_two_attempts_in_one_workspace() -> None:
    assert names(choose(due("a", workspace="/w"), due("b", workspace="/w"), due("c", workspace="/v"))) == ["a", "c"]
    assert names(choose(running("x", workspace="/w"), due("a", workspace="/w"), due("b"))) == ["b"]


def test_a_concurrent_task_may_share_and_others_then_wait_for_it() -> None:
    assert names(choose(running("x", workspace="/w"), due("a", workspace="/w", concurrent=True))) == ["a"]
    assert names(choose(due("a", workspace="/w", concurrent=True), due("b", workspace="/w"))) == ["a"]


def test_a_workspace_that_is_taken_uses_up_no_slot() -> None:
    assert names(choose(running("x", workspace="/w"), due("a", 9, workspace="/w"), due("b"), slots=2)) == ["b"]


def test_a_copy_waits_for_its_original_and_the_original_for_its_copy() -> None:
    copy, other = due("c", copy_of="x"), due("d", copy_of="x")
    assert names(choose(running("x"), copy, due("b"))) == ["b"]
    assert names(choose(running("c", copy_of="x"), due("x"), other)) == []
    assert names(choose(due("x", 2), copy, other)) == ["x"]
    assert names(choose(due("x", 1), due("c", 2, copy_of="x"))) == ["c"]


def test_a_concurrent_copy_runs_beside_its_original() -> None:
    assert names(choose(running("x"), due("c", copy_of="x", concurrent=True))) == ["c"]


def test_no_two_attempts_in_one_conversation_not_even_concurrent_ones() -> None:
    sticky = {"sticky_session": True, "session_id": "s", "concurrent": True}
    assert names(choose(running("x", **sticky), due("c", copy_of="x", **sticky), due("y", **sticky))) == []
    assert names(choose(due("a", **sticky), due("b", **sticky))) == ["a"]
    assert names(choose(running("x", **sticky), due("a", **{**sticky, "session_id": "t"}))) == ["a"]
    assert names(choose(running("x", session_id="s"), due("a", session_id="s"))) == ["a"], "one that is not taken up"


def test_what_another_tool_wrote_as_a_session_or_an_original_stops_no_claim() -> None:
    odd = {"sticky_session": True, "session_id": ["s"], "copy_of": {"a": 1}}
    assert names(choose(running("x", **odd), due("a"), due("b", 2, **odd))) == ["b", "a"]


def test_what_expired_ends_even_with_no_slot_free() -> None:
    late = due("late", 60, expires_at=text_at(minutes=-1))
    in_time = due("in-time", 60, expires_at=text_at())
    assert names(choose(late, in_time), "failed") == ["late"]
    assert names(choose(late, in_time)) == ["in-time"]
    (changed,) = choose(running("x"), late, in_time, slots=1)
    assert (changed["id"], changed["error_type"]) == ("late", "Expired")


def test_a_recurring_task_moves_on_even_with_no_slot_free() -> None:
    daily = {**recurring("r", 60), "recurrence": {**recurring("r", 60)["recurrence"], "catch_up": "none"}}
    daily["recurrence"]["expression"] = f"{at(minutes=-60):%M %H} * * *"
    (changed,) = choose(running("x"), daily, slots=1)
    assert (changed["status"], changed["run_at"]) == ("scheduled", text_at(minutes=-60, days=1))
    assert [(one["status"], one["occurrence"]) for one in changed["ended"]] == [("missed", text_at(minutes=-60))]


def test_a_recurring_task_that_is_late_runs_its_latest_occurrence_and_accounts_for_the_others() -> None:
    (changed,) = choose(recurring("r", 60))
    assert (changed["status"], changed["occurrence"]) == ("executing", text_at())
    assert changed["ended"][0]["stretch"] == {"first": text_at(minutes=-60), "last": text_at(minutes=-1), "count": 60}


def test_without_a_slot_a_recurring_task_to_be_run_is_not_written_at_all() -> None:
    assert choose(running("x"), recurring("r", 60), slots=1) == []


def test_choosing_changes_no_record_it_was_given() -> None:
    one = recurring("r", 60)
    before = repr(one)
    choose(one, due("late", 60, expires_at=text_at(minutes=-1)))
    assert repr(one) == before


TASKS = st.lists(
    st.builds(
        lambda number, minutes, workspace, concurrent, is_running: (running if is_running else due)(
            f"t{number}",
            **({} if is_running else {"minutes_ago": minutes}),
            workspace=workspace,
            concurrent=concurrent,
        ),
        st.integers(0, 10**6),
        st.integers(-5, 50),
        st.sampled_from([None, "/a", "/b"]),
        st.sampled_from([None, True]),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one["id"],
)


@given(TASKS, st.integers(1, 5))
def test_slots_workspaces_and_order_hold_for_any_mixture(hot: list[Task], slots: int) -> None:
    before = [one for one in hot if one["status"] == "executing"]
    changed = choose(*hot, slots=slots)
    assert len(before) + len(changed) <= max(slots, len(before))
    assert all(task.run_at(one) <= NOW for one in changed)
    order = [(task.run_at(one), one["id"]) for one in changed]
    assert order == sorted(order)
    taken = [one["workspace"] for one in before if one["workspace"]]
    for one in changed:
        assert one["concurrent"] or not one["workspace"] or one["workspace"] not in taken
        taken.append(one["workspace"])
    if len(before) + len(changed) < slots:
        left = [one for one in hot if one["status"] == "scheduled" and one["id"] not in names(changed)]
        assert all(task.run_at(one) > NOW or (one["workspace"] in taken and not one["concurrent"]) for one in left)


def test_lateness_is_counted_from_the_time_it_was_to_run() -> None:
    (changed,) = choose(due("a", 2.5))
    assert changed["run"]["late_by_seconds"] == 150
    assert at() - task.run_at(changed) == timedelta(minutes=2.5)
