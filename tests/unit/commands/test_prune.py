"""`prune`: what it asks for, what it prints, and the wake that does it once a day."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from support import Place, strict

pytestmark = pytest.mark.programs

OLD = "run_20200408T164500Z_62b8af28d0.log"


@pytest.fixture
def old(place: Place) -> Place:
    """A place with one log and the records of 2020."""
    (place.logs / "attempts" / "job").mkdir(parents=True)
    (place.logs / "attempts" / "job" / OLD).write_text("x" * 2048)
    place.archive_dir.mkdir()
    (place.archive_dir / "deferred_202004.jsonl").write_text("{}\n")
    place.own_records = False
    return place


def test_json_fits_its_schema(old: Place, root) -> None:
    schema = json.loads((root / "references" / "prune.schema.json").read_text())
    for flags in (("--dry-run",), ()):
        found = strict(old.defer("prune", "--older", "90d", "--compact", *flags).stdout)
        Draft202012Validator(schema).validate(found)
        assert (found["dry_run"], found["logs"], found["months"]) == (
            bool(flags),
            1,
            {"archive/deferred_202004.jsonl": 3},
        )
    assert not (old.logs / "attempts" / "job").exists()


def test_people_read_sentences(old: Place) -> None:
    first = old.defer("prune", "--older", "90d", "--table", "--dry-run").stdout.splitlines()
    assert [line.split(" from before ")[0] for line in first] == [
        "Would remove 1 log and 0 prompts", "Would remove the records", "2.0 KiB would be freed.",
    ]  # fmt: skip
    assert old.defer("prune", "--older", "90d", "--table").stdout.startswith("Removed 1 log and 0 prompts from before ")
    assert old.defer("prune", "--older", "90d", "--table").stdout.startswith("Nothing is kept from before ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "prune needs to know how old (defer prune --older 90d, or set DEFER_KEEP_DAYS)"),
        (("--older", "soon"), "--older takes a duration"),
        (("--older", "-90d"), "--older takes a duration"),
        (("job",), "unexpected argument: job"),
    ],
)
def test_what_cannot_be_read_is_refused(place: Place, words: tuple[str, ...], said: str) -> None:
    done = place.defer("prune", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_setting_says_how_old_where_no_flag_does(old: Place) -> None:
    done = old.defer("prune", "--compact", env={"DEFER_KEEP_DAYS": "90"})
    assert strict(done.stdout)["logs"] == 1


def test_a_wake_does_it_once_a_day_if_it_is_asked_to(old: Place) -> None:
    log = old.logs / "attempts" / "job" / OLD
    old.schedule("now", "t", "--executor", old.executor("cat >/dev/null"))
    old.wake()
    assert log.exists()
    old.schedule("now", "t", "--executor", old.executor("cat >/dev/null"))
    old.wake(env={"DEFER_KEEP_DAYS": "90"})
    assert not log.exists()
    noted = old.store().kept_since().pruned
    assert noted is not None
    old.schedule("now", "t", "--executor", old.executor("cat >/dev/null"))
    old.wake(env={"DEFER_KEEP_DAYS": "90"})
    assert old.store().kept_since().pruned == noted
