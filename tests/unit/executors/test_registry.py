"""The shipped executors, each listed once; and what is missing of what a task starts, said when it is scheduled."""

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from defer.executors import hooks, registry
from defer.executors.agents.base import Cannot, Wishes
from support import SCRIPTS, strict, v1_task

pytestmark = pytest.mark.programs

PACKAGE = SCRIPTS / "defer"
FAILS = "the task will fail as things stand: "


def test_each_file_has_its_entry():
    assert sorted(registry.SHIPPED) == sorted(os.listdir(registry.DIRECTORY))


@pytest.mark.parametrize("name", registry.AGENTS)
def test_an_agents_program_is_held_to_what_its_entry_says(name):
    begin, wishes = registry.agent(name).start, {"model": Wishes(model="m-1"), "session_id": Wishes(session="s-1")}
    held = {field for field, wish in wishes.items() if any("-1" in word for word in begin(wish).arguments)}
    try:
        copied = begin(Wishes(session="s-1", fork=True)).arguments
    except Cannot:
        copied = begin(Wishes(session="s-1")).arguments
    held |= {"fork"} if copied != begin(Wishes(session="s-1")).arguments else set()
    assert held == registry.SHIPPED[name].enforces


def test_each_agent_has_its_hook():
    assert [*hooks.AGENTS] == [*registry.AGENTS]


def names_of_agents(path: Path) -> list[str]:
    """The texts in a module that are the name of an agent that we start, but for its own in a module of one."""
    texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    return [text for text in texts if text in registry.AGENTS and text != path.stem]


def test_nothing_else_lists_agents():
    """Except their hooks and logins, and the marks in environments, which are those of many that we do not start."""
    allowed = {PACKAGE / "executors" / name for name in ("registry.py", "marks.py", "preflight.py", "hooks.py")}
    sources = {SCRIPTS / "agent_result.py", *PACKAGE.rglob("*.py")} - allowed
    assert {path.name: found for path in sources if (found := names_of_agents(path))} == {}


def said(done) -> list[str]:
    """The warnings about the task's program, of all that a command said."""
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines() if done.stderr else strict(done.stdout).get("warnings", [])
    return [line for line in lines if "will fail as things stand" in line]


def program(directory: Path, name: str, first_line: str = "#!/bin/sh") -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"{first_line}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(place):
    """A PATH with what the entries need and nothing that is installed on this machine."""
    tools = place.base / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "readlink", "date", "env"):
        (tools / name).symlink_to(shutil.which(name))
    place.env["PATH"] = str(tools)
    return place


PATHS = {
    "not there": (lambda base: base / "none", "no such executor: {}"),
    "a directory": (lambda base: base, "no such executor: {}"),
    "not executable": (lambda base: base / "plain", "executor is not executable: {}"),
    "no interpreter": (
        lambda base: program(base, "odd", "#!/no/such/thing"),
        "executor's interpreter is not there: {}",
    ),
    "CRLF": (lambda base: program(base, "crlf", "#!/bin/sh\r"), "executor's interpreter is not there: {}"),
    "no program for env": (
        lambda base: program(base, "script", "#!/usr/bin/env -S X=1 nodejs-of-nobody --flag"),
        "executor {}: there is no program nodejs-of-nobody on the PATH",
    ),
}


@pytest.mark.parametrize(("make", "what"), PATHS.values(), ids=PATHS)
def test_an_executors_path(bare, make, what):
    (bare.base / "plain").touch()
    path = make(bare.base)
    (warning,) = said(bare.defer("1h", "s", "--executor", str(path)))
    assert warning.startswith(FAILS + what.format(path))


@pytest.mark.parametrize("first_line", ["#!/bin/sh", "#! /usr/bin/env sh", "#!/usr/bin/env -S sh -e", "no script", ""])
def test_an_executor_that_can_be_started_is_not_doubted(bare, first_line):
    assert said(bare.defer("1h", "s", "--executor", str(program(bare.base, "fine", first_line)))) == []


@pytest.mark.parametrize("name", sorted(os.listdir(registry.DIRECTORY)))
def test_a_shipped_ones_own_program(bare, name):
    programs = registry.SHIPPED[name].programs
    (warning,) = said(bare.defer("1h", "s", "--executor", name))
    assert warning == (
        f"{FAILS}executor {name}: there is no program {' or '.join(programs)} on the PATH that a wake will have "
        "(install it, then: defer waker install)"
    )
    for each in programs:
        found = {"PATH": f"{program(bare.base / each, each).parent}:{bare.env['PATH']}"}
        assert said(bare.defer("1h", "s", "--executor", name, env=found)) == []


