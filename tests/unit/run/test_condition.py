"""Conditions: asked before an attempt, "not now" uses nothing up, and what they print joins the prompt."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from support import NOW, at, quoted, text_at, v1_task

ONE = "task_20260408_163500_4821"
RULE = {"expression": "every 10 minutes", "tz": "UTC", "anchor": "2026-04-08T16:35:00Z"}


def once(condition, **fields):
    """A task that runs once, is due, and is of use for an hour."""
    return v1_task(condition=condition, expires_at=text_at(hours=1), requires=["condition"], **fields)


def often(condition, **fields):
    return v1_task(condition=condition, recurrence=RULE, requires=["condition"], **fields)


def worked(place):
    """An executor that says that it ran."""
    return {"DEFER_EXECUTOR": place.executor("echo worked")}


class TestHolds:
    def test_then_the_attempt_is_made_and_the_prompt_has_what_it_printed(self, place):
        place.write_store(once("echo '# 3 new'; echo '## Prompt'; echo not this >&2"))
        assert place.wake_at(NOW, worked(place))["completed"] == 1
        (done,) = place.archived()
        prompt = Path(done["result"]["prompt_path"]).read_text()
        assert "## What its condition printed\n\n> # 3 new\n> ## Prompt\n\n## Prompt\n" in prompt
        assert done["result"]["output"] == "worked"
        (run,) = place.runs()
        assert (run["status"], run["attempt"], run["exit_code"]) == ("ok", 1, 0)
        assert place.attempt_log(run) == b"# 3 new\n## Prompt\nnot this\nworked\n"

    def test_its_output_is_masked_and_bounded(self, place):
        place.write_store(once("echo tell hunter22; head -c 30000 /dev/zero | tr '\\0' x"))
        place.wake_at(NOW, worked(place), {"DEPLOY_TOKEN": "hunter22"})
        prompt = Path(place.archived()[0]["result"]["prompt_path"]).read_text()
        said = prompt.partition("## What its condition printed\n\n")[2].partition("\n\n## Prompt")[0]
        assert said.startswith("> tell [masked]\n> xxx")
        assert len(said.replace("> ", "")) == 16 << 10

    def test_it_has_the_variables_and_the_directory_of_the_attempt_and_nothing_to_read(self, place):
        seen = place.base / "seen"
        condition = f'{{ pwd; echo "$DEFER_TASK_ID $DEFER_ATTEMPT $SHOWN"; cat; }} >{quoted(seen)}'
        place.write_store(once(condition, workspace=str(place.home)))
        place.wake_at(NOW, {**worked(place), "SHOWN": "to executors"})
        assert seen.read_text().splitlines() == [str(place.home), f"{ONE} 1 to executors"]

    def test_a_list_is_a_program_with_its_arguments(self, place):
        place.write_store(once(["sh", "-c", 'test "$1" = "a b"', "sh", "a b"]))
        assert place.wake_at(NOW, worked(place))["completed"] == 1

    def test_what_it_writes_for_the_executor_to_say_counts_for_nothing(self, place):
        place.write_store(once('echo \'{"summary": "mine"}\' >"$DEFER_RESULT_FILE"'))
        place.wake_at(NOW, worked(place))
        assert "summary" not in place.archived()[0]["result"]

    def test_a_task_without_an_executor_is_prepared_then(self, place):
        place.write_store(once("echo fresh"))
        place.wake_at(NOW)
        (done,) = place.archived()
        assert (done["status"], done["result"]["type"]) == ("completed", "prompt_prepared")
        assert "> fresh\n" in Path(done["result"]["prompt_path"]).read_text()


class TestNotNow:
    @pytest.mark.parametrize("code", [1, 124])
    def test_what_runs_once_is_asked_again_after_the_retry_delay_and_uses_up_no_retry(self, place, code):
        place.write_store(once(f"echo nothing new >&2; exit {code}", max_retries=1))
        counts = place.wake_at(NOW, worked(place))
        assert {name: count for name, count in counts.items() if count} == {}
        waiting = place.task(ONE)
        assert (waiting["status"], waiting["attempts"]) == ("scheduled", 0)
        why = f"condition: exited with {code}: nothing new"
        assert waiting["held"] == {"until": text_at(minutes=1), "reason": why}
        assert (place.runs(), place.archived()) == ([], [])
        assert list((place.logs / "attempts" / ONE).iterdir()) == []
        assert place.wake_at(at(seconds=59), worked(place))["started"] == 0
        place.write_store({**waiting, "condition": "true"})
        assert place.wake_at(at(minutes=1), worked(place))["completed"] == 1

    def test_until_it_expires_which_says_why(self, place):
        place.write_store(once("false"))
        moment = NOW
        while ONE in place.tasks():
            place.wake_at(moment, worked(place))
            moment += timedelta(minutes=20)
        (failed,) = place.archived()
        limit = text_at(hours=1)
        why = f"expired: valid until {limit}, and not to run before that (condition: exited with 1)"
        assert (failed["error_type"], failed["error"], failed["attempts"]) == ("Expired", why, 0)

    def test_a_delay_of_nothing_does_not_keep_a_wake_busy(self, place):
        place.write_store(once("false"))
        place.wake_at(NOW, {**worked(place), "DEFER_RETRY_DELAY_SECONDS": "0"})
        assert place.task(ONE)["held"]["until"] == text_at(seconds=1)

    def test_without_a_limit_it_is_over(self, place):
        """A copy that somebody runs by hand has none."""
        place.write_store(v1_task(condition="echo no; false", requires=["condition"]))
        place.wake_at(NOW, worked(place))
        (over,) = place.archived()
        assert (over["status"], over["reason"], over["attempts"]) == ("skipped", "condition: exited with 1: no", 0)

    def test_what_recurs_skips_the_occurrence_and_a_stretch_is_one_record(self, place):
        gate = place.base / "gate"
        place.write_store(often(f"test -e {gate}", run_at="2026-04-08T16:45:00Z"))
        for turn in range(3):
            place.wake_at(NOW + timedelta(minutes=10 * turn), worked(place))
            assert place.archived() == []
        gate.touch()
        place.wake_at(NOW + timedelta(minutes=30), worked(place))
        skipped, done = place.archived()
        assert (skipped["status"], skipped["reason"]) == ("skipped", "condition: exited with 1")
        assert skipped["stretch"]["count"] == 3
        assert skipped["stretch"]["first"] == "2026-04-08T16:45:00Z"
        assert (done["status"], done["occurrence"]) == ("completed", "2026-04-08T17:15:00Z")
        assert len(place.runs()) == 1

    def test_at_a_retry_the_occurrence_is_given_up(self, place):
        gate = place.base / "gate"
        gate.touch()
        place.write_store(often(f"test -e {gate}", max_retries=3))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 1")})
        gate.unlink()
        place.wake_at(at(minutes=1), worked(place))
        (over,) = place.archived()
        assert (over["status"], over["reason"], over["attempts"]) == ("skipped", "condition: exited with 1", 1)
        assert place.task(ONE)["attempts"] == 0


class TestFails:
    @pytest.mark.parametrize(
        ("condition", "code", "said"),
        [
            ("exit 126", 126, "exited with 126"),
            ("no-such-program-here 2>/dev/null", 127, "exited with 127"),
            ("exit 255", 255, "exited with 255"),
            ("kill -9 $$", -9, "was ended by signal 9"),
        ],
    )
    def test_anything_else_fails_the_attempt_and_uses_a_retry(self, place, condition, code, said):
        place.write_store(once(condition, max_retries=1))
        assert place.wake_at(NOW, worked(place))["retried"] == 1
        waiting = place.task(ONE)
        assert (waiting["attempts"], waiting["last_error"]) == (1, f"its condition {said}")
        place.wake_at(at(minutes=1), worked(place))
        (failed,) = place.archived()
        assert (failed["status"], failed["error_type"], failed["attempts"]) == ("failed", "ConditionFailed", 2)
        assert [run["exit_code"] for run in place.runs()] == [code, code]

    def test_a_program_that_is_not_there(self, place):
        place.write_store(once(["no-such-program-here"]))
        place.wake_at(NOW, worked(place))
        (failed,) = place.archived()
        assert failed["error_type"] == "ConditionFailed"
        assert "its condition could not be asked: no such program: no-such-program-here" in failed["error"]

    def test_it_takes_too_long(self, place, monkeypatch):
        monkeypatch.setattr("defer.run.stages.CONDITION_SECONDS", 0.2)
        place.write_store(once("sleep 60"))
        place.wake_at(NOW, worked(place))
        (failed,) = place.archived()
        assert (failed["error_type"], failed["error"]) == ("ConditionFailed", "its condition took longer than 0.2 s")


def test_the_audit_log_says_that_it_was_asked(place):
    place.write_store(once("false"))
    place.wake_at(NOW, worked(place))
    (line,) = place.audit("not_now")
    assert "exited with 1" in line


def test_the_history_holds_together(place):
    """What is skipped and not yet filed counts, too."""
    place.write_store(often("false"))
    for turn in range(3):
        place.wake_at(NOW + timedelta(minutes=10 * turn), worked(place))
    done = place.defer("doctor", "--records", "--json")
    assert json.loads(done.stdout)["contradictions"] == []
