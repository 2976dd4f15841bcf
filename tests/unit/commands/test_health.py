"""`defer health` as a person and a program see it."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from support import Place, strict, v1_task

pytestmark = pytest.mark.programs


@pytest.fixture
def ill(place: Place) -> Place:
    """A place in which one task has failed and one has not."""
    place.schedule("now", "call mum", "--id", "fine")
    place.schedule(
        "now", "water the plants", "--id", "ill", "--executor", place.executor('echo "no water" >&2; exit 3')
    )
    place.wake()
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


def test_without_a_wake_the_first_line_says_so(place):
    place.schedule("1h", "call mum")
    lines = place.defer("health", "--table").stdout.splitlines()
    assert lines[0] == "Nothing wakes the store; the last wake: never (defer doctor)"


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