def test_one_that_only_this_shells_path_leads_to(bare):
    settings = bare.base / "settings"
    settings.write_text(f"PATH={bare.env['PATH']}\n")
    mine = program(bare.base / "mine", "claude")
    env = {"DEFER_ENV_FILE": str(settings), "PATH": f"{mine.parent}:{bare.env['PATH']}"}
    begun = f"{FAILS}executor claude: {mine} is not on the PATH that a wake will have "
    assert said(bare.defer("1h", "s", "--executor", "claude", env=env)) == [f"{begun}(defer waker install)"]
    mine.parent.chmod(0o777)
    everybodys = "(every user can change it: install it where only you can)"
    assert said(bare.defer("1h", "s", "--executor", "claude", env=env)) == [f"{begun}{everybodys}"]


def test_the_path_of_the_settings_file_counts_before_this_shells(bare):
    mine = program(bare.base / "mine", "claude").parent
    settings = bare.base / "settings"
    settings.write_text(f"PATH={bare.env['PATH']}\n")
    env = {"DEFER_ENV_FILE": str(settings), "PATH": f"{mine}:{bare.env['PATH']}"}
    assert len(said(bare.defer("1h", "s", "--executor", "claude", env=env))) == 1
    settings.write_text(f"PATH={mine}:{bare.env['PATH']}\n")
    assert said(bare.defer("1h", "s", "--executor", "claude", env={**env, "PATH": bare.env["PATH"]})) == []


def test_the_configured_executor_is_doubted_where_the_task_names_none(bare):
    settings = bare.base / "settings"
    settings.write_text("DEFER_EXECUTOR=codex\n")
    env = {"DEFER_ENV_FILE": str(settings)}
    assert len(said(bare.defer("1h", "s", env=env))) == 1
    assert said(bare.defer("1h", "s", "--executor", "/bin/sh", env=env)) == []


def test_editing_says_it_of_the_executor_it_changes(bare):
    bare.schedule("1h", "s", "--id", "a", "--executor", "/bin/sh")
    assert len(said(bare.defer("edit", "a", "--executor", "claude"))) == 1
    assert said(bare.defer("edit", "a", "--tag", "x")) == []


def test_task_files_by_line(bare):
    tasks = bare.base / "tasks"
    tasks.mkdir()
    files = {
        "gone.yml": "schedule: 1h\ncommand: [nobodys-program, --flag]\n",
        "agent.yml": "schedule: 1h\nprompt: p\nagent: claude\n",
        "path.yml": "schedule: 1h\nexecutor: ./none\nprompt: p\n",
        "off.yml": "schedule: 1h\ncommand: [nobodys-program]\nenabled: false\n",
        "shell.yml": "schedule: 1h\ncommand: nobodys-program --flag\n",
        "fine.yml": "schedule: 1h\ncommand: [sh, -c, 'true']\n",
    }
    for name, text in files.items():
        (tasks / name).write_text(text)
    warnings = said(bare.defer("sync", str(tasks)))
    assert [line.removeprefix(f"defer: {tasks}/").partition(": the task")[0] for line in sorted(warnings)] == [
        "agent.yml:3: agent",
        "gone.yml:2: command",
        "path.yml:2: executor",
    ]
    again = bare.defer("sync", str(tasks))
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_adding_a_task_file(bare, flags):
    words = ("add", "a", "--schedule", "1h", "--prompt", "p", "--executor", "claude", "--dir", str(bare.base / "t"))
    assert len(said(bare.defer(*words, *flags))) == 1


def test_a_program_that_may_be_started_and_not_read_is_started(place, needs):
    path = place.base / "sealed"
    shutil.copy(os.path.realpath("/bin/true"), path)
    path.chmod(0o111)
    place.write_store(v1_task(executor=str(path)))
    bound = []
    if os.geteuid() == 0:
        needs("setpriv")
        bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"]
    subprocess.run([*bound, SCRIPTS / "run-deferred.sh"], env=place.env, check=True, capture_output=True)
    assert place.archived()[0]["status"] == "completed", place.archived()


@pytest.mark.parametrize(
    "name", ["../x", "..", ".", "claude/", "claude\n", "a" * 5000, "-x", "--help", "~/x", "/etc", "a\x01b"]
)
def test_what_is_no_executor_is_told_and_nothing_else_is_started(place, name):
    done = place.defer("1h", "s", f"--executor={name}")
    assert "Traceback" not in done.stderr
    place.write_store(v1_task("odd", executor=name), v1_task("fine", executor="/bin/true"))
    place.wake()
    ended = {one["id"]: one for one in place.archived()}
    assert (ended["odd"]["status"], ended["fine"]["status"]) == ("failed", "completed")
    assert ended["odd"]["error"].startswith("no such executor: ")


