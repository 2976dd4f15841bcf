"""How Claude Code is held to a profile. Checked with claude 2.1.197.

It is offered the tools of the profile and no others, and in the mode ``dontAsk`` only what our settings allow is done:
they are read in place of the user's and the project's, whose rules, hooks, plugins, agents and servers stay out. An
edit is allowed below the working directory by a rule, which a symbolic link cannot lead out of. Without those sources
nothing reads CLAUDE.md either, so it is told to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from defer.executors import profiles
from defer.executors.agents.base import Cannot
from defer.executors.profiles import Profile

from .common import Around, Bounds, only_named_commands

_FILE = "claude-settings.json"
_READING = ("Read", "Glob", "Grep")
_EDITING = ("Edit", "Write", "NotebookEdit")
_WEB = {profiles.SEARCH: "WebSearch", profiles.FETCH: "WebFetch"}
# What it writes there would bound, or widen, the runs after this one.
_OWN_SETTINGS = ("Edit(./.claude/**)", "Edit(./.mcp.json)")
_LOGIN = (
    *("apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh", "forceLoginMethod"),
    *("forceLoginOrgUUID", "env", "model"),
)
"""Of the user's settings: who is logged in, by which way, and the model. Nothing of it allows anything."""
_READ_FIRST = "Read the file CLAUDE.md in the working directory first, if there is one."


def reads(around: Around) -> list[Path]:
    """The user's settings."""
    directory = around.variables.get("CLAUDE_CONFIG_DIR")
    return [(Path(directory) if directory else around.home / ".claude") / "settings.json"]


def of(profile: Profile, around: Around) -> Bounds:
    """What holds it to the profile. Raises Cannot."""
    denied = profiles.each(profile.deny, lambda one: f"Bash({one})", lambda one: f"Bash({one}:*)")
    if profile.is_all:
        if around.is_root and not around.variables.get("IS_SANDBOX"):
            why = "Claude Code refuses to do anything unasked as root"
            raise Cannot(f"permissions: {why} (run it as another user; IS_SANDBOX=1 says that this is a container)")
        text = json.dumps({"permissions": {"deny": denied}})
        return Bounds(["--permission-mode=bypassPermissions", f"--settings={around.own / _FILE}"], files={_FILE: text})
    only_named_commands("Claude Code", profile)
    web = [_WEB[one] for one in sorted(profile.web)]
    tools = [*_READING, *(_EDITING if profile.may_write else ()), *(["Bash"] if profile.may_execute else []), *web]
    allowed = [*(["Edit(./**)"] if profile.may_write else []), *web]
    allowed += profiles.each(profile.allow, lambda one: f"Bash({one})", lambda one: f"Bash({one}:*)")
    settings = {
        **_of_user(around),
        "disableAllHooks": True,
        "permissions": {"allow": allowed, "deny": [*denied, *_OWN_SETTINGS], "defaultMode": "dontAsk"},
    }
    flags = ["--setting-sources=", "--strict-mcp-config", "--permission-mode=dontAsk", f"--tools={','.join(tools)}"]
    flags += [f"--settings={around.own / _FILE}", f"--append-system-prompt={_READ_FIRST}"]
    return Bounds(flags, files={_FILE: json.dumps(settings)})


def _of_user(around: Around) -> dict[str, Any]:
    (path,) = reads(around)
    text = around.texts.get(path)
    try:
        found = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Cannot(f"permissions: {path} is not a JSON object, so that nobody is logged in by it (correct it)")
    return {name: found[name] for name in _LOGIN if name in found}
