"""What an attempt gets around it: the caller's umask, and an environment without what belongs to others."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support import SCRIPTS, quoted, strict, umask

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
    (code / ".venv").symlink_to(Path(sys.prefix))
    return code


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
    def test_one_attempt_apart_from_a_store_has_it_too(self, place, mask):
        task = place.schedule("1h", "s", "--executor", place.executor("umask"))
        done = place.run("execute-task.sh", input=json.dumps(task).encode(), preexec_fn=umask(mask))
        assert printed_umask(strict(done.stdout)) == mask
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
        for compiled in (code / "scripts/defer/__pycache__").glob("runner.*"):
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
