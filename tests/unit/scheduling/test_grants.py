"""What a task's agent may do, as it is scheduled: by flags, settings, files and from Python."""

from __future__ import annotations

import json
from typing import Any

import pytest

import defer
from defer.errors import BadInput
from defer.executors import registry
from defer.run import prompt
from support import Place

pytestmark = pytest.mark.thorough

FLAGS = ["--when", "2h", "--summary", "s"]
WIDER = {"profile": "work", "allow": ["make test"]}


def scheduled(place: Place, *words: str) -> dict[str, Any]:
    done = place.defer("schedule", *FLAGS, *words, "--compact")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def refused(place: Place, *words: str) -> str:
    done = place.defer("schedule", *FLAGS, *words, "--compact")
    assert (done.returncode, done.stdout) == (2, "")
    return str(done.stderr)


@pytest.fixture
def agent(place: Place) -> Place:
    place.env = {**place.env, "DEFER_EXECUTOR": "claude"}
    return place


class TestFlags:
    def test_a_profile(self, agent: Place) -> None:
        one = scheduled(agent, "--permissions", "edit")
        assert (one["permissions"], one["requires"]) == ("edit", ["permissions"])

    def test_the_settings_are_for_a_shipped_agent_by_its_path_too(self, agent: Place) -> None:
        shipped = str(registry.DIRECTORY / "claude")
        agent.env["DEFER_PERMISSIONS"] = "read"
        assert scheduled(agent, "--executor", shipped)["permissions"] == "read"
        assert "permissions" not in scheduled(agent, "--executor", agent.executor("exit 0"))

    def test_commands_are_work(self, agent: Place) -> None:
        assert scheduled(agent, "--allow", "make test")["permissions"] == WIDER
        both = scheduled(agent, "--allow", "make test", "--permissions", "work", "--allow", "git log *")
        assert both["permissions"] == {"profile": "work", "allow": ["make test", "git log *"]}

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (("--permissions", "everything"), "not a profile: everything (one of read, edit, work, all)"),
            (("--permissions", "read", "--allow", "ls"), "the profile read runs no commands: ls"),
            (("--allow", "ls; rm x"), "allow does not name a command: ls; rm x"),
        ],
    )
    def test_what_is_not_understood(self, words: tuple[str, ...], why: str, agent: Place) -> None:
        said = refused(agent, *words)
        assert why in said
        assert said.count("\n") == 1

    def test_an_executor_that_somebody_wrote_gets_them_unread(self, place: Place) -> None:
        one = scheduled(place, "--executor", "/bin/true", "--permissions", "whatever they mean")
        assert one["permissions"] == "whatever they mean"

    def test_none(self, place: Place) -> None:
        one = scheduled(place)
        assert not one.keys() & {"permissions", "requires"}


class TestSetting:
    def test_it_is_stored_with_the_task_of_a_shipped_agent(self, agent: Place) -> None:
        agent.env = {**agent.env, "DEFER_PERMISSIONS": "read"}
        assert scheduled(agent)["permissions"] == "read"
        assert scheduled(agent, "--permissions", "all")["permissions"] == "all"
        for other in ("/bin/true", "notify"):
            assert "permissions" not in scheduled(agent, "--executor", other)

    def test_it_is_no_profile(self, agent: Place) -> None:
        agent.env = {**agent.env, "DEFER_PERMISSIONS": "some"}
        assert "DEFER_PERMISSIONS: permissions: not a profile: some" in refused(agent)
        assert scheduled(agent, "--executor", "/bin/true")


class TestEdit:
    def edited(self, place: Place, *words: str) -> dict[str, Any]:
        done = place.defer("edit", "one", *words, "--compact")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def test_they_change_and_go(self, agent: Place) -> None:
        scheduled(agent, "--id", "one")
        assert self.edited(agent, "--permissions", "edit")["requires"] == ["permissions"]
        assert self.edited(agent, "--allow", "make test")["permissions"] == WIDER
        gone = self.edited(agent, "--permissions", "none")
        assert not gone.keys() & {"permissions", "requires"}

    def test_another_executor_has_them_looked_at(self, place: Place) -> None:
        scheduled(place, "--id", "one", "--executor", "/bin/true", "--permissions", "odd")
        done = place.defer("edit", "one", "--executor", "claude")
        assert done.returncode == 2
        assert "not a profile: odd" in done.stderr


class TestWhatIsSaid:
    def warnings(self, place: Place, *words: str) -> str:
        return "\n".join(scheduled(place, *words).get("warnings", []))

    def test_an_agent_that_cannot_be_held_to_it(self, agent: Place) -> None:
        assert "will fail as things stand: permissions: Codex cannot be kept" in self.warnings(
            agent, "--executor", "codex", "--permissions", "edit"
        )
        assert "Claude Code has no sandbox" in self.warnings(agent, "--permissions", "work")
        assert "permissions" not in self.warnings(agent, "--permissions", "read")

    def test_show_says_what_it_may(self, agent: Place) -> None:
        scheduled(agent, "--id", "one", "--allow", "make test")
        assert "May:         work: read, edit, run make test\n" in agent.defer("show", "one", "--table").stdout
        scheduled(agent, "--id", "odd", "--executor", "/bin/true", "--permissions", "as they like")
        assert 'May:         "as they like"\n' in agent.defer("show", "odd", "--table").stdout


class TestPython:
    def test_they_are_looked_at(self, agent: Place) -> None:
        found = defer.schedule("2h", "p", environ=agent.env, permissions={"execute": False, "web_search": True})
        assert found.record["requires"] == ["permissions"]
        with pytest.raises(BadInput, match="not known: sandbox"):
            defer.schedule("2h", "p", environ=agent.env, permissions={"profile": "read", "sandbox": 1})


TASK: Any = {"id": "one", "context": {"summary": "You may do anything."}, "execution": {}}


class TestPrompt:
    def said(self, permissions: Any) -> str:
        from defer.executors import profiles

        return prompt.render(TASK, 1, may=profiles.read(permissions))

    def test_it_says_what_an_agent_may_not_do_above_all_that_is_quoted(self) -> None:
        text = self.said("edit")
        mine = "You may not run commands, search the web, fetch anything from the network. What is refused"
        assert text.index(mine) < text.index("## ")
        assert text.index(mine) < text.index("You may do anything.")

    def test_it_names_commands(self) -> None:
        text = self.said({"profile": "work", "allow": ["make test"], "deny": ["make deploy"]})
        assert "You may run these commands: `make test`. You may not run these: `make deploy`." in text
        assert "You may not run any other command, search the web" in text
        assert "run commands in your sandbox" in self.said("work")

    def test_all(self) -> None:
        assert "You may do anything that the task needs." in self.said("all")
        assert "anything but run these commands: `rm *`." in self.said({"profile": "all", "deny": ["rm *"]})

    def test_nothing_is_said_without_a_profile(self) -> None:
        assert prompt.render(TASK, 1).count("You may") == 1
