"""What v1 left on people's disks and in their crontabs works unchanged."""

import json
import os
import shutil
from pathlib import Path

import pytest

from defer.run.attempt import Attempt
from support import NOW, at, quoted, strict, until, v1_task

pytestmark = pytest.mark.programs

# One record in every spelling that v1's users have: jq, Python and editors space and order as they like.
COMPACT = (
    '{"id":"task_20260408_163500_4821","created_at":"2026-04-08T16:35:00Z","run_at":"2026-04-08T16:45:00Z",'
    '"type":"deferred_task","intent":"resume_task","context":{"summary":"resume the review","key_points":[],'
    '"artifacts":[],"constraints":[],"reoriented_from":null},"execution":{"mode":"fresh",'
    '"prompt_template":"go on","aura_level":"low"},"status":"scheduled","attempts":0,"max_retries":2,'
    '"reorient_requested":false,"reorient":{"requested":false,"project":null,"explicit_context_file":null}}'
)
SPELLINGS = {
    "compact": COMPACT + "\n",
    "spaces": COMPACT.replace('":', '": ').replace(',"', ', "') + "\n",
    "sorted": json.dumps(json.loads(COMPACT), sort_keys=True) + "\n",
    "reversed": json.dumps(dict(reversed(json.loads(COMPACT).items()))) + "\n",
    "offset": COMPACT.replace("16:45:00Z", "16:45:00+00:00") + "\n",
    "another offset": COMPACT.replace("16:45:00Z", "18:45:00+02:00") + "\n",
    "fraction": COMPACT.replace("16:45:00Z", "16:45:00.123456+00:00") + "\n",
    "no newline": COMPACT,
    "carriage return": COMPACT + "\r\n",
    "blank lines": "\n" + COMPACT + "\n\n",
    "fewest fields": '{"id": "task_20260408_163500_4821", "run_at": "2026-04-08T16:45:00Z", "status": "scheduled"}\n',
    "nulls": COMPACT.replace('"attempts":0', '"attempts":null').replace('"max_retries":2', '"max_retries":null') + "\n",
    "naive": COMPACT.replace("16:45:00Z", "16:45:00") + "\n",
}
TASK_ID = "task_20260408_163500_4821"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_record_in_every_spelling_is_run_and_archived(place, spelling):
    place.write_store(SPELLINGS[spelling].encode())
    out = place.base / "seen"
    counts = place.wake_at(at(seconds=1), {"DEFER_EXECUTOR": place.executor(f"cat >{quoted(out)}; echo fine")})
    assert counts["completed"] == 1
    (done,) = place.archived()
    assert (done["id"], done["status"], done["result"]["output"]) == (TASK_ID, "completed", "fine")
    assert json.loads(out.read_text())["id"] == TASK_ID
    assert place.store_path.read_bytes().strip() == b""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_record_in_every_spelling_is_listed_shown_and_cancelled(place, spelling):
    place.write_store(SPELLINGS[spelling].encode())
    (listed,) = strict(place.defer("list", "--compact").stdout)
    assert listed == json.loads(SPELLINGS[spelling])
    assert strict(place.defer("show", TASK_ID).stdout) == listed
    cancelled = strict(place.defer("cancel", "--id", TASK_ID, "--reason", "not now", "--compact").stdout)
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "not now")
    place.wake()
    (filed,) = place.archived()
    assert filed == cancelled


UNKNOWN = {
    "x_top": {"deep": [1, 2.5, None, {"é": "☃"}]},
    "context": {**v1_task()["context"], "x_context": "kept"},
    "execution": {**v1_task()["execution"], "x_execution": [True]},
    "reorient": {**v1_task()["reorient"], "x_reorient": 0},
}


def unknown_fields_of(one: dict) -> list:
    return [
        one["x_top"],
        one["context"]["x_context"],
        one["execution"]["x_execution"],
        one["reorient"]["x_reorient"],
    ]


WANTED = [{"deep": [1, 2.5, None, {"é": "☃"}]}, "kept", [True], 0]


