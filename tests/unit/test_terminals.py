"""Whatever somebody's text holds, no terminal and no line of the audit log gets to obey it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from defer.record import codec
from defer.record.events import Event
from defer.store import audit
from support import DEADLINE_SECONDS, SCRIPTS, Place, quoted, text_at, v1_task

pytestmark = pytest.mark.programs

EVIL = (
    "X\x1b[2J\x1b[31m\x1b]8;;http:e\x07\x9b2J\x9d0;t\x9c\x07\x08\x0b\x0c\x7f\x85\u2028\u2029"
    "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\U000e0001\U000e0041Z"
)
"""What may stand in an argument, a variable or a file's name."""
WORSE = f"{EVIL}\r\n\x00\ud800{EVIL}"
"""What may stand in a record."""
AS_ID = f"{EVIL}\r\n{EVIL}"
"""What may be the id of an old record."""
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467\ufe0f"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def obeyed(text: str) -> list[str]:
    """What a terminal would obey, but for the ends of lines."""
    return [
        one
        for one in text
        if (unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") and one not in "\r\n")
        or one in BIDI
        or 0xE0000 <= ord(one) < 0xE0080
    ]


class Screen:
    """Runs the entries with both of their outputs on a terminal."""

    def __init__(self, place: Place) -> None:
        self.place = place
        # A dumb terminal: our own tables are then without colours, and no escape sequence has a reason to be there.
        self.env = {**place.env, "TERM": "dumb", "COLUMNS": "300"}

    def run(self, *command: str, **env: str) -> str:
        """What was to be seen; lines end as the terminal has it."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            command,
            env={**self.env, **env},
            cwd=self.place.home,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        seen = b"".join(iter(lambda: piece_of(ours), b""))
        os.close(ours)
        process.wait(DEADLINE_SECONDS)
        text = seen.decode()
        assert "Traceback" not in text
        return text

    def entry(self, name: str, *words: str, **env: str) -> str:
        return self.run(str(SCRIPTS / name), *words, **env)

    def defer(self, *words: str, **env: str) -> str:
        return self.entry("schedule-task.sh", *words, **env)


def piece_of(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that nobody has the other end any more
        return b""


@pytest.fixture
def screen(place: Place) -> Screen:
    place.own_records = False
    return Screen(place)


def is_shown(text: str) -> None:
    """Something of the evil text is there to be seen, and nothing of it to be obeyed."""
    assert obeyed(text) == []
    assert r"\x1b[2J" in text or r"\u001b[2J" in text, text


def evil_task(task_id: str = AS_ID, evil: str = WORSE, **fields: Any) -> dict[str, Any]:
    """A record in which every text is hostile."""
    return v1_task(
        task_id,
        **{
            "run_at": text_at(days=365000),
            "intent": evil,
            "created_at": evil,
            "context": dict.fromkeys(("summary", "key_points", "artifacts", "constraints", "reoriented_from"), evil),
            "execution": {"mode": evil, "prompt_template": evil, "aura_level": evil},
            "when": evil,
            "tags": [evil],
            "executor": evil,
            "workspace": evil,
            "cwd": evil,
            "last_error": evil,
            "cancel_reason": evil,
            "last": {"outcome": "failed", "reason": evil, "at": text_at(), "failures": 3},
            "held": {"until": text_at(days=365001), "reason": evil},
            "result": dict.fromkeys(("summary", "output", "prompt_path", "log_path"), evil),
            "source": {"file": evil, "digest": evil, "enabled": True},
            **fields,
        },
    )


def executing(task_id: str = AS_ID, evil: str = WORSE, **fields: Any) -> dict[str, Any]:
    run = {"run_id": evil, "host": evil, "attempt": 1, "log": evil, "prompt": evil, "lease": "gone"}
    run |= {"started_at": text_at(), "runner": {"pid": 1, "boot": evil}, "leader": {"pid": 1, "boot": evil}}
    return evil_task(task_id, evil, status="executing", attempts=1, run=run, **fields)


STATUSES = ("scheduled", "executing", "paused", "completed", "failed", "cancelled")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "words",
    [["list", "--all"], ["list", "--all", "--json"], ["list", "--all", "--compact"]],
    ids=" ".join,
)
def test_lists(screen, status, words):
    made = executing() if status == "executing" else evil_task(status=status, completed_at=WORSE)
    screen.place.write_store(made)
    is_shown(screen.defer(*words))


@pytest.mark.parametrize("made", [evil_task, executing, partial(evil_task, status="failed", failed_at=text_at())])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "json"])
def test_what_waits_executes_or_has_failed_is_shown_by_status(screen, made, form):
    screen.place.write_store(made())
    is_shown(screen.defer("status", "--since", "2026-01-01", *form))


NEWER = {
    "usual": {},
    "newer": {"schema_version": 99, "status": "dreaming", "tags": {EVIL: EVIL}},
    "needs": {"requires": [EVIL]},
}


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER)
def test_lists_of_what_was_tampered_with_or_comes_from_a_newer_version(screen, newer):
    screen.place.write_store(evil_task(EVIL, **newer), evil_task("tampered", status=WORSE))
    for words in (["list", "--all"], ["list", "--status", EVIL], ["list", "--all", "--compact"], ["show", EVIL]):
        is_shown(screen.defer(*words))


@pytest.mark.parametrize(
    "command", ["show", "pause", "resume", "run", "cancel", "release", "edit", "snooze", "cancel --kill", "ack"]
)
@pytest.mark.parametrize("make", [evil_task, executing, None], ids=["waits", "executing", "not there"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "json"])
def test_commands_that_take_an_id(screen, command, make, form):
    screen.place.write_store(*([] if make is None else [make(EVIL, AS_ID)]))
    more = {"edit": ["--summary", EVIL], "snooze": ["1h"], "cancel": ["--reason", EVIL]}.get(command, [])
    name, *flags = command.split()
    is_shown(screen.defer(name, EVIL, *more, *flags, *form))


@pytest.mark.parametrize("form", [["--table"], ["--json"], ["--hook", "text"], ["--hook", "claude-code"]])
def test_the_inbox(screen, form):
    said = {
        "summary": EVIL,
        "error": EVIL,
        "output": f"{EVIL}\n{EVIL}",
        "log": EVIL,
        "at": text_at(),
        "signature": EVIL,
    }
    notice = {"op": "notice", "key": EVIL, "event": EVIL, "id": EVIL, **said}
    screen.place.runtime.mkdir(exist_ok=True)
    (screen.place.runtime / "notices.jsonl").write_text(json.dumps(notice) + "\n")
    is_shown(screen.defer("inbox", "--peek", *form))


def test_upcoming(screen):
    rule = {"expression": "every hour", "tz": "UTC", "anchor": text_at()}
    screen.place.write_store(evil_task(recurrence=rule, run_at=text_at(), occurrence=text_at(), held=None))
    is_shown(screen.defer("list", "--upcoming", "2h"))
    is_shown(screen.defer("list", "--upcoming", "2h", "--json"))


ARGUMENTS = {
    "a time": ["--when", EVIL, "--summary", "s"],
    "a line": [EVIL],
    "a line with a time": ["1h", EVIL],
    "a command": ["lisst" + EVIL],
    "a flag": [f"--{EVIL}"],
    "a flag with a value": [f"--{EVIL}=1"],
    "a flag's one value too many": ["list", "--all=" + EVIL],
    "a choice": ["--mode", EVIL, "--when", "1h", "--summary", "s"],
    "a number": ["--max-retries", EVIL, "--when", "1h", "--summary", "s"],
    "a zone": ["--tz", EVIL, "--when", "1h", "--summary", "s"],
    "an id": ["--id", EVIL, "--when", "1h", "--summary", "s"],
    "a duration": ["--timeout", EVIL, "--when", "1h", "--summary", "s"],
    "an end": ["--expires", EVIL, "--when", "1h", "--summary", "s"],
    "a summary": ["--when", "1h", "--summary", EVIL],
    "a summary, dry": ["--when", "1h", "--summary", EVIL, "--dry-run"],
    "a summary, as JSON": ["--when", "1h", "--summary", EVIL, "--json"],
    "a summary, on one line": ["--when", "1h", "--summary", EVIL, "--compact"],
    "an executor": ["--executor", EVIL, "--when", "1h", "--summary", EVIL],
    "a workspace": ["--workspace", EVIL, "--when", "1h", "--summary", EVIL],
    "a context of the wrong shape": ["--context-json", json.dumps({EVIL: 1}), "--when", "1h", "--summary", EVIL],
    "a file of a prompt": ["--prompt-file", EVIL, "--when", "1h", "--summary", "s"],
    "a CONTEXT.md": ["--context-file", EVIL, "--when", "1h"],
    "a project": ["--project", EVIL, "--when", "1h"],
    "a rule": ["--every", EVIL, "--summary", "s"],
    "cron fields": ["--cron", EVIL, "--summary", "s"],
    "what cron is to do": ["cron", EVIL],
    "a limit": ["list", "--limit", EVIL],
    "a stretch of time": ["list", "--upcoming", EVIL],
    "two ids": ["show", "a", EVIL],
    "a directory of tasks": ["sync", EVIL],
    "a file to import": ["import", "--from", "agentica", EVIL],
    "a tool to import from": ["import", "--from", EVIL, "x"],
    "an id for a file": ["add", EVIL, "--schedule", "1h", "--command", "true"],
    "a schedule for a file": ["add", "a", "--schedule", EVIL, "--command", "true"],
    "a file to enable": ["enable", EVIL],
    "a file to disable": ["disable", EVIL],
    "a file to remove": ["remove", EVIL],
}


@pytest.mark.parametrize("words", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(screen, words):
    (screen.place.home / ".config" / "defer" / "tasks").mkdir(parents=True)
    is_shown(screen.defer(*words))


VARIABLES = {
    "DEFER_TIMEZONE": ["--when", "1h", "--summary", "s"],
    "DEFER_RUNTIME_DIR": ["--when", "1h", "--summary", "s"],
    "DEFER_ENV_FILE": ["list"],
    "DEFER_EXECUTOR": ["--when", "1h", "--summary", "s"],
    "DEFER_TASKS_DIR": ["sync"],
    "DEFER_LOG_FILE": ["--when", "1h", "--summary", "s"],
    "HOME": ["cron", "install"],
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(screen, name):
    (screen.place.base / "a file").write_text("")
    value = f"{screen.place.base}/a file/{EVIL}" if name in ("DEFER_RUNTIME_DIR", "DEFER_LOG_FILE") else EVIL
    is_shown(screen.defer(*VARIABLES[name], **{name: value}))


FAKE_CRONTAB = """\
#!/bin/sh
[ ! -e "$TAB.says" ] || { cat "$TAB.says" >&2; exit 1; }
[ "$1" = -l ] && exec cat "$TAB"
cat >"$TAB"
"""


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "json"])
def test_cron(screen, form):
    programs, tab = screen.place.base / "bin", screen.place.base / "tab"
    programs.mkdir()
    (programs / "crontab").write_text(FAKE_CRONTAB)
    (programs / "crontab").chmod(0o755)
    env = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "TAB": str(tab),
        "DEFER_ENV_FILE": str(screen.place.base / f"env{EVIL}"),
    }
    (screen.place.base / f"env{EVIL}").write_text(f"DEFER_RUNTIME_DIR={screen.place.base}/{EVIL.replace(chr(7), '')}\n")
    tab.write_text(f"* * * * * /{EVIL}/scripts/run-deferred.sh # defer\n".replace("\x0b", "").replace("\x0c", ""))
    for action in ("status", "install", "status", "uninstall"):
        seen = screen.defer("cron", action, *form, **env)
        assert obeyed(seen) == []
    (screen.place.base / "tab.says").write_text(EVIL)
    is_shown(screen.defer("cron", "status", *form, **env))


FILES = {
    f"{EVIL}.yaml": "schedule: 1h\ncommand: true\n",
    "colon.yaml": f"schedule: 1h\n{json.dumps(EVIL)}: x\ncommand: true\n",
    "value.yaml": f"schedule: {json.dumps(EVIL)}\ncommand: x\n",
    "broken.yaml": f"schedule: [1h\n{EVIL}",
    "name.yaml": f"schedule: 1h\nname: {json.dumps(EVIL)}\nprompt: {json.dumps(EVIL)}\nexecutor: {json.dumps(EVIL)}\n",
    "flow.yaml": f"schedule: 1h\nworkflow: {json.dumps(EVIL)}\n",
    f"{EVIL}.json": "{",
    "good.json": json.dumps({"schedule": "1h", "prompt": EVIL, "tags": [EVIL], "workspace": "/" + EVIL}),
    "text.md": f"---\nschedule: {json.dumps(EVIL)}\n---\n{EVIL}\n",
}


@pytest.mark.parametrize("form", [[], ["--json"], ["--dry-run"]], ids=["for people", "json", "dry"])
def test_sync(screen, form):
    tasks = screen.place.base / f"tasks{EVIL}"
    tasks.mkdir()
    for name, text in FILES.items():
        (tasks / name).write_text(text)
    source = {"file": str(tasks / "gone.yaml"), "digest": "0" * 64, "enabled": True}
    screen.place.write_store(
        evil_task(source=source), executing("good", source=source), evil_task("name", source=source)
    )
    is_shown(screen.defer("sync", str(tasks), *form))
    is_shown(screen.defer("enable", "good", "--dir", str(tasks), *form))
    assert obeyed(screen.defer("remove", "name", "--dir", str(tasks), *form)) == []


def test_import(screen):
    source = screen.place.base / "jobs.json"
    source.write_text(json.dumps({"jobs": [{"id": EVIL, "name": EVIL, "schedule": {"kind": EVIL}, EVIL: EVIL}, EVIL]}))
    for tool in ("agentica", "openclaw"):
        assert obeyed(screen.defer("import", "--from", tool, str(source))) == []
    source.write_text(EVIL)
    assert obeyed(screen.defer("import", "--from", "agentica", str(source))) == []


@pytest.mark.parametrize("form", ["--table", "--json"])
def test_doctor(screen, form):
    place = screen.place
    place.write_store(executing(), b"\x1b[2J" + EVIL.encode() + b"\n", evil_task("twice", status="completed"))
    (place.runtime / "archive").mkdir()
    ended = evil_task(status="completed", completed_at=text_at(), run_at=text_at(), occurrence=text_at())
    lines = [json.dumps(one) + "\n" for one in (ended, {**ended, "status": "failed", "failed_at": text_at()})]
    (place.runtime / "archive" / "deferred_202604.jsonl").write_text("".join(lines))
    (place.runtime / "runs").mkdir()
    unknown = ("duration_ms", "exit_code", "error_type", "late_by_seconds", "usage", "session_id", "pid")
    texts = ("task_id", "run_id", "occurrence", "started_at", "error", "log", "prompt", "host")
    run = {**dict.fromkeys(unknown), **dict.fromkeys(texts, EVIL), "attempt": 1, "status": "ok", "ended_at": text_at()}
    (place.runtime / "runs" / "runs_202604.jsonl").write_text(2 * (json.dumps(run) + "\n"))
    is_shown(screen.defer("doctor", "--records", form))


def test_a_wake_and_what_it_says_of_failures(screen):
    program = screen.place.executor("printf 'X\\033[2J\\302\\233\\342\\200\\256\\n' >&2; exit 1")
    usual = {"run_at": text_at(), "held": None, "workspace": None, "cwd": None, "source": None}
    screen.place.write_store(
        evil_task(EVIL, executor=program, **usual),
        evil_task("b", executor=EVIL, **usual),
        evil_task("c", executor=program, **{**usual, "workspace": EVIL}),
        b'{"id":"' + EVIL.encode() + b'","status":"scheduled"}\n',
    )
    seen = screen.entry("run-deferred.sh", "--json")
    is_shown(seen)
    assert seen.count("task failed") == 3
    assert obeyed(screen.entry("archive-deferred.sh", "--json")) == []
    is_shown(screen.place.log_path.read_text())


def test_the_other_entries(screen):
    is_shown(screen.entry("run-deferred.sh", f"--{EVIL}"))
    is_shown(screen.entry("run-deferred.sh", "--loop", EVIL))
    is_shown(screen.entry("archive-deferred.sh", EVIL))
    is_shown(screen.entry("execute-task.sh", EVIL))
    task = screen.place.base / "task.json"
    task.write_text(json.dumps(evil_task(EVIL, workspace=None, cwd=None, executor=None)))
    words = f"exec {quoted(SCRIPTS / 'execute-task.sh')} <{quoted(task)}"
    is_shown(screen.run("/bin/sh", "-c", words, DEFER_EXECUTOR="/" + EVIL))


ANSWERS = {
    "normalize": ["time_utils.py", "normalize", EVIL],
    "epoch": ["time_utils.py", "epoch", EVIL],
    "a zone": ["time_utils.py", "normalize", "9am", "--tz", EVIL],
    "a moment": ["time_utils.py", "normalize", "9am", "--now", EVIL],
    "a file": ["reorient_snapshot.py", "--context-file", EVIL],
    "a project": ["reorient_snapshot.py", "--project", EVIL],
    "a flag": ["reorient_snapshot.py", f"--{EVIL}"],
    "a word": ["reorient_snapshot.py", EVIL],
}


@pytest.mark.parametrize("words", ANSWERS.values(), ids=ANSWERS)
def test_the_python_entries(screen, words):
    is_shown(screen.entry(*words))


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_a_shipped_executor_started_by_hand(screen, name):
    is_shown(screen.entry(f"executors/{name}", DEFER_PROMPT_FILE=EVIL))


def test_a_snapshot(screen):
    file = screen.place.home / f"{EVIL}.md"
    file.write_text(f"# Orientation\n\n- X\x1b[2J\x9b\u202e{FAMILY}\n")
    seen = screen.entry("reorient_snapshot.py", "--context-file", str(file))
    is_shown(seen)
    assert json.loads(seen)["summary"] == f"X[2J\u202e{FAMILY}"


def test_expressions_of_a_file(screen):
    file = screen.place.base / "words"
    file.write_text("1h\n" + EVIL.replace("\x85", "") + "\n")
    words = f"exec {quoted(SCRIPTS / 'time_utils.py')} normalize - <{quoted(file)}"
    is_shown(screen.run("/bin/sh", "-c", words))


def copy_of_scripts(place: Place) -> Path:
    """A checkout at a hostile path, without an environment."""
    scripts = place.base / f"at{EVIL}" / "scripts"
    scripts.mkdir(parents=True)
    for path in SCRIPTS.iterdir():
        if path.is_file():
            shutil.copy(path, scripts)
    return scripts


def test_shell_entries(screen):
    (screen.place.base / EVIL / "logs").mkdir(parents=True)
    (screen.place.base / EVIL / "logs" / "deferred.log").write_text("")
    scripts = copy_of_scripts(screen.place)
    is_shown_by_a_shell(screen.run(str(scripts / "run-deferred.sh")))
    for directory in (screen.place.base / EVIL, f"x{EVIL}"):
        is_shown_by_a_shell(screen.entry("clean-runtime.sh", DEFER_RUNTIME_DIR=str(directory), CONFIRM="yes"))
    is_shown_by_a_shell(screen.run(str(SCRIPTS / "install.sh"), "install", EVIL))
    is_shown_by_a_shell(screen.run(str(SCRIPTS / "install.sh"), "install", "none", HOME=f"x{EVIL}"))
    is_shown_by_a_shell(screen.run(str(SCRIPTS / "install.sh"), "uninstall", HOME=f"{screen.place.base}/{EVIL}"))


def is_shown_by_a_shell(text: str) -> None:
    """A shell knows bytes: of what would be obeyed it shows that something was there."""
    assert obeyed(text) == []
    assert "X?[2J" in text, text


def test_bootstrap(screen):
    scripts = copy_of_scripts(screen.place)
    is_shown(screen.run("python3", "-I", str(scripts / "bootstrap.py"), "--check"))


# What is text stays


def test_joiners_in_emoji_are_text(screen):
    screen.place.write_store(codec.encode(v1_task("a", context={"summary": f"{FAMILY} and می\u200cخواهم"})))
    for words in (["list"], ["list", "--json"], ["list", "--compact"], ["show", "a"], ["show", "a", "--json"]):
        assert f"{FAMILY} and می\u200cخواهم" in screen.defer(*words)


def test_json_means_the_same_on_a_terminal_and_in_a_pipe(screen):
    screen.place.write_store(evil_task())
    for words in (["list"], ["list", "--all"], ["show", WORSE.partition("\r")[0]]):
        for form in ("--json", "--compact"):
            piped = screen.place.defer(*words, form)
            if piped.returncode == 0:
                assert json.loads(piped.stdout) == [evil_task()]
                assert obeyed(piped.stdout) == []
                assert screen.defer(*words, form).replace("\r\n", "\n") == piped.stdout


# The audit log


ACTIONS = sorted(
    {"scheduled", "cancelled", "started", "failed", "retry_scheduled", "archived", "edited", "paused", "wake_failed"}
)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_line_of_the_audit_log(tmp_path, action):
    from support import NOW

    log = audit.AuditLog(tmp_path / "log")
    log.tell(Event(NOW, action, WORSE, {"reason": WORSE, "file": WORSE, "error": OSError(WORSE), "run_at": None}))
    (line,) = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    assert obeyed(line.decode()) == []
    assert len(line.decode().splitlines()) == 1
    found = audit.parse(line)
    assert (found.action, found.facts) == (action, dict.fromkeys(("id", "reason", "file", "error"), WORSE))


def test_the_audit_log_of_every_command(screen):
    place = screen.place
    due = {"run_at": text_at(), "held": None, "workspace": None, "cwd": None, "source": None, "executor": None}
    place.write_store(
        *(evil_task(name, AS_ID) for name in "ab"), executing("c"), evil_task(EVIL, **due), b"{" + EVIL.encode() + b"\n"
    )
    for words in (
        ["cancel", "a", "--reason", EVIL],
        ["edit", "b", "--summary", EVIL],
        ["pause", "b"],
        ["resume", "b"],
        ["snooze", "b", "1h"],
        ["run", "b"],
        ["release", "c"],
        ["--when", "1h", "--summary", EVIL],
    ):
        place.defer(*words)
    place.run("run-deferred.sh")
    place.run("run-deferred.sh", env={"DEFER_EXECUTOR": EVIL})
    log = place.log_path.read_bytes().decode()
    assert obeyed(log) == []
    actions = {line.split(" ")[1] for line in log.splitlines()}
    assert {"cancelled", "edited", "paused", "resumed", "scheduled", "bad_line", "archived"} <= actions
