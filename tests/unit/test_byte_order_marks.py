"""Every text that is read may begin with a byte order mark, as some editors write it; it is not part of the text."""

import json
import subprocess
import sys

import pytest

from defer import instants
from defer.executors import resultfile
from support import NOW, SCRIPTS, quoted, strict, v1_task

pytestmark = pytest.mark.thorough

MARK = b"\xef\xbb\xbf"


@pytest.fixture
def marked(place):
    """``marked(text)``: the path of a new file with the mark in front."""
    count = 0

    def write(text: str, name: str = "") -> str:
        nonlocal count
        count += 1
        path = place.base / (name or f"file{count}")
        path.write_bytes(MARK + text.encode())
        return str(path)

    return write


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_prompt(place, marked, from_stdin):
    file = "-" if from_stdin else marked("do it\n")
    stored = place.schedule("1h", "s", "--prompt-file", file, input=MARK + b"do it\n" if from_stdin else None)
    assert stored["execution"]["prompt_template"] == "do it\n"
    edited = place.defer("edit", stored["id"], "--prompt-file", marked("do that\n"), "--compact")
    assert strict(edited.stdout)["execution"]["prompt_template"] == "do that\n"


@pytest.mark.parametrize("text", ["## State\n- a\n", "just text\n"])
def test_a_context_file(place, marked, text):
    plain = place.base / "plain.md"
    plain.write_text(text)
    found = [place.schedule("1h", "s", "--context-file", path)["context"] for path in (str(plain), marked(text))]
    for one in found:
        del one["reoriented_from"]
    assert [json.dumps(one).replace("file1", "plain.md") for one in found] == [json.dumps(found[0])] * 2
    command = [sys.executable, SCRIPTS / "reorient_snapshot.py", "--context-file", marked(text)]
    assert b"\xef\xbb\xbf" not in subprocess.run(command, env=place.env, capture_output=True, check=True).stdout


def test_context_json_as_a_shell_takes_it_from_a_file(place):
    stored = place.defer("1h", "--context-json", '\ufeff{"summary": "s"}', "--compact")
    assert stored.returncode == 0, stored.stderr
    assert strict(stored.stdout)["context"]["summary"] == "s"


def test_a_task_on_standard_input(place):
    done = place.run("execute-task.sh", input=MARK + json.dumps(v1_task(executor="/bin/true")).encode())
    assert done.returncode == 0, done.stderr


def test_settings(place, marked):
    settings = marked("DEFER_EXECUTOR=/bin/true\n")
    place.schedule("now", "s")
    place.wake(env={"DEFER_ENV_FILE": settings})
    assert place.archived()[0]["result"]["type"] == "executor_output"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yml", "schedule: 1h\nprompt: p\n"),
        ("a.json", '{"schedule": "1h", "prompt": "p"}'),
        ("a.md", "---\nschedule: 1h\n---\np\n"),
        ("a.yml", "schedule: 1h\nworkflow: w\n"),
    ],
)
def test_task_files_and_their_workflows(place, marked, name, text):
    (place.base / "tasks" / "workflows").mkdir(parents=True)
    marked(text, f"tasks/{name}")
    marked("p\n", "tasks/workflows/w.md")
    done = place.defer("sync", str(place.base / "tasks"))
    assert done.returncode == 0, done.stderr
    assert place.task("a")["execution"]["prompt_template"] == "p"


def test_another_tools_jobs(place, marked):
    job = {"id": "a", "prompt": "p", "enabled": True, "status": "active"}
    jobs = marked(json.dumps([{**job, "schedule": {"kind": "every", "interval_ms": 3_600_000}}]))
    done = place.defer("import", "--from", "agentica", jobs, "--dir", str(place.base / "tasks"), "--dry-run")
    assert "+ a" in done.stdout, done.stderr


def test_times_on_standard_input(place):
    command = [sys.executable, SCRIPTS / "time_utils.py", "normalize", "-"]
    done = subprocess.run(command, env=place.env, input=MARK + b"2027-01-15T12:00\n", capture_output=True)
    assert done.stdout == b"2027-01-15T12:00:00Z\n"


def test_a_result_file():
    assert resultfile.load(MARK + b'{"summary": "s"}') == {"summary": "s"}


def test_a_result_file_to_which_a_shipped_executor_adds(place, marked):
    file = marked('{"summary": "mine"}')
    said = place.base / "said.json"
    said.write_bytes(MARK + b'{"type":"result","is_error":false,"result":"r","session_id":"5f1c"}')
    place.executor(f"cat {quoted(said)}", "claude")
    env = {**place.env, "PATH": f"{place.base}:{place.env['PATH']}"}
    prompt = place.base / "prompt"
    prompt.touch()
    env |= {"DEFER_RESULT_FILE": file, "DEFER_PROMPT_FILE": str(prompt)}
    done = subprocess.run([sys.executable, SCRIPTS / "agent_result.py", "claude"], env=env, capture_output=True)
    assert done.stdout == b"r\n", done.stderr
    with open(file, "rb") as result:
        assert json.loads(result.read()) == {"summary": "mine", "session_id": "5f1c"}


def test_a_store_and_an_archive(place):
    place.write_store(MARK + json.dumps(v1_task("a", executor="/bin/true")).encode() + b"\n")
    assert place.wake_at(NOW)["completed"] == 1
    assert place.archived()[0]["completed_at"] == instants.to_text(NOW)
    archive = next(place.archive_dir.iterdir())
    archive.write_bytes(MARK + archive.read_bytes())
    assert strict(place.defer("show", "a").stdout)["status"] == "completed"