class TestUnknownFields:
    def test_survive_claim_retry_and_archive(self, place):
        place.write_store(v1_task(max_retries=1, **UNKNOWN))
        seen = place.base / "seen"
        env = {"DEFER_EXECUTOR": place.executor(f"cat >{quoted(seen)}; exit 3")}
        place.wake_at(NOW, env)
        assert unknown_fields_of(place.task(TASK_ID)) == WANTED
        assert unknown_fields_of(json.loads(seen.read_text())) == WANTED
        place.wake_at(NOW.replace(hour=17), env)
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"]) == ("failed", 2)
        assert unknown_fields_of(failed) == WANTED

    def test_survive_a_cancel(self, place):
        place.write_store(v1_task(**UNKNOWN))
        assert unknown_fields_of(strict(place.defer("cancel", TASK_ID).stdout)) == WANTED

    def test_survive_the_scheduling_of_another(self, place):
        place.write_store(v1_task(run_at="2099-01-01T00:00:00Z", **UNKNOWN))
        place.schedule("30m")
        place.wake()
        assert unknown_fields_of(place.task(TASK_ID)) == WANTED

    def test_survive_the_recovery_of_a_lost_attempt(self, place):
        place.write_store(v1_task(status="executing", attempts=1, max_retries=1, **UNKNOWN))
        place.wake_at(NOW)
        assert place.task(TASK_ID)["status"] == "scheduled"
        assert unknown_fields_of(place.task(TASK_ID)) == WANTED

    def test_of_a_context_given_as_json_are_stored(self, place):
        context = '{"summary":"s","x_context":{"a":[1]}}'
        stored = strict(place.defer("--when", "5m", "--context-json", context).stdout)
        assert stored["context"]["x_context"] == {"a": [1]}


class TestLeftExecuting:
    """v1 wrote `executing` without saying who runs it: nobody can tell, so it gets an hour."""

    def test_is_left_alone_for_an_hour(self, place):
        place.write_store(v1_task(status="executing", attempts=1, started_at="2026-04-08T16:45:00Z"))
        assert place.wake_at(NOW.replace(hour=17, minute=44))["lost"] == 0
        assert place.task(TASK_ID)["status"] == "executing"

    def test_is_lost_after_it_and_failed_without_retries(self, place):
        place.write_store(v1_task(status="executing", attempts=1, started_at="2026-04-08T16:45:00Z"))
        assert place.wake_at(NOW.replace(hour=17, minute=46))["lost"] == 1
        (failed,) = place.archived()
        assert (failed["status"], failed["error_type"]) == ("failed", "RunnerLost")
        assert place.runs()[0]["status"] == "lost"

    def test_is_lost_after_it_and_retried_with_retries(self, place):
        place.write_store(v1_task(status="executing", attempts=1, max_retries=1, started_at="2026-04-08T16:45:00Z"))
        place.wake_at(NOW.replace(hour=17, minute=46))
        waiting = place.task(TASK_ID)
        assert (waiting["status"], waiting["attempts"], waiting["run_at"]) == ("scheduled", 1, "2026-04-08T17:47:00Z")

    @pytest.mark.parametrize("fields", [{}, {"started_at": None}, {"started_at": "yesterday"}, {"run": None}])
    def test_without_a_readable_start_is_lost_at_once(self, place, fields):
        place.write_store(v1_task(status="executing", **fields))
        assert place.wake_at(NOW)["lost"] == 1
        assert place.archived()[0]["status"] == "failed"

    def test_is_found_by_a_wake_that_has_nothing_else_to_do(self, place):
        place.write_store(v1_task(status="executing", started_at="2026-04-08T16:45:00Z"))
        place.wake()
        assert place.archived()[0]["error_type"] == "RunnerLost"


