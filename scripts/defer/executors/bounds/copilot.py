"""How GitHub Copilot CLI is held to a profile. Checked with copilot 1.0.102.

It is offered the tools of the profile and no others, those of servers included. It allows a command by its program's
name, and git and gh by their first word too. Its hooks may allow whatever it asks them, and cannot be turned off from
here: where there are any, a profile is refused. Commands that were approved for good in a directory are refused too.
"""

from __future__ import annotations

import re
from pathlib import Path

from defer.executors import profiles
from defer.executors.agents.base import Cannot
from defer.executors.profiles import Profile

from .common import Around, Bounds, only_named_commands

_READING, _EDITING = ("view", "glob", "grep"), ("create", "edit", "apply_patch")
_SHELL = ("bash", "read_bash", "stop_bash")
_HAS_HOOKS = re.compile(r'"hooks"\s*:(?!\s*\{\s*\})').search
_HAS_PLUGINS = re.compile(r'"enabledPlugins"\s*:\s*\{[^{}]*:\s*true\b').search
_HAS_NONE = re.compile(r'"disableAllHooks"\s*:\s*true\b').search
_WITH_SUBCOMMANDS = ("git", "gh")


def reads(around: Around) -> list[Path]:
    """The user's settings, and where hooks are: the user's and the project's."""
    directory = around.variables.get("COPILOT_HOME")
    home = Path(directory) if directory else around.home / ".copilot"
    project = around.workspace / ".github"
    settings = [home / "settings.json", home / "config.json"]
    projects = [project / "copilot" / "settings.json", project / "copilot" / "settings.local.json"]
    return [*settings, *projects, home / "hooks", project / "hooks", _approvals(around)]


def _approvals(around: Around) -> Path:
    directory = around.variables.get("COPILOT_HOME")
    return (Path(directory) if directory else around.home / ".copilot") / "permissions-config.json"


def of(profile: Profile, around: Around) -> Bounds:
    """What holds it to the profile. Raises Cannot."""
    denied = [f"--deny-tool=shell({form})" for one in profile.deny for form in _denied(one)]
    _refuse_hooks(profile, around)
    if profile.is_all:
        return Bounds(["--allow-all", *denied])
    only_named_commands("Copilot", profile)
    if profiles.SEARCH in profile.web:
        raise Cannot("permissions: Copilot has no search of the web of its own (leave it out)")
    if profile.may_execute and "commandIdentifiers" in around.texts.get(_approvals(around), ""):
        what = f"{_approvals(around)} has commands that were approved once and for all"
        raise Cannot(f"permissions: {what} (remove them there)")
    tools = [*_READING, *(_EDITING if profile.may_write else ()), *(_SHELL if profile.may_execute else ())]
    fetches = profiles.FETCH in profile.web
    flags = [f"--available-tools={','.join([*tools, *(['web_fetch'] if fetches else [])])}"]
    flags += ["--disallow-temp-dir", "--disable-builtin-mcps", *(["--allow-all-urls"] if fetches else [])]
    flags += ["--allow-tool=write"] if profile.may_write else []
    flags += [f"--allow-tool=shell({_allowed(one)})" for one in profile.allow]
    # Else it could come from the environment, and allow everything.
    return Bounds([*flags, *denied], {"COPILOT_ALLOW_ALL": ""})


def _refuse_hooks(profile: Profile, around: Around) -> None:
    if profile.is_all and not profile.deny:
        return
    users, *others, _ = reads(around)
    for path in (users, *others):
        # Not even `disableAllHooks` turns off those of plugins (1.0.102).
        if _HAS_PLUGINS(around.texts.get(path, "")):
            what = f"the hooks of Copilot's plugins may allow anything, and {path} enables some"
            raise Cannot(f"permissions: {what} (copilot plugin list, copilot plugin disable NAME)")
    if _HAS_NONE(around.texts.get(users, "")):
        return
    for path in (users, *others):
        text = around.texts.get(path, "")
        if _HAS_HOOKS(text) if path.suffix == ".json" else ".json" in text:
            what = f"Copilot's hooks may allow anything, and {path} has some"
            raise Cannot(f'permissions: {what} (remove them, or put "disableAllHooks": true into {users})')


def _allowed(command: str) -> str:
    words = command.split(" ")
    names = [one for one in words if one != "*"]
    is_whole = words[-1] == "*" and (len(names) == 1 or (len(names) == 2 and names[0] in _WITH_SUBCOMMANDS))
    if not is_whole:
        what = f"Copilot can allow a program with any words after it, not this alone: {command}"
        raise Cannot(f"permissions: {what} (say {' '.join(names[: 1 + (names[0] in _WITH_SUBCOMMANDS)])} *)")
    return f"{' '.join(names)}:*"


def _denied(command: str) -> tuple[str, ...]:
    words = command.removesuffix(" *")
    return (words, f"{words}:*") if command.endswith(" *") else (words,)
