"""What a wake changes and claims together: one write, in which no record keeps another back."""

import pytest

from defer import fsio
from defer.errors import NoSuchTask, Refused, StorageError
from defer.run import claim
from support import NOW, v1_task


def choose(hot):
    return claim.choose(hot, NOW, 4, lambda: {"run_id": "run_1"})


def refuse(_one):
    raise Refused("no")


def test_a_change_and_the_claim_of_what_it_frees_are_one_write(place, monkeypatch):
    """Both want the same workspace: the second is claimed as the first is settled."""
    place.write_store(
        v1_task("a", status="executing", attempts=1, run={"run_id": "run_0"}, workspace="/w"),
        v1_task("b", workspace="/w"),
    )
    store, writes = place.store(), []
    assert store.claim_due(NOW, choose) == []
    whole = fsio.append
    monkeypatch.setattr(
        fsio, "append", lambda path, data, **known: (writes.append(data), whole(path, data, **known))[1]
    )
    found = store.turn(NOW, {"a": over}, choose)
    assert found.changed["a"]["status"] == "completed"
    assert [(one["id"], one["status"]) for one in found.claimed] == [("b", "executing")]
    assert [data.count(b"\n") for data in writes] == [2]
    assert place.store().find("b")["status"] == "executing"


def over(one):
    return {**one, "status": "completed", "completed_at": "2026-04-08T16:45:00Z"}


def test_the_originals_of_copies_are_looked_for_all_at_once(place, monkeypatch):
    """However many copies wait, the file is read for them once, or as good as once, a claim."""
    sticky = {"sticky_session": True, "created_at": "2026-04-08T15:00:00Z"}
    later = {"status": "scheduled", "run_at": "2026-06-08T16:45:00Z", **sticky}
    originals = [v1_task(f"original-{number}", session_id=f"s-{number}", **later) for number in range(30)]
    copies = [v1_task(f"copy-{number}", copy_of=f"original-{number}", **sticky) for number in range(30)]
    orphans = [v1_task(f"orphan-{number}", copy_of="gone", **sticky) for number in range(30)]
    place.write_store(*originals, *copies, *orphans)
    opened, whole = [], fsio.reader
    monkeypatch.setattr(fsio, "reader", lambda path: (opened.append(path), whole(path))[1])
    claimed = place.store().claim_due(NOW, choose)
    assert [(one["id"], one.get("session_id")) for one in claimed[:2]] == [("copy-0", "s-0"), ("copy-1", "s-1")]
    assert opened.count(place.store_path) <= 3


def test_what_cannot_be_changed_keeps_nothing_else_back(place):
    place.write_store(v1_task("a"), v1_task("b"), v1_task("c"))
    found = place.store().turn(NOW, {"a": refuse, "b": over, "gone": over, "c": lambda one: {**one, "attempts": -1}})
    assert isinstance(found.changed["a"], Refused)
    assert isinstance(found.changed["gone"], NoSuchTask)
    assert isinstance(found.changed["c"], StorageError)
    assert place.task("b")["status"] == "completed"
    assert {place.task(name)["status"] for name in "ac"} == {"scheduled"}


def test_a_change_that_fails_in_a_way_nobody_foresaw_loses_no_other(place):
    place.write_store(v1_task("a"), v1_task("b"))
    found = place.store().turn(NOW, {"a": lambda one: one["no such field"], "b": over})
    assert isinstance(found.changed["a"], KeyError)
    assert place.task("b")["status"] == "completed"


def test_a_write_that_fails_changes_nothing(place, monkeypatch):
    place.write_store(v1_task("a"), v1_task("b"))
    before = place.store_path.read_bytes()
    store = place.store()

    def fail(path, *_, **__):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(fsio, "append", fail)
        with pytest.raises(StorageError, match="No space left"):
            store.turn(NOW, {"a": over}, choose)
    assert place.store_path.read_bytes() == before
    assert [one["id"] for one in store.claim_due(NOW, choose)] == ["a", "b"]


def test_what_was_written_is_known_without_being_read(place, counted_reads):
    place.write_store(v1_task("a"), v1_task("b"))
    store = place.store()
    store.claim_due(NOW, lambda hot: choose(hot)[:1])
    before = len(counted_reads)
    found = store.turn(NOW, {"a": over}, choose)
    assert [one["id"] for one in found.claimed] == ["b"]
    assert len(counted_reads) == before


@pytest.fixture
def counted_reads(monkeypatch):
    whole, reads = fsio.reader, []
    monkeypatch.setattr(fsio, "reader", lambda path: (reads.append(path), whole(path))[1])
    return reads


def test_what_another_wrote_meanwhile_is_read(place):
    place.write_store(v1_task("a"), v1_task("b"))
    mine, theirs = place.store(), place.store()
    mine.claim_due(NOW, lambda hot: choose(hot)[:1])
    theirs.turn(NOW, {"b": over})
    found = mine.turn(NOW, {"a": over, "b": refuse}, choose)
    assert found.claimed == []
    assert isinstance(found.changed["b"], Refused)
    assert {one["status"] for one in place.tasks().values()} == {"completed"}
