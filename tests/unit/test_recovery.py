"""Which attempts of dead runners are over, by what can be known of runner and leader."""

import os
import subprocess

import pytest

from defer import process, recovery
from support import NOW, at, is_running, text_at, until, v1_task


@pytest.fixture(scope="module")
def dead():
    child = subprocess.Popen(["true"], stdin=subprocess.DEVNULL)
    known = process.identity(child.pid)
    child.wait()
    return known


LIVING = process.identity(os.getpid())
ELSEWHERE = {**LIVING, "pid_namespace": "pid:[1]"}
REBOOTED = {**LIVING, "boot": "another"}
REUSED = {**LIVING, "start": "1"}


def unknown(name):
    """A lease of which nothing can be told."""
    return None


def verdict(runner, leader=None, **run):
    facts = {"run_id": "r", "runner": runner, **({"leader": leader} if leader else {}), **run}
    return recovery.verdict(v1_task(status="executing", started_at=text_at(), run=facts), at(minutes=30), unknown)


@pytest.mark.parametrize("leader", [None, LIVING, REBOOTED])
def test_a_living_runner_looks_after_its_attempt_itself(leader):
    assert verdict(LIVING, leader, deadline_at=text_at(minutes=1)) == "alive"


@pytest.mark.parametrize("runner", [REBOOTED, REUSED], ids=["rebooted", "pid reused"])
@pytest.mark.parametrize("leader", [None, REBOOTED, REUSED], ids=["never started", "rebooted", "pid reused"])
def test_with_both_gone_it_is_lost(runner, leader):
    assert verdict(runner, leader, deadline_at=text_at(hours=1)) == "lost"


def test_with_both_dead_it_is_lost(dead):
    assert verdict(dead, dead) == "lost"


def test_a_living_leader_is_left_to_its_deadline(dead):
    assert verdict(dead, LIVING, deadline_at=text_at(minutes=31)) == "alive"
    assert verdict(dead, LIVING, deadline_at=text_at(minutes=30)) == "overdue"


def test_a_living_leader_without_a_limit_is_left_alone(dead):
    assert verdict(dead, LIVING, deadline_at=None) == "alive"


@pytest.mark.parametrize("leader", [None, ELSEWHERE])
def test_what_cannot_be_told_from_here_counts_as_alive_until_its_deadline(leader):
    assert verdict(ELSEWHERE, leader, deadline_at=text_at(minutes=31)) == "alive"
    assert verdict(ELSEWHERE, leader, deadline_at=text_at(minutes=30)) == "lost"


def test_what_cannot_be_told_and_has_no_deadline_counts_as_alive_for_a_day():
    one = v1_task(status="executing", started_at=text_at(), run={"runner": ELSEWHERE})
    assert recovery.verdict(one, at(hours=23), unknown) == "alive"
    assert recovery.verdict(one, at(hours=24), unknown) == "lost"


@pytest.mark.parametrize("run", [None, {}, {"run_id": "r"}])
def test_a_record_that_names_nobody_counts_as_alive_for_an_hour(run):
    one = v1_task(status="executing", started_at=text_at(), run=run)
    assert recovery.verdict(one, at(minutes=59), unknown) == "alive"
    assert recovery.verdict(one, at(minutes=60), unknown) == "lost"


@pytest.mark.parametrize("started", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"])
@pytest.mark.parametrize("run", [None, {"runner": ELSEWHERE}])
def test_a_start_at_the_ends_of_time_keeps_nothing_executing_for_ever(started, run):
    assert recovery.verdict(v1_task(status="executing", started_at=started, run=run), NOW) == "lost"


def test_the_group_of_an_overdue_leader_is_killed(dead):
    leader = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True)
    child = int(leader.stdout.readline())
    recovery.end_overdue(v1_task(run={"runner": dead, "leader": process.identity(leader.pid)}))
    assert leader.wait() == -9
    leader.stdout.close()
    until(lambda: not is_running(child))


def test_a_group_whose_leader_is_somebody_else_by_now_is_not():
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        recovery.end_overdue(v1_task(run={"leader": {**process.identity(other.pid), "start": "1"}}))
        assert other.poll() is None
    finally:
        other.kill()
        assert other.wait() == -9
