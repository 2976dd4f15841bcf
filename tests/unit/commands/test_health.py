"""`defer health` as a person and a program see it."""

from __future__ import annotations

import io
import json
import os

import pytest
from jsonschema import Draft202012Validator

from defer.client import Client
from defer.commands import healthtext
from loopback import away, receiver
from support import Place, moment, patient, strict, v1_task
from terminal import on_terminal

pytestmark = pytest.mark.programs


@pytest.fixture
def ill(place: Place) -> Place:
    """A place in which one task has failed and one has not."""
    place.schedule("now", "call mum", "--id", "fine")
    place.schedule(
        "now", "water the plants", "--id", "ill", "--executor", place.executor('echo "no water" >&2; exit 3')
    )
    place.wake()
    place.wakes_for_long()
    return place


def schema(root):
    return Draft202012Validator(json.loads((root / "references" / "health.schema.json").read_text()))


def test_json_fits_its_schema(ill, root):
    done = ill.defer("health")
    found = strict(done.stdout)
    schema(root).validate(found)
    assert (done.returncode, done.stderr) == (1, "")
    assert [(one["task"], one["id"], one["fix"]) for one in found["findings"]] == [("ill", "failed", "defer run ill")]
    assert found["window"]["outcomes"] == {"completed": 1, "failed": 1}
    assert found["waker"]["awake"]


def test_an_empty_store_is_well(place, root):
    done = place.defer("health", "--compact")
    schema(root).validate(strict(done.stdout))
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)


def test_a_person_reads_sentences(ill):
    done = ill.defer("health", "--table")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "1 task needs attention; 0 tasks in the store."
    assert lines[2].startswith("failed: ill failed: executor exited with 3: no water (since ")
    assert lines[3] == "  mend: defer run ill"
    assert "evidence" not in done.stdout
    assert any(line.startswith("Runs") and line.split()[1:] == ["2", "0"] for line in lines)


def test_detail_shows_what_stands_behind_it(ill):
    assert "  error type: ExecutorFailed" in ill.defer("health", "--table", "--detail").stdout.splitlines()


def test_since_bounds_the_window(ill):
    assert ill.defer("health", "--since", "tomorrow 9am").returncode == 2
    assert ill.defer("health", "--since", "7d").returncode == 1


@pytest.mark.parametrize(
    ("since", "start"),
    [("2026-10-24T11:00:00Z", "Sat 24 Oct 13:00 CEST"), ("2026-10-25T02:00:00Z", "Sun 25 Oct 03:00")],
)
def test_a_window_over_a_change_of_the_clocks_has_both_zones(place, since, start):
    client = Client({**place.env, "DEFER_TIMEZONE": "Europe/Berlin"}, clock=lambda: moment("2026-10-26T11:00:00Z"))
    out = io.StringIO()
    healthtext.show(client.health(moment(since)), client.config.timezone(), out, with_evidence=False)
    assert f"\nFrom {start} to Mon 26 Oct 12:00 CET, and as long before:\n" in out.getvalue()


def test_without_a_wake_the_first_line_says_so(place):
    place.schedule("1h", "call mum")
    done = place.defer("health", "--table")
    assert (done.returncode, done.stdout.splitlines()[:2]) == (
        1,
        [
            "Nothing wakes the store; the last wake: never (defer doctor)",
            "1 task in the store.",
        ],
    )


def test_what_is_paused_is_counted(place):
    place.schedule("1h", "call mum", "--id", "mum")
    place.defer("pause", "mum")
    place.wake()
    place.wakes_for_long()
    done = place.defer("health", "--table")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "All is well; 1 task (1 paused) in the store.")


def test_without_a_wake_what_is_due_is_counted(place):
    place.write_store(v1_task("a"), v1_task("b"))
    done = place.defer("health", "--table")
    assert (done.returncode, done.stdout.splitlines()[1]) == (
        1,
        "Due for more than two minutes: 2; 2 tasks in the store.",
    )


def test_hostile_text_is_shown_and_not_obeyed(place):
    place.schedule("now", "x", "--id", "x", "--executor", place.executor("printf '\\033[2J\\nbad\\n' >&2; exit 1"))
    place.wake()
    for form in ("--table", "--json"):
        assert "\x1b" not in place.defer("health", form, "--detail").stdout


