"""Whose fault it is that an attempt cannot start: the task's own is its outcome, the system's is put off."""

import pytest

from defer.record.outcome import Outcome
from defer.run import command, start
from defer.run.command import Paths
from support import v1_task


def gated(place, **fields):
    one = v1_task("a", status="executing", attempts=1, run={"run_id": "run_1"}, **fields)
    paths = Paths.of(place.config().log_dir, "a", "run_1")
    return start.gated(one, paths, place.config(), lambda: False)


def test_a_leader_waits_behind_its_gate(place):
    ran = place.base / "ran"
    attempt = gated(place, executor=place.executor(f"touch '{ran}'"))
    attempt.abandon()
    assert not ran.exists()
    assert (place.logs / "a.prompt.txt").exists()


def test_a_program_that_is_not_there_is_the_tasks_own_fault(place):
    found = gated(place, executor="/no/such/program")
    assert isinstance(found, Outcome)
    assert found.error_type == "ConfigError"


def test_a_task_without_an_executor_has_its_prompt_as_its_result(place):
    found = gated(place)
    assert (found.status, found.result["type"]) == ("ok", "prompt_prepared")


@pytest.mark.parametrize("number", [11, 12, 24, 28])
def test_what_the_system_lacks_is_not(place, monkeypatch, number):
    def fail(*_):
        raise OSError(number, "not now")

    monkeypatch.setattr(start, "Attempt", fail)
    found = gated(place, executor=place.executor("true"))
    assert isinstance(found, OSError)
    assert found.errno == number


def test_a_prompt_that_cannot_be_written_is_the_systems_fault_unless_a_directory_is_in_its_place(place, monkeypatch):
    (place.logs / "a.prompt.txt").mkdir(parents=True)
    assert gated(place).error_type == "ConfigError"

    def fail(*_):
        raise OSError(5, "I/O error")

    monkeypatch.setattr(command, "write_prompt", fail)
    assert isinstance(gated(place), OSError)
