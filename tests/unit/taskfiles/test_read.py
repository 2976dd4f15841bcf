"""One task file: every field it may have, everything that may be wrong with it, and its environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from defer.errors import BadInput, DeferError
from defer.taskfiles import formats, read, write
from defer.taskfiles.read import BadFile, TaskFile
from support import ROOT

FOREIGN = ROOT / "tests" / "data" / "foreign"
DOCUMENT = ROOT / "references" / "task-files.md"
SCHEMA = json.loads(read.SCHEMA.read_text())
Load = Callable[..., TaskFile]
BASE = "schedule: every day at 9am\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a file and reads it: ``load(text)``, ``load(text, "a.md")``."""

    def loaded(text: str | bytes, name: str = "a.yml") -> TaskFile:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read.load(path)

    return loaded


@pytest.fixture
def wrong(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """What is said about a bad file, without the directory in front."""

    def said(text: str | bytes, name: str = "a.yml") -> list[str]:
        with pytest.raises(BadFile) as caught:
            load(text, name)
        return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines]

    return said


def test_every_field_is_read(load: Load) -> None:
    found = load(
        """\
        version: 2
        name: Nightly
        description: d
        when_to_use: w
        tags: [a, 7]
        cron: 0 9 * * *
        prompt: Do it.
        enabled: false
        timeout: 10m
        max_cost: 2.5
        max_turns: 9
        retries: 3
        executor: claude
        agent: reviewer
        model: 4
        workspace: /
        tz: Europe/Berlin
        expires: 2h
        catch_up: all
        overlap: queue
        jitter: 5m
        env: {A: x}
        if: test -e new
        check: [make, test]
        leave_running: true
        worktree: false
        drift: false
        notify: output
        ping: https://hc-ping.com/key/a
        sticky_session: true
        permissions: {shell: deny}
        """
    )
    assert found.task_id == "a"
    assert (found.schedule, found.prompt, found.command, found.enabled) == ("0 9 * * *", "Do it.", None, False)
    assert (found.timeout_seconds, found.tags, found.sticky_session) == (600, ("a", "7"), True)
    assert (found.agent, found.text("model"), found.fields["env"]) == ("reviewer", "4", {"A": "x"})
    assert found.warnings == ()
    assert set(found.fields) | {"schedule", "command", "workflow", "timeoutMs", "agent_id", "session_mode"} == set(
        SCHEMA["properties"]
    )


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("timeout: 10m", 600),
        ("timeout: 90", 90),
        ("timeout: '90'", 90),
        ("timeout: 1.5", 1.5),
        ("timeout: 1h30", 5400),
        ("timeout: None", 0),
        ("timeout: none", 0),
        ("timeoutMs: 1500", 1.5),
        ("timeoutMs: null", 0),
        ("timeoutMs:", 0),
        ("retries: 0", None),
    ],
)
def test_timeouts(load: Load, field: str, seconds: float | None) -> None:
    assert load(f"{BASE}command: x\n{field}\n").timeout_seconds == seconds


def test_a_command_is_a_text_or_a_list(load: Load) -> None:
    assert load(BASE + "command: a | b\n").command == "a | b"
    assert load(BASE + "command: [sleep, 5, '*']\n").command == ["sleep", "5", "*"]


@pytest.mark.parametrize(
    ("written", "sticky"),
    [("session_mode: fixed", True), ("session_mode: fixed\nsticky_session: false", False), ("name: x", False)],
)
def test_session_modes(load: Load, written: str, sticky: bool) -> None:
    assert load(f"{BASE}prompt: x\n{written}\n").sticky_session is sticky


def test_what_is_null_counts_as_left_out(load: Load) -> None:
    found = load('{"cron": "@daily", "schedule": null, "prompt": "x", "command": null, "model": null}', "a.json")
    assert found.fields == {"cron": "@daily", "prompt": "x"}


def test_unknown_fields_are_warned_of_by_line(load: Load, tmp_path: Path) -> None:
    found = load(f"{BASE}command: x\nretires: 2\ncolour: red\nsession_mode: isolated\n")
    assert [line.removeprefix(f"{tmp_path}/") for line in found.warnings] == [
        "a.yml:3: retires: unknown field, ignored (did you mean retries?)",
        "a.yml:4: colour: unknown field, ignored (see references/task-files.md)",
        "a.yml:5: session_mode: only fixed is known here: each run starts a session of its own " + HOW,
    ]


