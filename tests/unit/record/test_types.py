"""The types of records are held to: a field that is not one, or may not be there, does not pass the type checker."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

HEAD = """\
from datetime import datetime

from defer.record import task
from defer.record.codec import Task
from defer.record.types import Run


"""
FAULTS = {
    "a field of another name": ("object", 'one["statsu"]', "typeddict-item"),
    "one set": ("Task", '{**one, "statsu": "scheduled"}', "typeddict-unknown-key"),
    "a value of another kind": ("Task", '{**one, "attempts": "two"}', "typeddict-item"),
    "what may not be there": ("int", 'one["attempts"] + 1', "operator"),
    "a part that may not be there": ("str", 'one["recurrence"]["anchor"]', "index"),
    "a field of a part": ("Task", '{**one, "held": {"unti": "x"}}', "typeddict-item"),
    "a run in the place of a task": ("datetime", "task.run_at(run)", "arg-type"),
}
RIGHT = [
    ("str", 'one["status"]'),
    ("Task", '{**one, "attempts": 2}'),
    ("int", '(one.get("attempts") or 0) + 1'),
    ("datetime", "task.run_at(one)"),
    ("str", 'run["ended_at"]'),
]


@pytest.mark.slow
def test_the_type_checker_finds_a_wrong_or_unchecked_field(root: Path, tmp_path: Path) -> None:
    tried = [*(parts[:2] for parts in FAULTS.values()), *RIGHT]
    lines = [f"def f{number}(one: Task, run: Run) -> {of}: return {what}" for number, (of, what) in enumerate(tried)]
    module = tmp_path / "module.py"
    module.write_text(HEAD + "\n".join(lines) + "\n")
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = true\nmypy_path = {root / 'scripts'}\nfollow_imports = silent\n")
    told, complaint, _ = api.run(["--config-file", str(config), "--cache-dir", str(tmp_path / "cache"), str(module)])
    assert complaint == ""
    first = HEAD.count("\n") + 1
    found = {
        (int(line.split(":")[1]) - first, line.rpartition("[")[2].rstrip("]"))
        for line in told.splitlines()
        if ": error: " in line
    }
    assert found == {(number, code) for number, (*_, code) in enumerate(FAULTS.values())}, told