class TestFlagsAndVariables:
    def test_every_flag_of_v1(self, place):
        context_file = place.home / "CONTEXT.md"
        context_file.write_text("# Orientation\n\nThe review of the parser.\n")
        done = place.defer(
            *("--when", "30m", "--summary", "resume", "--intent", "execute_action", "--mode", "callback"),
            *("--prompt-template", "go on", "--aura-level", "high", "--max-retries", "2"),
            *("--key-point", "one", "--key-point", "two", "--artifact", "a.md", "--constraint", "no pushes"),
            *("--context-json", '{"key_points":["zero"]}', "--id", "my.task-1"),
            *("--reorient", "--project", "p", "--context-file", str(context_file), "--compact"),
        )
        assert (done.returncode, done.stdout.count("\n")) == (0, 1)
        stored = strict(done.stdout)
        del stored["warnings"]
        assert stored == place.task("my.task-1")
        assert stored["context"] == {
            "summary": "resume",
            "key_points": [stored["context"]["key_points"][0], "zero", "one", "two"],
            "artifacts": ["a.md"],
            "constraints": ["no pushes"],
            "reoriented_from": str(context_file),
        }
        assert stored["execution"] == {"mode": "callback", "prompt_template": "go on", "aura_level": "high"}
        assert (stored["intent"], stored["max_retries"], stored["status"]) == ("execute_action", 2, "scheduled")
        assert stored["reorient_requested"] is True
        assert stored["reorient"] == {
            "requested": True,
            "project": "p",
            "explicit_context_file": str(context_file),
        }

    def test_an_empty_value_is_as_if_the_flag_were_not_there(self, place):
        flags = ("--prompt-template", "", "--context-json", "", "--id", "", "--project", "", "--context-file", "")
        stored = place.schedule("30m", "resume", *flags)
        assert stored["id"].startswith("task_")
        assert stored["execution"]["prompt_template"] == "resume"
        assert stored["reorient"] == {"requested": False, "project": None, "explicit_context_file": None}
        done = place.defer("--when", "30m", "--summary", "", "--context-json", '{"summary":"of the context"}')
        assert strict(done.stdout)["context"]["summary"] == "of the context"
        cancelled = strict(place.defer("cancel", "--id", stored["id"], "--reason", "").stdout)
        assert cancelled["cancel_reason"] is None
        assert place.defer("cancel", "--id", "").returncode == 2

    def test_what_follows_a_flag_is_its_value(self, place):
        stored = place.schedule("30m", "-x", "--constraint", "--no-verify", "--key-point", "- a bullet")
        assert stored["context"]["summary"] == "-x"
        assert (stored["context"]["constraints"], stored["context"]["key_points"]) == (["--no-verify"], ["- a bullet"])

    def test_a_flag_of_ours_is_never_taken_for_a_value(self, place):
        done = place.defer("--when", "30m", "--summary", "--compact")
        assert (done.returncode, place.runtime.exists()) == (2, False)

    def test_null_in_a_context_is_left_out(self, place):
        context = '{"summary":null,"key_points":null,"reoriented_from":null}'
        stored = strict(place.defer("--when", "30m", "--summary", "s", "--context-json", context).stdout)
        assert stored["context"] == {
            "summary": "s",
            "key_points": [],
            "artifacts": [],
            "constraints": [],
            "reoriented_from": None,
        }

    def test_lists_are_of_the_file_then_of_json_then_of_flags(self, place):
        file = place.home / "CONTEXT.md"
        file.write_text("## State\n- from the file\n")
        context = '{"summary":"of JSON","key_points":["from JSON"],"reoriented_from":"/elsewhere"}'
        flags = ("--reorient", "--context-file", str(file), "--context-json", context, "--key-point", "from a flag")
        stored = strict(place.defer("--when", "30m", *flags).stdout)["context"]
        assert stored["key_points"] == ["from the file", "from JSON", "from a flag"]
        assert (stored["summary"], stored["reoriented_from"]) == ("of JSON", "/elsewhere")

    def test_defaults(self, place):
        stored = place.schedule("30m", "resume")
        assert stored["execution"] == {"mode": "fresh", "prompt_template": "resume", "aura_level": "low"}
        assert (stored["intent"], stored["max_retries"], stored["attempts"]) == ("resume_task", 0, 0)
        assert stored["type"] == "deferred_task"
        assert stored["reorient"] == {"requested": False, "project": None, "explicit_context_file": None}

    def test_output_is_pretty_without_compact(self, place):
        done = place.defer("--when", "30m", "--summary", "resume")
        assert done.stdout.startswith('{\n  "id": "task_')

    def test_dry_run_prints_the_task_and_stores_nothing(self, place):
        done = place.defer("--when", "30m", "--summary", "resume", "--dry-run", "--compact")
        assert strict(done.stdout)["status"] == "scheduled"
        assert not place.runtime.exists()

    def test_list_shows_what_waits_and_runs_and_all_shows_the_rest(self, place):
        place.write_store(
            *(v1_task(f"t-{status}", status=status) for status in ("scheduled", "executing", "failed", "cancelled"))
        )

        def ids(*flags):
            return [one["id"] for one in strict(place.defer("list", "--compact", *flags).stdout)]

        assert ids() == ["t-scheduled", "t-executing"]
        assert ids("--all") == ["t-scheduled", "t-executing", "t-failed", "t-cancelled"]
        assert ids("--status", "failed", "--status", "cancelled") == ["t-failed", "t-cancelled"]
        assert ids("--all", "--status", "failed") == ["t-failed"]

    def test_variables_say_where_everything_lies(self, place):
        elsewhere = {
            "DEFER_TASKS_FILE": str(place.base / "a" / "tasks.jsonl"),
            "DEFER_ARCHIVE_DIR": str(place.base / "b"),
            "DEFER_LOG_DIR": str(place.base / "c"),
            "DEFER_LOG_FILE": str(place.base / "d" / "audit.log"),
        }
        stored = place.schedule(env=elsewhere)
        assert stored["id"] in Path(elsewhere["DEFER_TASKS_FILE"]).read_text()
        place.wake(env=elsewhere)
        (month,) = (place.base / "b").iterdir()
        assert strict(month.read_text())["id"] == stored["id"]
        assert (place.base / "c" / f"{stored['id']}.prompt.txt").exists()
        assert "completed" in (place.base / "d" / "audit.log").read_text()
        assert sorted(os.listdir(place.runtime)) == ["notices.jsonl", "runs"]

    def test_a_retry_delay_and_an_executor_by_variable(self, place):
        place.write_store(v1_task(max_retries=1))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 1"), "DEFER_RETRY_DELAY_SECONDS": "7"})
        assert place.task(TASK_ID)["run_at"] == "2026-04-08T16:45:07Z"

    def test_the_default_directory_is_data_runtime_at_home(self, place):
        place.schedule(env={"DEFER_RUNTIME_DIR": ""})
        assert (place.home / "data" / "runtime" / "deferred.jsonl").exists()


