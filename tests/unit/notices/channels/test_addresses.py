"""DEFER_NOTIFY read: each form, what is wrong with others, and labels that hold no secret."""

import pytest

from defer.errors import BadInput
from defer.notices.channels import addresses
from defer.notices.channels.addresses import Address


@pytest.mark.parametrize("host", ["127.999.1.1", "127.0.0.256", "localhost.", "127.1", "0x7f.1", "2130706433"])
def test_what_a_name_server_may_have_to_find_is_not_this_machine(host: str) -> None:
    assert not addresses.is_loopback(host)


def test_several_are_separated_by_semicolons():
    found = addresses.read(
        " inbox ; desktop;command:/usr/local/bin/tell; https://example.org/hook/s3cr3t ;;ntfy://ntfy.sh/topic"
    )
    assert found == [
        Address("inbox", "inbox", ""),
        Address("desktop", "desktop", ""),
        Address("command", "command:/usr/local/bin/tell", "/usr/local/bin/tell"),
        Address("web", "https://example.org/…", "https://example.org/hook/s3cr3t"),
        Address("ntfy", "ntfy://ntfy.sh/…", "ntfy://ntfy.sh/topic"),
    ]


def test_empty_is_nowhere():
    assert addresses.read(" ; ") == []


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://hooks.slack.com/services/T0/B0/X", "https://hooks.slack.com/…"),
        ("https://user:pass@example.org:8443/x?token=y#z", "https://example.org:8443/…"),
        ("http://[::1]:8080/x", "http://[::1]:8080/…"),
        ("ntfy://me:tk_secret@push.example.org/topic", "ntfy://push.example.org/…"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://…"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://…"),
        ("mailto://me:secret@example.org", "mailto://…"),
        ("SLACK://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack://…"),
    ],
)
def test_a_label_holds_no_secret(url, label):
    assert [one.label for one in addresses.read(url)] == [label]


def test_labels_tell_entries_apart_and_an_entry_counts_once():
    found = addresses.read("https://h.example/a;https://h.example/b;https://h.example/a;inbox;inbox")
    assert [(one.label, one.target) for one in found] == [
        ("https://h.example/…", "https://h.example/a"),
        ("https://h.example/… #2", "https://h.example/b"),
        ("inbox", ""),
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("dekstop", "DEFER_NOTIFY, entry 1: it is not a channel: dekstop, did you mean desktop? (use inbox, desktop, "),
        ("inbox;xoxb-1234-secret", "DEFER_NOTIFY, entry 2: it is not a channel (use inbox, desktop, "),
        ("command:tell", "DEFER_NOTIFY, entry 1: the program is not a full path: tell (write command:/full/path)"),
        ("ntfy://topic", "DEFER_NOTIFY, entry 1: ntfy:// needs a host and a topic (ntfy://ntfy.sh/TOPIC, "),
        ("ntfy://ntfy.sh/a/b", "DEFER_NOTIFY, entry 1: ntfy:// needs a host and a topic (ntfy://ntfy.sh/TOPIC, "),
        (
            "ntfy://ntfy.sh/s3cr3t?priority=high",
            "DEFER_NOTIFY, entry 1: ntfy:// has no options behind its topic (ntfy://ntfy.sh/TOPIC, ",
        ),
        ("ntfy://ntfy.sh/s3cr3t#x", "DEFER_NOTIFY, entry 1: ntfy:// has no options behind its topic (ntfy://ntfy.sh/"),
        ("https://", "DEFER_NOTIFY, entry 1: it is not a URL of https: https://… (write https://host/path)"),
        (
            "https://h:port/s3cr3t",
            "DEFER_NOTIFY, entry 1: it is not a URL of https: https://… (write https://host/path)",
        ),
        (
            "http://example.org/s3cr3t",
            "DEFER_NOTIFY, entry 1: anybody on the way could read what goes over http: http://example.org/… (use https://;",
        ),
        (
            "https://example.org/a b",
            "DEFER_NOTIFY, entry 1: the URL has a character that a URL cannot have: https://example.org/…",
        ),
    ],
)
def test_what_is_no_channel_is_refused_in_one_line_without_its_secret(written, said):
    with pytest.raises(BadInput) as caught:
        addresses.read(written)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.field == "DEFER_NOTIFY"


def test_the_entries_that_are_right_are_used_although_another_is_wrong():
    found, errors = addresses.read_what_can_be("dekstop;inbox;http://example.org/x;ntfy://h/t")
    assert [one.label for one in found] == ["inbox", "ntfy://h/…"]
    assert [str(one).partition(":")[0] for one in errors] == ["DEFER_NOTIFY, entry 1", "DEFER_NOTIFY, entry 3"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "apprise"),
        ("https://discordapp.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "apprise"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "apprise"),
        ("https://discord.com/blog", "web"),
        ("https://hooks.slack.com.example.org/services/T1/A1/T2", "web"),
    ],
)
def test_a_webhook_of_a_chat_is_one_for_apprise_which_knows_its_form(url, kind):
    assert addresses.read(url)[0].kind == kind


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_http_is_for_this_machine(host):
    assert addresses.read(f"http://{host}:8080/x")[0].kind == "web"


@pytest.mark.parametrize("host", ["127.0.0.1.example.org", "localhost.example.org", "0x7f000001", "2130706433"])
def test_what_only_looks_like_this_machine_is_not(host):
    with pytest.raises(BadInput, match="over http"):
        addresses.read(f"http://{host}/x")
