"""What a wake sends: notices and pings, beside its attempts and never in their way."""

import json
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

import loopback
from defer import signals
from defer.client import Client
from defer.commands import wake
from defer.notices import outbox
from defer.notices.channels import ways
from defer.run import keeper, sending
from defer.run.loop import Loop
from support import DEADLINE_SECONDS, NOW, ROOT, at, patient, until, until_there, v1_task

# The server's threads are in this process, which the sender is a fork of.
pytestmark = [
    pytest.mark.programs,
    pytest.mark.usefixtures("patience"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

ONE = "task_20260408_163500_4821"
FAILS = {"DEFER_EXECUTOR": "/bin/false"}


def children(pid: int) -> list[int]:
    """The children of a process."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def waiting(place):
    return [(one.tries, one.at - NOW) for one in outbox.pending(place.runtime / "notices.jsonl")]


class TestNotices:
    def test_a_failure_is_sent_by_the_wake_that_files_it_and_the_next_wake_may_be_idle(self, place):
        with loopback.receiver() as server:
            place.write_store(v1_task())
            env = {**FAILS, "DEFER_NOTIFY": f"inbox;{server.url}/hook"}
            place.wake_at(NOW, env)
            place.wake_at(NOW + timedelta(minutes=1), env)
        (request,) = server.requests
        told = json.loads(request.body)
        jsonschema.Draft202012Validator(json.loads((ROOT / "references" / "notice.schema.json").read_text())).validate(
            told
        )
        assert (told["id"], told["event"], told["outcome"]) == (ONE, "failed", "failed")
        assert request.headers["idempotency-key"] == told["key"]
        assert place.store().markers.next_look() == NOW + timedelta(minutes=16)

    def test_a_try_that_failed_is_noted_as_the_next_look_and_wakes_before_that_are_idle(self, place):
        with loopback.receiver(500, 500, 200) as server:
            place.write_store(v1_task())
            env = {**FAILS, "DEFER_NOTIFY": f"{server.url}/hook"}
            place.wake_at(NOW, env)
            assert waiting(place) == [(1, timedelta(minutes=1))]
            place.wake_at(NOW + timedelta(seconds=30), env)
            assert place.store().markers.next_look() == NOW + timedelta(minutes=1)
            place.wake_at(NOW + timedelta(minutes=1), env)
            assert waiting(place) == [(2, timedelta(minutes=6))]
            place.wake_at(NOW + timedelta(minutes=2), env)
            assert place.store().markers.next_look() == NOW + timedelta(minutes=6)
            place.wake_at(NOW + timedelta(minutes=6), env)
        assert waiting(place) == []
        assert len(server.requests) == 3

    def test_with_a_lock_that_cannot_be_taken_wakes_are_idle_and_the_audit_log_says_what_was_not_sent(self, place):
        place.write_store(v1_task())
        (place.runtime / ".notices.jsonl.sender").mkdir()
        env = {**FAILS, "DEFER_NOTIFY": f"http://{loopback.away()}/hook"}
        # However far away a try is, a wake looks after a quarter of an hour.
        for minutes, following in ((0, 1), (1, 6), (6, 21.5)):
            place.wake_at(NOW + timedelta(minutes=minutes), env)
            place.wake_at(NOW + timedelta(minutes=minutes, seconds=30), env)
            assert place.store().markers.next_look() == NOW + timedelta(minutes=following)
        place.wake_at(NOW + timedelta(minutes=36), env)
        (line,) = place.audit("notice_not_sent")
        assert "a directory stands where a file belongs" in line

    def test_a_notice_that_never_arrives_changes_no_outcome(self, place):
        host = loopback.away()
        place.write_store(v1_task())
        counts = place.wake_at(NOW, {"DEFER_EXECUTOR": "/bin/true", "DEFER_NOTIFY": f"http://{host}/x"})
        assert counts["completed"] == 1
        assert place.archived()[0]["status"] == "completed"

    def test_what_is_given_up_is_in_the_audit_log(self, place):
        host = loopback.away()
        place.write_store(v1_task())
        env = {**FAILS, "DEFER_NOTIFY": f"http://{host}/s3cr3t-path"}
        for minutes in (0, 1, 6, 36):
            place.wake_at(NOW + timedelta(minutes=minutes), env)
        (line,) = place.audit("notice_not_sent")
        assert f'channel="http://{host}/…"' in line
        assert 'reason="it cannot be reached: Connection refused"' in line
        assert "s3cr3t" not in place.log_path.read_text()

    def test_claims_go_on_while_a_channel_hangs_and_the_wake_waits_for_it_only_at_its_end(self, place, monkeypatch):
        monkeypatch.setattr(ways, "SECONDS", 600.0)
        is_asked = threading.Event()

        def hang(connection, over):
            is_asked.set()
            loopback.hang(connection, over)

        with loopback.raw(hang) as host:
            place.write_store(v1_task())
            client = Client({**place.env, **FAILS, "DEFER_NOTIFY": f"http://{host}/x"}, clock=lambda: NOW)
            with Loop() as loop:
                wake.wake_once(client, loop, 60.0, False)
                (sender,) = loop.companions
                place.write_store(v1_task("other"))
                wake.wake_once(client, loop, 60.0, False)
                assert {one["id"] for one in place.archived()} == {ONE, "other"}
                assert loop.companions == {sender}
                loop.see_off(0.1)
                assert loop.companions == {sender}
                # By then it has left the wake's signals behind.
                assert is_asked.wait(DEADLINE_SECONDS)
                sending.os.kill(sender, 15)
                loop.see_off(DEADLINE_SECONDS)
                assert loop.companions == set()

    def test_a_sender_is_not_taken_for_what_an_attempt_has_left_behind(self, place, monkeypatch):
        up = place.base / "up"
        tell = place.executor(
            f'cat >/dev/null; : >"{up}"; while [ ! -e "{place.base}/go" ]; do sleep 0.01; done', "tell"
        )
        goes = place.executor(f'while [ ! -e "{up}" ]; do sleep 0.01; done', "goes")
        place.write_store(v1_task("fails", executor="/bin/false"), v1_task("goes", executor=goes))
        client = Client({**place.env, "DEFER_NOTIFY": f"command:{tell}"}, clock=lambda: at())
        monkeypatch.setattr(ways, "SECONDS", 600.0)
        with Loop(owns_process=True) as loop:
            wake.wake_once(client, loop, 60.0, False)
            assert len(loop.companions) == 1
            (place.base / "go").touch()
            loop.see_off(600.0)
        assert waiting(place) == []
        assert place.audit("leftovers_ended") == []

    def test_apprise_sends_in_a_wake_too(self, place):
        pytest.importorskip("apprise", reason="needs the extra notify: scripts/bootstrap.py --extra dev")
        place.schedule("now", "s", "--id", "a", "--executor", "/bin/false")
        with loopback.receiver() as server:
            assert place.run(*patient("wake"), env={"DEFER_NOTIFY": f"json://{server.host}/hook"}).returncode == 0
        (request,) = server.requests
        assert json.loads(request.body)["title"] == "a failed"
        assert outbox.pending(place.runtime / "notices.jsonl") == []


class TestPingsOfWakes:
    def test_a_wake_pings_every_five_minutes_and_idle_wakes_end_before_that(self, place):
        with loopback.receiver() as server:
            env = {"DEFER_PING_URL": f"{server.url}/ping-key"}
            looks = []
            for minutes in (0, 1, 4, 5, 9, 10):
                place.wake_at(NOW + timedelta(minutes=minutes), env)
                looks.append(place.store().markers.next_look() - NOW)
        assert [(one.method, one.path) for one in server.requests] == [("GET", "/ping-key")] * 3
        assert looks == [timedelta(minutes=minutes) for minutes in (5, 5, 5, 10, 10, 15)]

    def test_a_wake_that_cannot_do_its_work_says_so(self, place):
        with loopback.receiver() as server:
            place.defer("schedule", "--when", "1h", "--summary", "s")
            env = {"DEFER_PING_URL": f"{server.url}/ping-key?a=b", "DEFER_MAX_PARALLEL": "many"}
            assert place.run(*patient("wake"), env=env).returncode == 2
            until(lambda: server.requests)
        assert [one.path for one in server.requests] == ["/ping-key/fail?a=b"]

    def test_a_watcher_that_is_away_costs_a_line_in_the_audit_log(self, place):
        host = loopback.away()
        place.wake_at(NOW, {"DEFER_PING_URL": f"http://{host}/s3cr3t-path"})
        (line,) = place.audit("ping_failed")
        assert line.endswith(f'ping_failed to="http://{host}/…" reason="it cannot be reached: Connection refused"')

    def test_a_notice_does_not_wait_for_another_wake_because_a_ping_is_being_sent(self, place):
        with loopback.receiver() as server:
            may_go_on = server.hold()
            place.write_store(v1_task())
            env = {
                **place.env,
                **FAILS,
                "DEFER_NOTIFY": f"{server.url}/hook",
                "DEFER_PING_URL": f"{server.url}/ping-key",
            }
            client = Client(env, clock=lambda: NOW)
            with Loop() as loop:
                wake.wake_once(client, loop, 60.0, False)
                assert len(loop.companions) == 1
                until(lambda: server.requests)
                may_go_on.set()
                wake._see_off(client, loop)
        assert [one.path for one in server.requests] == ["/ping-key", "/hook"]
        assert waiting(place) == []


class TestPingsOfTasks:
    @pytest.mark.parametrize(("executor", "end"), [("/bin/true", "/check"), ("/bin/false", "/check/fail")])
    def test_an_attempt_is_told_when_it_begins_and_an_occurrence_when_it_is_over(self, place, executor, end):
        with loopback.receiver() as server:
            place.write_store(v1_task(ping=f"{server.url}/check", executor=executor))
            place.wake_at(NOW)
        assert [one.path for one in server.requests] == ["/check/start", end]

    def test_the_url_stands_in_the_task_file_alone_and_a_copy_finds_it_there(self, place):
        with loopback.receiver() as server:
            files = place.home / "tasks"
            files.mkdir()
            asks = f"schedule: every day at 9am\ncommand: 'true'\nping: {server.url}/5f8a2c1e-0000\n"
            (files / "a.yml").write_text(asks)
            assert place.run("schedule-task.sh", "sync", str(files)).returncode == 0
            assert place.run("schedule-task.sh", "run", "a").returncode == 0
            assert place.run(*patient("wake")).returncode == 0
        assert [one.path for one in server.requests] == ["/5f8a2c1e-0000/start", "/5f8a2c1e-0000"]
        assert all(b"5f8a2c1e" not in file.read_bytes() for file in place.runtime.rglob("*") if file.is_file())

    def test_a_file_that_is_gone_is_said_in_the_audit_log(self, place):
        source = {"file": str(place.runtime / "gone.yml"), "digest": "x"}
        place.write_store(v1_task(ping="https://hc-ping.com/…", source=source, executor="/bin/true"))
        assert place.wake_at(NOW)["completed"] == 1
        assert len(place.audit("ping_failed")) == 2
        assert all("gone.yml" in line for line in place.audit("ping_failed"))

    def test_what_waits_for_a_retry_has_not_failed(self, place):
        with loopback.receiver() as server:
            place.write_store(v1_task(ping=f"{server.url}/check", executor="/bin/false", max_retries=1))
            place.wake_at(NOW)
            assert [one.path for one in server.requests] == ["/check/start"]
            place.wake_at(NOW + timedelta(minutes=1))
        assert [one.path for one in server.requests] == ["/check/start", "/check/start", "/check/fail"]

    def test_a_url_that_is_not_pinged_is_said_in_the_audit_log(self, place):
        place.write_store(v1_task(ping="http://example.org/s3cr3t", executor="/bin/true"))
        assert place.wake_at(NOW)["completed"] == 1
        assert all('reason="anybody on the way could read' in line for line in place.audit("ping_failed"))
        assert "s3cr3t" not in place.log_path.read_text()


class TestKilled:
    def test_a_sender_that_is_killed_before_it_has_noted_it_sends_the_same_key_again(self, place):
        """At least once: what arrived and was not noted arrives again, and says that it is the same."""
        with loopback.receiver(200) as server:
            taken = server.hold()
            env = {"DEFER_NOTIFY": f"{server.url}/x"}
            place.schedule("now", "s", "--id", "a", "--executor", "/bin/false")
            runner = place.start(*patient("wake"), env=env)
            until(lambda: server.requests)
            (sender,) = [pid for pid in children(runner.pid) if children(pid)]
            for pid in (sender, *children(sender)):
                os.kill(pid, signal.SIGKILL)
            taken.set()
            assert runner.wait() == 0
            assert [one.tries for one in outbox.pending(place.runtime / "notices.jsonl")] == [0]
            assert place.run(*patient("wake"), env=env).returncode == 0
            assert outbox.pending(place.runtime / "notices.jsonl") == []
        first, second = (one.headers["idempotency-key"] for one in server.requests)
        assert first == second

    def test_a_wake_that_is_killed_leaves_its_sender_at_work(self, place):
        up = place.base / "up"
        tell = place.executor(f'cat >"{up}.new"; mv "{up}.new" "{up}"; {until_there(place.base / "go")}', "tell")
        place.schedule("now", "s", "--id", "a", "--executor", "/bin/false")
        runner = place.start(*patient("wake"), env={"DEFER_NOTIFY": f"command:{tell}"})
        until(up.exists)
        runner.kill()
        runner.wait()
        (place.base / "go").touch()
        until(lambda: outbox.pending(place.runtime / "notices.jsonl") == [])
        assert json.loads(up.read_text())["id"] == "a"


class TestSecrets:
    def test_the_url_of_a_channel_is_in_nothing_that_is_kept_or_printed(self, place):
        canary = "canary-Token-5c1f"
        place.env.pop("DEFER_NOTIFY", None)
        place.schedule("now", "s", "--id", "a", "--executor", place.executor('echo "$DEFER_NOTIFY"; env >&2; exit 1'))
        with loopback.receiver() as server:
            settings = place.home / ".config" / "defer" / "env"
            settings.parent.mkdir(parents=True)
            settings.write_text(
                f"DEFER_NOTIFY=inbox;{server.url}/{canary};http://{loopback.away()}/{canary}\nDEFER_NOTIFY_OUTPUT=1\n"
            )
            settings.chmod(0o600)
            done = place.run(*patient("wake"))
            assert (done.returncode, "Traceback" in done.stderr) == (0, False)
            shown = [
                place.defer(*words).stdout for words in (["show", "a"], ["history"], ["inbox", "--all"], ["doctor"])
            ]
        (request,) = server.requests
        everything = b"".join(path.read_bytes() for path in place.files() if path.is_file())
        assert canary.encode() not in everything + request.body
        assert canary not in done.stdout + done.stderr + "".join(shown)
        assert json.loads(request.body)["error"].startswith("executor exited with 1")


def test_a_fork_that_has_left_its_wake_does_not_read_what_that_listens_to():
    """It asks whenever it waits for a lock; by then the number of that descriptor is another file's, or nobody's."""
    with signals.Signals():
        pid = os.fork()
        if pid == 0:
            status = 2
            try:
                keeper.leave_the_runner()
                status = int(signals.ends_waiting())
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
