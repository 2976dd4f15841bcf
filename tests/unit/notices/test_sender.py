"""What stands in the outbox goes out once, in its own time, whatever its channels do."""

import json
from datetime import datetime, timedelta

import pytest

import loopback
from defer import fsio
from defer.errors import BadInput, StorageError
from defer.notices import outbox, sender
from defer.notices.channels import ways
from defer.settings.config import Config
from support import NOW, Place, is_running, leaving_pid, until

# The server's threads are in this process, which the sender is a fork of.
pytestmark = [
    pytest.mark.usefixtures("patience"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

HIDDEN = "s3cr3t-Path-0815"


def notice(name: str = "backup", to: tuple[str, ...] = (), **more):
    key = f"{name} 2026-04-08T16:45:00Z 2026-04-08T16:35:00Z failed"
    facts = {"summary": "Back up", "outcome": "failed", "error": "disk is full", "attempts": 1, "failures": 1}
    return {"key": key, "event": "failed", "id": name, "at": "2026-04-08T16:45:00Z", "to": [*to], **facts, **more}


def label(server) -> str:
    return f"http://{server if isinstance(server, str) else server.host}/…"


def write(place: Place, *notices) -> None:
    place.runtime.mkdir(mode=0o700, exist_ok=True)
    outbox.add(place.runtime / "notices.jsonl", notices, NOW)


def send(place: Place, notify: str, now: datetime = NOW, **env: str):
    config = place.config({"DEFER_NOTIFY": notify, **env})
    return sender.send(place.store(), config, lambda: now)


def waiting(place: Place) -> list[tuple[str, int, timedelta]]:
    found = outbox.pending(place.runtime / "notices.jsonl")
    return [(one.notice["id"], one.tries, one.at - NOW) for one in found]


def ops(place: Place) -> list[dict]:
    lines = (place.runtime / "notices.jsonl").read_text().splitlines()
    return [
        said for said in map(json.loads, lines) if said["op"] == "sent" and (said["status"] != "again" or "why" in said)
    ]


def test_what_is_sent_is_noted_and_not_sent_again(place):
    with loopback.receiver() as server:
        write(place, notice(to=(label(server),)), notice("other", to=(label(server),)))
        send(place, f"inbox;{server.url}/{HIDDEN}")
        send(place, f"inbox;{server.url}/{HIDDEN}")
    assert [json.loads(one.body)["id"] for one in server.requests] == ["backup", "other"]
    assert {one.path for one in server.requests} == {f"/{HIDDEN}"}
    assert waiting(place) == []
    assert [(said["status"], said["tries"]) for said in ops(place)] == [("sent", 1), ("sent", 1)]


def test_500_twice_and_then_200_arrives_at_the_third_try(place):
    with loopback.receiver(500, 500, 200) as server:
        write(place, notice(to=(label(server),)))
        url, moments = server.url + "/x", []
        for _ in range(3):
            now = NOW + (waiting(place)[0][2] if moments else timedelta(0))
            moments.append(now - NOW)
            send(place, url, now - timedelta(seconds=1)) if moments[1:] else None
            send(place, url, now)
    assert moments == [timedelta(0), timedelta(minutes=1), timedelta(minutes=6)]
    assert [said["status"] for said in ops(place)] == ["again", "again", "sent"]
    assert len({one.headers["idempotency-key"] for one in server.requests}) == 1
    assert len(server.requests) == 3


def test_after_three_retries_it_is_given_up_and_said(place):
    host = loopback.away()
    write(place, notice(to=(label(host),)))
    now, waits = NOW, []
    for _ in range(4):
        given_up = send(place, f"http://{host}/{HIDDEN}", now)
        waits += [one.at - now for one in outbox.pending(place.runtime / "notices.jsonl")]
        now = NOW + sum(waits, timedelta(0))
    assert waits == [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)]
    (failed,) = given_up
    assert (failed.status, failed.tries, failed.why) == ("failed", 4, "it cannot be reached: Connection refused")
    assert waiting(place) == []


def test_one_that_asks_to_be_left_alone_is(place):
    with loopback.receiver((429, {"Retry-After": "900"})) as server:
        write(place, notice(to=(label(server),)))
        send(place, server.url + "/x")
    assert waiting(place) == [("backup", 1, timedelta(minutes=15))]


def test_one_that_hangs_holds_up_only_itself(place, monkeypatch):
    for seconds in (1.0, 5.0, 25.0):
        monkeypatch.setattr(ways, "SECONDS", seconds)
        with loopback.receiver() as server, loopback.raw(loopback.hang) as host:
            both = (label(host), label(server))
            write(place, notice("a", both), notice("b", both), notice("c", both))
            send(place, f"http://{host}/{HIDDEN};{server.url}/x")
        if all(said["channel"] == label(host) or said["status"] == "sent" for said in ops(place)):
            break
        (place.runtime / "notices.jsonl").unlink()  # a busy machine: what does not hang needs longer, too
    assert [json.loads(one.body)["id"] for one in server.requests] == ["a", "b", "c"]
    # Of the one that hangs only the first was tried; wakes need not look before it is tried again.
    minute = timedelta(minutes=1)
    assert waiting(place) == [("a", 1, minute), ("b", 0, minute), ("c", 0, minute)]
    assert {said["why"] for said in ops(place) if said["status"] == "again"} == {"there was no answer in time"}


def test_what_cannot_be_noted_is_not_sent(place, monkeypatch):
    """Else each wake would send it again for as long as the disk is full."""

    def refuse(*_):
        raise StorageError("No space left on device: notices.jsonl (free some space; nothing was changed)")

    with loopback.receiver() as server:
        write(place, notice(to=(label(server),)))
        with monkeypatch.context() as full:
            full.setattr(outbox, "settled", refuse)
            with pytest.raises(StorageError):
                send(place, server.url + "/x")
        assert server.requests == []
        send(place, server.url + "/x")
    assert len(server.requests) == 1


def test_a_setting_that_cannot_be_read_costs_no_try(place):
    with loopback.receiver() as server:
        write(place, notice(to=(label(server),)))
        with pytest.raises(BadInput, match="DEFER_NOTIFY_OUTPUT"):
            send(place, server.url + "/x", DEFER_NOTIFY_OUTPUT="perhaps")
    # Somebody has to mend it: wakes are idle meanwhile.
    assert waiting(place) == [("backup", 0, timedelta(minutes=5))]


def test_a_lock_that_cannot_be_taken_is_a_try_in_vain_and_the_inbox_has_the_notice_in_the_end(place):
    """Else every wake would try it again, and only the audit log would know."""
    with loopback.receiver() as server:
        write(place, notice(to=(label(server),), inbox=False))
        lock = place.runtime / ".notices.jsonl.sender"
        lock.mkdir()
        waits, now = [], NOW
        for _ in range(4):
            given_up = send(place, server.url + "/x", now)
            waits += [wait for _, _, wait in waiting(place)]
            now = NOW + waits[-1]
        assert waits == [timedelta(minutes=1), timedelta(minutes=6), timedelta(minutes=36)]
        assert [(one.status, one.why) for one in given_up] == [
            ("failed", f"a directory stands where a file belongs: {lock} (move it away)")
        ]
        assert [one["id"] for one in outbox.read(place.runtime / "notices.jsonl").unread()] == ["backup"]
        lock.rmdir()
        write(place, notice("other", to=(label(server),)))
        send(place, server.url + "/x", now)
    assert [json.loads(one.body)["id"] for one in server.requests] == ["other"]


def test_a_redirect_leads_nowhere(place):
    with loopback.receiver() as other, loopback.receiver((302, {"Location": f"{other.url}/elsewhere"})) as server:
        write(place, notice(to=(label(server),)))
        send(place, server.url + "/x")
    assert other.requests == []
    assert [said["why"] for said in ops(place)] == ["it answered 302, a redirect, which is not followed"]


def test_a_channel_that_is_not_named_any_more_may_be_named_again(place):
    with loopback.receiver() as server:
        write(place, notice(to=(label(server),)))
        send(place, "inbox")
        assert [said["why"] for said in ops(place)] == ["DEFER_NOTIFY does not name it any more"]
        send(place, server.url + "/x", NOW + timedelta(minutes=1))
    assert len(server.requests) == 1


def test_a_second_sender_leaves_the_work_to_the_first(place):
    with loopback.receiver() as server:
        write(place, notice(to=(label(server),)))
        with fsio.lock(place.runtime / ".notices.jsonl.sender", 0.0):
            assert send(place, server.url + "/x") == []
    assert server.requests == []
    assert waiting(place) == [("backup", 0, timedelta(0))]


@pytest.mark.parametrize(("setting", "has_output"), [("0", False), ("1", True)])
def test_output_leaves_the_machine_only_where_that_is_said(place, setting, has_output):
    with loopback.receiver() as server:
        write(place, notice(to=(label(server),), output="the dump of everything", log="/home/me/x.log", signature="s"))
        send(place, server.url + "/x", DEFER_NOTIFY_OUTPUT=setting)
    told = json.loads(server.requests[0].body)
    assert ("output" in told) is has_output
    told.pop("output", None)
    assert [*told] == ["key", "event", "id", "summary", "outcome", "at", "attempts", "failures", "error"]


def test_no_secret_of_a_url_is_kept_or_told(place):
    host = loopback.away()
    write(place, notice(to=(label(host),), error=f"curl http://{host}/{HIDDEN}: no"))
    with loopback.receiver() as server:
        write(place, notice("other", to=(label(server),), error=f"no {HIDDEN}"))
        send(place, f"http://{host}/{HIDDEN};{server.url}/x")
    assert json.loads(server.requests[0].body)["error"] == "no [masked]"
    kept = [said for said in ops(place) if said["channel"] == label(host)]
    assert [said["why"] for said in kept] == ["it cannot be reached: Connection refused"]
    assert HIDDEN not in json.dumps(kept)


def test_a_program_gets_the_notice_and_no_more_time_than_it_has(place, monkeypatch):
    got = place.base / "got"
    tell = place.executor(f'cat >"{got}"; [ -z "${{DEFER_TASK_ID-}}" ]')
    slow = place.executor(f"{leaving_pid(place.base / 'pid')}; exec sleep 300", name="slow")
    names = (f"command:{tell}", f"command:{slow}")
    for seconds in (1.0, 5.0, 25.0):
        monkeypatch.setattr(ways, "SECONDS", seconds)
        write(place, notice(to=names))
        send(place, ";".join(names), DEFER_TASK_ID="of-another")
        if (place.base / "pid").exists() and ops(place)[0]["status"] == "sent":
            break
        (place.runtime / "notices.jsonl").unlink()  # a busy machine had not come so far
    assert json.loads(got.read_text())["id"] == "backup"
    pid = int((place.base / "pid").read_text())
    until(lambda: not is_running(pid), "the end of what was killed")
    assert [(said["channel"], said["status"]) for said in ops(place)] == [(names[0], "sent"), (names[1], "again")]


def test_a_proxy_that_the_settings_name_is_used(place):
    with loopback.receiver() as server:
        where = "https://away.invalid/…"
        write(place, notice(to=(where,)))
        send(place, f"https://away.invalid/{HIDDEN}", https_proxy=server.url)
    # A tunnel is what it is asked for, which this server does not make.
    assert {(one.method, one.path) for one in server.requests} == {("CONNECT", "away.invalid:443")}
    assert [said["status"] for said in ops(place)] == ["again"]


def test_a_program_that_leaves_another_running_has_taken_the_notice(place):
    """What it left has its standard error, whose end would never come in time; nor may what it prints be waited for."""
    took = place.executor("sleep 300 &", name="took")
    chatty = place.executor("yes >&2 & exit 0", name="chatty")
    refused = place.executor("echo no route >&2; sleep 300 & exit 3", name="refused")
    names = tuple(f"command:{one}" for one in (took, chatty, refused))
    write(place, notice(to=names))
    send(place, ";".join(names))
    found = {said["channel"]: (said["status"], said.get("why")) for said in ops(place)}
    assert found == {
        names[0]: ("sent", None),
        names[1]: ("sent", None),
        names[2]: ("again", "it ended with exit 3: no route"),
    }


def test_what_a_program_complains_of_is_kept_in_one_masked_line(place):
    fails = place.executor("echo 'no route with TOKEN-abcdef12' >&2; echo more >&2; exit 3")
    write(place, notice(to=(f"command:{fails}",)))
    send(place, f"command:{fails}", MY_ROUTE="TOKEN-abcdef12", DEFER_SECRETS="MY_ROUTE")
    assert [said["why"] for said in ops(place)] == ["it ended with exit 3: no route with [masked]"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("missing", "there is no such program"),
        ("plain", "it is not executable (chmod +x it)"),
        ("open", "it is not to be trusted: every user may write it (mode 0777) (look through it, then: chmod go-w "),
    ],
)
def test_a_program_that_others_could_have_written_is_not_started(place, kind, why):
    path = place.base / "tell"
    if kind != "missing":
        path.write_text(f'#!/bin/sh\n: >"{place.base}/ran"\n')
        path.chmod(0o644 if kind == "plain" else 0o777)
    write(place, notice(to=(f"command:{path}",)))
    send(place, f"command:{path}")
    assert [said["why"].startswith(why) for said in ops(place)] == [True]
    assert not (place.base / "ran").exists()


def test_everything_is_told_to_every_channel_at_once(place):
    host = loopback.away()
    with loopback.receiver() as server:
        config: Config = place.config({"DEFER_NOTIFY": f"inbox;{server.url}/x;http://{host}/y"})
        said = sender.tell_all({"key": "k", "event": "failed", "id": "health", "summary": "2 need attention"}, config)
    assert said == [(label(server), None), (label(host), "it cannot be reached: Connection refused")]
    assert json.loads(server.requests[0].body)["summary"] == "2 need attention"


def test_a_clock_that_was_set_back_does_not_silence_what_waits(place):
    with loopback.receiver(500, 200) as server:
        write(place, notice(to=(label(server),)))
        send(place, server.url + "/x")
        for back in (timedelta(seconds=10), timedelta(minutes=58)):
            send(place, server.url + "/x", NOW - back)
            assert len(server.requests) == 1
        send(place, server.url + "/x", NOW - timedelta(minutes=61))
    assert [said["status"] for said in ops(place)] == ["again", "sent"]