def test_a_fix_can_be_pasted_into_a_shell(place):
    place.write_store(v1_task("a b;c", executor=place.executor("exit 1")))
    place.wake()
    found = strict(place.defer("health").stdout)["findings"][0]
    assert found["fix"] == "defer run 'a b;c'"


def test_an_acknowledged_failure_is_not_attention(ill):
    assert ill.defer("ack", "ill").returncode == 0
    done = ill.defer("health", "--table")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "Nothing but what you know of needs attention; 0 tasks in the store.",
    )
    assert "Acknowledged: ill fails: executor exited with 3: no water" in done.stdout.splitlines()
    (known,) = strict(ill.defer("health").stdout)["acknowledged"]
    assert known == {"task": "ill", "error": "executor exited with 3: no water"}


def test_a_report_is_sent_to_the_inbox_where_nothing_else_is_set(ill, root):
    ill.defer("inbox")
    assert ill.defer("health", "--send", "--compact").returncode == 1
    found = strict(ill.defer("inbox", "--peek").stdout)
    Draft202012Validator(json.loads((root / "references" / "inbox.schema.json").read_text())).validate(found)
    (told,) = found["notices"]
    assert (told["event"], told["summary"]) == ("attention", "1 task needs attention")
    assert told["output"].splitlines()[0] == "failed: ill failed: executor exited with 3: no water (defer run ill)"
    lines = ill.defer("inbox", "--table").stdout.splitlines()
    assert lines[0].startswith(f"Defer on {os.uname().nodename}: needs attention, ")
    assert lines[-1] == "Read on: defer health"


def test_a_person_reads_where_it_was_sent(ill):
    assert ill.defer("health", "--send", "--table").stdout.splitlines()[-1] == "Sent: inbox."


def test_a_report_is_sent_where_notices_go(ill, root):
    with receiver() as server:
        env = {"DEFER_NOTIFY": f"{server.url}/hook"}
        assert ill.run(*patient("front", "health", "--send", "--compact"), env=env).returncode == 1
    (asked,) = server.requests
    told = json.loads(asked.body)
    Draft202012Validator(json.loads((root / "references" / "notice.schema.json").read_text())).validate(told)
    assert (told["event"], told["summary"]) == ("attention", "1 task needs attention")
    assert "failed: ill failed" in told["output"]


def test_a_report_that_does_not_arrive_stands_in_the_inbox_and_is_told(ill):
    ill.defer("inbox")
    env = {"DEFER_NOTIFY": f"http://{away()}/secret"}
    done = ill.run(*patient("front", "health", "--send", "--compact"), env=env)
    assert done.returncode == 74
    assert done.stderr.startswith("defer: the report did not reach ")
    assert "secret" not in done.stderr
    assert [one["event"] for one in strict(ill.defer("inbox", "--peek").stdout)["notices"]] == ["attention"]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_on_a_terminal_the_totals_keep_their_columns(ill, columns):
    status, text = on_terminal(ill, "health", columns=columns)
    assert status == 1
    assert "\x1b[31mfailed\x1b[0m: ill failed: " in text
    totals = text[text.index("From ") :].splitlines()[1:]
    assert totals[0].split() == ["Window", "Before"]
    assert all(len(line) <= columns for line in totals)
    assert [line.split()[0] for line in totals[2:]] == ["Runs", "Failed", "Took,", "Late", "Log", "Ended", "Ended"]


def test_on_a_terminal_without_colours_there_are_none(ill):
    _, text = on_terminal(ill, "health", env={"NO_COLOR": "1"})
    assert "\x1b" not in text


def test_status_leaves_out_what_is_acknowledged_too(ill):
    assert strict(ill.defer("status", "--json").stdout)["attention"]
    ill.defer("ack", "ill")
    found = strict(ill.defer("status", "--json").stdout)
    assert (found["attention"], found["findings"]) == (False, [])


def test_a_copy_that_succeeds_mends_it(place):
    """`defer run` is what is offered, so that it must be what ends the finding."""
    place.schedule("now", "x", "--id", "ill", "--executor", place.executor('echo fine; [ -e "$HOME/mended" ]'))
    place.wake()
    (found,) = strict(place.defer("health").stdout)["findings"]
    (place.home / "mended").touch()
    assert place.run("schedule-task.sh", *found["fix"].split()[1:]).returncode == 0
    place.wake()
    done = place.defer("health")
    assert (done.returncode, strict(done.stdout)["findings"]) == (0, [])
