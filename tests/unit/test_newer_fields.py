"""What a newer version wrote may have fields of any type: every command that looks goes on beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from defer.commands import cli
from support import Place, Task, lines_of, v1_task

ODD: dict[str, Any] = {
    "number": 7,
    "text": "x",
    "list": ["a"],
    "object": {"a": 5, "run_id": [], "leader": 5, "outcome": {}, "at": 5, "first": 1, "summary": []},
    "true": True,
}
STATUSES = ("scheduled", "executing", "paused", "completed", "failed", "dreaming")
FIELDS = (
    *("created_at", "context", "execution", "run", "last", "ended", "ended_runs", "stretch", "result", "recurrence"),
    *("held", "copy_of", "reason", "error", "notify", "executor", "command", "timeout_seconds", "attempts", "tags"),
    *("session_id", "occurrence", "workspace", "source", "started_at", "failed_at", "completed_at", "expires_at"),
)
NEWER: dict[str, Task] = {
    f"{status}-{kind}": v1_task(
        f"{status}-{kind}", **{**dict.fromkeys(FIELDS, value), "status": status, "schema_version": 3}
    )
    for status in STATUSES
    for kind, value in ODD.items()
}

OF_ALL = [
    *(["status"], ["list", "--all"], ["list", "--upcoming", "30d"], ["list", "--status", "failed", "--limit", "50"]),
    *(["history"], ["health"], ["health", "--format", "prometheus"], ["inbox", "--peek"], ["doctor", "--records"]),
    *(["prune", "--older", "90d", "--dry-run"],),
]
OF_ONE = [["show"], ["log"], ["history"], ["ack"], ["wait", "--timeout", "0"], ["pause"], ["run"]]

Ask = Callable[..., str]


@pytest.fixture
def ask(place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """Calls a command in this process, in a store and an archive of such records and one of ours; what it prints."""
    place.write_store(*NEWER.values(), v1_task("fine", run_at="2099-01-01T00:00:00Z"))
    filed = b"".join(lines_of(place.store_path)[number] + b"\n" for number in range(len(NEWER)))
    place.archive_dir.mkdir(mode=0o700)
    (place.archive_dir / "deferred_202604.jsonl").write_bytes(filed)
    for name in os.environ:
        if name.startswith("DEFER_"):
            monkeypatch.delenv(name)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)

    def asked(*words: str) -> str:
        status = cli.main("front", list(words))
        out, err = capfd.readouterr()
        assert (status in (0, 1, 75), "Traceback" in err) == (True, False), (words, status, err)
        return out

    return asked


@pytest.mark.parametrize("form", [[], ["--table"]], ids=["json", "table"])
@pytest.mark.parametrize("words", OF_ALL, ids=" ".join)
def test_commands_for_all_tasks_go_on(ask: Ask, words: list[str], form: list[str]) -> None:
    if "--format" in words and form:
        return
    out = ask(*words, *form)
    if words[0] in ("status", "list") and "failed" not in words and "--upcoming" not in words:
        assert "fine" in out


@pytest.mark.parametrize("words", OF_ONE, ids=" ".join)
def test_commands_for_one_say_what_they_can(ask: Ask, words: list[str], place: Place) -> None:
    before = place.store_path.read_bytes()
    for name in NEWER:
        ask(words[0], name, *words[1:])
        if words[0] == "show":
            ask("show", name, "--table")
    assert place.store_path.read_bytes() == before
