"""`log`: what an attempt printed, in whole and as it is, also while it is at work."""

from __future__ import annotations

import io
import json
import signal
import socket
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from defer.commands import output
from defer.store.interface import Kept
from support import Place, moment, quoted, records, strict, until, until_there, v1_task

pytestmark = pytest.mark.programs


def has_run(place: Place, body: str, *flags: str, **settings: str) -> str:
    """A task whose attempt has done ``body``; its id."""
    place.schedule("now", "t", "--id", "t", "--executor", place.executor(f"cat >/dev/null\n{body}"), *flags)
    place.wake(env=settings)
    return "t"


def test_the_latest_attempt_is_printed_as_it_is(place):
    has_run(place, r"printf 'one\n\377two\033[31m'")
    done = place.defer("log", "t", text=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.encode(errors="surrogateescape") == b"one\n\xfftwo\x1b[31m"


def test_text_for_people_is_not_obeyed(place):
    has_run(place, r"printf 'one\n\377two\033[31m'")
    assert place.defer("log", "t", "--table").stdout == "one\n\\xfftwo\\x1b[31m\n"


def test_json_holds_the_whole_text_and_fits_its_schema(place, root):
    has_run(place, r"""i=0; while [ $i -lt 30000 ]; do echo "größer \"$i\""; i=$((i+1)); done""")
    found = strict(place.defer("log", "t", "--json").stdout)
    Draft202012Validator(json.loads((root / "references" / "log.schema.json").read_text())).validate(found)
    assert found["text"] == "".join(f'größer "{number}"\n' for number in range(30000))
    assert (found["id"], found["outcome"], found["log_bytes"]) == ("t", "ok", len(found["text"].encode()))
    assert strict(place.defer("log", "t", "--compact").stdout) == found


def test_a_character_between_two_pieces_stays_whole():
    out = io.StringIO()
    output.stream([b"gr\xc3", b"\xb6\xc3\x9fer", b"\xc3"], out)
    assert out.getvalue() == "größer\\xc3\n"


def test_one_run_of_several_is_named_by_its_id_or_the_end_of_it(place):
    has_run(place, 'echo "attempt $DEFER_ATTEMPT"; [ "$DEFER_ATTEMPT" -gt 1 ]', "--max-retries", "1")
    place.wake_at(_due(place))
    first, second = (run["run_id"] for run in place.runs())
    assert place.defer("log", "t").stdout == "attempt 2\n"
    assert place.defer("log", "t", "--run", first).stdout == "attempt 1\n"
    assert place.defer("log", "t", "--run", first[-6:]).stdout == "attempt 1\n"
    assert place.defer("log", "t", "--run", second).stdout == "attempt 2\n"
    assert place.defer("log", "t", "--run", "").stdout == "attempt 2\n"
    done = place.defer("log", "t", "--run", "run_9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "defer: no such run of t: run_9 (see defer history t)\n"


def _due(place: Place):
    from defer import instants

    return instants.from_text(place.task("t")["run_at"])


def test_a_run_that_its_end_does_not_tell_from_another_is_refused(place):
    has_run(place, 'echo "attempt $DEFER_ATTEMPT"; [ "$DEFER_ATTEMPT" -gt 1 ]', "--max-retries", "1")
    place.wake_at(_due(place))
    (path,) = (place.runtime / "runs").iterdir()
    runs = records(path)
    path.write_text("".join(json.dumps({**one, "run_id": f"run_{n}_same"}) + "\n" for n, one in enumerate(runs)))
    done = place.defer("log", "t", "--run", "same")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "defer: several runs end in same: run_1_same, run_0_same (give more of it)\n"


def test_a_copy_that_run_made_is_an_attempt_of_its_original(place):
    place.schedule("every day 9am", "t", "--id", "t", "--executor", place.executor("cat >/dev/null; echo copied"))
    place.defer("run", "t")
    place.wake()
    assert place.defer("log", "t").stdout == "copied\n"
    assert strict(place.defer("log", "t", "--json").stdout)["task_id"] == place.runs()[0]["task_id"] != "t"


def test_of_two_attempts_under_way_the_later_one_is_meant(place):
    runs = {"t": ("run_1", "2026-04-08T16:45:00Z"), "copy": ("run_2", "2026-04-08T16:46:00Z"), "old": ("run_0", None)}
    place.write_store(
        *(
            v1_task(
                name, status="executing", copy_of=None if name == "t" else "t", run={"run_id": run, "started_at": at}
            )
            for name, (run, at) in runs.items()
        )
    )
    assert place.defer("log", "t").stderr == "defer: run_2 has not begun to print\n"
    assert place.defer("log", "t", "--run", "run_0").stderr == "defer: run_0 has not begun to print\n"


def test_what_is_not_there_is_one_line(place):
    place.schedule("1h", "t", "--id", "waits")
    for args, said in {
        ("nobody",): "no such task: nobody (see `defer list --all`)",
        ("waits",): "nothing has run yet: waits (see defer show waits)",
    }.items():
        done = place.defer("log", *args)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"defer: {said}\n")
    assert place.defer("log").returncode == 2
    assert place.defer("log", "waits", "--follow", "--json").returncode == 2


def test_an_attempt_that_printed_nothing_is_said_to(place):
    has_run(place, "exit 0")
    done = place.defer("log", "t")
    run = place.runs()[0]["run_id"]
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"defer: {run} printed nothing\n")
    assert strict(place.defer("log", "t", "--json").stdout)["warnings"] == [f"{run} printed nothing"]


