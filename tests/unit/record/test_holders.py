"""Which attempts of dead runners are over, by what can be known of runner and leader."""

import os
import subprocess

import pytest

from defer import process
from defer.record import holders
from support import NOW, at, text_at, v1_task


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


def verdict(runner, leader=None, **run):
    facts = {"run_id": "r", "runner": runner, **({"leader": leader} if leader else {}), **run}
    return holders.verdict(v1_task(status="executing", started_at=text_at(), run=facts), at(minutes=30), unknown)


@pytest.mark.parametrize("leader", [None, LIVING, REBOOTED])
def test_a_living_runner_looks_after_its_attempt_itself(leader):
    assert verdict(LIVING, leader, deadline_at=text_at(minutes=1)) == "alive"


@pytest.mark.parametrize("runner", [REBOOTED, REUSED], ids=["rebooted", "pid reused"])
@pytest.mark.parametrize("leader", [REBOOTED, REUSED], ids=["rebooted", "pid reused"])
def test_with_both_gone_it_is_lost(runner, leader):
    assert verdict(runner, leader, deadline_at=text_at(hours=1)) == "lost"


@pytest.mark.parametrize("runner", [REBOOTED, REUSED], ids=["rebooted", "pid reused"])
def test_a_claim_whose_runner_is_gone_and_that_names_no_leader_never_began(runner):
    assert verdict(runner) == "never began"


def test_with_both_dead_it_is_lost(dead):
    assert verdict(dead, dead) == "lost"


def test_a_living_leader_is_left_to_its_deadline(dead):
    assert verdict(dead, LIVING, deadline_at=text_at(minutes=31)) == "alive"
    assert verdict(dead, LIVING, deadline_at=text_at(minutes=30)) == "overdue"


def test_a_living_leader_without_a_limit_is_left_alone(dead):
    assert verdict(dead, LIVING, deadline_at=None) == "alive"


@pytest.mark.parametrize(("leader", "after"), [(None, "never began"), (ELSEWHERE, "lost")])
def test_what_cannot_be_told_from_here_counts_as_alive_until_its_deadline(leader, after):
    assert verdict(ELSEWHERE, leader, deadline_at=text_at(minutes=31)) == "alive"
    assert verdict(ELSEWHERE, leader, deadline_at=text_at(minutes=30)) == after


@pytest.mark.parametrize(("leader", "after"), [({}, "never began"), ({"leader": ELSEWHERE}, "lost")])
def test_what_cannot_be_told_and_has_no_deadline_counts_as_alive_for_a_day(leader, after):
    one = v1_task(status="executing", started_at=text_at(), run={"runner": ELSEWHERE, **leader})
    assert holders.verdict(one, at(hours=23), unknown) == "alive"
    assert holders.verdict(one, at(hours=24), unknown) == after


@pytest.mark.parametrize(("held", "leader", "found"), [
    (True, None, "alive"), (True, ELSEWHERE, "alive"), (True, REBOOTED, "alive"),
    (False, None, "never began"), (False, ELSEWHERE, "lost"), (False, REBOOTED, "lost"),
])  # fmt: skip
@pytest.mark.parametrize("runner", [ELSEWHERE, REBOOTED], ids=["another namespace", "another boot"])
def test_where_a_pid_says_nothing_the_lease_does(runner, held, leader, found):
    facts = {"run_id": "r", "runner": runner, "lease": "x", **({"leader": leader} if leader else {})}
    one = v1_task(status="executing", started_at=text_at(), run=facts)
    assert holders.verdict(one, at(minutes=30), lambda name: held) == found


@pytest.mark.parametrize("run", [None, {}, {"run_id": "r"}])
def test_a_record_that_names_nobody_counts_as_alive_for_an_hour(run):
    one = v1_task(status="executing", started_at=text_at(), run=run)
    assert holders.verdict(one, at(minutes=59), unknown) == "alive"
    assert holders.verdict(one, at(minutes=60), unknown) == "lost"


@pytest.mark.parametrize("started", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"])
@pytest.mark.parametrize("run", [None, {"runner": ELSEWHERE}])
def test_a_start_at_the_ends_of_time_keeps_nothing_executing_for_ever(started, run):
    one = v1_task(status="executing", started_at=started, run=run)
    assert holders.verdict(one, NOW, unknown) == ("never began" if run else "lost")


class TestAnotherHost:
    """A pid says nothing of another machine; a name says nothing of a machine that has another name today."""

    def verdict(self, known, hours, held=None, leader=True, host="desk.elsewhere", **run):
        facts = {"run_id": "r", "host": host, "runner": known, "lease": "x", **({"leader": known} if leader else {})}
        one = v1_task(status="executing", started_at=text_at(), run={**facts, **run})
        return holders.verdict(one, at(hours=hours), lambda name: held)

    @pytest.mark.parametrize("leader", [True, False])
    def test_an_attempt_there_is_left_alone_while_its_lease_is_held(self, leader):
        assert self.verdict(REBOOTED, 100, held=True, leader=leader) == "alive"

    @pytest.mark.parametrize(("leader", "found"), [(True, "lost"), (False, "never began")])
    def test_a_lease_that_is_free_ends_it_at_once_as_after_a_reboot_under_another_name(self, leader, found):
        assert self.verdict(REBOOTED, 0, held=False, leader=leader) == found

    @pytest.mark.parametrize(("leader", "found"), [(True, "lost"), (False, "never began")])
    def test_where_the_lease_cannot_be_told_it_counts_until_its_deadline_or_for_a_day(self, leader, found):
        assert self.verdict(REBOOTED, 0.4, leader=leader, deadline_at=text_at(minutes=30)) == "alive"
        assert self.verdict(REBOOTED, 0.5, leader=leader, deadline_at=text_at(minutes=30)) == found
        assert self.verdict(REBOOTED, 23, leader=leader) == "alive"
        assert self.verdict(REBOOTED, 24, leader=leader) == found

    @pytest.mark.parametrize("host", [None, holders.host()], ids=["no host", "this host"])
    def test_another_boot_of_this_machine_has_left_nothing(self, host):
        assert self.verdict(REBOOTED, 0, host=host) == "lost"

    def test_within_a_boot_the_pid_decides_whatever_the_host_is_called(self):
        assert self.verdict(LIVING, 0, held=False) == "alive"
        assert self.verdict(REUSED, 0) == "lost"

    def test_where_no_boot_is_told_a_process_that_is_found_is_that_very_one(self, monkeypatch):
        monkeypatch.setattr(process, "_boot_id", lambda: None)
        assert self.verdict({**LIVING, "boot": None}, 0, held=False) == "alive"
        assert self.verdict({**REUSED, "boot": None}, 0, held=True) == "alive"
        assert self.verdict({**REUSED, "boot": None}, 0, held=False) == "lost"
        assert self.verdict({**REUSED, "boot": None}, 0, host=holders.host()) == "lost"

    def test_it_is_out_of_reach_for_as_long_as_it_counts(self):
        run = {"run_id": "r", "host": "desk.elsewhere", "runner": REBOOTED, "leader": REBOOTED}
        one = v1_task(status="executing", started_at=text_at(), run=run)
        assert holders.is_out_of_reach(one, at(hours=23), unknown)
        assert not holders.is_out_of_reach(one, at(hours=24), unknown)
        assert not holders.is_out_of_reach({**one, "run": {**run, "runner": REUSED}}, at(hours=1), unknown)
