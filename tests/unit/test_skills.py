"""Both skills, as the folders that `make install` links: the reference validator, the shapes, the commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from support import DEADLINE_SECONDS

pytestmark = pytest.mark.thorough

SKILLS = {"defer": ".", "reorient": "reorient"}
USERS_WORDS = {
    "defer": ["::defer", "remind me", "later", "in 30 minutes", "tomorrow", "schedule", "cancel", "follow up", "cron"],
    "reorient": ["::reorient", "where were we", "catch me up", "--capture", "SESSION.md", "CONTEXT.md", "drifts"],
}


@pytest.fixture(params=SKILLS)
def skill(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Path:
    """The skill in a folder of its own name, a symbolic link as when installed."""
    link = tmp_path / request.param
    link.symlink_to(root / SKILLS[request.param])
    return link


def split(skill: Path) -> tuple[dict[str, Any], str]:
    _, front, body = (skill / "SKILL.md").read_text().split("---\n", 2)
    return YAML(typ="safe").load(front), body


def blocks(skill: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", split(skill)[1], re.DOTALL | re.MULTILINE)


def test_the_reference_validator_finds_nothing(skill: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "skills_ref.cli", "validate", str(skill)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_validator_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "SKILL.md").write_text("---\nname: Other Name\ndescription: x\nversion: 1\n---\n")
    done = subprocess.run(
        [sys.executable, "-m", "skills_ref.cli", "validate", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0


def test_each_field_stands_on_one_line(skill: Path) -> None:
    """Qwen Code reads front matter line by line: of a folded description it tells its model `>-`."""
    front = (skill / "SKILL.md").read_text().split("---\n", 2)[1].splitlines()
    assert all(re.fullmatch(r"[a-z-]+: [^\s>|\"'].*", line) for line in front), front


def test_the_description_fits_and_has_the_words_people_use(skill: Path) -> None:
    description = split(skill)[0]["description"]
    assert len(description) <= 1024
    assert [words for words in USERS_WORDS[skill.name] if words not in description] == []


def test_the_body_is_short_and_its_references_are_one_level_deep(skill: Path) -> None:
    body = split(skill)[1]
    assert len(body.splitlines()) < 500
    links = re.findall(r"\]\(([^)#:]+)\)", body)
    assert [link for link in links if not (skill / link).is_file()] == []
    assert [link for link in links if link.count("/") > 1 or link.startswith("..")] == []


def test_codex_metadata_has_the_lengths_codex_shows(skill: Path) -> None:
    metadata = YAML(typ="safe").load(skill / "agents" / "openai.yaml")
    interface = metadata["interface"]
    assert set(interface) == {"display_name", "short_description", "default_prompt"}
    assert 25 <= len(interface["short_description"]) <= 64
    assert f"${skill.name}" in interface["default_prompt"]
    assert metadata["policy"] == {"allow_implicit_invocation": True}


def documents(printed: str) -> list[Any]:
    """The JSON values that stand one after the other."""
    found = []
    while printed := printed.lstrip():
        value, end = json.JSONDecoder().raw_decode(printed)
        found.append(value)
        printed = printed[end:]
    return found


@pytest.fixture
def shell(tmp_path: Path, root: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a block as an agent would: in the user's folder, the commands on PATH, a home of its own."""
    programs, home, work = tmp_path / "bin", tmp_path / "home", tmp_path / "work"
    for folder in (programs, home, work):
        folder.mkdir()
    (programs / "defer").symlink_to(root / "scripts" / "schedule-task.sh")
    environment = {**os.environ, "HOME": str(home), "DEFER_TIMEZONE": "Europe/Berlin"}
    environment["PATH"] = f"{programs}:{root / 'reorient' / 'scripts'}:{os.environ['PATH']}"
    (work / "CONTEXT.md").write_text("## Orientation\nTides.\n")

    def run(block: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", block],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=True,
        )

    return run


def test_the_commands_of_defer_do_what_it_says(
    root: Path, tmp_path: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    recipes, flags, look, _ = blocks(root, "bash")
    *made, paused = documents(shell(recipes).stdout)
    assert [one["when"] for one in made] == ["tomorrow 9am", "10pm", "every weekday 7:00", "6:30am", "now"]
    assert {one["id"] for one in paused} == {one["id"] for one in made}
    task = json.loads(shell(flags).stdout)
    assert task["context"]["artifacts"] == [str(tmp_path / "work" / "review.md")]
    assert (task["id"], task["max_retries"]) == ("review-pr-31", 2)
    listed, shown, upcoming, snoozed, moved, edited, paused, resumed, copy, cancelled, back = documents(
        shell(look).stdout
    )
    assert {one["id"] for one in listed} == {"review-pr-31", *(one["id"] for one in made)}
    assert (shown["id"], shown["status"]) == ("review-pr-31", "scheduled")
    assert {one["id"] for one in upcoming} <= {"review-pr-31"}
    assert (snoozed["when"], moved["when"], edited["max_retries"]) == ("2h", "friday 10:00", 3)
    assert copy["copy_of"] == "review-pr-31"
    assert (paused["status"], resumed["status"]) == ("paused", "scheduled")
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "merged already")
    assert (back["id"], back["status"]) == ("review-pr-31", "scheduled")