def test_a_log_that_was_cut_says_so(place):
    has_run(place, "printf 0123456789", DEFER_OUTPUT_LIMIT_BYTES="4")
    assert place.defer("log", "t").stdout == "0123\n[defer: 6 further bytes were not kept]\n"


def test_a_log_that_is_gone_is_said_to_be(place):
    has_run(place, "echo done")
    (run,) = place.runs()
    Path(run["log"]).unlink()
    done = place.defer("log", "t")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"defer: the log of {run['run_id']} is gone: {run['log']} (somebody removed it)\n"


def test_a_log_that_was_pruned_is_said_to_be(place):
    has_run(place, "echo done")
    (run,) = place.runs()
    Path(run["log"]).unlink()
    place.store().prune(Kept(None, moment("2100-01-01T00:00:00Z"), moment("2100-01-01T00:00:00Z")))
    done = place.defer("log", "t")
    assert (done.returncode, done.stdout) == (1, "")
    said = f"the log of {run['run_id']} was pruned with all before 2100-01-01T00:00:00Z ({run['log']})"
    assert done.stderr == f"defer: {said}\n"


def test_where_all_runs_were_pruned_nothing_is_said_never_to_have_run(place):
    has_run(place, "exit 1")
    place.store().prune(Kept(moment("2100-01-01T00:00:00Z"), None, moment("2100-01-01T00:00:00Z")))
    said = place.defer("log", "t").stderr
    assert said == "defer: no such task: t (see `defer list --all`)\n"
    place.schedule("1h", "t", "--id", "u")
    assert place.defer("log", "u").stderr == "defer: nothing has run since 2100-01-01T00:00:00Z: u (see defer show u)\n"
    assert place.defer("history", "--table").stdout == "Nothing has run since 2100-01-01T00:00:00Z.\n"


def test_a_log_of_another_host_is_said_to_be_there(place):
    has_run(place, "echo done")
    (run,) = place.runs()
    assert run["host"] == socket.gethostname()
    Path(run["log"]).unlink()
    (path,) = (place.runtime / "runs").iterdir()
    path.write_text(json.dumps({**run, "host": "attic"}) + "\n")
    done = place.defer("log", "t")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"defer: the log of {run['run_id']} is on another host: attic: {run['log']} (look there)\n"


def test_it_follows_an_attempt_until_that_has_ended(place):
    go_on = place.base / "go-on"
    body = f"cat >/dev/null; echo begun; {until_there(go_on)}; echo done"
    place.schedule("now", "t", "--id", "t", "--executor", place.executor(body))
    wake = place.start("run-deferred.sh")
    until(lambda: (place.tasks().get("t") or {}).get("run", {}).get("log"), "the attempt")
    follower = place.start("schedule-task.sh", "log", "t", "--follow")
    assert follower.stdout.readline() == b"begun\n"
    assert place.defer("log", "t").stdout == "begun\n"
    go_on.touch()
    assert follower.communicate() == (b"done\n", b"")
    assert follower.returncode == 0
    assert wake.wait() == 0
    assert place.defer("log", "t", "--follow").stdout == "begun\ndone\n"


@pytest.mark.parametrize(("how", "status"), [("interrupted", -signal.SIGINT), ("its reader gone", 0)])
def test_a_follower_that_is_no_longer_wanted_leaves_quietly(place, how, status):
    go_on = place.base / "go-on"
    body = f"cat >/dev/null; echo begun; {until_there(go_on)}; echo done"
    place.schedule("now", "t", "--id", "t", "--executor", place.executor(body))
    wake = place.start("run-deferred.sh")
    until(lambda: (place.tasks().get("t") or {}).get("run", {}).get("log"), "the attempt")
    follower = place.start("schedule-task.sh", "log", "t", "--follow")
    assert follower.stdout.readline() == b"begun\n"
    if how == "interrupted":
        follower.send_signal(signal.SIGINT)
    else:
        follower.stdout.close()
        go_on.touch()
    assert follower.wait() == status
    assert follower.stderr.read() == b""
    go_on.touch()
    assert wake.wait() == 0


def test_it_follows_an_attempt_that_has_not_begun(place):
    place.schedule("now", "t", "--id", "t", "--executor", place.executor(f"touch {quoted(place.base / 'ran')}"))
    one = place.task("t")

    def replaced(record):
        """All at once: who follows must not find the store empty in between."""
        path = place.store_path.with_name("new")
        path.write_text(json.dumps(record) + "\n")
        path.replace(place.store_path)

    place.write_store({**one, "status": "executing", "run": {"run_id": "run_1", "host": "here"}})
    follower = place.start("schedule-task.sh", "log", "t", "--follow")
    assert "run_1 has not begun to print" in place.defer("log", "t").stderr
    assert follower.poll() is None
    log = place.logs / "attempts" / "t" / "run_1.log"
    log.parent.mkdir(parents=True, mode=0o700)
    log.write_text("begun\n")
    replaced({**one, "status": "executing", "run": {"run_id": "run_1", "host": "here", "log": str(log)}})
    assert follower.stdout.readline() == b"begun\n"
    replaced(one)
    assert follower.wait() == 0
