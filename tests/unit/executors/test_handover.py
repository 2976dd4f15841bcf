"""The files that a runner and an executor hand each other, where the executor has put something else in their place."""

import json
import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from defer.executors import handover
from support import NOW, quoted, v1_task

LIMIT = 100
CANARY = '{"summary":"canary","session_id":"canary"}'


@contextmanager
def as_somebody_else():
    """Root may read everything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if me == 0:
            os.seteuid(0)


def in_its_place(place, body: str):
    """What a task came to whose executor has done ``body``."""
    place.write_store(v1_task(executor=place.executor(f"{body}; echo out")))
    place.wake_at(NOW)
    (done,) = place.archived()
    assert (done["status"], done["result"]["output"]) == ("completed", "out")
    assert "canary" not in json.dumps([done, *place.runs()])
    return done["result"]


class TestTaken:
    def test_a_plain_file(self, tmp_path):
        path = tmp_path / "result"
        path.write_bytes(b"{}")
        assert handover.take(path, LIMIT) == (b"{}", None)
        assert not path.exists()

    def test_at_most_so_many_bytes(self, tmp_path):
        path = tmp_path / "result"
        path.write_bytes(b"x" * 200)
        assert handover.take(path, LIMIT) == (b"x" * 100, None)

    def test_none(self, tmp_path):
        assert handover.take(tmp_path / "result", LIMIT) == (b"", None)

    def test_a_socket(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("result")
        assert handover.take(tmp_path / "result", LIMIT) == (b"", "it is a socket, and not read")
        assert not os.path.lexists("result")

    def test_a_device(self, tmp_path):
        try:
            os.mknod(tmp_path / "result", 0o020666, os.makedev(1, 5))
            open(tmp_path / "result", "rb").close()
        except OSError:
            pytest.skip("no device can be made here")
        assert handover.take(tmp_path / "result", LIMIT) == (b"", "it is a device, and not read")

    def test_one_that_may_not_be_read(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "result")
            path.write_bytes(b"{}")
            path.chmod(0)
            if os.geteuid() == 0:
                os.chown(directory, 65534, 65534)
            with as_somebody_else():
                assert handover.take(path, LIMIT) == (b"", "it cannot be read: Permission denied")

    def test_one_below_what_is_no_directory(self, tmp_path):
        (tmp_path / "file").touch()
        assert handover.take(tmp_path / "file" / "result", LIMIT) == (b"", "it cannot be read: Not a directory")


@pytest.mark.parametrize("target", ["plain", "nothing", "/dev/zero", ".", "fifo"])
def test_a_link_is_not_followed(place, target):
    secret = place.base / "plain"
    secret.write_text(CANARY)
    os.mkfifo(place.base / "fifo")
    result = in_its_place(place, f'ln -s {quoted(place.base / target)} "$DEFER_RESULT_FILE"')
    assert result["result_file_error"] == "it is a symbolic link, and not read"
    assert secret.read_text() == CANARY
    assert not list(place.logs.rglob("*.result.json"))


def test_a_hard_link_is_not_read_and_only_its_name_is_removed(place):
    secret = place.base / "secret"
    secret.write_text(CANARY)
    result = in_its_place(place, f'ln {quoted(secret)} "$DEFER_RESULT_FILE"')
    assert result["result_file_error"] == "it is a hard link to a file with other names, and not read"
    assert secret.read_text() == CANARY
    assert secret.stat().st_nlink == 1


def test_a_named_pipe_is_not_waited_for(place):
    result = in_its_place(place, 'mkfifo "$DEFER_RESULT_FILE"')
    assert result["result_file_error"] == "it is a FIFO, and not read"
    assert not list(place.logs.rglob("*.result.json"))


def test_a_directory_stays_with_what_is_in_it(place):
    result = in_its_place(place, 'mkdir "$DEFER_RESULT_FILE"; echo kept >"$DEFER_RESULT_FILE/file"')
    assert result["result_file_error"] == "it is a directory, and not read"
    (kept,) = place.logs.rglob("*.result.json/file")
    assert kept.read_text() == "kept\n"


def test_a_file_of_that_name_elsewhere_is_neither_read_nor_removed(place):
    elsewhere = place.base / "elsewhere"
    elsewhere.mkdir()
    for name in ("result", "input"):
        (elsewhere / f"run.{name}.json").write_text(CANARY)
    body = (
        f"cd {quoted(elsewhere)}; for name in result input; do mv run.$name.json $DEFER_RUN_ID.$name.json; done; "
        f'ours=${{DEFER_RESULT_FILE%/*}}; rm -r "$ours"; ln -s {quoted(elsewhere)} "$ours"'
    )
    result = in_its_place(place, body)
    assert result["result_file_error"] == "its directory is a link, and not looked into"
    assert [path.read_text() for path in elsewhere.iterdir()] == [CANARY, CANARY]


def test_the_input_is_replaced_by_a_link(place):
    """Its name goes, what it leads to stays."""
    secret = place.base / "secret"
    secret.write_text(CANARY)
    body = f'input=${{DEFER_RESULT_FILE%.result.json}}.input.json; rm "$input"; ln -s {quoted(secret)} "$input"'
    in_its_place(place, body)
    assert secret.read_text() == CANARY
    assert not list(place.logs.rglob("*.input.json"))


def test_the_log_is_replaced_by_a_link(place):
    """What was opened for it is written on, not what its name leads to."""
    secret = place.base / "secret"
    secret.write_text(CANARY)
    log = "log=${DEFER_RESULT_FILE%.result.json}.log"
    result = in_its_place(place, f'{log}; rm "$log"; ln -s {quoted(secret)} "$log"')
    assert secret.read_text() == CANARY
    assert os.path.islink(result["log_path"])


def test_the_prompt_is_replaced_by_a_link_before_the_next_attempt(place):
    secret = place.base / "secret"
    secret.write_text(CANARY)
    body = f'rm "$DEFER_PROMPT_FILE"; ln -s {quoted(secret)} "$DEFER_PROMPT_FILE"; exit 1'
    place.write_store(v1_task(executor=place.executor(body), max_retries=1))
    place.wake_at(NOW)
    (waiting,) = place.tasks().values()
    place.wake_at(NOW.replace(hour=18))
    assert secret.read_text() == CANARY
    assert waiting["status"] == "scheduled"
    assert place.archived()[0]["attempts"] == 2


def test_the_directory_of_a_task_is_replaced_by_a_link_before_the_next_attempt(place):
    """Nothing is written to where it leads: not what the next attempt prints, not its input."""
    elsewhere = place.base / "elsewhere"
    elsewhere.mkdir()
    ours = "ours=${DEFER_RESULT_FILE%/*}"
    body = f'{ours}; rm -r "$ours"; ln -s {quoted(elsewhere)} "$ours"; [ "$DEFER_ATTEMPT" = 2 ] && echo second; exit 1'
    place.write_store(v1_task(executor=place.executor(body), max_retries=1))
    place.wake_at(NOW)
    place.wake_at(NOW.replace(hour=18))
    assert place.archived()[0]["attempts"] == 2
    assert list(elsewhere.iterdir()) == []


def test_a_file_in_the_place_of_the_directory_is_in_the_way_of_its_task_alone(place):
    attempts = place.logs / "attempts"
    attempts.mkdir(parents=True)
    (attempts / "odd").touch()
    place.write_store(v1_task("odd", executor="/bin/true"), v1_task("fine", executor="/bin/true"))
    place.wake()
    ended = {one["id"]: one["status"] for one in place.archived()}
    assert ended == {"odd": "failed", "fine": "completed"}
