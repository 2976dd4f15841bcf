"""The coding agents' real programs: which versions, where they are put, and how each is pointed at the model."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PINNED = {
    # agent: npm package, version
    "claude": ("@anthropic-ai/claude-code", "2.1.197"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
    "opencode": ("opencode-ai", "1.18.33"),
    "copilot": ("@github/copilot", "1.0.102"),
    "qwen": ("@qwen-code/qwen-code", "0.15.10"),
}
TOOLS = {"skills": ("skills", "1.5.18")}
"""The same of a program that is not an agent: it installs skills for many of them."""
PATH = "/usr/local/bin:/usr/bin:/bin"
RETRIES = 1
"""How often a program tries again by itself, where it can be told: each would take minutes else."""


class Setup(NamedTuple):
    """What a program needs to find the model: variables, and files below its home directory."""

    environment: dict[str, str]
    files: dict[str, str]


def installed() -> Path:
    """The directory of the programs, all of them installed as they are pinned.

    ``AGENTS_DIR`` names one; else it is in the user's cache, for root in one that other users can enter too. Raises
    SystemExit where npm is missing or fails.
    """
    directory = Path(os.environ.get("AGENTS_DIR") or _cache() / "defer-agents")
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = [*PINNED.values(), *TOOLS.values()]
        missing = [f"{name}@{version}" for name, version in wanted if _version(directory, name) != version]
        if missing:
            _install(directory, missing)
    return directory / "node_modules" / ".bin"


def _cache() -> Path:
    if os.geteuid() == 0:
        return Path("/var/cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _version(directory: Path, package: str) -> str | None:
    try:
        return str(json.loads((directory / "node_modules" / package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _install(directory: Path, packages: list[str]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("e2e-agents: there is no npm (install Node.js 20 or newer)")
    print(f"e2e-agents: installing {', '.join(packages)} in {directory}", flush=True)
    flags = ["--no-audit", "--no-fund", "--save-exact", "--loglevel=error"]
    done = subprocess.run([npm, "install", "--prefix", str(directory), *flags, *packages], check=False)
    if done.returncode:
        raise SystemExit(f"e2e-agents: npm could not install them: it exited with {done.returncode}")


def _claude(base: str, key: str | None) -> Setup:
    # A subscriber's token, since only a subscription has a limit with a time. Without one it says that nobody is
    # logged in, as long as the home directory is empty.
    quiet = ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY")
    told = {"ANTHROPIC_BASE_URL": base, "CLAUDE_CODE_MAX_RETRIES": str(RETRIES), **dict.fromkeys(quiet, "1")}
    if key and key.startswith("sk-ant-oat"):
        told["CLAUDE_CODE_OAUTH_TOKEN"] = key
    elif key:
        told["ANTHROPIC_API_KEY"] = key
    return Setup(told, {})


def _codex(base: str, key: str | None) -> Setup:
    config = f"""model_provider = "stub"
model = "gpt-5"

