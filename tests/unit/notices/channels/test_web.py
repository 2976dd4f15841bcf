"""One request over HTTP: to a real server on this machine, however that behaves."""

import json
import socket
import threading

import pytest

import loopback
from defer.notices.channels import addresses, ways, web
from defer.notices.channels.undelivered import Undelivered

pytestmark = pytest.mark.usefixtures("patience")

TOLD = {"key": "backup 2026-04-08T16:45:00Z 2026-04-08T16:35:00Z failed", "event": "failed", "id": "backup"}


def post(url: str, told=TOLD) -> None:
    (to,) = addresses.read(url)
    ways.send(to, told, ways.Around({}, 0))


def test_a_notice_is_posted_as_json_with_its_key():
    with loopback.receiver() as server:
        post(f"{server.url}/hook?to=me")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/hook?to=me")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == TOLD["key"]
    assert json.loads(request.body) == TOLD


def test_a_key_of_an_odd_id_is_one_header():
    with loopback.receiver() as server:
        post(server.url + "/hook", {**TOLD, "key": "a\r\nHost: evil é " + "x" * 300})
        post(server.url + "/hook", {**TOLD, "key": "a\r\nHost: evil é " + "x" * 299 + "y"})
    first, second = (one.headers["idempotency-key"] for one in server.requests)
    assert first.startswith("a%0D%0AHost: evil %C3%A9 xxx")
    assert len(first) < 200
    assert first != second


def test_a_user_and_password_are_told_in_a_header_alone():
    with loopback.receiver() as server:
        post(f"http://ann:p%40ss@{server.host}/hook")
    (request,) = server.requests
    assert request.headers["authorization"] == "Basic YW5uOnBAc3M="
    assert request.headers["host"] == server.host


def test_what_is_meant_for_this_machine_goes_through_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{loopback.away()}")
    with loopback.receiver() as server:
        post(server.url + "/hook")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [204, 201])
def test_any_status_of_success_is_success(status):
    with loopback.receiver(status) as server:
        post(server.url + "/hook")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    said = f"^it answered {status}, a redirect, which is not followed$"
    with loopback.receiver() as other:
        answer = (status, {"Location": f"{other.url}/elsewhere"})
        with loopback.receiver(answer) as server, pytest.raises(Undelivered, match=said):
            post(server.url + "/hook")
    assert len(server.requests) == 1
    assert other.requests == []


@pytest.mark.parametrize(
    ("header", "after"), [({}, None), ({"Retry-After": "120"}, 120.0), ({"Retry-After": "9999999"}, 3600.0)]
)
def test_a_receiver_may_say_when_to_come_again(header, after):
    with loopback.receiver((503, header)) as server, pytest.raises(Undelivered, match=r"^it answered 503$") as caught:
        post(server.url + "/hook")
    assert caught.value.after == after


def test_nothing_is_sent_to_one_that_cannot_say_who_it_is():
    with loopback.receiver() as server, pytest.raises(Undelivered, match=r"^no safe connection: [A-Z_]+$"):
        post(f"https://{server.host}/secret-path")
    assert server.requests == []


def test_one_that_hangs():
    with loopback.raw(loopback.hang) as host, pytest.raises(Undelivered, match=r"^there was no answer in time$"):
        web.request(f"http://{host}/secret-path", 0.2, b"{}")


def test_one_that_is_away():
    with pytest.raises(Undelivered, match=r"^it cannot be reached: Connection refused$"):
        post(f"http://{loopback.away()}/secret-path")


def test_one_that_does_not_speak_http():
    def speak(connection: socket.socket, over: threading.Event) -> None:
        while not connection.recv(1 << 16).endswith(b"}"):
            pass
        connection.sendall(b"220 mail.example.org ESMTP\r\n")

    with loopback.raw(speak) as host, pytest.raises(Undelivered, match=r"^what answered does not speak HTTP$"):
        post(f"http://{host}/secret-path")


def test_one_that_hangs_up():
    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(1 << 16)

    with (
        loopback.raw(speak) as host,
        pytest.raises(Undelivered, match=r"^(the connection broke off|it cannot be reached: .*)$"),
    ):
        post(f"http://{host}/secret-path")


def test_a_body_that_never_ends_is_not_waited_for():
    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nslow")
        over.wait()

    with loopback.raw(speak) as host:
        post(f"http://{host}/hook")
