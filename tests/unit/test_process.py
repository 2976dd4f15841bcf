"""Identities, and leaders that start only when told."""

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from defer import process
from defer.process import Leader
from support import is_running, until


def leader(*argv: str, stdin: str = os.devnull) -> Leader:
    return Leader(list(argv), Path("/"), {"PATH": "/usr/bin:/bin"}, stdin)


def everything(one: Leader) -> bytes:
    """All that it writes to stdout until its end."""
    read = b""
    while True:
        try:
            piece = os.read(one.stdout.fileno(), 65536)
        except BlockingIOError:
            time.sleep(0.005)
            continue
        if not piece:
            return read
        read += piece


class TestIdentity:
    def test_is_the_same_each_time_and_alive(self):
        known = process.identity(os.getpid())
        assert known == process.identity(os.getpid())
        assert process.is_alive(known) is True

    def test_tells_two_processes_apart(self):
        first, second = (subprocess.Popen(["sleep", "600"]) for _ in range(2))
        try:
            swapped = {**process.identity(first.pid), "pid": second.pid}
            known = process.identity(first.pid)
            assert known["start"] is not None
            assert known["start"] == process.identity(second.pid)["start"] or not process.is_alive(swapped)
        finally:
            for one in (first, second):
                one.kill()
                one.wait()

    def test_of_a_zombie_is_dead(self):
        child = subprocess.Popen(["sleep", "600"])
        known = process.identity(child.pid)
        assert process.is_alive(known)
        child.kill()
        until(lambda: process.is_alive(known) is False)
        child.wait()
        assert process.is_alive(known) is False

    def test_survives_a_name_with_parentheses(self, tmp_path):
        program = tmp_path / "a) R 1 (b"
        program.symlink_to("/bin/sleep")
        child = subprocess.Popen([str(program), "600"])
        try:
            known = process.identity(child.pid)
            until(lambda: b"a) R 1 (b" in Path(f"/proc/{child.pid}/stat").read_bytes())
            assert process.identity(child.pid) == known
            assert process.is_alive(known)
        finally:
            child.kill()
            child.wait()

    @pytest.mark.parametrize(
        ("change", "answer"),
        [({"boot": "x"}, False), ({"start": "1"}, False), ({"start": None}, None), ({"pid_namespace": "x"}, None)],
    )
    def test_another_boot_or_start_is_dead_and_another_namespace_unknown(self, change, answer):
        assert process.is_alive({**process.identity(os.getpid()), **change}) is answer

    def test_of_nobody_is_never_alive(self):
        assert process.is_alive({**process.identity(os.getpid()), "pid": 2**22 + 1}) is False

    def test_that_cannot_be_read_just_now_is_not_called_dead(self):
        """Its attempt would be given up as lost while it goes on, and the next one do the work a second time."""
        known = process.identity(os.getpid())
        with no_descriptor_left():
            assert process.is_alive(known) is not False

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody names the boot")
    def test_is_not_made_of_what_cannot_be_read_just_now(self):
        """With a boot that nobody names, every attempt under way would be of another boot for as long as we live."""
        known = process.identity(os.getpid())
        process._boot_id.cache_clear()
        with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
            process.identity(os.getpid())
        assert process.identity(os.getpid()) == known

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not read from a file")
    def test_nor_does_such_a_process_count_as_gone(self):
        with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
            process.began_at(os.getpid())


@contextmanager
def no_descriptor_left():
    """While this is entered the process can open nothing."""
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class TestGate:
    def test_nothing_runs_before_it_opens(self, tmp_path):
        ran = tmp_path / "ran"
        one = leader("/usr/bin/touch", str(ran))
        until(lambda: Path(f"/proc/{one.pid}/wchan").exists())
        assert not ran.exists()
        one.open_gate()
        assert one.wait() == 0
        assert ran.exists()
        one.close()

    def test_one_that_is_shut_lets_nothing_run(self, tmp_path):
        ran = tmp_path / "ran"
        one = leader("/usr/bin/touch", str(ran))
        one.shut_gate()
        assert one.wait() != 0
        assert not ran.exists()
        one.close()

    def test_the_death_of_the_runner_shuts_it(self, tmp_path):
        ran = tmp_path / "ran"
        program = tmp_path / "runner.py"
        program.write_text(f"""
import os, sys
from pathlib import Path
from defer.process import Leader
one = Leader(["/usr/bin/touch", {str(ran)!r}], Path("/"), {{}})
print(one.pid, flush=True)
os.kill(os.getpid(), 9)
""")
        scripts = str(Path(process.__file__).parents[1])
        runner = subprocess.run(
            [os.sys.executable, str(program)], env={"PYTHONPATH": scripts}, capture_output=True, check=False
        )
        assert runner.returncode == -9, runner.stderr
        until(lambda: not is_running(int(runner.stdout)))
        assert not ran.exists()

    def test_the_executor_keeps_the_pid_and_leads_its_own_session(self):
        one = leader("/bin/sh", "-c", "echo $$; cut -d' ' -f5,6 /proc/$$/stat")
        one.open_gate()
        assert everything(one).split() == [str(one.pid).encode()] * 3
        assert one.wait() == 0
        one.close()

    def test_arguments_are_passed_as_they_are(self):
        odd = ["a b", "$(id)", "'", '"', "*", "-n", "\n"]
        one = leader("/usr/bin/printf", "<%s>", *odd)
        one.open_gate()
        assert everything(one) == b"".join(f"<{item}>".encode() for item in odd)
        one.wait()
        one.close()

    @pytest.mark.parametrize("size", [0, 1, 65_533, 65_536, 1_000_000])
    def test_the_input_arrives_whole_and_ends(self, tmp_path, size):
        (tmp_path / "in put").write_bytes(b"x" * size)
        one = leader("/usr/bin/wc", "-c", stdin=str(tmp_path / "in put"))
        one.open_gate()
        assert int(everything(one)) == size
        assert one.wait() == 0
        one.close()

    def test_signals_are_as_a_program_expects_them(self):
        one = leader("/bin/sh", "-c", "grep -E '^Sig(Ign|Blk)' /proc/self/status")
        one.open_gate()
        found = everything(one).split()
        # SIGPIPE (13) and SIGXFSZ (25) are ignored by Python itself; no program it starts expects that.
        assert int(found[1], 16) == 0
        assert not int(found[3], 16) & (1 << 12 | 1 << 24)
        one.wait()
        one.close()

    def test_no_descriptor_of_the_runner_is_inherited(self):
        with open(os.devnull) as kept:
            os.set_inheritable(kept.fileno(), False)
            one = leader("/bin/sh", "-c", "ls /proc/$$/fd")
            one.open_gate()
            assert set(everything(one).split()) <= {b"0", b"1", b"2", b"10"}
            one.wait()
            one.close()

    def test_a_group_that_is_gone_is_signalled_without_error(self):
        one = leader("/bin/true")
        one.open_gate()
        one.wait()
        process.signal_group(one.pid, signal.SIGKILL)
        one.close()
