"""Every example runs, does what it says, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from defer.settings.variables import VARIABLES
from defer.store.markers import Markers
from support import DEADLINE_SECONDS, ROOT, Place, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUNNABLE = {"recurring.sh", "reminder.sh", "resumed-analysis.sh", "scheduled-reorient.sh"}
USED_BY_THEM = {"executor.sh", "executor.py", "throwaway.bash"}
SHOWN_BY_MAKE_DEMO = {"demo.sh", "repository_report.py"}
FOR_CONTAINERS = {"compose.yaml"}

Run = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs one as a person would, from some folder, with a setting of theirs that must not matter."""
    for name in ("tmp", "home", "some folder"):
        (tmp_path / name).mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "TZ": "UTC"}
    environment |= {"DEFER_EXECUTOR": "/no/such/program", "DEFER_MAX_PARALLEL": "1"}

    def run(name: str) -> str:
        done = subprocess.run(
            [EXAMPLES / name],
            cwd=tmp_path / "some folder",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        left = [str(path) for path in tmp_path.rglob("*") if not path.is_dir()]
        assert left == []
        return done.stdout

    return run


def answers(printed: str) -> list[dict[str, object]]:
    """The JSON that stands on lines of its own."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith(("{", "["))]


def test_none_is_left_out() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert files == RUNNABLE | USED_BY_THEM | SHOWN_BY_MAKE_DEMO | FOR_CONTAINERS


def test_reminder(run: Run) -> None:
    printed = run("reminder.sh")
    in_two_hours, now, waiting = answers(printed)
    assert in_two_hours["context"]["summary"] == "stretch your legs"
    assert [one["id"] for one in waiting] == [in_two_hours["id"]]
    assert f"== {now['id']}, attempt 1 ==\n## Summary\n\n> the kettle\n" in printed


def test_recurring(run: Run) -> None:
    printed = run("recurring.sh")
    found = answers(printed)
    scheduled, week, moved, after, copy, paused, resumed, cancelled, edited = found
    assert (scheduled["recurrence"]["count"], len(week)) == (20, 5)
    assert moved["occurrence"] == scheduled["occurrence"] > moved["run_at"]
    assert (after["recurrence"]["fired"], after["run_at"], after["attempts"]) == (1, after["occurrence"], 0)
    assert after["occurrence"] > scheduled["occurrence"]
    assert copy["copy_of"] == "inbox"
    assert (paused["status"], resumed["status"], resumed["run_at"]) == ("paused", "scheduled", after["run_at"])
    assert cancelled["run_at"] > after["run_at"]
    assert (edited["recurrence"]["expression"], edited["recurrence"]["fired"]) == ("every weekday 9:00", 2)
    assert printed.count("## Summary\n\n> sort the inbox\n") == 2


def test_resumed_analysis(run: Run) -> None:
    printed = run("resumed-analysis.sh")
    ended = answers(printed)[-1]
    assert (ended["status"], ended["attempts"]) == ("completed", 2)
    assert ended["result"]["output"] == "the sum of 100 measurements is 5050"
    assert "quota used up after line 50" in printed
    assert "## Constraints\n\n> - Do not change the measurements" in printed


def test_scheduled_reorient(run: Run) -> None:
    printed = run("scheduled-reorient.sh")
    snapshot, task = answers(printed)
    assert task["context"]["reoriented_from"] == snapshot["reoriented_from"]
    assert task["context"]["key_points"] == [*snapshot["key_points"], "The gauge data came on Monday"]
    assert "## Summary\n\n> Fit the harmonics of Brest\n" in printed
    assert "> - Open question: Do we keep the Fortran core?\n> - The gauge data came on Monday\n" in printed


@pytest.fixture
def execute(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs an executor as the runner does."""
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("# Deferred task\n\n## Summary\n\nbuild\n")

    def execute(name: str, artifacts: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        told = {"DEFER_TASK_ID": "t", "DEFER_RUN_ID": "r", "DEFER_ATTEMPT": "1", "DEFER_PROMPT_FILE": str(prompt)}
        return subprocess.run(
            [EXAMPLES / name],
            input=json.dumps({"id": "t", "context": {"summary": "build", "artifacts": artifacts}}) + "\n",
            env={**os.environ, **told, "DEFER_RESULT_FILE": str(tmp_path / "result.json"), **more},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    return execute


def test_executor_in_shell(tmp_path: Path, execute: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    diary = tmp_path / "diary.txt"
    assert execute("executor.sh", [], DIARY=str(diary)).stdout == f"noted in {diary}\n"
    assert diary.read_text() == "== t, attempt 1 ==\n## Summary\n\nbuild\n"
    assert execute("executor.sh", [], DIARY=str(tmp_path / "no" / "such")).returncode == 75
    unset = execute("executor.sh", [])
    assert (unset.returncode, unset.stderr.count("\n")) == (78, 1)


def test_executor_in_python(tmp_path: Path, execute: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    built = tmp_path / "app"
    result = tmp_path / "result.json"
    assert execute("executor.py", [str(built)]).stdout == f"still missing: {built}\n"
    assert json.loads(result.read_text()) == {"summary": "1 of 1 missing", "reschedule": "10m"}
    built.touch()
    assert execute("executor.py", [str(built)]).stdout == f"all there: {built}\n"
    assert json.loads(result.read_text()) == {"summary": "0 of 1 missing", "artifacts": [str(built)]}


@pytest.mark.parametrize("name", ["executor.sh", "executor.py"])
def test_ten_lines(name: str) -> None:
    lines = (EXAMPLES / name).read_text().splitlines()
    code = [line for line in lines if line.strip() and not line.startswith(("#", '"""', "import "))]
    assert len(code) <= 10


class TestCompose:
    """The container cannot be built here: what it says is held against what it uses."""

    @pytest.fixture
    def service(self) -> dict[str, Any]:
        (service,) = YAML(typ="safe").load((EXAMPLES / "compose.yaml").read_text())["services"].values()
        assert isinstance(service, dict)
        return service

    def test_what_it_starts_is_the_loop_of_the_checkout_it_copies(self, service: dict[str, Any]) -> None:
        program, *flags = service["command"]
        assert flags == ["--loop"]
        assert (ROOT / Path(program).relative_to("/opt/defer")).is_file()
        build = service["build"]
        assert (EXAMPLES / build["context"]).resolve() == ROOT
        assert "COPY --chown=defer . /opt/defer\n" in build["dockerfile_inline"]
        assert "make --directory /opt/defer install AGENT=none" in build["dockerfile_inline"]

    def test_its_settings_are_known_and_its_tasks_outlive_it(self, service: dict[str, Any]) -> None:
        assert service["environment"].keys() <= VARIABLES.keys()
        runtime = service["environment"]["DEFER_RUNTIME_DIR"]
        assert f"tasks:{runtime}" in service["volumes"]
        heartbeat = Markers(Path(runtime) / "deferred.jsonl").heartbeat
        assert f"find {heartbeat} -mmin -3 " in service["healthcheck"]["test"][1]

    def test_a_stop_waits_longer_than_an_attempt_may_take_to_end(self, service: dict[str, Any]) -> None:
        assert float(service["stop_grace_period"].removesuffix("s")) > float(VARIABLES["DEFER_KILL_GRACE_SECONDS"])

    def test_its_health_check_tells_a_loop_at_work_from_one_that_is_gone(
        self, service: dict[str, Any], place: Place
    ) -> None:
        runtime = service["environment"]["DEFER_RUNTIME_DIR"]
        check = service["healthcheck"]["test"][1].replace(runtime, str(place.runtime))

        def is_healthy() -> bool:
            return subprocess.run(["/bin/sh", "-c", check], capture_output=True, check=False).returncode == 0

        assert not is_healthy()
        loop = place.start("run-deferred.sh", *service["command"][1:])
        until(is_healthy)
        loop.terminate()
        assert loop.wait() == 0
        heartbeat = place.runtime / ".deferred.jsonl.heartbeat"
        os.utime(heartbeat, (0, 0))
        assert not is_healthy()
