"""`cancel --kill` in all its timings."""

import json
import os
import signal
import subprocess
import threading

import pytest

from defer import process
from defer.errors import Refused
from defer.record import changes, holders
from defer.run import kill
from defer.store.audit import AuditLog
from support import (
    DEADLINE_SECONDS,
    NOW,
    is_running,
    leaving_pid,
    patient,
    quoted,
    strict,
    text_at,
    until,
    v1_task,
)

pytestmark = pytest.mark.programs

ENV = {"DEFER_KILL_GRACE_SECONDS": "0.5"}


LONG_GRACE = {"DEFER_KILL_GRACE_SECONDS": f"{DEADLINE_SECONDS:g}"}
"""For what ends when it is told to."""


def under_way(place, body: str, *flags: str, first: str = ":", env=ENV):
    """A task `a` whose attempt has done what comes ``first``: its runner and its leader's pid."""
    pid = place.base / "pid"
    executor = place.executor(f"{first}; {leaving_pid(pid)}; {body}")
    place.schedule("now", "s", "--id", "a", "--executor", executor, *flags)
    runner = place.start("run-deferred.sh", env=env)
    return runner, int(until(lambda: pid.exists() and pid.read_text()))


def cancel(place, *flags: str, env=ENV) -> subprocess.CompletedProcess:
    return place.run(*patient("front", "cancel", "a", "--kill", "--compact", *flags), env=env)


def test_a_waiting_task_is_cancelled_as_without_it(place):
    place.schedule("1h", "s", "--id", "a")
    assert strict(cancel(place).stdout)["status"] == "cancelled"


@pytest.mark.parametrize(
    "body",
    ["exec sleep 600", "trap '' TERM; while :; do sleep 0.05; done", "(exec sleep 600) & wait", "sleep 600; exit 0"],
    ids=["hangs", "ignores SIGTERM", "with a child", "in a child"],
)
def test_an_attempt_under_way_is_ended_and_not_retried(place, body):
    runner, leader = under_way(place, body, "--max-retries", "3")
    done = cancel(place, "--reason", "changed my mind")
    assert done.returncode == 0, done.stderr
    assert strict(done.stdout)["status"] == "cancelled"
    assert not is_running(leader)
    assert runner.wait() == 0
    (filed,) = place.archived()
    assert (filed["status"], filed["cancel_reason"], filed["attempts"]) == ("cancelled", "changed my mind", 1)
    assert len(place.runs()) == 1
    assert place.tasks() == {}


def test_exit_0_on_sigterm_is_a_cancel_all_the_same(place):
    said = quoted(json.dumps({"reschedule": "1h", "summary": "half done"}))
    stop = place.base / "stop"
    stop.write_text(f'printf %s {said} >"$DEFER_RESULT_FILE"; echo bye; exit 0\n')
    runner, _ = under_way(place, "while :; do sleep 0.01; done", first=f"trap '. {stop}' TERM", env=LONG_GRACE)
    assert strict(cancel(place, env=LONG_GRACE).stdout)["status"] == "cancelled"
    assert runner.wait() == 0
    assert place.tasks() == {}
    (filed,) = place.archived()
    assert (filed["status"], filed["result"]["output"]) == ("cancelled", "bye")


def test_a_deferral_on_sigterm_is_a_cancel_all_the_same(place):
    said = quoted(json.dumps({"retry_at": "2099-01-01T00:00:00Z"}))
    stop = place.base / "stop"
    stop.write_text(f'printf %s {said} >"$DEFER_RESULT_FILE"; exit 75\n')
    body, first = "while :; do sleep 0.01; done", f"trap '. {stop}' TERM"
    runner, _ = under_way(place, body, "--max-retries", "3", first=first, env=LONG_GRACE)
    assert strict(cancel(place, env=LONG_GRACE).stdout)["status"] == "cancelled"
    runner.wait()
    assert place.tasks() == {}


def test_an_attempt_whose_runner_is_dead_is_ended_and_settled(place):
    runner, leader = under_way(place, "exec sleep 600", "--max-retries", "3")
    runner.kill()
    runner.wait()
    assert strict(cancel(place).stdout)["status"] == "cancelled"
    assert not is_running(leader)
    place.wake()
    assert [run["status"] for run in place.runs()] == ["lost"]
    assert place.archived()[0]["status"] == "cancelled"


def test_an_attempt_whose_runner_and_leader_are_dead_is_settled(place):
    runner, leader = under_way(place, "exec sleep 600", "--max-retries", "3")
    runner.kill()
    runner.wait()
    os.killpg(leader, signal.SIGKILL)
    until(lambda: not is_running(leader))
    assert strict(cancel(place).stdout)["status"] == "cancelled"
    place.wake()
    assert place.archived()[0]["status"] == "cancelled"