def test_what_it_says_of_looking_back_tells_what_happened(
    root: Path, tmp_path: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    wake = root / "scripts" / "run-deferred.sh"
    shell('defer now see to the review --id review-pr-31; defer now count --id tests --executor "$(type -P false)"')
    shell(str(wake))
    *_, back = blocks(root, "bash")
    inbox, history, health, status, shown, log = back.splitlines()
    unread = json.loads(shell(inbox).stdout)["notices"]
    assert {one["id"]: one["event"] for one in unread} == {"review-pr-31": "completed", "tests": "failed"}
    ran = json.loads(shell(history).stdout)
    assert {one["id"]: one["outcome"] for one in ran} == {"review-pr-31": "ok", "tests": "failed"}
    found = json.loads(shell(f"{health} || [ $? = 1 ]").stdout)["findings"]
    assert [(one["id"], one["task"]) for one in found] == [("failed", "tests")]
    waker = json.loads(shell(status).stdout)["waker"]
    assert (waker["awake"], waker["last_wake"] is None) == (False, False)  # a wake by hand is not followed by another
    assert json.loads(shell(shown).stdout)["status"] == "completed"
    assert shell(log).stdout == ""


def test_the_task_it_shows_is_one_by_the_schema_and_by_what_its_command_makes(
    root: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    (shown,) = map(json.loads, blocks(root, "json"))
    Draft202012Validator(json.loads((root / "references" / "task.schema.json").read_text())).validate(shown)
    made = json.loads(shell(blocks(root, "bash")[1]).stdout)
    assert shown.keys() <= made.keys()
    same = ("id", "type", "intent", "execution", "status", "attempts", "max_retries", "tz", "when")
    assert {key: shown[key] for key in same} == {key: made[key] for key in same}
    assert shown["context"].keys() == made["context"].keys()


def test_the_command_of_reorient_prints_the_shape_it_shows(
    root: Path, tmp_path: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    (command,) = blocks(root / "reorient", "bash")
    (shown,) = map(json.loads, blocks(root / "reorient", "json"))
    printed = json.loads(shell(command).stdout)
    assert printed["summary"] == "Tides."
    assert list(printed) == list(shown)


def test_the_headings_it_captures_are_those_it_reads(root: Path) -> None:
    from defer.context import snapshot

    body = split(root / "reorient")[1]
    table = body.partition("| heading |")[2]
    headings = re.findall(r"^ *\| ([A-Z][a-z ]+) \|", table, re.MULTILINE)
    assert len(headings) == 7
    context = "".join(f"## {heading}\n- {heading}\n" for heading in headings)
    taken = snapshot.parse(context, "CONTEXT.md")
    assert len([taken["summary"], *taken["key_points"], *taken["artifacts"], *taken["constraints"]]) == 7


# `reorient` by itself: an installer may copy one folder


@pytest.fixture
def alone(root: Path, tmp_path: Path) -> Path:
    """A copy of the folder of `reorient`, without links, where nothing of Defer is around it."""
    return shutil.copytree(root / "reorient", tmp_path / "skills" / "reorient")


def asked(skill: Path, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    """What the copy says of a CONTEXT.md in the working directory."""
    work = skill.parent.parent / "work"
    work.mkdir()
    (work / "CONTEXT.md").write_text("## Orientation\nTides.\n")
    return subprocess.run(
        [sys.executable, skill / "scripts" / "reorient_snapshot.py"],
        cwd=work,
        env={"HOME": str(work), "PATH": path},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )


def test_reorient_alone_says_in_one_line_what_is_missing(alone: Path) -> None:
    done = asked(alone)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (74, "", 1)
    assert "(install the skill `defer` beside it, or the command `defer`)" in done.stderr
    assert "Exit 74" in (alone / "SKILL.md").read_text()


def test_reorient_alone_finds_the_skill_beside_it(alone: Path, root: Path) -> None:
    (alone.parent / "defer").symlink_to(root)
    assert json.loads(asked(alone).stdout)["summary"] == "Tides."


def test_reorient_alone_finds_what_the_command_is_part_of(alone: Path, root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "defer").symlink_to(root / "scripts" / "schedule-task.sh")
    assert json.loads(asked(alone, f"bin:{tmp_path / 'bin'}").stdout)["summary"] == "Tides."


def test_reorient_alone_finds_what_a_wheel_has_installed(alone: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "tools" / "defer"
    shipped = prefix / "lib" / "python3.12" / "site-packages" / "defer" / "data" / "scripts"
    for folder in (prefix / "bin", tmp_path / "bin", shipped):
        folder.mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    (prefix / "bin" / "defer").write_text("#!/bin/sh\n")
    (prefix / "bin" / "defer").chmod(0o755)
    (tmp_path / "bin" / "defer").symlink_to(prefix / "bin" / "defer")
    (shipped / "reorient_snapshot.py").write_text("import sys\nprint(sys.executable, sys.flags.isolated)\n")
    assert asked(alone, str(tmp_path / "bin")).stdout == f"{prefix / 'bin' / 'python'} 1\n"