HOW = "(or say sticky_session: true)"
ANY_TIME = 'a cron expression or a phrase such as "every weekday 8:30"'
NO_TIME = 'a.yml:1: schedule: missing: one of schedule and cron (write schedule: "every weekday 8:30")'
NO_COMMAND = "a.yml:2: command: must be a text for sh -c, or a list of a program and its arguments"
NOT_SOON = '"soon" is not a length of time (a length looks like "30m")'
NO_DURATION = "must be a duration such as 10m, a number of seconds, or none, not null"
NO_MILLISECONDS = "must be a number of milliseconds, or null for none, not 0"
TWO_AGENTS = "a.yml:4: agent_id: says another agent than the field agent (keep one)"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("command: x\n", [NO_TIME]),
        (BASE, ["a.yml:1: command: missing: one of command, prompt and workflow (write command: echo hello)"]),
        (BASE + "cron: '@daily'\ncommand: x\n", ["a.yml:2: cron: stands beside schedule (keep one)"]),
        (BASE + "command: x\nprompt: y\n", ["a.yml:3: prompt: stands beside command (keep one)"]),
        (BASE + "command: x\ntimeout: 5\ntimeoutMs: 5\n", ["a.yml:4: timeoutMs: stands beside timeout (keep one)"]),
        ("schedule: 5\ncommand: x\n", [f"a.yml:1: schedule: must be {ANY_TIME}, not 5"]),
        ("schedule: ' '\ncommand: x\n", [f'a.yml:1: schedule: must be {ANY_TIME}, not " "']),
        (BASE + "command: x\nenabled: yes\n", ['a.yml:3: enabled: must be true or false, not "yes"']),
        (BASE + "command: x\nretries: -1\n", ["a.yml:3: retries: must be a whole number from 0 to 1000, not -1"]),
        (BASE + "command: x\nretries: 010\n", ['a.yml:3: retries: must be a whole number from 0 to 1000, not "010"']),
        (BASE + "command: x\ntimeout: soon\n", [f"a.yml:3: timeout: {NOT_SOON}"]),
        (BASE + "command: x\ntimeout:\n", ["a.yml:3: timeout: " + NO_DURATION]),
        (BASE + "command: x\ntimeoutMs: 0\n", ["a.yml:3: timeoutMs: " + NO_MILLISECONDS]),
        (BASE + "command: []\n", [NO_COMMAND]),
        (BASE + "command: {rm: x}\n", [NO_COMMAND]),
        (BASE + "prompt: ''\n", ["a.yml:2: prompt: must be a text that says something"]),
        (BASE + "command: x\nversion: 3\n", ["a.yml:3: version: must be 1 or 2, not 3"]),
        (BASE + "command: x\ncatch_up: two\n", ['a.yml:3: catch_up: must be one, all or none, not "two"']),
        (BASE + "command: x\ntags: {a: b}\n", ["a.yml:3: tags: must be a list of texts"]),
        (BASE + "command: x\nname: 1.10\n", ["a.yml:3: name: must be a text, not 1.1"]),
        (BASE + "command: x\nagent: a\nagent_id: b\n", [TWO_AGENTS]),
        (BASE + 'command: "a\\0b"\n', ["a.yml:2: command: a NUL character (remove it)"]),
        (
            "retries: x\ncommand: y\noverlap: z\n",
            [
                'a.yml:1: retries: must be a whole number from 0 to 1000, not "x"',
                NO_TIME,
                'a.yml:3: overlap: must be skip or queue, not "z"',
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line_and_field(wrong: Callable[..., list[str]], text: str, lines: list[str]) -> None:
    assert sorted(wrong(text)) == sorted(lines)


NOT_TAKEN = {
    **dict.fromkeys(("schedule", "cron", "prompt", "workflow", "executor", "agent", "agent_id", "model"), "[1]"),
    **dict.fromkeys(("workspace", "tz", "expires", "jitter", "session_mode"), "[1]"),
    **dict.fromkeys(("name", "description", "when_to_use", "env"), "[1]"),
    **dict.fromkeys(("enabled", "sticky_session", "leave_running", "worktree", "drift"), "perhaps"),
    **dict.fromkeys(("command", "if", "check", "tags"), "{a: b}"),
    "timeout": "soon",
    "timeoutMs": "0",
    "retries": "-1",
    "max_cost": "0",
    "max_turns": "0",
    "catch_up": "two",
    "overlap": "two",
    "version": "3",
    "notify": "nobody",
    "ping": "hc-ping.com",
    "permissions": '"a\\0b"',
}
"""For each field a value that it does not take."""


@pytest.mark.parametrize("field", json.loads(read.SCHEMA.read_text())["properties"])
def test_the_error_of_a_bad_file_has_the_field_it_is_about(load: Load, field: str) -> None:
    moment = "" if field in ("schedule", "cron") else BASE
    does = "" if field in ("command", "prompt", "workflow") else "command: x\n"
    with pytest.raises(BadFile) as caught:
        load(f"{moment}{does}{field}: {NOT_TAKEN[field]}\n")
    assert caught.value.field == field
    assert [line.field for line in caught.value.lines] == [field]


def test_names_and_texts_of_env_are_checked_and_never_shown(wrong: Callable[..., list[str]]) -> None:
    lines = wrong(BASE + "command: x\nenv:\n  A: [hush]\n  B: ${hush\n  C D: hush\n  E: ${F:-hush}\n")
    assert [line.partition(": must be")[0] for line in lines] == [
        "a.yml:3: env",
        "a.yml:4: env.A",
        "a.yml:5: env.B",
        "a.yml:7: env.E",
    ]
    assert "hush" not in "".join(lines)
    assert "'C D'" in lines[0]


def test_a_whole_file_may_be_wrong(wrong: Callable[..., list[str]], tmp_path: Path) -> None:
    assert wrong(b"schedule: x\nname: \xff\n") == ["a.yml:2: not UTF-8 (save it as UTF-8)"]
    assert wrong("schedule: x".encode("utf-16")) == ["a.yml:1: UTF-16 (save it as UTF-8)"]
    assert wrong(b"#" * (read.LIMIT + 1)) == ["a.yml: larger than 524288 bytes (put the bulk elsewhere and name it)"]
    for name in ("pipe.yml", "directory.yml", "gone.yml"):
        path = tmp_path / name
        _ = os.mkfifo(path) if name == "pipe.yml" else path.mkdir() if name == "directory.yml" else None
        with pytest.raises(BadFile, match=r"not a file|no such file"):
            read.load(path)


def test_byte_order_mark_and_windows_line_ends(load: Load) -> None:
    found = load(b"\xef\xbb\xbfschedule: every day\r\nprompt: |\r\n  a\r\n  b\r\nenabled: true\r\n")
    assert (found.prompt, found.enabled) == ("a\nb\n", True)


def test_the_text_of_an_error_is_one_line(load: Load) -> None:
    with pytest.raises(BadFile, match=r"^[^\n]+/a\.yml:1: retries: [^\n]* \(and 1 more\)$"):
        load("retries: x\nversion: 9\ncron: x\ncommand: y\n")


# Workflows


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    folder = tmp_path / "workflows"
    (folder / "deep").mkdir(parents=True)
    (folder / "release.md").write_text("\nRelease it.\r\n\r\nSlowly.\n\n")
    (folder / "deep" / "er.md").write_text("Deeper.")
    (folder / "blank.md").write_text(" \n")
    (folder / "bytes.md").write_bytes(b"\xff")
    (tmp_path / "secret.md").write_text("secret")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    return folder


@pytest.mark.parametrize(
    ("named", "prompt"),
    [("release", "Release it.\n\nSlowly."), ("release.md", "Release it.\n\nSlowly."), ("deep/er", "Deeper.")],
)
def test_a_workflow_is_the_prompt(load: Load, workflows: Path, named: str, prompt: str) -> None:
    assert load(f"{BASE}workflow: {named}\n").prompt == prompt


@pytest.mark.parametrize("named", ["../secret", "../secret.md", "deep/../../secret", "link", "/etc/passwd", "..", "."])
def test_no_workflow_leads_out_of_the_directory(wrong: Callable[..., list[str]], workflows: Path, named: str) -> None:
    (line,) = wrong(f"{BASE}workflow: {named}\n")
    assert line.startswith("a.yml:2: workflow: ")
    assert "leads out" in line or "no such file" in line


@pytest.mark.parametrize(
    ("named", "said"),
    [("gone", "no such file"), ("blank", "holds no text"), ("bytes", "not UTF-8"), ("deep", "no such")],
)
def test_bad_workflows(wrong: Callable[..., list[str]], workflows: Path, named: str, said: str) -> None:
    (line,) = wrong(f"{BASE}workflow: {named}\n")
    assert line.startswith("a.yml:2: workflow: ")
    assert said in line


def test_the_folder_of_workflows_may_not_lead_out_either(wrong: Callable[..., list[str]], tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name} elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.md").write_text("mine")
    (tmp_path / "workflows").symlink_to(elsewhere)
    assert wrong(f"{BASE}workflow: notes\n") == [
        f"a.yml:2: workflow: workflows/ leads out of the folder of the task: {elsewhere} (make it a folder)"
    ]


def test_tasks_that_are_links_may_have_their_workflows_where_they_lie(tmp_path: Path) -> None:
    """As tools for dotfiles lay them out: each name a link of its own."""
    kept, linked = tmp_path / "dotfiles", tmp_path / "tasks"
    (kept / "workflows").mkdir(parents=True)
    linked.mkdir()
    (kept / "workflows" / "w.md").write_text("Do it.")
    (kept / "a.yml").write_text(f"{BASE}workflow: w\n")
    for name in ("workflows", "a.yml"):
        (linked / name).symlink_to(kept / name)
    assert read.load(linked / "a.yml").prompt == "Do it."
    (tmp_path / "whole").symlink_to(kept)
    assert read.load(tmp_path / "whole" / "a.yml").prompt == "Do it."


def test_a_workflow_that_is_the_settings_file_is_refused(
    wrong: Callable[..., list[str]], workflows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").write_text("API_TOKEN=canary\n")
    (workflows / "notes.md").hardlink_to(tmp_path / "env")
    monkeypatch.setenv("DEFER_ENV_FILE", str(tmp_path / "env"))
    assert wrong(f"{BASE}workflow: notes\n") == [
        "a.yml:2: workflow: is the settings file, which may hold secrets: notes (name another)"
    ]


def test_the_digest_tells_states_apart(load: Load, workflows: Path) -> None:
    digests = [load(BASE + "workflow: release\n").digest]
    (workflows / "release.md").write_text("Another text.")
    digests.append(load(BASE + "workflow: release\n").digest)
    digests.append(load(BASE + "workflow: release\n#\n").digest)
    assert len(set(digests)) == 3
    assert load(BASE + "workflow: release\n#\n").digest == digests[2]
    assert read.fingerprint(b"ab", b"c") != read.fingerprint(b"a", b"bc")
    assert read.fingerprint(b"a", None) != read.fingerprint(b"a", b"")


# The environment of a run


def test_environment_takes_variables_from_the_run(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(
        BASE
        + "command: x\nenv:\n  A: ${USER}@${HOST}\n  B: $USER $$ 5$\n  C: $${USER}\n  D: 8080\n  E: ''\n  F: a${E}b\n"
    )
    assert read.environment(path, {"USER": "ada", "HOST": "h", "E": ""}) == {
        "A": "ada@h",
        "B": "$USER $$ 5$",
        "C": "${USER}",
        "D": "8080",
        "E": "",
        "F": "ab",
    }


def test_environment_names_a_variable_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(BASE + "command: x\nenv:\n  A: hush-${MISSING}\n")
    with pytest.raises(BadInput, match=r"env\.A: MISSING is not set") as caught:
        read.environment(path, {"USER": "ada"})
    assert "hush" not in str(caught.value)


def test_environment_of_a_file_without_one_or_without_itself(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(BASE + "command: x\n")
    assert read.environment(tmp_path / "a.yml", {}) == {}
    with pytest.raises(BadInput, match="no such file"):
        read.environment(tmp_path / "gone.yml", {})


# What is shipped: the schema, the documentation, the examples, and files as other tools write them.


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert all("x-wanted" in one for name, one in SCHEMA["properties"].items() if name != "permissions")


def test_the_documentation_names_every_field_and_no_other() -> None:
    text = DOCUMENT.read_text()
    table = text.partition("## Fields")[2].partition("\n\n- ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(SCHEMA["properties"])


def documented() -> list[Any]:
    suffixes = {"yaml": ".yml", "json": ".json", "markdown": ".md"}
    blocks = re.findall(r"^```(yaml|json|markdown)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return [(f"example{number}{suffixes[kind]}", text) for number, (kind, text) in enumerate(blocks)]


@pytest.mark.parametrize(("name", "text"), documented())
def test_documented_examples_are_task_files(load: Load, name: str, text: str) -> None:
    assert load(text, name).warnings == ()


def test_there_are_documented_examples_of_each_kind() -> None:
    assert {Path(name).suffix for name, _ in documented()} == {".yml", ".json", ".md"}


SHIPPED = sorted(
    path
    for folder in (ROOT / "examples" / "tasks", FOREIGN / "yaml", FOREIGN / "markdown")
    for path in folder.iterdir()
    if path.is_file()
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_files_load_without_a_warning(path: Path) -> None:
    found = read.load(path)
    assert found.warnings == ()
    fields = formats.read(path.suffix, path.read_text()).values
    Draft202012Validator(SCHEMA).validate({name: value for name, value in fields.items() if name != "model"})


PIECES = [
    b"*",
    b"&a ",
    b"!!x ",
    b": ",
    b"\n",
    b"  ",
    b"\t",
    b"{",
    b"[",
    b"|",
    b"'",
    b'"',
    b"#",
    b"---\n",
    b"\xff",
    b"\x00",
]
PIECES += [
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"? ",
    b"<<: ",
    b"${",
    b"null",
    b"1e999",
    b"\r",
    b"\\ud800",
    b"%YAML 1.1\n",
]
CHANGES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9), st.sampled_from(PIECES)), min_size=1, max_size=4)


@given(st.sampled_from(SHIPPED), CHANGES)
def test_a_mangled_file_is_read_or_told_about_in_lines(path: Path, changes: list[tuple[int, int, bytes]]) -> None:
    raw = path.read_bytes()
    for at, gone, piece in changes:
        raw = raw[:at] + piece + raw[at + gone :]
    try:
        read.describe(path, raw)
    except BadFile as error:
        lines = error.lines
    else:
        lines = []
    assert all(line.startswith(str(path)) and "\n" not in line for line in lines)
    with suppress(DeferError):
        edited = write.with_enabled(path, raw, False)
        assert formats.read(path.suffix, read.decoded(edited)).values["enabled"] is False


def test_files_of_the_yaml_tool_mean_what_they_say() -> None:
    usage = read.load(FOREIGN / "yaml" / "disk-usage.yml")
    assert (usage.schedule, usage.command) == ("30 6 * * 1", "du -xk /var | sort -rn | head")
    assert (usage.timeout_seconds, usage.tags, usage.enabled) == (90, ("ops", "weekly"), True)
    assert usage.text("when_to_use") == "When the disk fills up and nobody knows why."
    notes = read.load(FOREIGN / "yaml" / "release-notes.yaml")
    assert notes.prompt == "Collect what was merged this week.\nWrite it up for people who use it."
    assert (notes.timeout_seconds, notes.enabled) == (0, False)


def test_files_of_the_markdown_tool_mean_what_they_say() -> None:
    standup = read.load(FOREIGN / "markdown" / "standup.md")
    assert (standup.schedule, standup.agent, standup.text("model")) == ("45 9 * * 1-5", "codex", "large")
    assert (standup.sticky_session, standup.enabled) == (True, True)
    assert standup.prompt == "Summarise what was done yesterday and what is blocked.\n\nKeep it under ten lines."
    inbox = read.load(FOREIGN / "markdown" / "inbox.json")
    assert (inbox.agent, inbox.text("model"), inbox.sticky_session) == ("mail-sorter", None, False)
    assert read.load(FOREIGN / "markdown" / "journal.md").sticky_session


def test_a_workflow_whose_name_holds_a_nul_is_not_there(tmp_path: Path) -> None:
    """Its name comes from a record, which anybody may have written."""
    assert read.fingerprint_of(tmp_path / "a.yml", b"", "re\0view.md") is None
