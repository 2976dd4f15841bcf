"""What each agent is started with for each profile, and what of its user's own settings it is refused for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from defer.executors import enforce, registry
from defer.executors.agents.base import Cannot, Start
from defer.executors.bounds.common import Bounds

WORK = {"profile": "work", "allow": ["make test", "git log *"], "deny": ["git log -p"]}
BY_PROGRAM = {"profile": "work", "allow": ["make *", "git log *"], "deny": ["git log -p *"]}
WEB = {"web_search": True, "web_fetch": True}


class Desk:
    """A user's home directory and a workspace, with whatever settings a test puts there."""

    def __init__(self, base: Path) -> None:
        self.home, self.workspace, self.own = base / "home", base / "work", base / "run-1f.own"
        self.home.mkdir()
        self.workspace.mkdir()
        self.variables = {"HOME": str(self.home)}

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def bounds(self, agent: str, permissions: Any) -> Bounds:
        return enforce.of(agent, permissions, self.workspace, self.own, self.variables)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return Desk(tmp_path)


def test_without_permissions_an_agents_own_settings_decide(desk: Desk) -> None:
    assert desk.bounds("claude", None) == Bounds()
    assert desk.bounds("somebody", None) == Bounds()


def test_an_agent_that_cannot_be_held_to_any_is_refused(desk: Desk) -> None:
    with pytest.raises(Cannot, match="somebody cannot be held to any"):
        desk.bounds("somebody", "all")


def test_flags_stand_behind_a_subcommand_and_in_front_of_all_others() -> None:
    begin = Start(["exec", "--json", "resume", "--", "id", "-"], {"A": "1"}, files={"a": "1"})
    put_on = Bounds(["--x"], {"B": "2"}, {"b": "2"}).put_on(begin)
    assert put_on.arguments == ["exec", "--x", "--json", "resume", "--", "id", "-"]
    assert put_on.environment == {"A": "1", "B": "2"}
    assert put_on.files == {"a": "1", "b": "2"}
    assert Bounds(["--x"]).put_on(Start(["-p"])).arguments == ["--x", "-p"]
    assert Bounds(["--x"]).put_on(Start(["run"])).arguments == ["run", "--x"]
    assert Bounds().put_on(begin) == begin


@pytest.mark.parametrize("agent", registry.AGENTS)
def test_every_shipped_agent_can_be_held_to_reading_or_refuses(agent: str, desk: Desk) -> None:
    if registry.SHIPPED[agent].is_bounded:
        assert desk.bounds(agent, "read").flags
    else:
        with pytest.raises(Cannot, match=f"{agent} cannot be held to any"):
            desk.bounds(agent, "read")


def test_a_setting_that_cannot_be_read_may_allow_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(Cannot, match=r"settings\.json cannot be read: Permission denied"):
        desk.bounds("claude", "read")


