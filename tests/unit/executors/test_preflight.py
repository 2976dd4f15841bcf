"""Whether an agent is certainly not logged in: told only where nothing at all could log it in.

The makers' programs are stood in for by files in the places where their packages put them; none is started, except that
``TestWhoIsTold`` lets a wake and a command look.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from defer.executors import preflight, registry
from support import Place, strict, v1_task

MADE = {
    "claude": "lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe",
    "codex": "lib/node_modules/@openai/codex/bin/codex.js",
    "gemini": "lib/node_modules/@google/gemini-cli/bundle/gemini.js",
    "copilot": "lib/node_modules/@github/copilot/npm-loader.js",
    "qwen": "lib/node_modules/@qwen-code/qwen-code/cli.js",
}
NODE = "#!/usr/bin/env node\n"


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class World:
    """A home, a workspace and a PATH on which an agent's program lies as its maker installs it."""

    def __init__(self, base: Path, agent: str) -> None:
        self.agent, self.home, self.bin = agent, base / "home", base / "bin"
        self.workspace = base / "work" / "space"
        for one in (self.home, self.bin, self.workspace):
            one.mkdir(parents=True)
        put(self.bin / "node")
        made = put(base / MADE[agent], NODE if MADE[agent].endswith(".js") else "\x7fELF\n")
        (self.bin / agent).symlink_to(made)

    def trouble(self, **variables: str) -> str | None:
        around = {"HOME": str(self.home), "LANG": "C", "USER": "me", **variables}
        return preflight.trouble(self.agent, str(self.bin), self.workspace, around)


@pytest.fixture(autouse=True)
def _on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture(params=sorted(MADE))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(tmp_path, request.param)


def of(agent: str, base: Path) -> World:
    return World(base, agent)


def test_each_entry_is_an_agent_and_opencode_has_none() -> None:
    assert set(preflight.LOGINS) == set(registry.AGENTS) - {"opencode"} == set(MADE)


def test_nothing_at_all_is_told_with_how_to_mend_it(world: World) -> None:
    said = world.trouble()
    own = world.home / f".{world.agent}"
    assert said is not None
    assert said.startswith(f"not logged in: nothing in the environment, in {own} or in the settings around it ")
    assert said.endswith(f" ({preflight.LOGINS[world.agent].mend})")


def test_an_empty_variable_or_the_mark_of_a_session_is_not_a_login(world: World) -> None:
    empty = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GH_TOKEN"), "")
    marks = {"CLAUDE_CODE_SESSION_ACCESS_TOKEN": "x", "GEMINI_CLI_IDE_AUTH_TOKEN": "x", "QWEN_CODE": "1"}
    assert world.trouble(**empty, **marks) is not None


VARIABLES = {
    "claude": "ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL ANTHROPIC_CUSTOM_HEADERS ANTHROPIC_PROFILE "
    "CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_USE_BEDROCK CLAUDE_CODE_USE_VERTEX CLAUDE_CODE_USE_FOUNDRY "
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR CLAUDE_CODE_HOST_AUTH_ENV_VAR "
    "CLAUDE_SECURESTORAGE_CONFIG_DIR",
    "codex": "OPENAI_API_KEY CODEX_API_KEY CODEX_ACCESS_TOKEN OPENAI_BASE_URL AZURE_OPENAI_API_KEY HTTPS_PROXY "
    "https_proxy SSL_CERT_FILE CODEX_CA_CERTIFICATE",
    "gemini": "GEMINI_API_KEY GOOGLE_API_KEY GOOGLE_GENAI_USE_VERTEXAI GOOGLE_GENAI_USE_GCA GOOGLE_GEMINI_BASE_URL "
    "GOOGLE_APPLICATION_CREDENTIALS CLOUD_SHELL GEMINI_CLI_USE_COMPUTE_ADC GEMINI_CLI_HOME",
    "copilot": "COPILOT_GITHUB_TOKEN GH_TOKEN GITHUB_TOKEN COPILOT_PROVIDER_BASE_URL COPILOT_OFFLINE",
    "qwen": "OPENAI_API_KEY DASHSCOPE_API_KEY QWEN_OAUTH BAILIAN_CODING_PLAN_API_KEY MY_OWN_API_KEY OPENAI_BASE_URL",
}


