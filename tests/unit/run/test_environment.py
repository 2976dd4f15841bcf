"""What an attempt gets around it: the caller's umask, and an environment without what belongs to others."""

import json
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from defer.executors import marks
from defer.record import variables
from defer.settings import variables as settings
from defer.wakers import cronenv
from support import SCRIPTS, quoted, records, strict, umask

pytestmark = pytest.mark.programs

UMASKS = (0o022, 0o027, 0o077, 0o000)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def printed_umask(result) -> int:
    return int(result["output"], 8)


def assert_ours_are_private(place) -> None:
    modes = {path: mode(path) for path in [place.runtime, *place.files()]}
    assert {path: one for path, one in modes.items() if one != (0o700 if path.is_dir() else 0o600)} == {}


def copied_code(base: Path) -> Path:
    """A checkout of its own whose byte code is still to be made, with the environment of this one."""
    code = base / "code"
    shutil.copytree(SCRIPTS, code / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements", "references"):
        (code / name).symlink_to(SCRIPTS.parent / name)
    (code / ".git").mkdir()
    (code / ".venv").symlink_to(Path(sys.prefix))
    return code


def environment_of(place, task_id: str) -> dict[str, str]:
    """What the executor ``env`` of one task printed."""
    (done,) = [one for one in place.archived() if one["id"] == task_id]
    assert done["status"] == "completed", done
    return dict(line.split("=", 1) for line in done["result"]["output"].splitlines())


class TestEnvironment:
    OF_AN_ATTEMPT = (
        *("DEFER_TASK_ID", "DEFER_RUN_ID", "DEFER_ATTEMPT", "DEFER_PROMPT_FILE", "DEFER_RESULT_FILE"),
        *("DEFER_SESSION_ID", "DEFER_MODEL", "DEFER_AGENT"),
    )
    MARKS = (
        *("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID", "AI_AGENT"),
        *(
            "CLAUDE_CODE_CHILD_SESSION",
            "CODEX_SANDBOX",
            "CODEX_SANDBOX_NETWORK_DISABLED",
            "CODEX_THREAD_ID",
            "CODEX_CI",
        ),
        *("GEMINI_CLI", "OPENCODE", "OPENCODE_PID", "QWEN_CODE", "COPILOT_CLI", "COPILOT_AGENT_SESSION_ID"),
    )
    THE_USERS = (
        *("CLAUDE_CODE_MAX_RETRIES", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK"),
        *("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CODEX_HOME", "OPENAI_API_KEY", "GEMINI_API_KEY", "IS_SANDBOX"),
        *("GEMINI_MODEL", "OPENCODE_CONFIG", "COPILOT_MODEL", "COPILOT_GITHUB_TOKEN", "QWEN_MODEL", "AGENT"),
    )

    def test_an_attempt_within_an_attempt_gets_its_own_session_model_and_agent_or_none(self, place):
        inner = {"DEFER_RUNTIME_DIR": str(place.base / "inner"), "DEFER_EXECUTOR": "/usr/bin/env"}
        tasks = place.home / "tasks"
        place.defer("--when", "now", "--summary", "plain", "--id", "plain", env=inner)
        body = "DEFER_RUNTIME_DIR={} DEFER_EXECUTOR=/usr/bin/env {}/run-deferred.sh".format(
            quoted(place.base / "inner"), quoted(SCRIPTS)
        )
        tasks.mkdir()
        (tasks / "outer.yml").write_text("schedule: now\nprompt: p\nmodel: outer-model\nagent: outer-agent\n")
        assert place.defer("sync", str(tasks)).returncode == 0
        place.write_store({**place.task("outer"), "sticky_session": True, "session_id": "outer-session"})
        place.wake(env={"DEFER_EXECUTOR": place.executor(f"env >{quoted(place.base / 'seen')}; {body}")})
        assert "DEFER_SESSION_ID=outer-session\n" in (place.base / "seen").read_text()
        (inner_archive,) = (place.base / "inner" / "archive").iterdir()
        (inner_done,) = records(inner_archive)
        got = dict(line.split("=", 1) for line in inner_done["result"]["output"].splitlines())
        assert got["DEFER_TASK_ID"] == "plain"
        assert not {"DEFER_SESSION_ID", "DEFER_MODEL", "DEFER_AGENT"} & got.keys()

    @pytest.mark.parametrize("source", ["the environment", "the settings file"])
    def test_what_marks_another_attempt_or_an_agents_session_stays_out(self, place, source):
        settings = place.base / "settings"
        values = {name: f"outer {name}" for name in (*self.OF_AN_ATTEMPT, *self.MARKS, *self.THE_USERS)}
        settings.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        outer = values if source == "the environment" else {"DEFER_ENV_FILE": str(settings)}
        place.schedule("now", "s", "--id", "a", "--executor", "/usr/bin/env")
        place.wake(env=outer)
        # What stands in the settings file is masked in what is kept, so that only the names can be compared.
        got = environment_of(place, "a")
        assert set(self.THE_USERS) <= got.keys()
        assert not {"DEFER_SESSION_ID", "DEFER_MODEL", "DEFER_AGENT", *self.MARKS} & got.keys()
        assert (got["DEFER_TASK_ID"], got["DEFER_ATTEMPT"]) == ("a", "1")

    def test_a_task_files_own_mark_is_meant_but_for_those_of_the_attempt(self, place):
        tasks = place.home / "tasks"
        tasks.mkdir()
        env = "  CLAUDECODE: '1'\n  DEFER_SESSION_ID: mine\n  DEFER_TASK_ID: mine\n"
        (tasks / "a.yml").write_text(f"schedule: now\ncommand: env\nenv:\n{env}")
        done = place.defer("sync", str(tasks))
        for number, name in ((5, "DEFER_SESSION_ID"), (6, "DEFER_TASK_ID")):
            assert f"a.yml:{number}: env.{name}: belongs to the attempt, ignored (take it out)" in done.stderr
        place.wake()
        got = environment_of(place, "a")
        assert (got["CLAUDECODE"], got["DEFER_TASK_ID"]) == ("1", "a")
        assert "DEFER_SESSION_ID" not in got

    def test_a_task_file_cannot_take_up_what_stays_out(self, place):
        tasks = place.home / "tasks"
        tasks.mkdir()
        (tasks / "a.yml").write_text("schedule: now\ncommand: env\nenv:\n  MINE: ${DEFER_SESSION_ID}\n")
        place.defer("sync", str(tasks))
        place.wake(env={"DEFER_SESSION_ID": "outer"})
        assert "DEFER_SESSION_ID is not set" in place.archived()[0]["error"]

    def test_cron_install_notes_none_of_them(self):
        exported = dict.fromkeys((*self.OF_AN_ATTEMPT, *self.MARKS), "outer")
        assert cronenv.wanted({"HOME": cronenv.home(), **exported}, "/bin") == {"PATH": "/bin"}

    def test_no_setting_of_ours_is_kept_from_executors(self):
        assert not (variables.OF_ATTEMPT | marks.OF_SESSIONS) & settings.VARIABLES.keys()


class TestUmask:
    @pytest.mark.parametrize("mask", UMASKS, ids=oct)
    def test_a_wakes_executor_has_the_callers(self, place, mask):
        made = place.base / "made"
        body = f'umask; mkdir {quoted(made)}; : >{quoted(made)}/file; : >"$DEFER_RESULT_FILE"'
        place.schedule("now", "s", "--executor", place.executor(body), preexec_fn=umask(mask))
        place.wake(preexec_fn=umask(mask))
        place.wake(preexec_fn=umask(mask))
        place.schedule("1h", "s", preexec_fn=umask(mask))
        assert printed_umask(place.archived()[0]["result"]) == mask
        assert (mode(made), mode(made / "file")) == (0o777 & ~mask, 0o666 & ~mask)
        assert_ours_are_private(place)

    @pytest.mark.parametrize("mask", UMASKS, ids=oct)
    def test_one_attempt_by_hand_has_it_too(self, place, mask):
        task = place.schedule("1h", "s", "--executor", place.executor("umask"))
        done = place.run("execute-task.sh", input=json.dumps(task).encode(), preexec_fn=umask(mask))
        assert printed_umask(strict(done.stdout)["result"]) == mask
        place.run("archive-deferred.sh", preexec_fn=umask(mask))
        assert_ours_are_private(place)

    def test_the_command_of_a_task_file_has_it_too(self, place):
        tasks = place.home / "tasks"
        place.defer("add", "a", "--schedule", "now", "--command", "umask", "--dir", str(tasks), preexec_fn=umask(0))
        place.wake(preexec_fn=umask(0o027))
        assert printed_umask(place.archived()[0]["result"]) == 0o027
        assert (mode(tasks), mode(tasks / "a.yml")) == (0o700, 0o600)

    def test_a_loop_and_a_start_anew_have_it_too(self, place, tmp_path):
        """Python starts itself anew where byte code was cut short: the second start has the first one's umask."""
        code = copied_code(tmp_path)
        place.schedule("now", "s", "--executor", place.executor("umask"))
        main = [sys.executable, "-I", "-S", "-X", "utf8", code / "scripts/defer/__main__.py", "wake"]
        subprocess.run([*main, "--help"], env=place.env, check=True, capture_output=True)
        for compiled in (code / "scripts/defer/run/__pycache__").glob("wake.*"):
            compiled.write_bytes(compiled.read_bytes()[:200])
        subprocess.run(main, env=place.env, check=True, preexec_fn=umask(0o023))
        assert printed_umask(place.archived()[0]["result"]) == 0o023

    def test_what_the_shell_itself_writes_is_private(self, place, tmp_path):
        """Without its Python environment a wake leaves its trouble and a line of the log."""
        code = copied_code(tmp_path)
        (code / ".venv").unlink()
        place.runtime.mkdir(mode=0o700)
        place.logs.mkdir(mode=0o700)
        runner = code / "scripts/run-deferred.sh"
        done = subprocess.run([runner], env=place.env, capture_output=True, preexec_fn=umask(0))
        assert done.returncode == 74
        assert {path.name for path in place.files()} == {"logs", "deferred.log", ".deferred.jsonl.trouble"}
        assert_ours_are_private(place)

    def test_no_code_of_ours_is_left_for_everybody_to_write_to(self, place, tmp_path):
        code = copied_code(tmp_path)
        (place.home / "CONTEXT.md").write_text("hello\n")
        for words in (
            ("schedule-task.sh", "--version"),
            ("time_utils.py", "normalize", "tomorrow 9am"),
            ("reorient_snapshot.py", "--context-file", "CONTEXT.md"),
            ("agent_result.py", "summary"),
            ("install.sh", "install", "none"),
        ):
            command = [code / "scripts" / words[0], *words[1:]]
            before = [] if words[0].endswith(".sh") else [sys.executable]
            subprocess.run(
                [*before, *command], env=place.env, cwd=place.home, input=b"{}", check=True, preexec_fn=umask(0)
            )
        made = [*code.rglob("*"), *place.home.rglob("*")]
        assert any(path.suffix == ".pyc" for path in made)
        assert any(path.name == "installed" for path in made)
        assert [path for path in made if not path.is_symlink() and mode(path) & 0o002] == []


class TestSize:
    """What is too large for a program to be started with is named, and its value is not shown."""

    def test_one_setting_is_refused_as_the_file_is_read_and_the_task_waits(self, place):
        settings = place.base / "settings"
        env = {"DEFER_ENV_FILE": str(settings)}
        place.schedule("now", "s", "--id", "a", "--executor", "/bin/true")
        settings.write_text(f"A=1\nBIG='{'s3cret' * 22_000}'\n")
        for done in (place.run("run-deferred.sh", env=env), place.defer("list", env=env)):
            assert done.returncode == 2
            assert done.stderr == (
                f"defer: {settings}:2: BIG is larger than 131071 bytes with its name "
                "(put the value into a file and name that)\n"
            )
        assert place.task("a")["status"] == "scheduled"

    def test_the_largest_setting_there_can_be_reaches_executors(self, place):
        settings = place.base / "settings"
        settings.write_text(f"BIG={'x' * (131_071 - len('BIG='))}\n")
        place.schedule("now", "s", "--executor", place.executor('echo "${#BIG}"'))
        place.wake(env={"DEFER_ENV_FILE": str(settings)})
        assert place.archived()[0]["result"]["output"].strip() == "131067"

    @pytest.mark.skipif(sys.platform != "linux", reason="there the limit is another, and does not follow the stack's")
    @pytest.mark.parametrize("source", ["the settings file", "the environment", "a task file", "a command"])
    def test_what_only_the_start_can_tell_fails_that_task_for_good(self, place, source):
        settings, tasks = place.base / "settings", place.home / "tasks"
        tasks.mkdir()
        values = {f"V{number}": str(number) * 30_000 for number in range(8)} | {"BIG": "s3cret" * 10_000}
        task = {"schedule": "now", "command": "true", "retries": 3}
        env, origin = {"DEFER_ENV_FILE": "/dev/null"}, "the runner's environment"
        if source == "the settings file":
            settings.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
            env, origin = {"DEFER_ENV_FILE": str(settings)}, str(settings)
        elif source == "the environment":
            env |= {"BIG": "s3cret" * 10_000}
            task["env"] = {name: value for name, value in values.items() if name != "BIG"}
        elif source == "a task file":
            task["env"], origin = values, str(tasks / "a.json")
        else:
            task["command"] = f": {'s3cret' * 30_000}"
        (tasks / "a.json").write_text(json.dumps(task))
        assert place.defer("sync", str(tasks)).returncode == 0
        # Linux allows a quarter of the stack's limit for environment and arguments together (execve(2)).
        place.wake(env=env, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20)))
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"], failed["error_type"]) == ("failed", 1, "ConfigError")
        part = "the command" if source == "a command" else f"BIG from {origin}"
        assert f"the largest part is {part}: " in failed["error"]
        assert "s3cret" not in failed["error"]
        assert "(put it into a file and name that)" in failed["error"]