class TestClaude:
    def settings(self, bounds: Bounds) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(bounds.files["claude-settings.json"])
        return found

    @pytest.mark.parametrize(
        ("permissions", "tools", "allowed"),
        [
            ("read", "Read,Glob,Grep", []),
            ("edit", "Read,Glob,Grep,Edit,Write,NotebookEdit", ["Edit(./**)"]),
            (
                WORK,
                "Read,Glob,Grep,Edit,Write,NotebookEdit,Bash",
                ["Edit(./**)", "Bash(make test)", "Bash(git log:*)"],
            ),
            (WEB, "Read,Glob,Grep,WebFetch,WebSearch", ["WebFetch", "WebSearch"]),
        ],
    )
    def test_it_is_offered_the_tools_of_the_profile_alone(
        self, permissions: Any, tools: str, allowed: list[str], desk: Desk
    ) -> None:
        bounds = desk.bounds("claude", permissions)
        assert {
            "--setting-sources=",
            "--strict-mcp-config",
            "--permission-mode=dontAsk",
            f"--tools={tools}",
            f"--settings={desk.own}/claude-settings.json",
        } <= set(bounds.flags)
        settings = self.settings(bounds)
        assert settings["disableAllHooks"] is True
        assert settings["permissions"]["allow"] == allowed
        assert "Edit(./.claude/**)" in settings["permissions"]["deny"]

    def test_a_command_that_is_denied_stays_denied(self, desk: Desk) -> None:
        assert "Bash(git log -p)" in self.settings(desk.bounds("claude", WORK))["permissions"]["deny"]
        all_but = desk.bounds("claude", {"profile": "all", "deny": ["rm *"]})
        assert self.settings(all_but)["permissions"] == {"deny": ["Bash(rm:*)"]}

    def test_of_its_users_settings_only_the_login_and_the_model_count(self, desk: Desk) -> None:
        theirs = {"permissions": {"allow": ["Bash(*)"]}, "hooks": {}, "model": "opus", "apiKeyHelper": "key"}
        desk.write(desk.home / ".claude/settings.json", json.dumps(theirs))
        settings = self.settings(desk.bounds("claude", "edit"))
        assert settings["model"] == "opus"
        assert settings["apiKeyHelper"] == "key"
        assert settings["permissions"]["allow"] == ["Edit(./**)"]
        assert "hooks" not in settings

    def test_its_settings_lie_where_the_variable_says(self, desk: Desk) -> None:
        desk.variables["CLAUDE_CONFIG_DIR"] = str(desk.home / "else")
        desk.write(desk.home / "else/settings.json", '{"model": "opus"}')
        assert self.settings(desk.bounds("claude", "read"))["model"] == "opus"
        desk.write(desk.home / "else/settings.json", "[]")
        with pytest.raises(Cannot, match="is not a JSON object"):
            desk.bounds("claude", "read")

    def test_as_root_it_does_nothing_unasked_but_in_a_container(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "--permission-mode=bypassPermissions" in desk.bounds("claude", "all").flags
        monkeypatch.setattr("os.geteuid", lambda: 0)
        with pytest.raises(Cannot, match=r"as root .*IS_SANDBOX=1"):
            desk.bounds("claude", "all")
        desk.variables["IS_SANDBOX"] = "1"
        assert "--permission-mode=bypassPermissions" in desk.bounds("claude", "all").flags
        del desk.variables["IS_SANDBOX"]
        assert desk.bounds("claude", WORK)

    def test_it_has_no_sandbox_for_commands(self, desk: Desk) -> None:
        with pytest.raises(Cannot, match="name those it may run"):
            desk.bounds("claude", "work")


class TestCodex:
    @pytest.mark.parametrize(
        ("permissions", "sandbox"),
        [("read", "read-only"), ("work", "workspace-write"), ({"execute": True}, "read-only"), (WEB, "read-only")],
    )
    def test_its_sandbox_bounds_it_whatever_its_user_has_set(self, permissions: Any, sandbox: str, desk: Desk) -> None:
        flags = set(desk.bounds("codex", permissions).flags)
        assert {
            f"--sandbox={sandbox}",
            "--ignore-rules",
            '--config=approval_policy="never"',
            "--config=sandbox_workspace_write.network_access=false",
            "--config=sandbox_workspace_write.writable_roots=[]",
            "--config=sandbox_workspace_write.exclude_slash_tmp=true",
            "--config=features.hooks=false",
        } <= flags
        searches = '--config=web_search="live"' in flags
        assert searches == (permissions == WEB)

    def test_a_project_is_trusted_by_nobody(self, desk: Desk) -> None:
        said = next(one for one in desk.bounds("codex", "read").flags if one.startswith("--config=projects="))
        projects = tomllib.loads(said.removeprefix("--config="))["projects"]
        assert projects[str(desk.workspace)] == projects["/"] == {"trust_level": "untrusted"}

    def test_servers_are_turned_off_by_name(self, desk: Desk) -> None:
        path = desk.write(desk.home / ".codex/config.toml", '[mcp_servers.files]\ncommand = "x"\n')
        assert "--config=mcp_servers.files.enabled=false" in desk.bounds("codex", "read").flags
        path.write_text('[mcp_servers."a b"]\ncommand = "x"\n')
        with pytest.raises(Cannot, match="cannot be turned off: 'a b'"):
            desk.bounds("codex", "read")
        path.write_text("[")
        with pytest.raises(Cannot, match=r"config\.toml cannot be read"):
            desk.bounds("codex", "work")

    def test_everything(self, desk: Desk) -> None:
        assert "--sandbox=danger-full-access" in desk.bounds("codex", "all").flags

    @pytest.mark.parametrize(
        ("permissions", "why"),
        [
            ("edit", "cannot be kept from running commands .*work"),
            ({"write": True, "execute": False}, "cannot be kept from running commands"),
            (WORK, "cannot tell commands apart.*leave allow out"),
            ({"profile": "all", "deny": ["rm *"]}, "cannot tell commands apart.*leave deny out"),
        ],
    )
    def test_what_it_cannot_be_kept_from(self, permissions: Any, why: str, desk: Desk) -> None:
        with pytest.raises(Cannot, match=why):
            desk.bounds("codex", permissions)


class TestGemini:
    def rules(self, bounds: Bounds) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tomllib.loads(bounds.files["gemini-policy.toml"])["rule"]
        return found

    def allowed(self, bounds: Bounds) -> set[str]:
        return {tool for rule in self.rules(bounds) if rule["decision"] == "allow" for tool in rule["toolName"]}

    @pytest.mark.parametrize(
        ("permissions", "more"),
        [
            ("read", set()),
            ("edit", {"write_file", "replace"}),
            (WORK, {"write_file", "replace", "run_shell_command"}),
            (WEB, {"google_web_search", "web_fetch"}),
        ],
    )
    def test_all_is_denied_but_the_tools_of_the_profile(self, permissions: Any, more: set[str], desk: Desk) -> None:
        bounds = desk.bounds("gemini", permissions)
        assert self.rules(bounds)[0] == {"toolName": ["*"], "decision": "deny", "priority": 800}
        doing = {"write_file", "replace", "run_shell_command", "google_web_search", "web_fetch", "invoke_agent"}
        assert self.allowed(bounds) & doing == more
        file = desk.own / "gemini-policy.toml"
        assert {f"--policy={file}", f"--admin-policy={file}", "--approval-mode=default"} <= set(bounds.flags)

    def test_commands(self, desk: Desk) -> None:
        shell = [one for one in self.rules(desk.bounds("gemini", WORK)) if one["toolName"] == ["run_shell_command"]]
        assert [(one["decision"], one.get("commandRegex"), one.get("commandPrefix")) for one in shell] == [
            ("allow", 'make test"', None),
            ("allow", None, "git log"),
            ("deny", 'git log -p"', None),
        ]
        assert shell[2]["priority"] > shell[1]["priority"]
        (exact,) = self.rules(desk.bounds("gemini", {"profile": "all", "deny": ["a.b+c"]}))
        assert exact["commandRegex"] == 'a\\.b\\+c"'

    def test_everything(self, desk: Desk) -> None:
        assert desk.bounds("gemini", "all") == Bounds(["--approval-mode=yolo"])

    @pytest.mark.parametrize("where", ["home", "workspace"])
    def test_more_directories_than_the_workspace_are_refused(self, where: str, desk: Desk) -> None:
        path = getattr(desk, where) / ".gemini/settings.json"
        desk.write(path, '{"context": {"includeDirectories" : [ ]}}')
        assert desk.bounds("gemini", "edit")
        desk.write(path, '{"context": {"includeDirectories": ["/"]}}')
        with pytest.raises(Cannot, match=r"more directories than the workspace \(remove includeDirectories"):
            desk.bounds("gemini", "edit")
        assert desk.bounds("gemini", "all")

    def test_it_has_no_sandbox_for_commands(self, desk: Desk) -> None:
        with pytest.raises(Cannot, match="Gemini CLI has no sandbox"):
            desk.bounds("gemini", "work")


class TestOpencode:
    def rules(self, bounds: Bounds) -> dict[str, Any]:
        (name,) = (one.removeprefix("--agent=") for one in bounds.flags if one.startswith("--agent="))
        config = json.loads(bounds.environment["OPENCODE_CONFIG_CONTENT"])
        found: dict[str, Any] = config["agent"][name]["permission"]
        return found

    def test_all_is_denied_first_and_the_last_rule_that_fits_decides(self, desk: Desk) -> None:
        rules = self.rules(desk.bounds("opencode", WORK))
        assert next(iter(rules.items())) == ("*", "deny")
        assert (rules["edit"], rules["external_directory"]) == ("allow", "deny")
        assert list(rules["bash"].items()) == [
            ("*", "deny"),
            ("make test", "allow"),
            ("git log", "allow"),
            ("git log *", "allow"),
            ("git log -p", "deny"),
            ("*>*", "deny"),
        ]

    @pytest.mark.parametrize(
        ("permissions", "more"), [("read", set()), ("edit", {"edit"}), (WEB, {"webfetch", "websearch"})]
    )
    def test_narrower_profiles(self, permissions: Any, more: set[str], desk: Desk) -> None:
        bounds = desk.bounds("opencode", permissions)
        rules = self.rules(bounds)
        assert {"edit", "bash", "webfetch", "websearch", "task"} & rules.keys() == more
        assert "--pure" in bounds.flags
        assert "--auto" not in bounds.flags

    def test_its_agents_name_is_the_attempts(self, desk: Desk) -> None:
        one = desk.bounds("opencode", "read").flags
        desk.own = desk.own.with_name("run-2e.own")
        other = desk.bounds("opencode", "read").flags
        assert one != other
        assert "--agent=defer-run-2e-own" in other

    def test_everything(self, desk: Desk) -> None:
        assert desk.bounds("opencode", "all") == Bounds(["--auto"])
        but = desk.bounds("opencode", {"profile": "all", "deny": ["rm *"]})
        assert self.rules(but)["bash"] == {"*": "allow", "rm *": "deny", "rm": "deny"}

    def test_what_its_user_gives_it_by_a_variable_stays(self, desk: Desk) -> None:
        desk.variables["OPENCODE_CONFIG_CONTENT"] = '{"model": "a/b", "agent": {"x": {}}}'
        config = json.loads(desk.bounds("opencode", "read").environment["OPENCODE_CONFIG_CONTENT"])
        assert config["model"] == "a/b"
        assert set(config["agent"]) == {"x", "defer-run-1f-own"}
        for odd in ("[]", "{", '{"agent": 5}'):
            desk.variables["OPENCODE_CONFIG_CONTENT"] = odd
            with pytest.raises(Cannot, match="OPENCODE_CONFIG_CONTENT is not a JSON object"):
                desk.bounds("opencode", "read")


class TestCopilot:
    @pytest.mark.parametrize(
        ("permissions", "tools"),
        [
            ("read", "view,glob,grep"),
            ("edit", "view,glob,grep,create,edit,apply_patch"),
            (BY_PROGRAM, "view,glob,grep,create,edit,apply_patch,bash,read_bash,stop_bash"),
            ({"web_fetch": True}, "view,glob,grep,web_fetch"),
        ],
    )
    def test_it_is_offered_the_tools_of_the_profile_alone(self, permissions: Any, tools: str, desk: Desk) -> None:
        bounds = desk.bounds("copilot", permissions)
        assert {f"--available-tools={tools}", "--disallow-temp-dir", "--disable-builtin-mcps"} <= set(bounds.flags)
        assert bounds.environment == {"COPILOT_ALLOW_ALL": ""}
        assert ("--allow-tool=write" in bounds.flags) == ("create" in tools)

    def test_commands_by_their_program(self, desk: Desk) -> None:
        flags = desk.bounds("copilot", BY_PROGRAM).flags
        assert "--allow-tool=shell(make:*)" in flags
        assert "--allow-tool=shell(git log:*)" in flags
        assert {"--deny-tool=shell(git log -p)", "--deny-tool=shell(git log -p:*)"} <= set(flags)

    @pytest.mark.parametrize(("command", "hint"), [("make test", r"make \*"), ("git log -p *", r"git log \*")])
    def test_a_command_that_it_would_read_as_more(self, command: str, hint: str, desk: Desk) -> None:
        with pytest.raises(Cannot, match=rf"with any words after it.*\(say {hint}\)"):
            desk.bounds("copilot", {"profile": "work", "allow": [command]})

    @pytest.mark.parametrize(
        "path", ["home/.copilot/settings.json", "home/.copilot/config.json", "work/.github/copilot/settings.json"]
    )
    def test_so_may_those_of_its_plugins_which_no_setting_turns_off(self, path: str, desk: Desk) -> None:
        enabled = {"enabledPlugins": {"other@m": False, "theirs@m": True}, "disableAllHooks": True}
        desk.write(desk.home.parent / path, json.dumps(enabled))
        for permissions in ("read", {"profile": "all", "deny": ["rm *"]}):
            with pytest.raises(Cannot, match="hooks of Copilot's plugins may allow anything"):
                desk.bounds("copilot", permissions)
        assert desk.bounds("copilot", "all").flags == ["--allow-all"]
        desk.write(desk.home.parent / path, json.dumps({"enabledPlugins": {"theirs@m": False}}))
        desk.bounds("copilot", "read")

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("home/.copilot/settings.json", '{"hooks": {"preToolUse": []}}'),
            ("home/.copilot/config.json", '{"hooks": {"preToolUse": []}}'),
            ("home/.copilot/hooks/mine.json", "{}"),
            ("work/.github/hooks/theirs.json", "{}"),
            ("work/.github/copilot/settings.json", '{"hooks": {"x": []}}'),
        ],
    )
    def test_its_hooks_may_allow_anything(self, path: str, text: str, desk: Desk) -> None:
        desk.write(desk.home.parent / path, text)
        for permissions in ("read", {"profile": "all", "deny": ["rm *"]}):
            with pytest.raises(Cannot, match="hooks may allow anything"):
                desk.bounds("copilot", permissions)
        assert desk.bounds("copilot", "all").flags == ["--allow-all"]
        if "settings" not in path or "work" in path:
            desk.write(desk.home / ".copilot/settings.json", '{"disableAllHooks": true}')
            assert desk.bounds("copilot", "read")

    def test_commands_that_were_approved_for_good(self, desk: Desk) -> None:
        approved = '{"locations": {"/x": {"tool_approvals": [{"kind": "commands", "commandIdentifiers": ["rm"]}]}}}'
        desk.write(desk.home / ".copilot/permissions-config.json", approved)
        with pytest.raises(Cannot, match="approved once and for all"):
            desk.bounds("copilot", BY_PROGRAM)
        assert desk.bounds("copilot", "edit")

    def test_it_has_no_search_and_no_sandbox(self, desk: Desk) -> None:
        with pytest.raises(Cannot, match="no search of the web"):
            desk.bounds("copilot", WEB)
        with pytest.raises(Cannot, match="Copilot has no sandbox"):
            desk.bounds("copilot", "work")
