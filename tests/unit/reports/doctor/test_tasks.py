"""Directories and files that tasks rely on, and that are gone; and who relies on what."""

from __future__ import annotations

from pathlib import Path

from defer.reports.doctor import tasks
from defer.reports.doctor.uses import Uses, collect
from machine import subject_of, told
from support import Place, v1_task


def uses_of(place: Place, **settings: str) -> Uses:
    return collect(place.store().scan(), place.config(settings))


def test_what_is_gone_is_told_once_with_the_tasks_that_need_it(place: Place, tmp_path: Path) -> None:
    here, gone = str(tmp_path), str(tmp_path / "gone")
    source = {"file": f"{gone}.yaml", "digest": "x"}
    place.write_store(
        *(v1_task(f"t{number}", workspace=gone) for number in range(5)),
        v1_task("from here", cwd=gone),
        v1_task("fine", workspace=here),
        v1_task("made from a file", source=source, env=["A"], env_file=f"{gone}.env"),
        v1_task("ended", workspace=f"{gone} too", status="completed", completed_at="2026-04-08T16:45:00Z"),
    )
    config = place.config({"DEFER_CONTEXT_FILE": f"{gone}.md"})
    found = list(tasks.findings(subject_of(place, config), uses_of(place)))
    assert told(found) == [
        ("directory-gone", "tasks t0, t1, t2 and 3 more"),
        ("envfile-gone", "task made from a file"),
        ("taskfile-gone", "task made from a file"),
        ("contextfile-gone", "DEFER_CONTEXT_FILE"),
    ]
    assert found[0].what == f"{gone} cannot be worked in: No such file or directory"
    assert found[0].fix == "make it, or: defer edit t0 --workspace DIR"


def test_a_file_in_place_of_a_directory_cannot_be_worked_in(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place.write_store(v1_task("one", workspace=str(tmp_path / "file")))
    (one,) = tasks.findings(subject_of(place), uses_of(place))
    assert one.what == f"{tmp_path / 'file'} cannot be worked in: Not a directory"


def test_who_relies_on_which_program(place: Place) -> None:
    place.write_store(
        v1_task("by setting"),
        v1_task("by name", executor="codex"),
        v1_task("a word", command=["make", "all"]),
        v1_task("a word elsewhere", command=["make"], workspace="/tmp"),
        v1_task("a path", command=["./run.sh"], workspace="/tmp"),
        v1_task("paused", executor="codex", status="paused"),
        v1_task("newer", executor={"any": "thing"}, command=5, workspace=[], requires=["time travel"]),
        v1_task("much newer", schema_version=9, executor="somebody", command=["elsewhere"], source=7),
    )
    found = uses_of(place, DEFER_EXECUTOR="claude")
    assert {name: str(users) for name, users in found.executors.items()} == {
        "claude": "by setting",
        "codex": "by name, paused",
    }
    assert {key: str(users) for key, users in found.commands.items()} == {
        ("make", ""): "a word, a word elsewhere",
        ("./run.sh", "/tmp"): "a path",
    }