class TestExecutor:
    """v1's executors know nothing of result files: stdout is the result, the exit status the outcome."""

    def test_exit_0_completes(self, place):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("echo done")})
        (done,) = place.archived()
        assert done["result"]["type"] == "executor_output"
        assert done["result"]["output"] == "done"
        assert Path(done["result"]["prompt_path"]) == place.logs / f"{TASK_ID}.prompt.txt"
        assert done["completed_at"] == "2026-04-08T16:45:00Z"

    def test_another_exit_fails(self, place):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("echo no >&2; exit 3")})
        (failed,) = place.archived()
        assert (failed["status"], failed["result"]["type"]) == ("failed", "executor_failed")
        assert failed["error"] == "executor exited with 3: no"
        assert failed["failed_at"] == "2026-04-08T16:45:00Z"

    def test_none_prepares_the_prompt(self, place):
        place.write_store(v1_task())
        place.wake_at(NOW)
        (done,) = place.archived()
        prompt = str(place.logs / f"{TASK_ID}.prompt.txt")
        assert done["result"] == {"type": "prompt_prepared", "prompt_path": prompt, "told": ["inbox"]}

    def test_execute_task_runs_one_from_stdin(self, place):
        env = {"DEFER_EXECUTOR": place.executor("cat >/dev/null; echo done")}
        done = place.run("execute-task.sh", input=json.dumps(v1_task()).encode(), env=env)
        assert done.returncode == 0
        assert strict(done.stdout)["result"]["output"] == "done"
        assert not place.store_path.exists()

    def test_execute_task_ends_with_1_where_the_task_has_failed(self, place):
        env = {"DEFER_EXECUTOR": place.executor("exit 5")}
        done = place.run("execute-task.sh", input=json.dumps(v1_task()).encode(), env=env)
        assert done.returncode == 1
        assert strict(done.stdout)["result"]["type"] == "executor_failed"

    def test_execute_task_without_an_executor_prepares_the_prompt(self, place):
        done = place.run("execute-task.sh", input=json.dumps(v1_task(), indent=2).encode())
        result = strict(done.stdout)["result"]
        assert result["type"] == "prompt_prepared"
        assert "resume the review" in Path(result["prompt_path"]).read_text()


class TestArchive:
    def test_what_has_ended_in_a_v1_store_is_filed_under_its_month(self, place):
        place.write_store(
            v1_task("a", status="completed", completed_at="2026-02-28T23:59:59Z"),
            v1_task("b", status="failed", failed_at="2026-03-01T01:00:00+02:00"),
            v1_task("c", status="cancelled", cancelled_at="2026-03-01T00:00:00Z"),
            v1_task("d", status="completed"),
            v1_task("e", run_at="2099-01-01T00:00:00Z"),
        )
        assert place.run("archive-deferred.sh").returncode == 0
        filed = {
            path.name: [strict(line)["id"] for line in path.read_text().splitlines()]
            for path in place.archive_dir.iterdir()
        }
        assert filed == {
            "deferred_202602.jsonl": ["b", "a"],  # in the order in which they ended
            "deferred_202603.jsonl": ["c"],
            "deferred_202604.jsonl": ["d"],
        }
        assert list(place.tasks()) == ["e"]

    def test_a_v1_archive_is_added_to_and_searched(self, place):
        place.archive_dir.mkdir(parents=True)
        old = place.archive_dir / "deferred_202604.jsonl"
        old.write_text('{"id": "old",  "status": "completed", "run_at": "2026-04-01T00:00:00Z", "x": 1}')
        place.write_store(v1_task())
        place.wake_at(NOW)
        assert [strict(line)["id"] for line in old.read_text().splitlines()] == ["old", TASK_ID]
        assert strict(place.defer("show", "old").stdout)["x"] == 1


