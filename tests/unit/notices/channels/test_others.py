"""What apprise sends for us, parsed back: its services are real, their hosts are this machine."""

import json
import logging

import pytest

import loopback
from defer.notices.channels import addresses, others, ways
from defer.notices.channels.undelivered import Undelivered

apprise = pytest.importorskip("apprise", reason="needs the extra notify: scripts/bootstrap.py --extra dev")

pytestmark = [
    pytest.mark.usefixtures("patience"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # as it loads its services
]

TOLD = {
    "key": "backup 2026 failed",
    "event": "failed",
    "id": "backup",
    "summary": "Back up the house",
    "error": "executor exited with 1: disk is full",
}


def send(url: str, told=TOLD) -> None:
    (to,) = addresses.read(url)
    assert to.kind == "apprise"
    ways.send(to, told, ways.Around({}, 0))


def test_webhooks_as_the_chats_show_them(monkeypatch):
    from apprise.plugins.discord import NotifyDiscord

    with loopback.receiver() as server:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{server.url}/api/webhooks")
        send("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")
    assert server.requests[0].path == "/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"


def test_discord(monkeypatch):
    from apprise.plugins.discord import NotifyDiscord

    with loopback.receiver() as server:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{server.url}/api/webhooks")
        send("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")
    said = json.loads(request.body)
    text = said.get("content") or said["embeds"][0]["title"] + said["embeds"][0]["description"]
    assert "backup failed" in text
    assert "Back up the house" in text
    assert "disk is full" in text


def test_slack(monkeypatch):
    from apprise.plugins.slack import NotifySlack

    with loopback.receiver() as server:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{server.url}/services")
        with pytest.raises(Undelivered):  # it wants the word "ok" as an answer
            send("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#house")
    (request,) = server.requests
    assert request.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    said = json.loads(request.body)
    assert said["channel"] == "#house"
    (attached,) = said["attachments"]
    assert attached["title"] == "backup failed"
    assert attached["text"] == "Back up the house\nexecutor exited with 1: disk is full"


def test_a_redirect_is_not_followed():
    with loopback.receiver() as other:
        refused = pytest.raises(Undelivered, match=r"^the service did not take it$")
        with loopback.receiver((307, {"Location": f"{other.url}/x"})) as server, refused:
            send(f"json://{server.host}/hook")
    assert len(server.requests) == 1
    assert other.requests == []


def test_what_is_away_is_said_without_its_url(caplog, capfd):
    with caplog.at_level(logging.DEBUG), pytest.raises(Undelivered, match=r"^the service did not take it$"):
        send(f"json://me:s3cr3t@{loopback.away()}/s3cr3t-path")
    assert "s3cr3t" not in caplog.text + "".join(capfd.readouterr())


def test_what_apprise_does_not_know():
    with pytest.raises(Undelivered, match=r"^apprise does not know such a URL"):
        send("nosuchservice://s3cr3t")


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(Undelivered, match=r"^apprise is not installed \(make install EXTRAS=notify\)$"):
        others.send("discord://a/b", TOLD)
