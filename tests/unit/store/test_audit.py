"""One line per action, whatever somebody's text holds."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.record.events import Event
from defer.store import audit
from defer.store.audit import AuditLog
from support import NOW, moment


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("plain", "plain"),
        ("a-b_c.d/e:f", "a-b_c.d/e:f"),
        (5, "5"),
        ("", '""'),
        ("two words", '"two words"'),
        ('say "x"', '"say \\"x\\""'),
        ("a=b", '"a=b"'),
        ("back\\slash", '"back\\\\slash"'),
        ("line\nbreak", '"line\\nbreak"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\x7f\x85\u2028", '"\\u007f\\u0085\\u2028"'),
        ("grün", '"grün"'),
        ("\udcff", '"\\udcff"'),
    ],
)
def test_fields(value, field):
    assert audit.field(value) == field


def test_a_line_leaves_out_what_is_not_known():
    line = audit.line(Event(NOW, "started", "a", {"attempt": 1, "error": None}))
    assert line == "2026-04-08T16:45:00Z started id=a attempt=1\n"
    assert audit.line(Event(NOW, "bad_line", None, {"offset": 0})) == "2026-04-08T16:45:00Z bad_line offset=0\n"


any_text = st.text(st.characters()) | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@given(any_text, any_text)
def test_no_text_makes_a_second_line_or_a_control_byte(task_id, text):
    line = audit.line(Event(NOW, "cancelled", task_id, {"reason": text}))
    assert line.count("\n") == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", line)
    assert len(line.splitlines()) == 1
    line.encode()


def test_a_log_that_cannot_be_written_is_said_and_stops_nothing(tmp_path, capsys):
    (tmp_path / "logs").write_text("")
    AuditLog(tmp_path / "logs" / "deferred.log").tell(Event(NOW, "started", "a", {}))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("defer: the audit log was not written: ")
    assert err.count("\n") == 1


def test_lately_is_the_newest_first_with_its_stamp(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "2026-04-01T00:00:00Z old id=a\n2026-04-07T00:00:00Z a id=a\nnot ours\n\n2026-04-08T00:00:00Z b id=b\ntorn"
    )
    since = datetime(2026, 4, 2, tzinfo=UTC)
    assert list(audit.lately(log, since)) == [
        (b"2026-04-08T00:00:00Z", b"2026-04-08T00:00:00Z b id=b"),
        (b"2026-04-07T00:00:00Z", b"2026-04-07T00:00:00Z a id=a"),
    ]
    assert list(audit.lately(tmp_path / "none", since)) == []
    assert list(audit.lately(Path("/dev/null"), since)) == []


def test_the_newest_line_of_an_action_and_the_first_of_all_are_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "2026-04-08T16:45:00Z scheduled id=a\n"
        "2026-04-08T16:46:00Z wakes_resumed since=2026-04-08T16:00:00Z\n"
        "2026-04-08T16:47:00Z wakes_resumed since=2026-04-08T16:46:00Z\n"
        '2026-04-08T16:48:00Z failed id=a error="no wakes_resumed here"\n'
        "not a line of ours wakes_resumed \n"
    )
    newest = audit.newest(log, "wakes_resumed")
    assert newest is not None
    assert (newest.at, newest.facts) == (moment("2026-04-08T16:47:00Z"), {"since": "2026-04-08T16:46:00Z"})
    assert audit.begins(log) == moment("2026-04-08T16:45:00Z")
    assert audit.newest(log, "lost") is None


@pytest.mark.parametrize("text", [None, "", "hello\n", "\n2026-04-08T16:45:00Z scheduled id=a\n"])
def test_of_a_log_that_is_not_there_or_begins_otherwise_nothing_is_known(tmp_path: Path, text: str | None) -> None:
    log = tmp_path / "log"
    if text is not None:
        log.write_text(text)
    assert (audit.begins(log), audit.newest(log, "lost")) == (None, None)
    assert (audit.begins(Path("/dev/null")), audit.newest(Path("/dev/null"), "lost")) == (None, None)