def test_the_store_may_be_a_link(place):
    place.runtime.mkdir()
    target = place.base / "elsewhere.jsonl"
    target.write_text(COMPACT + "\n")
    place.store_path.symlink_to(target)
    place.own_records = False
    place.wake()
    assert place.store_path.is_symlink()
    assert target.read_bytes() == b""
    assert place.archived()[0]["status"] == "completed"


def test_entries_work_through_links_and_from_any_directory(place):
    link = place.base / "bin" / "again"
    link.parent.mkdir()
    first = place.base / "skill"
    first.symlink_to(Path(__file__).resolve().parents[2])
    link.symlink_to(first / "scripts" / "schedule-task.sh")
    assert shutil.which(str(link))
    done = place.run(str(link), "--when", "30m", "--summary", "s", "--compact", cwd="/")
    assert done.returncode == 0, done.stderr
    assert strict(done.stdout)["cwd"] == "/"


class TestWhatTheExecutorSaid:
    """v1 kept the whole output as the error; here it is its last line, behind how the executor ended."""

    def failed(self, place, body, **env):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body), **env})
        (failed,) = place.archived()
        assert failed["error"] == failed["last_error"] == place.runs()[0]["error"]
        return failed["error"]

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ("echo no >&2; exit 3", "executor exited with 3: no"),
            ("echo this; echo why; exit 3", "executor exited with 3: why"),
            ("echo why >&2; echo not this; exit 3", "executor exited with 3: why"),
            ("echo why; echo >&2; echo '  ' >&2; exit 3", "executor exited with 3: why"),
            ("echo why; printf '\\033[0m\\n' >&2; exit 3", "executor exited with 3: why"),
            ("printf why; exit 3", "executor exited with 3: why"),
            ("exit 3", "executor exited with 3"),
            ("echo why; kill -TERM $$", "executor was ended by signal 15: why"),
            ("echo quota; exit 75", "executor exited with 75: quota"),
            ("echo denied; exit 77", "executor exited with 77: denied"),
            ("printf 'a\\tb\\033[31mred\\007\\302\\205\\n'; exit 1", r"executor exited with 1: a b\x1b[31mred\x07"),
        ],
    )
    def test_stands_behind_its_exit_status(self, place, body, error):
        assert self.failed(place, body) == error

    def test_at_a_timeout(self, place, monkeypatch):
        is_over = Attempt.is_over

        def with_its_time_over_once_it_has_spoken(attempt, now):
            if attempt.capture.stdout_bytes:
                attempt.end("TimeoutError")
            return is_over(attempt, now)

        monkeypatch.setattr(Attempt, "is_over", with_its_time_over_once_it_has_spoken)
        body = "echo waiting for the lock; exec sleep 60"
        assert self.failed(place, body) == "timed out after 3600 s: waiting for the lock"

    def test_as_the_runner_is_stopped(self, place):
        said = quoted(place.base / "said")
        place.write_store(v1_task(executor=place.executor(f"echo half way; : >{said}; exec sleep 60")))
        runner = place.start("run-deferred.sh")
        until(lambda: (place.base / "said").exists(), "the executor's word")
        runner.terminate()
        runner.wait()
        assert place.archived()[0]["error"] == "the runner was stopped: half way"

    def test_is_the_last_error_of_a_retry(self, place):
        place.write_store(v1_task(max_retries=1))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("echo why; exit 3")})
        assert place.task(TASK_ID)["last_error"] == "executor exited with 3: why"

    def test_is_masked_and_bounded(self, place):
        settings = {"API_TOKEN": "canary-5521"}
        place.write_store(v1_task())
        body = "printf '%01000d' 0; echo canary-5521; exit 3"
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body)}, settings)
        error = place.archived()[0]["error"]
        assert error == "executor exited with 3: " + "0" * 492 + "[masked]"


