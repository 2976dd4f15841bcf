"""How Codex is held to a profile. Checked with codex 0.169.0.

Its sandbox bounds what its commands can reach, not which of them run: reading, too, is done by commands. What the
user's configuration would widen is overridden on the command line: more directories, the network, rules that take a
command out of the sandbox, a reviewer who does, hooks, apps and plugins. Servers are turned off by their names, and a
project's own configuration is read only where the project is trusted.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from defer.executors import profiles
from defer.executors.agents.base import Cannot
from defer.executors.profiles import Profile

from .common import Around, Bounds

_SYSTEM = Path("/etc/codex/config.toml")
_OFF = ("hooks", "apps", "plugins", "multi_agent", "browser_use", "computer_use")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch


def reads(around: Around) -> list[Path]:
    """The user's configuration, and the system's."""
    home = around.variables.get("CODEX_HOME")
    return [(Path(home) if home else around.home / ".codex") / "config.toml", _SYSTEM]


def of(profile: Profile, around: Around) -> Bounds:
    """What holds it to the profile. Raises Cannot."""
    if profile.allow or profile.deny:
        what = "allow" if profile.allow else "deny"
        raise Cannot(f"permissions: Codex cannot tell commands apart: its sandbox bounds them all (leave {what} out)")
    if profile.is_all:
        return Bounds(["--sandbox=danger-full-access", *_set('approval_policy="never"')])
    if profile.may_write and not profile.may_execute:
        why = "Codex cannot be kept from running commands"
        raise Cannot(f"permissions: {why} (work: its sandbox keeps them in the workspace and off the network)")
    sandbox = "workspace-write" if profile.may_write else "read-only"
    searches = "live" if profiles.SEARCH in profile.web else "disabled"
    settings = [
        'approval_policy="never"',
        f'web_search="{searches}"',
        "sandbox_workspace_write.network_access=false",
        "sandbox_workspace_write.writable_roots=[]",
        "sandbox_workspace_write.exclude_slash_tmp=true",
        "sandbox_workspace_write.exclude_tmpdir_env_var=true",
        *(f"features.{name}=false" for name in _OFF),
        *(f"mcp_servers.{name}.enabled=false" for name in _servers(around)),
        f"projects={_untrusted(around.workspace)}",
    ]
    return Bounds([f"--sandbox={sandbox}", "--ignore-rules", *_set(*settings)])


def _set(*settings: str) -> list[str]:
    return [f"--config={one}" for one in settings]


def _untrusted(workspace: Path) -> str:
    """The workspace and all directories above it, any of which may be the project that somebody has trusted."""
    named = (json.dumps(str(one), ensure_ascii=False) for one in (workspace, *workspace.parents))
    return "{" + ",".join(f'{one}={{trust_level="untrusted"}}' for one in named) + "}"


def _servers(around: Around) -> list[str]:
    found: dict[str, None] = {}
    for path in reads(around):
        try:
            config: dict[str, Any] = tomllib.loads(around.texts.get(path, ""))
        except tomllib.TOMLDecodeError as error:
            raise Cannot(f"permissions: {path} cannot be read: {error} (correct it)") from None
        servers = config.get("mcp_servers", {})
        for name in servers if isinstance(servers, dict) else ():
            if not _PLAIN(name):
                raise Cannot(f"permissions: {path} has a server that cannot be turned off: {name!a} (rename it)")
            found[name] = None
    return list(found)
