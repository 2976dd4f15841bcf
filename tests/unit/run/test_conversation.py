"""A task that continues one conversation, and the copies of it that `run` makes, through real wakes."""

from __future__ import annotations

import pytest

from defer.record import changes, task
from defer.run import settling
from defer.run.command import Paths
from support import DONE, NOW, at, text_at, v1_task

pytestmark = pytest.mark.programs


class TestConversation:
    """A task that continues one conversation, and the copies of it that `run` makes."""

    SAYS = """printf '{"session_id":"%s.%s"}' "${DEFER_SESSION_ID-none}" "$DEFER_TASK_ID" >"$DEFER_RESULT_FILE" """

    def put(self, place, **fields):
        rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": text_at(), "fired": 0}
        one = v1_task(
            "a",
            created_at=text_at(days=-1),
            occurrence=text_at(),
            executor=place.executor(self.SAYS),
            sticky_session=True,
            recurrence=rule,
            **fields,
        )
        place.store().append([one], NOW)
        return one

    def copy(self, place, name, moment):
        original = place.store().find("a")
        place.store().append([{**changes.run_now(original, moment), "id": name}], moment)

    def test_after_a_copy_the_task_goes_on_where_that_stopped(self, place):
        self.put(place, session_id="s")
        self.copy(place, "b", at(hours=-1))
        place.wake_at(at(hours=-1))
        assert place.task("a")["session_id"] == "s.b"
        place.wake_at(NOW)
        assert place.task("a")["session_id"] == "s.b.a"
        assert [run["session_id"] for run in place.runs()] == ["s.b", "s.b.a"]

    def test_a_copy_that_waited_begins_where_the_task_has_got_to_meanwhile(self, place):
        self.put(place, session_id="s")
        self.copy(place, "b", NOW)
        place.wake_at(at(minutes=1))
        assert sorted(run["session_id"] for run in place.runs()) in (["s.a", "s.a.b"], ["s.b", "s.b.a"])
        assert place.task("a")["session_id"] == max((run["session_id"] for run in place.runs()), key=len)

    def test_a_copy_tried_again_and_another_one_after_it_are_one_conversation(self, place):
        self.put(place)
        for hour, name in ((-3, "b"), (-2, "c")):
            self.copy(place, name, at(hours=hour))
            place.wake_at(at(hours=hour))
        assert place.task("a")["session_id"] == "none.b.c"

    def test_a_task_of_another_id_or_one_that_continues_nothing_is_left_alone(self, place):
        self.put(place, session_id="s")
        copy = {**changes.run_now(place.store().find("a"), at(hours=-1)), "id": "b"}
        del copy["sticky_session"]
        place.store().append([copy], at(hours=-1))
        place.wake_at(at(hours=-1))
        assert place.task("a")["session_id"] == "s"

    def test_a_write_cut_at_any_byte_forgets_no_turn_that_is_settled(self, place):
        self.put(place, session_id="s")
        self.copy(place, "b", at(hours=-1))
        store, moment = place.store(), at(hours=-1)
        (mine,) = store.claim_due(moment, lambda hot: [task.claim(one, moment, {"run_id": "run_1"}) for one in hot])
        before = place.store_path.read_bytes()
        done = DONE._replace(session_id="s.b")
        paths = Paths.of(place.logs, "b", "run_1")
        settling.settle(store, mine, done, moment, place.config().backoff, paths)
        after = place.store_path.read_bytes()
        assert after.startswith(before)
        seen = set()
        for end in range(len(before), len(after) + 1):
            place.store_path.write_bytes(after[:end])
            copy, original = (place.store().find(name) for name in ("b", "a"))
            seen.add((copy["status"], original["session_id"]))
        assert seen == {("executing", "s"), ("executing", "s.b"), ("completed", "s.b")}
