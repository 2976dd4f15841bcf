"""What somebody should know who has just scheduled a task: it asks for what nobody will hold its agent to."""

import json

import pytest

from defer.scheduling import advice
from defer.settings import config

pytestmark = pytest.mark.thorough

NO_AGENT = "permissions hold a shipped agent alone: this task starts none"
READ = ["--permissions", "read"]


def warnings(place, *flags):
    """What is said of permissions and turns."""
    done = place.run("schedule-task.sh", "30m", "review", "--compact", *flags)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout).get("warnings") or []
    return [one for one in found if "permissions hold" in one or "turns" in one]


@pytest.mark.parametrize("flags", [[], ["--executor", "notify"]], ids=["reminder", "notify"])
def test_permissions_of_what_starts_no_agent_hold_nobody(place, flags):
    assert warnings(place, *flags) == []
    assert warnings(place, *flags, *READ) == [NO_AGENT]


def test_an_executor_of_ones_own_does_with_permissions_as_it_likes(place):
    mine = place.executor("exit 0")
    said = f"permissions hold a shipped agent alone: {mine} is told of them, and does as it likes"
    assert warnings(place, "--executor", str(mine), *READ) == [said]
    assert warnings(place, "--executor", str(mine)) == []


@pytest.mark.parametrize(
    ("agent", "product"),
    [
        ("claude", None),
        ("codex", "Codex has no limit on turns"),
        ("gemini", "Gemini CLI has no option that limits turns"),
        ("opencode", "opencode has no option that limits turns"),
        ("copilot", "Copilot CLI has no option that limits turns"),
        ("qwen", None),
    ],
)
def test_an_agent_without_a_limit_on_turns_is_named(place, agent, product):
    allowed = ["--permissions", "read"] if agent == "opencode" else []
    said = [f"the task will fail as things stand: {product} (leave --max-turns out)"] if product else []
    assert warnings(place, "--executor", agent, "--max-turns", "5", *allowed) == said
    assert warnings(place, "--executor", agent, *allowed) == []


def test_tasks_of_one_batch_are_told_apart_by_what_they_ask_for(tmp_path):
    settings = config.load({"HOME": str(tmp_path)})
    tasks = [{"executor": "codex"}, {"executor": "codex", "max_turns": 5}, {"executor": "codex"}]
    said = ["no limit on turns" in " ".join(found) for found in advice.doubts_of_each(tasks, settings)]
    assert said == [False, True, False]
