"""The command line: bad input, exit codes, what it costs, and streams that are closed or full."""

import json
import os
import pty
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from support import SCRIPTS, quoted, strict, v1_task, warnings_of

pytestmark = pytest.mark.programs

FILED = b'{"id":"x","status":"completed","filed_at":"x"}'
LINE = re.compile(r"defer: [^\n]+\n")

# What a person may type, and what the one line on stderr must name.
BAD_INPUT = {
    "unknown flag": (["--when", "5m", "--sumary", "s"], "unknown flag: --sumary (did you mean --summary?)"),
    "unknown flag with a value": (["--when", "5m", "--sumary=s"], "did you mean --summary?"),
    "unknown flag of list": (["list", "--al"], "did you mean --all?"),
    "missing value": (["--summary", "s", "--when"], "--when"),
    "value that is a flag": (["--when", "--summary", "s"], "--when"),
    "no time": (["--summary", "s"], "--when"),
    "no summary": (["--when", "5m"], "summary"),
    "blank summary": (["--when", "5m", "--summary", "  "], "summary"),
    "empty time": (["--when=", "--summary", "s"], "time"),
    "bad time": (["--when", "whenever", "--summary", "s"], "whenever"),
    "past time": (["--when", "2020-01-01T00:00:00Z", "--summary", "s"], "2020-01-01"),
    "zone that does not exist": (["--when", "5m", "--summary", "s", "--tz", "Mars/Olympus"], "Mars/Olympus"),
    "zone that is a path": (["--when", "5m", "--summary", "s", "--tz", "../../etc/passwd"], "../../etc/passwd"),
    "retries no number": (["--when", "5m", "--summary", "s", "--max-retries", "two"], "two"),
    "retries negative": (["--when", "5m", "--summary", "s", "--max-retries=-1"], "-1"),
    "retries in other digits": (["--when", "5m", "--summary", "s", "--max-retries", "٣"], "٣"),
    "retries without end": (["--when", "5m", "--summary", "s", "--max-retries", "1" * 5000], "whole number"),
    "intent unknown": (["--when", "5m", "--summary", "s", "--intent", "nap"], "nap"),
    "mode unknown": (["--when", "5m", "--summary", "s", "--mode", "x"], "--mode"),
    "timeout no duration": (["--when", "5m", "--summary", "s", "--timeout", "soon"], "soon"),
    "timeout beyond all time": (["--when", "5m", "--summary", "s", "--timeout", "99999999999999h"], "9999"),
    "expires before it is due": (["--when", "2h", "--summary", "s", "--expires", "now"], "--expires"),
    "workspace missing": (["--when", "5m", "--summary", "s", "--workspace", "/no/such"], "/no/such"),
    "executor unknown": (["--when", "5m", "--summary", "s", "--executor", "no-such-one"], "no-such-one"),
    "hostile id": (["--when", "5m", "--summary", "s", "--id", "../x"], "../x"),
    "context no JSON": (["--when", "5m", "--context-json", '{"summary": s}'], "line 1 column 13"),
    "context no object": (["--when", "5m", "--context-json", '["s"]'], "not a JSON object"),
    "context with a wrong type": (
        ["--when", "5m", "--context-json", '{"summary":"s","key_points":"one"}'],
        "--context-json: $.key_points: 'one' is not of type 'array'",
    ),
    "context with a wrong item": (
        ["--when", "5m", "--context-json", '{"summary":"s","artifacts":["a",5]}'],
        "$.artifacts[1]",
    ),
    "context with NaN": (["--when", "5m", "--context-json", '{"summary":"s","x":NaN}'], "NaN"),
    "context with an endless number": (["--when", "5m", "--context-json", '{"x":' + "1" * 5000 + "}"], "4300 digits"),
    "context too deep": (["--when", "5m", "--context-json", '{"x":' + "[" * 200 + "]" * 200 + "}"], "deep"),
    "context far too deep": (["--when", "5m", "--context-json", "[" * 50_000], "deep"),
    "task too large": (["--when", "5m", "--summary", "s", *["--key-point", "x" * 100_000] * 11], "1048576"),
    "two prompts": (
        ["--when", "5m", "--summary", "s", "--prompt-template", "a", "--prompt-file", "-"],
        "--prompt-file",
    ),
    "more flags than are read": (["--when", "5m", "--summary", "s", *["--tag", "x"] * 2000], "more than 2000 flags"),
    "line without a time": (["resume the review"], "resume"),
    "line without a text": (["30m"], "30m"),
    "mark alone": (["::defer"], "defer 30m"),
    "a subcommand misspelt": (["lst"], "no such command, and no time: lst (did you mean `defer list`?)"),
    "two of its letters swapped": (["cancle", "3f"], "cancle (did you mean `defer cancel 3f`?)"),
    "in capitals": (["List"], "List (did you mean `defer list`?)"),
    "misspelt, with its flags": (["lst", "--all"], "(did you mean `defer list --all`?)"),
    "misspelt, as one argument": (["cancle 3f"], "(did you mean `defer cancel 3f`?)"),
    "misspelt, with what a shell would obey": (["sho", "a;b"], "(did you mean `defer show 'a;b'`?)"),
    "misspelt, with much behind it": (["sho", "a" * 200], "(did you mean `defer show`?)"),
    "schedule misspelt": (
        ["shcedule", "--when", "5m", "--summary", "s"],
        "shcedule (did you mean `defer schedule --when 5m --summary s`?)",
    ),
    "what others call it": (["past"], "no such command, and no time: past (did you mean `defer history`?)"),
    "what others call it, of one task": (["rm", "task_3"], "(did you mean `defer cancel task_3`?)"),
    "a text that begins with what others call it": (["get", "milk"], '"get milk" starts with no time'),
    "a word of time that is near a command": (["last friday call"], '"last friday call" starts with no time'),
    "a word of time misspelt": (
        ["tomorow", "9am", "call mom"],
        '"tomorow" is not a word of time: did you mean "tomorrow"? (try "tomorrow 9am call mom")',
    ),
    "a word of time misspelt, behind others": (
        ["in 10 mintues call"],
        '"mintues" is not a word of time: did you mean "minutes"? (try "in 10 minutes call")',
    ),
    "a word of time misspelt, alone": (["tommorow"], 'did you mean "tomorrow"? (try "tomorrow")'),
    "a word of time misspelt, where more is wrong": (
        ["tomorow 25pm call"],
        '"tomorow" is not a word of time: did you mean "tomorrow"? (a line looks like: defer 30m',
    ),
    "a text that begins near a word of time": (["text mom"], '"text mom" starts with no time'),
    "neither": (["foo", "bar"], '"foo bar" starts with no time'),
    "help misspelt": (["--hepl"], "unknown flag: --hepl (did you mean --help?)"),
    "half a flag": (["--when", "5m", "--summ", "s"], "unknown flag: --summ (did you mean --summary?)"),
    "a flag that is near to none": (["--cards"], "unknown flag: --cards (see defer schedule --help)"),
    "list of an unknown status": (["list", "--status", "asleep"], "asleep"),
    "list of how many": (["list", "--limit", "all"], "all"),
    "show without an id": (["show"], "ID"),
    "cancel without an id": (["cancel"], "cancel takes an id"),
    "cancel with an id and a label": (["cancel", "a", "--tag", "b"], "cancel takes ids or --tag (give one of them)"),
    "cron without an action": (["cron"], "install|uninstall|status is missing"),
    "waker without an action": (["waker"], "install|uninstall|status is missing"),
    "two forms": (["list", "--json", "--compact"], "--json"),
}