class TestTheResult:
    """v1 took the output as the shell does: without the newlines at its end."""

    @pytest.mark.parametrize(
        ("body", "output"),
        [
            ("echo done", "done"),
            (r"printf 'one\n\ntwo\n\n\n'", "one\n\ntwo"),
            (r"printf ' \n '", " \n "),
            (r"printf '\n\n'", ""),
            ("printf done", "done"),
            ("exit 0", ""),
        ],
    )
    def test_has_no_newline_at_the_end_of_the_output(self, place, body, output):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body)})
        (done,) = place.archived()
        assert done["result"]["output"] == output

    def test_says_when_the_next_attempt_is(self, place):
        place.write_store(v1_task(max_retries=1))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 1")})
        waiting = place.task(TASK_ID)
        assert waiting["run_at"] == "2026-04-08T16:46:00Z"
        assert waiting["last_attempt_at"] == "2026-04-08T16:45:00Z"
        result = waiting["result"]
        assert (result["type"], result["next_run_at"]) == ("retry_scheduled", waiting["run_at"])
        assert result["retry_at"] == waiting["run_at"]
        assert result["prompt_path"] == str(place.logs / f"{TASK_ID}.prompt.txt")


class TestOldIds:
    """v1 took any text for an id. Such a record cannot be scheduled any more; what stands in a store runs."""

    @pytest.mark.parametrize(
        "task_id",
        [
            "with blanks",
            "a/b/c",
            "../outside",
            "/etc/passwd",
            "tâche-é☃",
            "日本",
            ".hidden",
            "-rf",
            "a\nb",
            "x" * 300,
            "%s",
        ],
    )
    def test_a_record_of_any_id_is_run_and_filed_and_its_prompt_stays_in_the_logs(self, place, task_id):
        place.write_store(v1_task(task_id), v1_task("plain", run_at="2099-01-01T00:00:00Z"))
        env = {"DEFER_EXECUTOR": place.executor('cat "$DEFER_PROMPT_FILE"; printf "%s" "$DEFER_TASK_ID" >"$HOME/id"')}
        assert place.wake_at(NOW, env)["completed"] == 1
        (done,) = place.archived()
        assert (done["id"], done["status"]) == (task_id, "completed")
        assert "go on with the review" in done["result"]["output"]
        assert (place.home / "id").read_text() == task_id
        assert Path(done["result"]["prompt_path"]).parent == place.logs
        assert Path(done["result"]["log_path"]).parent.parent == place.logs / "attempts"
        assert not (place.base / "outside.prompt.txt").exists()
        assert list(place.tasks()) == ["plain"]

    def test_it_is_shown_edited_and_cancelled_by_its_name(self, place):
        place.write_store(v1_task("two words/é", run_at="2099-01-01T00:00:00Z"))
        assert strict(place.defer("show", "two words/é").stdout)["id"] == "two words/é"
        assert strict(place.defer("edit", "two words/é", "--summary", "new").stdout)["context"]["summary"] == "new"
        assert strict(place.defer("cancel", "--id", "two words/é").stdout)["status"] == "cancelled"


class TestCounts:
    """Where v1 and we count alike, and where not: `attempts` says 1 after one attempt, whatever came of it."""

    @pytest.mark.parametrize("retries", [0, 1, 2])
    def test_so_many_retries_are_one_more_attempt(self, place, retries):
        ran = place.base / "ran"
        place.write_store(v1_task(max_retries=retries))
        env = {"DEFER_EXECUTOR": place.executor(f"echo >>{quoted(ran)}; exit 1")}
        for hours in range(1, 6):
            place.wake_at(at(hours=hours), env)
        assert ran.read_text() == "\n" * (retries + 1)
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"]) == ("failed", retries + 1)

    def test_a_success_is_an_attempt(self, place):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 0")})
        assert place.archived()[0]["attempts"] == 1

    @pytest.mark.parametrize("kind", ["not there", "not executable", "a directory"])
    def test_an_executor_that_cannot_be_run_fails_at_once_and_is_an_attempt(self, place, kind):
        path = place.base / "agent"
        if kind == "not executable":
            path.write_text("#!/bin/sh\n")
        elif kind == "a directory":
            path.mkdir()
        place.write_store(v1_task(max_retries=5))
        place.wake_at(NOW, {"DEFER_EXECUTOR": str(path)})
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"], failed["error_type"]) == ("failed", 1, "ConfigError")
        assert str(path) in failed["error"]