def test_a_task_claimed_but_not_started_never_starts(place):
    """The request comes between claim and start: the gate stays shut."""
    ran = place.base / "ran"
    place.write_store(v1_task("a", executor=place.executor(f"touch {quoted(ran)}"), max_retries=3))
    whole, asked = place.store().update, []

    class Store(type(place.store())):
        def update(self, task_id, now, change):
            if not asked:
                asked.append(1)
                whole(task_id, now, lambda one: changes.ask_to_cancel(one, now, "no"))
            return super().update(task_id, now, change)

    store = place.store()
    store.__class__ = Store
    place.store = lambda: store
    assert place.wake_at(NOW)["cancelled"] == 1
    assert not ran.exists()
    assert place.archived()[0]["status"] == "cancelled"


def test_two_at_once_agree(place):
    runner, _ = under_way(place, "exec sleep 600")
    answers = []
    both = [threading.Thread(target=lambda: answers.append(cancel(place))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    runner.wait()
    assert sorted(one.returncode for one in answers) in ([0, 0], [0, 1])
    assert place.archived()[0]["status"] == "cancelled"


def test_one_that_cannot_be_ended_from_here_is_refused(place, monkeypatch):
    """A runner that lives and never settles: in another container, say."""
    monkeypatch.setattr("defer.run.kill._SETTLE_PATIENCE_SECONDS", 0.1)
    me = process.identity(os.getpid())
    run = {"run_id": "r", "runner": me}
    place.write_store(v1_task("a", status="executing", attempts=1, started_at=text_at(), run=run))
    config = place.config({"DEFER_KILL_GRACE_SECONDS": "0"})
    with pytest.raises(Refused, match="still executing: a "):
        kill.cancel(place.store(), AuditLog(place.log_path), "a", None, config, lambda: NOW)


def test_an_attempt_of_v1_that_names_no_process_is_refused_and_nothing_is_changed(place):
    place.write_store(v1_task("a", status="executing", attempts=0, started_at=text_at()))
    before = place.store_path.read_bytes()
    done = place.defer("cancel", "--kill", "a")
    assert done.returncode == 1
    assert "begun by a v1 runner" in done.stderr
    assert place.store_path.read_bytes() == before


class TestFiledMeanwhile:
    """What is settled and filed between two looks of a command is answered as what it came to."""

    def test_a_kill_of_what_is_over_says_so(self, place):
        place.schedule("now", "s", "--id", "a")
        place.wake()
        done = cancel(place)
        assert done.returncode == 1
        assert "task has ended already: a is completed" in done.stderr

    def test_a_kill_whose_attempt_another_settles(self, place):
        gone = {**process.identity(os.getpid()), "pid": 2**22 + 1}
        run = {"run_id": "r", "runner": gone, "leader": gone}
        place.write_store(v1_task("a", status="executing", attempts=1, started_at=text_at(), run=run))
        store = place.store()
        whole, calls = store.update, []

        def update(*args):
            calls.append(args)
            if len(calls) == 2:
                place.wake_at(NOW)
            return whole(*args)

        store.update = update
        settled = kill.cancel(store, AuditLog(place.log_path), "a", None, place.config(), lambda: NOW)
        assert (settled["status"], len(calls)) == ("cancelled", 2)
        assert [one["status"] for one in place.archived()] == ["cancelled"]

    def test_a_release_of_what_another_settles(self, place):
        place.write_store(v1_task("a", status="executing", attempts=0, started_at=text_at(hours=-2)))
        store = place.store()
        whole = store.update

        def update(*args):
            place.wake_at(NOW)
            return whole(*args)

        store.update = update
        with pytest.raises(Refused, match="task is not executing: a is failed"):
            kill.release(store, AuditLog(place.log_path), place.config(), "a", NOW)


def test_an_attempt_that_begins_while_it_is_judged_is_ended(place, monkeypatch):
    """Its runner names the leader, opens the gate and is killed, all after the record was read."""
    runner = {**process.identity(os.getpid()), "pid": 2**22 + 1}
    run = {"run_id": "r", "runner": runner, "started_at": text_at(), "attempt": 1}
    place.write_store(v1_task("a", status="executing", attempts=1, started_at=text_at(), run=run))
    whole, begun = holders.verdict, []

    def verdict(one, *known):
        if one.get("cancel_requested_at") and not begun:
            begun.append(subprocess.Popen(["sleep", "600"], start_new_session=True))
            leader = process.identity(begun[0].pid)
            place.store().update("a", NOW, lambda now: {**now, "run": {**now["run"], "leader": leader}})
        return whole(one, *known)

    monkeypatch.setattr(holders, "verdict", verdict)
    threading.Thread(target=lambda: until(lambda: begun and begun[0].wait() is not None), daemon=True).start()
    settled = kill.cancel(place.store(), AuditLog(place.log_path), "a", None, place.config(env=ENV), lambda: NOW)
    assert settled["status"] == "cancelled"
    assert begun[0].wait(DEADLINE_SECONDS) == -signal.SIGTERM