@pytest.mark.parametrize(("agent", "name"), [(agent, name) for agent in VARIABLES for name in VARIABLES[agent].split()])
def test_a_variable_that_may_log_it_in(agent: str, name: str, tmp_path: Path) -> None:
    assert of(agent, tmp_path).trouble(**{name: "1"}) is None


FILES = {
    "claude": {
        ".claude/.credentials.json": "",
        ".claude/remote-settings.json": "",
        ".claude/settings.json": '{"apiKeyHelper": "/usr/local/bin/key"}',
        ".claude/settings.local.json": '{"env": {"ANTHROPIC_AUTH_TOKEN": "x"}}',
        ".claude.json": '{"primaryApiKey": "x"}',
        ".config/anthropic/credentials/default.json": "",
        "../work/space/.claude/settings.local.json": '{"awsAuthRefresh": "aws sso login"}',
        "../work/.claude/settings.json": '{"env": {}}',
    },
    "codex": {
        ".codex/auth.json": "",
        ".codex/.env": "",
        ".codex/config.toml": 'model_provider = "local"\n[model_providers.local]\nbase_url = "http://localhost:1/v1"\n',
        "../work/.codex/config.toml": 'cli_auth_credentials_store = "keyring"\n',
        ".codex/managed_config.toml": 'openai_base_url = "https://gateway.example"\n',
    },
    "gemini": {
        ".gemini/oauth_creds.json": "",
        ".gemini/settings.json": '{"security": {"auth": {"selectedType": "gemini-api-key"}}}',
        ".gemini/.env": "",
        ".env": "",
        "../work/.env": "",
        "../work/space/.gemini/settings.json": '{"mcpServers": {"one": {"env": {"A": "$A"}}}}',
    },
    "copilot": {
        ".copilot/config.json": '// ours\n{"firstLaunchAt": "x", "lastLoggedInUser": {"login": "me"}}',
        ".copilot/settings.json": '{"provider": {}}',
        ".config/gh/hosts.yml": "",
        ".config/github-copilot/apps.json": "",
    },
    "qwen": {
        ".qwen/oauth_creds.json": "",
        ".qwen/settings.json": '{"modelProviders": {}}',
        ".qwen/.env": "",
        "../work/space/.env": "",
    },
}


@pytest.mark.parametrize(("agent", "name"), [(agent, name) for agent in FILES for name in FILES[agent]])
def test_a_file_that_may_log_it_in(agent: str, name: str, tmp_path: Path) -> None:
    world = of(agent, tmp_path)
    path = Path(os.path.normpath(world.home / name))
    put(path, FILES[agent][name])
    assert world.trouble() is None


HARMLESS = {
    "claude": {
        ".claude/settings.json": '{"permissions": {"allow": ["Bash(ls)"]}, "model": "opus"}',
        ".claude.json": '{"firstStartTime": "x", "migrationVersion": 13, "userID": "x", "seenNotifications": {}}',
    },
    "codex": {".codex/config.toml": 'model = "gpt-5"\nsandbox_mode = "read-only"\n'},
    "gemini": {".gemini/settings.json": '{"general": {"maxAttempts": 2}}'},
    "copilot": {".copilot/config.json": '// User settings belong in settings.json.\n{\n  "firstLaunchAt": "x"\n}\n'},
    "qwen": {".qwen/settings.json": '{"ui": {"theme": "x"}}'},
}


def test_settings_that_have_nothing_to_do_with_it(world: World) -> None:
    for name, text in HARMLESS[world.agent].items():
        put(world.home / name, text)
    assert world.trouble() is not None


def test_a_directory_of_its_own_that_a_variable_names(tmp_path: Path) -> None:
    world = of("claude", tmp_path)
    other = tmp_path / "other"
    assert f"in {other} or" in (world.trouble(CLAUDE_CONFIG_DIR=str(other)) or "")
    put(other / ".credentials.json")
    assert world.trouble(CLAUDE_CONFIG_DIR=str(other)) is None
    assert world.trouble() is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_where_we_may_not_look_nothing_is_certain(world: World) -> None:
    own = world.home / f".{world.agent}"
    own.mkdir()
    own.chmod(0)
    try:
        assert world.trouble() is None
    finally:
        own.chmod(0o700)


