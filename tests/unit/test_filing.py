"""The archive and the runs: filed once, found again, whatever stands there already."""

from defer import codec, filing
from support import records, v1_task


def over(task_id="a", **fields):
    return v1_task(task_id, **{"status": "completed", "completed_at": "2026-04-08T17:00:00Z", **fields})


def file(tmp_path, *tasks):
    return filing.file(tasks, tmp_path / "archive", tmp_path / "runs")


def test_records_and_runs_go_to_their_months(tmp_path):
    run = {"run_id": "r", "ended_at": "2026-03-31T23:59:59Z"}
    assert file(tmp_path, over(ended_runs=[run]), over("b", ended=[over("b", completed_at="2026-05-01T00:00:00Z")]))
    assert [one["id"] for one in records(tmp_path / "archive" / "deferred_202604.jsonl")] == ["a", "b"]
    assert [one["id"] for one in records(tmp_path / "archive" / "deferred_202605.jsonl")] == ["b"]
    assert records(tmp_path / "runs" / "runs_202603.jsonl") == [run]


def test_the_same_twice_leaves_one(tmp_path):
    for _ in range(3):
        file(tmp_path, over(), over("b"), over())
    assert [one["id"] for one in records(tmp_path / "archive" / "deferred_202604.jsonl")] == ["a", "b"]


def test_two_lives_of_one_id_are_two_records(tmp_path):
    file(tmp_path, over(created_at="2026-04-08T16:00:00Z"))
    file(tmp_path, over(created_at="2026-04-08T16:00:01Z"))
    assert len(records(tmp_path / "archive" / "deferred_202604.jsonl")) == 2


def test_a_torn_line_in_the_archive_is_left_and_its_record_filed_anew(tmp_path):
    path = tmp_path / "archive" / "deferred_202604.jsonl"
    path.parent.mkdir()
    line = codec.encode(over())
    for cut in (1, 50, len(line) - 2):
        path.write_bytes(codec.encode(over("z")) + line[:cut])
        file(tmp_path, over())
        assert path.read_bytes() == codec.encode(over("z")) + line[:cut] + b"\n" + line


def test_nothing_to_file_makes_no_file(tmp_path):
    assert file(tmp_path, v1_task()) == []
    assert list(tmp_path.iterdir()) == []


def test_the_latest_record_of_an_id_is_found_among_bad_lines_and_other_months(tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "deferred_202603.jsonl").write_bytes(codec.encode(over(x=1)))
    (archive / "deferred_202604.jsonl").write_bytes(
        codec.encode(over(x=2)) + b'"a" nonsense\n' + codec.encode(over(x=3)) + codec.encode(over("b", x='"a"'))
    )
    (archive / "deferred_202605.jsonl").write_bytes(codec.encode(over("c")))
    (archive / "notes.txt").write_text('"a"')
    assert filing.latest(archive, "a")["x"] == 3
    assert filing.latest(archive, "nobody") is None
    assert filing.latest(tmp_path / "nowhere", "a") is None
