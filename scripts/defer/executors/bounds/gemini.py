"""How Gemini CLI is held to a profile. Checked with gemini 0.61.0.

A policy file of ours denies everything and then allows the tools of the profile. It stands in the highest tier, and in
the user's too, in place of what the user has there: administrators' policies make it pass over the first. Its file
tools keep to the workspace and to the directories that settings add; it has no way to take those back, so they are
refused here. Servers and extensions are named, none of which there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from defer.executors import profiles
from defer.executors.agents.base import Cannot
from defer.executors.profiles import Profile

from .common import Around, Bounds, only_named_commands

_FILE = "gemini-policy.toml"
_READING = (
    *("read_file", "read_many_files", "list_directory", "glob", "grep_search", "search_file_content"),
    *("update_topic", "write_todos"),
)
_EDITING = ("write_file", "replace")
_WEB = {profiles.SEARCH: "google_web_search", profiles.FETCH: "web_fetch"}
_NOBODY = "defer-allows-none"
_ADDS_DIRECTORIES = re.compile(r'"includeDirectories"\s*:(?!\s*\[\s*\])').search
_LOW, _HIGH, _HIGHEST = 800, 850, 900


def reads(around: Around) -> list[Path]:
    """All settings that may add directories."""
    system = around.variables.get("GEMINI_CLI_SYSTEM_SETTINGS_PATH") or "/etc/gemini-cli/settings.json"
    defaults = around.variables.get("GEMINI_CLI_SYSTEM_DEFAULTS_PATH") or "/etc/gemini-cli/system-defaults.json"
    home = Path(around.variables.get("GEMINI_CLI_HOME") or around.home)
    users = [one / ".gemini" / "settings.json" for one in (home, around.workspace)]
    return [*users, Path(system), Path(defaults)]


def of(profile: Profile, around: Around) -> Bounds:
    """What holds it to the profile. Raises Cannot."""
    denied = list(_commands(profile.deny, "deny", _HIGHEST))
    if profile.is_all:
        policy = _policy(around) if denied else []
        return Bounds(["--approval-mode=yolo", *policy], files={_FILE: "\n".join(denied)} if denied else {})
    only_named_commands("Gemini CLI", profile)
    for path in reads(around):
        if _ADDS_DIRECTORIES(around.texts.get(path, "")):
            what = f"{path} gives Gemini CLI more directories than the workspace"
            raise Cannot(f"permissions: {what} (remove includeDirectories there)")
    tools = [*_READING, *(_EDITING if profile.may_write else ()), *(_WEB[one] for one in sorted(profile.web))]
    rules = [_rule(["*"], "deny", _LOW), _rule(tools, "allow", _HIGH)]
    # What it writes there would bound, or widen, the runs after this one.
    rules += [_rule(_EDITING, "deny", _HIGHEST, 'argsPattern = \'"file_path":"[^"]*\\.gemini/\'')]
    rules += [*_commands(profile.allow, "allow", _HIGH), *denied]
    flags = ["--approval-mode=default", *_policy(around)]
    flags += [f"--allowed-mcp-server-names={_NOBODY}", f"--extensions={_NOBODY}"]
    return Bounds(flags, {"GEMINI_CLI_IDE_WORKSPACE_PATH": ""}, {_FILE: "\n".join(rules)})


def _policy(around: Around) -> list[str]:
    return [f"--{tier}={around.own / _FILE}" for tier in ("policy", "admin-policy")]


def _commands(commands: tuple[str, ...], decision: str, priority: int) -> Iterable[str]:
    # A pattern of it goes on where the command begins; the quote ends the command.
    exact = [one for one in commands if not one.endswith(" *")]
    for one in exact:
        pattern = re.sub(r"([.+])", r"\\\1", one)
        yield _rule(["run_shell_command"], decision, priority, f"commandRegex = '{pattern}\"'")
    for one in commands:
        if one not in exact:
            yield _rule(["run_shell_command"], decision, priority, f"commandPrefix = '{one.removesuffix(' *')}'")


def _rule(tools: Iterable[str], decision: str, priority: int, more: str = "") -> str:
    named = ", ".join(f'"{one}"' for one in tools)
    return f'[[rule]]\ntoolName = [{named}]\ndecision = "{decision}"\npriority = {priority}\n{more}\n'