def test_nor_as_root_where_the_system_refuses_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.fspath(world.home / f".{world.agent}")

    def refusing(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def look(path: Any, *rest: Any, **more: Any) -> os.stat_result:
            if str(path).startswith(own):
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return real(path, *rest, **more)

        return look

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    assert world.trouble() is None


def test_settings_that_are_not_a_plain_file_are_not_read(world: World) -> None:
    name = next(iter(HARMLESS[world.agent]))
    (world.home / name).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(world.home / name)
    assert world.trouble() is None


class TestOtherPrograms:
    """What is not the maker's program may bring a login of its own."""

    def test_a_wrapper_of_the_users(self, world: World) -> None:
        (world.bin / world.agent).unlink()
        put(world.bin / world.agent, "#!/bin/sh\nOPENAI_API_KEY=$(pass show key) exec real\n")
        assert world.trouble() is None

    def test_a_wrapper_in_node(self, world: World) -> None:
        (world.bin / world.agent).unlink()
        put(world.bin / world.agent, NODE)
        assert world.trouble() is None

    def test_a_link_to_a_version_manager(self, world: World, tmp_path: Path) -> None:
        (world.bin / world.agent).unlink()
        (world.bin / world.agent).symlink_to(put(tmp_path / "mise", "\x7fELF\n"))
        assert world.trouble() is None

    def test_a_node_of_a_version_manager(self, tmp_path: Path) -> None:
        world = of("codex", tmp_path)
        (world.bin / "node").unlink()
        (world.bin / "node").symlink_to(put(tmp_path / "mise", "\x7fELF\n"))
        assert world.trouble() is None

    def test_a_native_one_of_the_makers(self, tmp_path: Path) -> None:
        world = of("claude", tmp_path)
        (world.bin / "claude").unlink()
        (world.bin / "claude").symlink_to(put(tmp_path / "share" / "claude" / "versions" / "2.1.197", "\x7fELF\n"))
        assert world.trouble() is not None

    def test_none_at_all_is_somebody_elses_to_tell(self, world: World) -> None:
        (world.bin / world.agent).unlink()
        assert world.trouble() is None

    def test_the_github_cli_may_log_copilot_in(self, tmp_path: Path) -> None:
        world = of("copilot", tmp_path)
        put(world.bin / "gh")
        assert world.trouble() is None


def test_on_macos_nothing_is_said_of_those_with_a_key_ring(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert (world.trouble() is None) == (world.agent in ("claude", "copilot"))


class Installed:
    """A store with a task for Claude Code, which is on PATH as its maker installs it, and notes that it was started."""

    def __init__(self, place: Place) -> None:
        self.place, self.started = place, place.base / "started"
        cli = put(place.base / "lib/node_modules/@anthropic-ai/claude-code/cli.js", NODE)
        put(place.base / "bin" / "node", f"#!/bin/bash\ntouch '{self.started}'\n")
        (place.base / "bin" / "claude").symlink_to(cli)
        self.path = f"{place.base / 'bin'}:{place.env['PATH']}"


@pytest.fixture
def installed(place: Place) -> Installed:
    return Installed(place)


needs_linux = pytest.mark.skipif(sys.platform == "darwin", reason="its Keychain may hold a login")
SAID = "not logged in: nothing in the environment, in {}/.claude or in the settings around it logs it in"
MEND = "run claude and log in, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN in the settings file"


@pytest.mark.programs
class TestWhoIsTold:
    @needs_linux
    def test_an_attempt_fails_for_good_and_starts_nothing(self, installed: Installed) -> None:
        place = installed.place
        place.write_store(v1_task(executor="claude", max_retries=3))
        place.wake(env={"PATH": installed.path})
        (done,) = place.archived()
        assert (done["status"], place.runs()[0]["exit_code"]) == ("failed", 78)
        assert f"claude: {SAID.format(place.env['HOME'])} ({MEND})" in done["error"]
        assert not installed.started.exists()

    @needs_linux
    def test_one_with_a_variable_of_its_own_starts(self, installed: Installed) -> None:
        place = installed.place
        place.write_store(v1_task(executor="claude"))
        place.wake(env={"PATH": installed.path, "ANTHROPIC_BASE_URL": "http://gateway.example"})
        assert installed.started.exists()

    @needs_linux
    def test_it_is_told_when_scheduling(self, installed: Installed) -> None:
        installed.place.env["PATH"] = installed.path
        done = installed.place.defer("--when", "in 1h", "--summary", "x", "--executor", "claude")
        home = installed.place.env["HOME"]
        said = f"the task will fail as things stand: executor claude: {SAID.format(home)} ({MEND})"
        assert said in strict(done.stdout)["warnings"]
