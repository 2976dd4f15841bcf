"""How opencode is held to a profile. Checked with opencode 1.18.33.

It runs as an agent of our own, whose rules come after the user's and the project's, and the last one that fits
decides. Its name is the attempt's, so that no other configuration can add to it. Plugins, which could allow things,
stay out; servers are started, but none of their tools is offered.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from defer.executors import profiles
from defer.executors.agents.base import Cannot
from defer.executors.profiles import Profile

from .common import Around, Bounds, only_named_commands

_CONTENT = "OPENCODE_CONFIG_CONTENT"
_READING = ("read", "glob", "grep", "list", "todowrite")
_WEB = {profiles.SEARCH: "websearch", profiles.FETCH: "webfetch"}


def reads(_around: Around) -> list[Path]:
    """Nothing: whatever stands there, our rules come last."""
    return []


def of(profile: Profile, around: Around) -> Bounds:
    """What holds it to the profile. Raises Cannot."""
    if profile.is_all and not profile.deny:
        return Bounds(["--auto"])
    denied = profiles.each(profile.deny, lambda one: one, lambda one: f"{one} *")
    refused = {**dict.fromkeys(denied, "deny"), **{one.removesuffix(" *"): "deny" for one in profile.deny}}
    if profile.is_all:
        rules: dict[str, Any] = {"*": "allow", "external_directory": "allow", "bash": {"*": "allow", **refused}}
        return _bounded(rules, around, ["--auto"])
    only_named_commands("opencode", profile)
    rules = {"*": "deny", **dict.fromkeys(_READING, "allow"), "external_directory": "deny"}
    if profile.may_write:
        rules["edit"] = "allow"
    if profile.may_execute:
        allowed = dict.fromkeys(_allowed(profile.allow), "allow")
        # What a command prints could be sent anywhere: into a file outside the workspace, too.
        rules["bash"] = {"*": "deny", **allowed, **refused, "*>*": "deny"}
    return _bounded({**rules, **{_WEB[one]: "allow" for one in sorted(profile.web)}}, around, [])


def _allowed(commands: tuple[str, ...]) -> list[str]:
    return [form for one in commands for form in ((one.removesuffix(" *"), one) if one.endswith(" *") else (one,))]


def _bounded(rules: dict[str, Any], around: Around, flags: list[str]) -> Bounds:
    try:
        config = json.loads(around.variables.get(_CONTENT) or "{}")
        agents = config.get("agent") or {}
        name = "defer-" + re.sub(r"[^A-Za-z0-9]+", "-", around.own.name).strip("-")
        ours = {**config, "agent": {**agents, name: {"mode": "primary", "permission": rules}}}
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise Cannot(f"permissions: {_CONTENT} is not a JSON object (correct it)") from None
    return Bounds([f"--agent={name}", "--pure", *flags], {_CONTENT: json.dumps(ours)})