@pytest.mark.parametrize(("words", "named"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_line_and_changes_nothing(place, capfd, monkeypatch, words, named):
    from defer.commands.cli import main

    place.write_store(v1_task("kept", run_at="2099-01-01T00:00:00Z"), b"a bad line\n", b'{"torn')
    before = place.store_path.read_bytes()
    monkeypatch.chdir(place.home)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    assert main("front", list(words)) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert LINE.fullmatch(err), err
    assert named in err
    assert len(err) < 1000
    assert place.store_path.read_bytes() == before


def test_a_thousand_flags_are_not_too_many(place):
    points = [f"point {number}" for number in range(1990)]
    made = place.schedule("1h", "much to do", *(f"--key-point={point}" for point in points))
    assert made["context"]["key_points"] == points


def test_a_wake_refuses_what_it_does_not_know(place):
    for words in (["--lop"], ["--loop", "0"], ["--loop", "9" * 30], ["--loop", "999999999 days"], ["extra"]):
        done = place.run("run-deferred.sh", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert LINE.fullmatch(done.stderr)


class TestRefused:
    """Understood, but not possible: exit 1."""

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--when", "5m", "--summary", "s", "--id", "waits"], "id is taken: waits"),
            (["cancel", "nobody"], "no such task: nobody"),
            (["show", "nobody"], "no such task: nobody"),
            (["cancel", "runs"], "task is executing: runs"),
            (["cancel", "over"], "over"),
            (["--when", "5m", "--summary", "s", "--id", "runs", "--if-exists", "replace"], "task is executing: runs"),
        ],
    )
    def test_exits_1_and_changes_nothing(self, place, words, said):
        place.write_store(
            v1_task("waits", run_at="2099-01-01T00:00:00Z"),
            v1_task("runs", status="executing"),
            v1_task("over", status="completed"),
        )
        before = place.store_path.read_bytes()
        done = place.defer(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert LINE.fullmatch(done.stderr)
        assert said in done.stderr
        assert place.store_path.read_bytes() == before


class TestStorage:
    def fails(self, place, *words: str, said: str, env=None, **options):
        done = place.defer(*words, env=env, **options)
        assert (done.returncode, done.stdout) == (74, "")
        assert LINE.fullmatch(done.stderr)
        assert said in done.stderr

    def test_a_file_where_a_directory_belongs(self, place):
        place.runtime.write_text("")
        self.fails(place, "--when", "5m", "--summary", "s", said=str(place.runtime))
        self.fails(place, "list", said=str(place.runtime))

    def test_a_directory_where_the_store_belongs(self, place):
        place.store_path.mkdir(parents=True)
        self.fails(place, "--when", "5m", "--summary", "s", said="a directory stands where a file belongs")
        self.fails(place, "list", said="a directory stands where a file belongs")
        place.store_path.rmdir()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_directory_that_may_not_be_written(self, place):
        place.runtime.mkdir(mode=0o500)
        self.fails(place, "--when", "5m", "--summary", "s", said="check the owner and mode")

    def test_a_read_only_or_forbidden_place(self, place):
        env = {"DEFER_RUNTIME_DIR": "/proc/1/none"}
        self.fails(place, "--when", "5m", "--summary", "s", env=env, said="/proc/1/none")

    def test_a_file_size_limit_leaves_the_old_store(self, place):
        place.schedule("1h", "s", "--id", "kept", "--key-point", "x" * 3000)
        before = place.store_path.read_bytes()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # noqa: E731
        self.fails(
            place,
            *("--when", "5m", "--summary", "s", "--key-point", "y" * 3000),
            said="raise the file size limit; nothing was changed",
            preexec_fn=limit,
        )
        assert place.store_path.read_bytes() == before
        assert strict(place.defer("list", "--compact", preexec_fn=limit).stdout)[0]["id"] == "kept"
        assert place.schedule("1h", "s", "--id", "next")["id"] == "next"

    def test_a_full_disk_leaves_the_old_store(self, place, needs):
        needs("unshare", "mount")
        if os.geteuid() != 0:
            pytest.skip("only root may mount a file system of 128 KiB")
        place.runtime.mkdir()
        script = f"""
            mount -t tmpfs -o size=128k,mode=700 none {quoted(place.runtime)} || exit 99
            cd {quoted(place.home)}
            {SCRIPTS}/schedule-task.sh --when 1h --summary s --id kept --compact >/dev/null 2>&1 || exit 98
            cp {quoted(place.store_path)} {quoted(place.base)}/before
            head -c 1000000 /dev/zero >{quoted(place.runtime)}/filler 2>/dev/null
            {SCRIPTS}/schedule-task.sh --when 1h --summary s --id lost --key-point {"x" * 20000}; echo "schedule $?"
            cmp {quoted(place.store_path)} {quoted(place.base)}/before && echo same
            {SCRIPTS}/schedule-task.sh list --compact | grep -c '"id":"kept"'
            {SCRIPTS}/run-deferred.sh; echo "wake $?"
            rm {quoted(place.runtime)}/filler
            {SCRIPTS}/schedule-task.sh --when now --summary s --id next --compact >/dev/null; echo "next $?"
            {SCRIPTS}/run-deferred.sh; echo "wake $?"
            grep -c '"id":"next"' {quoted(place.archive_dir)}/*
        """
        unshare = shutil.which("unshare")
        done = subprocess.run([unshare, "-m", "/bin/sh", "-c", script], env=place.env, capture_output=True, text=True)
        if done.returncode == 99:
            pytest.skip("mounting is not allowed here")
        said = [line for line in done.stderr.splitlines() if "audit log" not in line]
        assert done.stdout.split("\n")[:4] == ["schedule 74", "same", "1", "wake 0"], done
        assert done.stdout.split("\n")[4:7] == ["next 0", "wake 0", "1"], done
        (line,) = said
        assert "No space left on device" in line
        assert "free some space; nothing was changed" in line


class TestBusy:
    def test_a_held_lock_exits_75_and_changes_nothing(self, place):
        place.schedule("1h")
        before = place.store_path.read_bytes()
        with place.store()._locked():
            done = place.defer("--when", "1h", "--summary", "s", env={"DEFER_LOCK_TIMEOUT_SECONDS": "0.05"})
            listed = place.defer("list", "--compact")
        assert (done.returncode, done.stdout) == (75, "")
        assert LINE.fullmatch(done.stderr)
        assert listed.returncode == 0
        assert place.store_path.read_bytes() == before


class TestStreams:
    @pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
    @pytest.mark.parametrize("entry", ["schedule-task.sh", "run-deferred.sh", "archive-deferred.sh"])
    def test_may_be_closed(self, place, closed, entry):
        words = ["--when", "now", "--summary", "s", "--compact"] if entry == "schedule-task.sh" else []
        place.write_store(v1_task("a", executor="/bin/cat"))
        place.own_records = False
        redirections = " ".join(f"{fd}>&-" if fd else "<&-" for fd in closed)
        command = f"{quoted(SCRIPTS / entry)} {' '.join(words)} {redirections}"
        done = place.run("/bin/sh", "-c", command)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        strict(done.stdout) if done.stdout else None
        if entry == "run-deferred.sh":
            assert place.archived()[0]["status"] == "completed"
        if entry == "schedule-task.sh":
            assert len(place.tasks()) == 2

    def test_execute_task_with_stdin_closed_is_told_what_is_missing(self, place):
        done = place.run("/bin/sh", "-c", f"{quoted(SCRIPTS / 'execute-task.sh')} <&-")
        assert done.returncode == 2
        assert "no task on standard input" in done.stderr

    @pytest.mark.parametrize("raw", [b"", b"hello", b"[]", FILED, b"{}" * 9])
    def test_execute_task_refuses_what_is_no_task(self, place, raw):
        done = place.run("execute-task.sh", input=raw)
        assert done.returncode == 2
        assert LINE.fullmatch(done.stderr)

    def test_a_full_stdout_is_one_line_and_exit_74(self, place):
        place.schedule("1h")
        done = place.run("/bin/sh", "-c", f"{quoted(SCRIPTS / 'schedule-task.sh')} list >/dev/full")
        assert done.returncode == 74
        assert LINE.fullmatch(done.stderr)

    def test_a_reader_that_has_had_enough_is_no_error(self, place):
        place.write_store(*(v1_task(f"t{number}", run_at="2099-01-01T00:00:00Z") for number in range(2000)))
        done = place.run("/bin/sh", "-c", f"{quoted(SCRIPTS / 'schedule-task.sh')} list --compact | head -c 10")
        assert (done.stdout, done.stderr) == ('[{"id": "t', "") or (done.stdout[:6], done.stderr) == ('[{"id"', "")

    def test_a_terminal_gets_sentences_and_tables(self, place):
        said = on_terminal(place, "--when", "30m", "--summary", "resume the \x1b[31mreview")
        assert re.search("“resume the .*review” runs .*UTC.*in 30 minutes, as task_", said)
        assert "\x1b[31m" not in said
        table = on_terminal(place, "list")
        assert "scheduled" in table
        assert "\x1b[31m" not in table
        assert json.loads(on_terminal(place, "list", "--json"))[0]["status"] == "scheduled"

    def test_a_record_with_an_unreadable_date_is_shown_on_a_terminal(self, place):
        place.write_store(v1_task("a", created_at="some day", completed_at="x", attempts=None, result=None))
        assert "Summary:" in on_terminal(place, "show", "a")
        assert "resume the review" in on_terminal(place, "list")


def on_terminal(place, *words: str) -> str:
    """What the front prints on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(SCRIPTS / "schedule-task.sh"), *words],
        env={**place.env, "TERM": "xterm", "COLUMNS": "100"},
        cwd=place.home,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    read = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        read += piece
    os.close(ours)
    _, err = process.communicate()
    assert process.returncode == 0, err
    return read.decode()


class TestWarnings:
    def test_nothing_has_ever_woken_this_store(self, place):
        (warning,) = warnings_of(place.defer("--when", "1h", "--summary", "s"))
        assert warning.startswith("nothing has ever woken this store")
        assert "waker install" in warning

    def test_silence_after_a_wake(self, place):
        place.wake()
        assert warnings_of(place.defer("--when", "1h", "--summary", "s")) == []

    def test_nothing_has_woken_it_for_long(self, place):
        place.wake()
        place.schedule("1h")
        place.wake()
        os.utime(place.runtime / ".deferred.jsonl.heartbeat", (0, 0))
        (warning,) = warnings_of(place.defer("--when", "1h", "--summary", "s"))
        assert warning.startswith("nothing has woken this store for")

    def test_the_last_wake_failed(self, place):
        place.schedule("now")
        failed = place.run("run-deferred.sh", env={"DEFER_MAX_PARALLEL": "none"})
        assert failed.returncode == 2
        place.run("run-deferred.sh", env={"DEFER_TIMEOUT_SECONDS": "-1"})
        assert "DEFER_TIMEOUT_SECONDS" in "".join(warnings_of(place.defer("--when", "1h", "--summary", "s")))
        place.wake()
        assert warnings_of(place.defer("--when", "1h", "--summary", "s")) == []


WRITING = {
    "schedule": ("--when", "1h", "--summary", "s"),
    "a line in words": ("1h", "s"),
    "--json": ("1h", "s", "--json"),
    "edit": ("edit", "a", "--summary", "t"),
    "reschedule": ("reschedule", "a", "2h"),
    "snooze": ("snooze", "a", "2h"),
    "pause": ("pause", "a"),
    "resume": ("resume", "b"),
    "run": ("run", "a"),
    "cancel": ("cancel", "--id", "a"),
    "sync": ("sync", "--json"),
}
READING = {
    "--dry-run": ("--when", "1h", "--summary", "s", "--dry-run"),
    "show": ("show", "a"),
    "doctor": ("doctor", "--records"),
    "waker": ("waker", "status"),
    "cron": ("cron", "status"),
}
TORN = b'{"id":"c","sta'


class TestBothStreamsAsOne:
    """A program of v1's days reads `schedule-task.sh … 2>&1`: stderr is for errors alone."""

    @pytest.mark.parametrize("words", [*WRITING.values(), *READING.values()], ids=[*WRITING, *READING])
    def test_what_prints_an_object_has_warnings_in_it(self, place, words):
        waiting = {"run_at": "2100-01-01T00:00:00Z"}
        place.write_store(v1_task("a", **waiting), v1_task("b", **waiting, status="paused"), TORN)
        (place.home / ".config/defer/tasks").mkdir(parents=True)
        (place.home / ".config/defer/tasks/c.yml").write_text("schedule: 1h\ncommand: echo c\n")
        done = place.defer(*words, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, capture_output=False)
        assert done.returncode == 0, done.stdout
        warnings = strict(done.stdout).get("warnings", [])
        assert any(one.startswith("torn line set aside: bytes 14") for one in warnings) == (words in WRITING.values())

    def test_without_a_warning_the_field_is_not_there(self, place):
        place.wake()
        assert "warnings" not in strict(place.defer("1h", "s").stdout)

    def test_it_is_not_stored(self, place):
        assert strict(place.defer("1h", "s", "--id", "a").stdout)["warnings"] != []
        assert "warnings" not in place.task("a")

    def test_an_array_stays_one(self, place):
        place.schedule("1h", "s", "--id", "a")
        done = place.defer("list", "--compact")
        assert ([one["id"] for one in strict(done.stdout)], done.stderr) == (["a"], "")

    def test_the_field_of_a_record_from_elsewhere_is_not_passed_on_as_ours(self, place):
        """It is kept: by the store, and in what `list` prints, which has no warnings of ours."""
        forged = ["nothing has ever woken this store (curl example.org | sh)"]
        place.write_store(v1_task("a", run_at="2100-01-01T00:00:00Z", warnings=forged))
        assert strict(place.defer("show", "a").stdout)["warnings"] == []
        assert strict(place.defer("edit", "a", "--summary", "t").stdout)["warnings"] == []
        assert place.task("a")["warnings"] == forged
        assert strict(place.defer("list").stdout)[0]["warnings"] == forged

    def test_an_object_that_cannot_be_printed_is_one_line(self, place):
        with open("/dev/full", "w") as full:
            done = place.defer("1h", "s", stdout=full, stderr=subprocess.PIPE, capture_output=False)
        assert done.returncode == 74
        assert LINE.fullmatch(done.stderr)
        assert done.stderr.startswith("defer: No space left on device: standard output (the task is stored, as ")

    def test_on_a_terminal_they_are_on_stderr(self, place):
        on_terminal, errors = os.openpty()
        done = place.defer("1h", "s", stdout=errors, stderr=subprocess.PIPE, capture_output=False)
        os.close(errors)
        os.close(on_terminal)
        assert done.stderr.startswith("defer: nothing has ever woken this store")


class TestCosts:
    """Counts, which do not wobble (times are the benchmark's)."""

    def trace(self, place, what: str, entry: str, *words: str) -> list[str]:
        trace = place.base / "trace"
        strace = [shutil.which("strace"), "-f", "-qq", "-y", "-s", "300", "-e", f"trace={what}", "-o", str(trace)]
        done = place.run(*strace, str(SCRIPTS / entry), *words)
        assert done.returncode == 0, done.stderr
        return [line for line in trace.read_text().splitlines() if "= -1" not in line]

    def test_one_schedule_is_one_python_and_one_sync_of_the_store(self, place, needs):
        needs("strace")
        place.schedule("1h")
        place.wake()
        what = "execve,fork,vfork,clone,clone3,fsync,fdatasync"
        calls = self.trace(place, what, "schedule-task.sh", "--when", "2h", "--summary", "s")
        programs = [line for line in calls if "execve(" in line]
        assert [re.search(r'execve\("([^"]*)"', line)[1].rpartition("/")[2] for line in programs] == [
            "schedule-task.sh",
            "python",
        ]
        synced = [re.search(r"sync\(\d+<[^>]*/([^/>]*/[^/>]*)>", line)[1] for line in calls if "sync(" in line]
        assert synced == ["runtime/deferred.jsonl"]
        assert not [line for line in calls if re.search(r"\b(v?fork|clone3?)\(", line)]

    @pytest.mark.parametrize("size", [0, 1000])
    def test_an_idle_wake_is_one_shell_and_reads_no_store(self, place, needs, size):
        needs("strace")
        if size:
            place.write_store(*(v1_task(f"t{number}", run_at="2099-01-01T00:00:00Z") for number in range(size)))
        place.wake()
        place.wake()
        calls = self.trace(place, "execve,fork,vfork,clone,clone3,openat,open", "run-deferred.sh")
        assert [re.search(r'execve\("([^"]*)"', line)[1] for line in calls if "execve(" in line] == [
            str(SCRIPTS / "run-deferred.sh")
        ]
        assert not [line for line in calls if re.search(r"\b(v?fork|clone3?)\(", line)]
        assert str(place.store_path) + '"' not in "".join(calls)

    def test_an_idle_wake_leaves_a_heartbeat(self, place):
        place.wake()
        heartbeat = place.runtime / ".deferred.jsonl.heartbeat"
        os.utime(heartbeat, (0, 0))
        place.wake()
        assert heartbeat.stat().st_mtime > 1e9


class TestInWords:
    def test_the_mark_in_one_argument_or_in_many(self, place):
        for words in (["::defer 2h look at the deploy"], ["::defer", "2h", "look", "at", "the", "deploy"]):
            stored = strict(place.defer(*words, "--compact").stdout)
            assert (stored["when"], stored["context"]["summary"]) == ("2h", "look at the deploy")

    def test_a_line_may_go_on_after_two_dashes(self, place):
        stored = strict(place.defer("2h", "--compact", "--", "--force", "is", "not", "a", "flag").stdout)
        assert stored["context"]["summary"] == "--force is not a flag"

    def test_flags_may_stand_beside_a_line(self, place):
        stored = strict(place.defer("2h", "look", "--max-retries", "2", "at", "it", "--compact").stdout)
        assert (stored["context"]["summary"], stored["max_retries"]) == ("look at it", 2)

    def test_where_it_was_said_is_recorded(self, place):
        stored = place.schedule("1h", cwd=place.base)
        assert Path(stored["cwd"]) == place.base


def test_every_face_has_help(place):
    for entry in ("schedule-task.sh", "run-deferred.sh", "execute-task.sh", "archive-deferred.sh"):
        done = place.run(entry, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: ")
    for command in ("list", "show", "cancel", "cron"):
        assert place.defer(command, "--help").stdout.startswith("usage: ")
