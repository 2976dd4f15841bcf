"""Whether a wake finds the programs that tasks start, and what a coding agent says of itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from defer.reports.doctor import programs
from defer.reports.doctor.finding import Finding
from defer.reports.doctor.uses import collect
from machine import subject_of
from support import DEADLINE_SECONDS, Place, is_running, leaving_pid, quoted, until, v1_task


@pytest.fixture(autouse=True)
def _an_agent_may_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_PATIENCE_SECONDS", DEADLINE_SECONDS)


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def findings(place: Place, **settings: str) -> list[Finding]:
    subject = subject_of(place, place.config(settings))
    return list(programs.findings(subject, collect(subject.store.scan(), subject.wakes_config)))


def test_an_executor_whose_program_the_wake_lacks(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = script(tmp_path / "mine" / "claude", "exit 0")
    mine.parent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{mine.parent}:/usr/bin:/bin")
    place.write_store(v1_task("one", executor="claude"), v1_task("two", executor="claude"))
    (one,) = findings(place, PATH="/usr/bin:/bin")
    assert (one.id, one.severity, one.where) == ("executor-missing", "error", "tasks one, two")
    assert one.what == f"executor claude: {mine} is not on the PATH that a wake will have"
    assert one.fix == "defer waker install"
    assert findings(place, PATH=f"{mine.parent}:/usr/bin:/bin") == []


def test_an_executor_by_its_path_that_is_gone(place: Place) -> None:
    place.write_store(v1_task("one", executor="/gone/agent"))
    (one,) = findings(place)
    assert (one.id, one.where) == ("executor-missing", "task one")
    assert one.what == "no such executor: /gone/agent"


@pytest.mark.skipif(sys.platform == "darwin", reason="its Keychain may hold a login")
def test_an_agent_that_is_not_logged_in_for_a_wake(place: Place, tmp_path: Path) -> None:
    own = {"env": ["ANTHROPIC_API_KEY"], "env_file": str(tmp_path / "file.yaml")}
    place.write_store(v1_task("one", executor="claude"), v1_task("two", executor="claude", **own))
    cli = script(tmp_path / "node_modules" / "@anthropic-ai" / "claude-code" / "cli.js", "")
    cli.write_text("#!/usr/bin/env node\n")
    script(tmp_path / "bin" / "node", "exit 0")
    (tmp_path / "bin" / "claude").symlink_to(cli)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    (one,) = findings(place, PATH=path)
    assert (one.id, one.severity, one.where) == ("agent-login", "error", "task one")
    assert one.what.startswith("executor claude: not logged in: nothing in the environment, in ")
    assert one.fix.startswith("run claude and log in, or set ANTHROPIC_API_KEY ")
    assert findings(place, PATH=path, ANTHROPIC_API_KEY="x") == []


def test_the_configured_executor_is_looked_for_before_a_task_needs_it(place: Place) -> None:
    (one,) = findings(place, DEFER_EXECUTOR="/gone/agent")
    assert (one.id, one.where) == ("executor-missing", "DEFER_EXECUTOR")
    place.write_store(v1_task("one"))
    (one,) = findings(place, DEFER_EXECUTOR="/gone/agent")
    assert one.where == "task one"


def test_an_executor_that_a_group_may_change(place: Place, tmp_path: Path) -> None:
    agent = script(tmp_path / "agent", "exit 0")
    agent.chmod(0o775)
    place.write_store(v1_task("one", executor=str(agent)))
    (one,) = findings(place)
    assert (one.id, one.severity, one.fix) == ("executor-open", "warning", f"chmod g-w {agent}")


def test_a_command_whose_program_is_not_there(place: Place, tmp_path: Path) -> None:
    script(tmp_path / "there.sh", "exit 0")
    here = str(tmp_path)
    place.write_store(
        v1_task("word", command=["no-such-program-of-ours"]),
        v1_task("path", command=["./gone.sh"], workspace=here),
        v1_task("fine", command=["./there.sh"], workspace=here),
        v1_task("not even a path", command=["a\0b"]),
    )
    found = {one.where: one.id for one in findings(place)}
    assert found == dict.fromkeys(("task word", "task path", "task not even a path"), "program-missing")


def versions(place: Place, tmp_path: Path, body: str) -> list[programs.Version]:
    script(tmp_path / "bin" / "claude", body)
    place.write_store(v1_task("one", executor="claude"), v1_task("two", executor=place.executor("exit 0")))
    config = place.config({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    return programs.versions(config, collect(place.store().scan(), config))


def test_an_agent_in_use_says_its_version_and_is_asked_for_nothing_else(place: Place, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    (one,) = versions(place, tmp_path, f'echo "$*" >>{quoted(asked)}; echo "2.0.14 (Claude Code)"; echo more')
    assert one == ("claude", str(tmp_path / "bin" / "claude"), "2.0.14 (Claude Code)")
    assert asked.read_text() == "--version\n"
    assert list(programs.broken([one])) == []


@pytest.mark.parametrize("body", ["echo 2.0; exit 1", "exit 0", "exec /no/such/program"])
def test_an_agent_that_does_not_answer_is_told(place: Place, tmp_path: Path, body: str) -> None:
    answers = versions(place, tmp_path, body)
    assert answers[0].version is None
    (one,) = programs.broken(answers)
    assert (one.id, one.severity, one.where) == ("agent-broken", "warning", "executor claude")


@pytest.mark.programs
@pytest.mark.parametrize("speech", ["", "yes"])
def test_an_agent_that_hangs_or_speaks_without_end_is_ended(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speech: str
) -> None:
    monkeypatch.setattr(programs, "_PATIENCE_SECONDS", 2)
    pid = tmp_path / "pid"
    body = f"{leaving_pid(pid)}; {speech or 'sleep 600'} & wait"
    (one,) = versions(place, tmp_path, body)
    assert one.version is None
    if pid.exists():
        until(lambda: not is_running(int(pid.read_text())), "its end")
