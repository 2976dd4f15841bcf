"""The manifests by which agents' programs take this repository for a plugin, and the hooks that they name.

Whether the programs themselves read them is tried by ``make e2e-agents CASES=plugins``.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from defer.executors import hooks
from support import DEADLINE_SECONDS

CLAUDE, MARKETPLACE, GEMINI, HOOKS_FILE = (
    ".claude-plugin/plugin.json",
    ".claude-plugin/marketplace.json",
    "gemini-extension.json",
    "hooks/hooks.json",
)


def read(root: Path, name: str) -> Any:
    return json.loads((root / name).read_text())


def commands(root: Path) -> list[str]:
    """The command lines of the hooks."""
    groups = [group for event in read(root, HOOKS_FILE)["hooks"].values() for group in event]
    return [hook["command"] for group in groups for hook in group["hooks"]]


@pytest.mark.parametrize("name", [CLAUDE, GEMINI])
def test_each_has_the_name_and_the_version_of_the_package(root: Path, name: str) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    found = read(root, name)
    assert (found["name"], found["version"]) == (project["name"], project["version"])
    assert found["description"] == read(root, CLAUDE)["description"]


def test_the_marketplace_offers_the_plugin_and_says_nothing_twice(root: Path) -> None:
    found = read(root, MARKETPLACE)
    assert found["name"] == "defer"
    assert found["plugins"] == [{"name": read(root, CLAUDE)["name"], "source": "./"}]


def test_what_the_plugin_names_is_there(root: Path) -> None:
    found = read(root, CLAUDE)
    skills = [(root / path / "SKILL.md").resolve() for path in found["skills"]]
    assert skills == [root / "SKILL.md", root / "reorient" / "SKILL.md"]
    assert sorted(path.name for path in (root / found["commands"]).iterdir()) == ["defer.md", "inbox.md"]
    for path in (root / found["commands"]).iterdir():
        named = re.findall(r"\$\{CLAUDE_PLUGIN_ROOT\}/([\w./-]+)", path.read_text())
        assert named
        assert all((root / one).exists() for one in named)


def test_each_program_gets_its_own_word_of_the_one_hook(root: Path, tmp_path: Path) -> None:
    """Claude Code, Codex and Copilot set variables for hooks; Gemini writes its own in place of ``extensionPath``."""
    (line,) = commands(root)
    hook = tmp_path / "a plugin" / "scripts" / "hooks" / "session-start.sh"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\nprintf %s $1\n")
    hook.chmod(0o755)
    plugin = str(tmp_path / "a plugin")
    around = {
        "claude": {"CLAUDE_PLUGIN_ROOT": plugin},
        "copilot": {"CLAUDE_PLUGIN_ROOT": plugin, "COPILOT_PLUGIN_ROOT": plugin},
        "gemini": {},
    }
    for agent, env in around.items():
        text = line.replace("${extensionPath}", plugin) if agent == "gemini" else line
        done = subprocess.run(
            ["/bin/sh", "-c", text], env=env, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True
        )
        assert done.stdout == agent
        assert agent in hooks.AGENTS


def test_the_hook_of_the_manifest_is_there(root: Path) -> None:
    (line,) = commands(root)
    path = shlex.split(line)[0].replace("${CLAUDE_PLUGIN_ROOT}${extensionPath}", str(root))
    assert Path(path).stat().st_mode & 0o111


def test_no_hook_has_a_time_limit(root: Path) -> None:
    """It would be in seconds for one program, and in milliseconds for another."""
    assert "timeout" not in (root / HOOKS_FILE).read_text()


def test_no_manifest_names_an_event_that_another_program_would_complain_of(root: Path) -> None:
    assert list(read(root, HOOKS_FILE)["hooks"]) == ["SessionStart"]
