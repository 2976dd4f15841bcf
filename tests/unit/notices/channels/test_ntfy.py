"""ntfy's protocol, as its server documents it, read back by a real HTTP server."""

import base64

import pytest

import loopback
from defer.notices.channels import addresses, ntfy, ways

pytestmark = pytest.mark.usefixtures("patience")

TOLD = {
    "key": "backup 2026 failed",
    "event": "failed",
    "id": "backup",
    "summary": "Back up the house",
    "error": "executor exited with 1: disk is full",
}


def sent(user: str = "", told=TOLD) -> loopback.Request:
    with loopback.receiver() as server:
        (to,) = addresses.read(f"ntfy://{user}{server.host}/my-house")
        ways.send(to, told, ways.Around({}, 0))
    (request,) = server.requests
    return request


def test_a_failure_is_a_message_of_high_priority():
    request = sent()
    assert (request.method, request.path) == ("POST", "/my-house")
    assert request.body.decode() == "Back up the house\nexecutor exited with 1: disk is full"
    names = ("title", "priority", "tags", "idempotency-key")
    assert [request.headers[name] for name in names] == ["backup failed", "4", "warning", "backup 2026 failed"]
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("event", "title", "priority", "tags"),
    [
        ("completed", "backup is done", "3", "white_check_mark"),
        ("recovered", "backup works again", "3", "white_check_mark"),
        ("lost", "backup was lost", "4", "warning"),
    ],
)
def test_each_event_has_its_title(event, title, priority, tags):
    request = sent(told={**TOLD, "event": event})
    assert [request.headers[name] for name in ("title", "priority", "tags")] == [title, priority, tags]


def test_a_reminder_says_that_it_is_one():
    request = sent(told={"event": "completed", "id": "call", "key": "k", "summary": "Call mum", "reminder": True})
    assert request.body == b"Call mum"
    assert [request.headers[name] for name in ("title", "priority", "tags")] == ["Reminder", "3", "alarm_clock"]


def test_a_title_beyond_ascii_is_an_encoded_word():
    title = sent(told={**TOLD, "id": "überprüfung"}).headers["title"]
    assert title.startswith("=?UTF-8?B?")
    assert base64.b64decode(title[len("=?UTF-8?B?") : -2]).decode() == "überprüfung failed"


def test_text_that_would_end_a_header_is_shown():
    assert sent(told={**TOLD, "id": "a\r\nX: y"}).headers["title"] == "a\\r\\nX: y failed"


def test_a_message_stays_below_what_becomes_an_attachment():
    body = ntfy.publish("ntfy://ntfy.sh/t", {**TOLD, "output": "é" * 3000}).body
    assert 3990 < len(body) <= 4000
    assert body.decode().endswith("é…")


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("ann:p%40ss@", "Basic YW5uOnBAc3M="),
        ("tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2@", "Bearer tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"),
        (":tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2@", "Bearer tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"),
    ],
)
def test_a_password_or_a_token_goes_into_a_header(user, header):
    assert sent(user).headers["authorization"] == header


def test_anything_but_this_machine_is_reached_over_https():
    assert ntfy.publish("ntfy://ntfy.sh/topic", TOLD).url == "https://ntfy.sh/topic"
    assert ntfy.publish("ntfy://me:pw@push.example.org:8443/topic", TOLD).url == "https://push.example.org:8443/topic"