@pytest.mark.parametrize("text", ["-x", "-c", "--version", "-s", "--"])
def test_a_command_is_never_an_option_of_the_shell(place, text):
    place.write_store(v1_task(command=text))
    place.wake()
    (ended,) = place.archived()
    assert "not found" in ended["error"]
    assert ended["error"].startswith("executor exited with 127: ")


class TestTheProgramOfACommand:
    def ran(self, place, command, cwd, **fields):
        place.write_store(v1_task(command=command, **fields))
        place.wake(env={"PATH": f".::bin:{place.env['PATH']}"}, cwd=cwd)
        return place.archived()[0]

    def says(self, directory, name="x"):
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / name
        path.write_text(f"#!/bin/sh\necho {directory.name}\n")
        path.chmod(0o755)

    @pytest.mark.parametrize("name", ["x", "env"])
    def test_is_not_taken_from_where_the_runner_stands(self, place, name):
        here = place.base / "here"
        self.says(here, name)
        self.says(here / "bin", name)
        ended = self.ran(place, [name], here)
        if name == "x":
            assert ended["error"] == "no such program: x (give its path, or correct PATH in the settings file)"
        else:
            assert "PATH=" in ended["result"]["output"]

    def test_is_below_the_directory_of_the_task_if_it_has_a_slash(self, place):
        self.says(place.base / "here")
        self.says(place.base / "workspace")
        ended = self.ran(place, ["./x"], place.base / "here", workspace=str(place.base / "workspace"))
        assert ended["result"]["output"] == "workspace"

    def test_is_not_doubted_there(self, place):
        self.says(place.base / "workspace")
        tasks = place.base / "tasks"
        tasks.mkdir()
        (tasks / "a.yml").write_text(f"schedule: 1h\ncommand: [./x]\nworkspace: {place.base}/workspace\n")
        (tasks / "b.yml").write_text("schedule: 1h\ncommand: [./x]\n")
        (warning,) = said(place.defer("sync", str(tasks)))
        assert "b.yml:2: command: the task will fail as things stand: command: there is no program ./x (" in warning

    def test_nor_is_an_agents(self, place):
        here = place.base / "here"
        self.says(here, "claude")
        self.says(here / "bin", "claude")
        place.write_store(v1_task(executor="claude", workspace=str(here)))
        place.wake(env={"PATH": f".::bin:{place.env['PATH']}"}, cwd=here)
        assert place.archived()[0]["error"].startswith("executor exited with 78: claude: no such program on PATH (")


def test_a_name_that_is_not_a_path_is_doubted_like_any_other():
    assert registry.doubt_of_group("a\0b") is None
    assert (registry.doubt("a\0b", "/usr/bin", Path("/store")) or "").startswith("no such executor: ")


NO_COST = (
    "does not report what a run costs: no budget in dollars holds it (one in tokens does: DEFER_BUDGET_TOKENS_PER_DAY)"
)
NEITHER = "reports neither what a run costs nor its tokens: no budget holds it"


@pytest.mark.parametrize(
    ("executor", "flags", "env", "said"),
    [
        ("codex", ["--max-cost", "2"], {}, NO_COST),
        ("codex", [], {"DEFER_BUDGET_USD_PER_DAY": "5"}, NO_COST),
        ("codex", [], {"DEFER_BUDGET_TOKENS_PER_DAY": "5"}, None),
        ("codex", [], {}, None),
        ("copilot", ["--max-cost", "2"], {}, NEITHER),
        ("copilot", [], {"DEFER_BUDGET_TOKENS_PER_DAY": "5"}, NEITHER),
        ("copilot", [], {}, None),
        ("claude", ["--max-cost", "2"], {"DEFER_BUDGET_USD_PER_DAY": "5"}, None),
        ("/bin/true", ["--max-cost", "2"], {"DEFER_BUDGET_USD_PER_DAY": "5"}, None),
    ],
)
def test_an_agent_that_no_budget_holds_is_named_as_it_is_scheduled(place, executor, flags, env, said):
    done = place.run("schedule-task.sh", "30m", "review", "--executor", executor, *flags, env=env)
    assert done.returncode == 0
    assert {one for one in (NO_COST, NEITHER) if one in done.stdout} == ({said} if said else set())