[model_providers.stub]
name = "stub"
base_url = "{base}/v1"
wire_api = "responses"
env_key = "STUB_KEY"
request_max_retries = {RETRIES}
stream_max_retries = {RETRIES}
"""
    return Setup({"STUB_KEY": key} if key else {}, {".codex/config.toml": config})


def _gemini(base: str, key: str | None) -> Setup:
    told = {"GOOGLE_GEMINI_BASE_URL": base, "GEMINI_MODEL": "gemini-2.5-pro"}
    chosen = {"security": {"auth": {"selectedType": "gemini-api-key"}}} if key else {}
    settings = {**chosen, "general": {"maxAttempts": RETRIES + 1, "disableAutoUpdate": True}, "privacy": {}}
    settings["privacy"] = {"usageStatisticsEnabled": False}
    return Setup({**told, **({"GEMINI_API_KEY": key} if key else {})}, {".gemini/settings.json": json.dumps(settings)})


def _opencode(base: str, key: str | None) -> Setup:
    config: dict[str, object] = {"autoupdate": False, "share": "disabled"}
    if key:
        options = {"baseURL": f"{base}/v1", "apiKey": key}
        provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": {}}}
        config |= {"provider": {"stub": provider}, "model": "stub/m"}
    else:
        config |= {"model": "anthropic/claude-sonnet-4-5"}
    # It waits for the network at its start otherwise.
    told = dict.fromkeys((f"OPENCODE_DISABLE_{what}" for what in ("MODELS_FETCH", "AUTOUPDATE", "LSP_DOWNLOAD")), "1")
    return Setup(told, {".config/opencode/opencode.json": json.dumps(config)})


def _copilot(base: str, key: str | None) -> Setup:
    told = {"COPILOT_OFFLINE": "true", "COPILOT_AUTO_UPDATE": "false", "COPILOT_MODEL": "stub"}
    return Setup({**told, **({"COPILOT_PROVIDER_BASE_URL": f"{base}/v1"} if key else {})}, {})


def _qwen(base: str, key: str | None) -> Setup:
    told = {"OPENAI_BASE_URL": f"{base}/v1", "OPENAI_MODEL": "stub", **({"OPENAI_API_KEY": key} if key else {})}
    settings = {
        "security": {"auth": {"selectedType": "openai"}},
        # Each would be seven tries, of a minute and a quarter together, which no setting makes fewer.
        "model": {"generationConfig": {"maxRetries": 0}},
        "general": {"disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
    }
    return Setup(told, {".qwen/settings.json": json.dumps(settings)})


_SETUPS: dict[str, Callable[[str, str | None], Setup]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
    "copilot": _copilot,
    "qwen": _qwen,
}
_POLICY = """[[rule]]
toolName = "run_shell_command"
decision = "allow"
priority = 100
allowRedirection = true
"""
_ALLOWING = {
    # What a user's own settings say so that the shell tool may be used.
    "claude": Setup({}, {".claude/settings.json": json.dumps({"permissions": {"allow": ["Bash"]}})}),
    "codex": Setup({}, {".codex/config.toml": 'sandbox_mode = "workspace-write"'}),
    "gemini": Setup({}, {".gemini/policies/allow.toml": _POLICY}),
    "opencode": Setup({}, {}),  # where it may be used unless they say otherwise
    "copilot": Setup({"COPILOT_ALLOW_ALL": "true"}, {}),
    "qwen": Setup({}, {".qwen/settings.json": json.dumps({"tools": {"approvalMode": "yolo"}})}),
}
_ASKING = {"opencode": Setup({}, {".config/opencode/opencode.json": json.dumps({"permission": {"bash": "ask"}})})}
KEYS = {"claude": "sk-ant-oat01-fake"}


def setup(agent: str, base: str, key: str | None = "", may_run: bool | None = None, is_trusted: bool = True) -> Setup:
    """What an agent's program needs to find the model at ``base``.

    ``key``: a made-up one of its own, or None to be logged in nowhere. ``may_run``: whether the user's own settings
    allow commands; None leaves that as it is by default. ``is_trusted``: whether they trust the workspace.
    """
    found = _SETUPS[agent](base, KEYS.get(agent, "fake") if key == "" else key)
    if agent == "gemini" and is_trusted:
        found.environment["GEMINI_CLI_TRUST_WORKSPACE"] = "true"
    more = _ALLOWING[agent] if may_run else _ASKING.get(agent) if may_run is False else None
    if more is None:
        return found
    files = {path: _joined(found.files.get(path), text) for path, text in more.files.items()}
    return Setup({**found.environment, **more.environment}, {**found.files, **files})


def _joined(one: str | None, other: str) -> str:
    """Two texts of settings as one: JSON objects, or TOML whose first part has no table."""
    if one is None:
        return other
    if one.startswith("{"):
        return json.dumps({**json.loads(one), **json.loads(other)})
    return f"{other}\n{one}"
