"""An outcome that the store takes only at a later try: what it makes due, and the slot it frees, are claimed then."""

from __future__ import annotations

import pytest

from defer.errors import StoreBusy
from defer.run import wake
from defer.run.loop import Loop
from defer.store.jsonl import JsonlStore
from support import NOW, quoted, text_at, until_there, v1_task


@pytest.fixture
def busy(monkeypatch):
    """``busy(is_over, then)``: the store is locked for the outcome of "b", with a call of ``then``, until
    ``is_over()``."""
    turn, write = JsonlStore.turn, wake.settling.settle

    def arrange(is_over, then=lambda: None):
        def refuse_if_busy():
            if not is_over():
                then()
                raise StoreBusy("the lock is held")

        def turn_if_free(self, now, changes, choose=None):
            if set(changes) == {"b"} and self.find("b")["run"].get("leader"):
                refuse_if_busy()
            return turn(self, now, changes, choose)

        def write_if_free(store, mine, *known):
            if mine["id"] == "b":
                refuse_if_busy()
            return write(store, mine, *known)

        monkeypatch.setattr(JsonlStore, "turn", turn_if_free)
        monkeypatch.setattr(wake.settling, "settle", write_if_free)

    return arrange


def test_what_is_due_again_by_it_is_run_by_the_same_wake(place, busy):
    """The other attempt has ended by then: without a look at what is due the wake would be over."""
    go = place.base / "go"
    tried = quoted(place.base / "tried")
    waits = place.executor(until_there(go), "waits")
    again = place.executor(f"[ -e {tried} ] || {{ touch {tried}; exit 75; }}", "again")
    place.write_store(v1_task("a", executor=waits), v1_task("b", executor=again, max_retries=1))
    busy(lambda: "completed" in place.log_path.read_text(), go.touch)
    place.wake_at(NOW, {"DEFER_RETRY_DELAY_SECONDS": "0"})
    assert {one["id"]: one["status"] for one in place.archived()} == {"a": "completed", "b": "completed"}


def test_the_slot_that_it_frees_is_filled_at_once(place, busy, monkeypatch):
    """Not when the wake looks around next, which may be a minute later."""
    ran, claims, late = place.base / "ran", [], []
    claim_due, wait = JsonlStore.claim_due, Loop.wait

    def those(status):
        return {name for name, one in place.tasks().items() if one["status"] == status}

    def claim(self, now, choose):
        claimed = claim_due(self, now, choose)
        claims.extend([1] * ("b" in those("executing") and not claimed))
        return claimed

    def wait_but_not_with_a_free_slot(self, looks):
        if "b" not in those("executing") and "c" in those("scheduled"):
            late.append(1)
            ran.touch()
        return wait(self, looks)

    monkeypatch.setattr(JsonlStore, "claim_due", claim)
    monkeypatch.setattr(Loop, "wait", wait_but_not_with_a_free_slot)
    waits = place.executor(until_there(ran), "waits")
    touches = place.executor(f"touch {quoted(ran)}", "touches")
    place.write_store(
        v1_task("a", executor=waits, run_at=text_at(minutes=-9)),
        v1_task("b", executor="/bin/true", run_at=text_at(minutes=-8)),
        v1_task("c", executor=touches),
    )
    # It is locked until a claim, made meanwhile, has found no slot.
    busy(lambda: claims)
    place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "2"})
    assert {one["id"]: one["status"] for one in place.archived()} == dict.fromkeys("abc", "completed")
    assert not late
