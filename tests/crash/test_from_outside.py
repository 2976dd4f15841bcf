"""Rows 1, 3, 8 and 11 of docs/promises.md on the real programs and a real disk."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from real import PREDICTABLE, Place

from defer import process
from support import DEADLINE_SECONDS, quoted, slow_but

# What may change something; reading calls are gone through in memory.
CHANGING = ("openat", "write", "fsync", "ftruncate", "rename", "unlink", "mkdir", "utimensat", "flock")
# Errors that a call of this name gives on a failing or a full disk.
ERRORS = {
    "write": "ENOSPC",
    "fsync": "EIO",
    "openat": "ENOSPC",
    "rename": "EIO",
    "utimensat": "EIO",
    "ftruncate": "EIO",
}

BODY = 'cat >/dev/null; [ "$DEFER_TASK_ID" != bad ]'

Prepare = Callable[[Path], Place]


def _waiting(base: Path) -> Place:
    place = Place(base, BODY)
    assert place.schedule("wait").returncode == 0
    assert place.run("wake").returncode == 0
    return place


def _due(base: Path) -> Place:
    place = Place(base, BODY)
    assert place.schedule("wait").returncode == 0
    place.write_due("good", "bad", max_retries=1)
    return place


def _files(base: Path) -> Place:
    """A directory of task files: one is new, one has changed, one is gone since the last sync."""
    place = _waiting(base)
    folder = base.parent / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("changed", "gone"):
        (folder / f"{name}.json").write_text(json.dumps({"schedule": "every day at 9am", "command": "true"}))
    assert place.run("front", "sync", str(folder)).returncode == 0
    (folder / "gone.json").unlink()
    for name in ("changed", "fresh"):
        (folder / f"{name}.json").write_text(json.dumps({"schedule": "every day at 10am", "command": "true"}))
    return place


COMMANDS: dict[str, tuple[Prepare, list[str]]] = {
    "schedule": (_waiting, ["front", "schedule", "--when", "30m", "--summary", "s", "--id", "new"]),
    "cancel": (_waiting, ["front", "cancel", "wait"]),
    "wake": (_due, ["wake"]),
    "archive": (_due, ["archive"]),
    "sync": (_files, ["front", "sync", "../files"]),
}


def paths_of(place: Place) -> list[str]:
    """``-P PATH`` for what is in the runtime directory or will be, as far as its name is known before."""
    now = datetime.now(UTC)
    months = {f"{now:%Y%m}", f"{now + timedelta(days=1):%Y%m}"}
    markers = [f".deferred.jsonl.{kind}" for kind in ("lock", "due", "seen", "heartbeat")]
    temporary = f"{bytes(8).hex()}.new"
    known = ["", "deferred.jsonl", *markers, f".deferred.jsonl.{temporary}", "archive", "runs", "logs"]
    known += [name for month in months for name in (f"archive/deferred_{month}.jsonl", f"runs/runs_{month}.jsonl")]
    prompts = ("good.prompt.txt", f".good.prompt.txt.{temporary}", "bad.prompt.txt")
    known += [f"logs/{name}" for name in (*prompts, "deferred.log", "attempts")]
    return [word for name in known for word in ("-P", str(place.runtime / name))]


def prepared(base: Path, template: Path) -> Place:
    """A place of its own that looks like the template, times included."""
    place = Place(base, BODY)
    shutil.copytree(template / "runtime", place.runtime)
    return place


def calls_of(name: str, base: Path) -> dict[str, int]:
    """How often the command makes each changing call on the runtime directory, whenever a wake's executors end."""
    template = COMMANDS[name][0](base.with_name("template"))
    found: list[Counter[str]] = []
    for turn in range(4 if name == "wake" else 1):
        place = prepared(base.with_name(f"{base.name}-{turn}"), template.base)
        log = place.base / "strace.log"
        tracer = ["strace", "-o", str(log), "-e", f"trace={','.join(CHANGING)}", *paths_of(place)]
        done = place.run(*COMMANDS[name][1], before=tracer, program=PREDICTABLE)
        assert done.returncode == 0, done.stderr
        found.append(Counter(re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE)))
    return {call: min(one[call] for one in found) for call in found[0]}


def hindered(name: str, base: Path, tampering: str) -> tuple[Place, subprocess.CompletedProcess[str]]:
    place = prepared(base, base.with_name("template"))
    quiet = ["strace", "-o", os.devnull, "-e", f"trace={tampering.split(':')[0]}", "-e", f"inject={tampering}"]
    return place, place.run(*COMMANDS[name][1], before=[*quiet, *paths_of(place)], program=PREDICTABLE)


def acknowledged(name: str, done: subprocess.CompletedProcess[str]) -> set[str]:
    known = {"wait"} | ({"changed", "gone"} if name == "sync" else set())
    known |= {"fresh"} if name == "sync" and done.returncode == 0 else set()
    known |= {"good", "bad"} if name in ("wake", "archive") else set()
    return known | ({"new"} if name == "schedule" and done.returncode == 0 else set())


@pytest.mark.parametrize("name", slow_but(("schedule",), COMMANDS))
def test_row_1_sigkill_at_each_system_call(
    name: str, tmp_path: Path, needs: Callable[..., None], count: Callable[[str, int], None], depth: int
) -> None:
    """The kill lands before the call."""
    needs("strace")
    calls = calls_of(name, tmp_path / "counted")
    points = [(call, number) for call, times in calls.items() for number in range(1, times + 1)]
    chosen = points[:: max(1, len(points) // (12 * depth))]
    killed = 0
    for call, number in chosen:
        place, done = hindered(name, tmp_path / f"{call}-{number}", f"{call}:signal=SIGKILL:when={number}")
        # A wake may make a call less when its executors are quick.
        assert done.returncode in (-9, 137, 0), f"{call} {number}: {done.returncode} {done.stderr}"
        killed += done.returncode != 0
        place.examine(acknowledged(name, done))
    assert killed >= len(chosen) * 0.8
    count("kills from outside", killed)


@pytest.mark.parametrize("name", slow_but(("cancel",), COMMANDS))
def test_row_3_each_system_call_fails(
    name: str, tmp_path: Path, needs: Callable[..., None], count: Callable[[str, int], None], depth: int
) -> None:
    """Once, and from then on: one clear line and exit 74, or it did not matter. No traceback, and reading works."""
    needs("strace")
    calls = calls_of(name, tmp_path / "counted")
    points = [(call, number) for call, times in calls.items() if call in ERRORS for number in range(1, times + 1)]
    chosen = points[:: max(1, len(points) // (8 * depth))]
    for turn, (call, number) in enumerate(chosen):
        # A wake whose store fails for ever tries for a minute to save its outcomes: test_faults.py has that.
        when = f"{number}+" if turn % 2 and name != "wake" else str(number)
        place, done = hindered(name, tmp_path / f"{call}-{number}", f"{call}:error={ERRORS[call]}:when={when}")
        assert done.returncode in (0, 74), f"{call} {when}: {done.returncode} {done.stderr}"
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or re.search(r"^defer: .+", done.stderr, re.MULTILINE)
        place.examine(acknowledged(name, done))
    count("failures from outside", len(chosen))


def test_row_3_a_file_system_that_is_full(tmp_path: Path, needs: Callable[..., None]) -> None:
    """A tmpfs of 128 KiB: what was said yes to is there; with room again, all goes on and nobody cleans up."""
    needs("unshare", "mount")
    place = Place(tmp_path)
    place.runtime.mkdir()
    script = f"""
    mount -t tmpfs -o size=128k,mode=700 tmpfs {quoted(place.runtime)} || exit 99
    defer() {{ {shlex.join(place.command("front"))} "$@"; }}
    yes=0
    while :; do
      defer schedule --when 60m --summary "$(printf %02000d 0)" --id t$yes >/dev/null 2>err
      status=$?; [ $status = 0 ] || break
      yes=$((yes+1))
    done
    echo "status $status" "yes $yes" "$(cat err)"
    echo "listed $(defer list --compact | grep -o '"id"' | wc -l)" "status $?"
    defer cancel t0 >/dev/null 2>err; echo "cancel $? $(cat err)"
    {shlex.join(place.command("wake"))} 2>err; echo "wake $? $(cat err)"
    rm {quoted(place.runtime)}/filler
    defer schedule --when 60m --summary s --id after >/dev/null 2>err; echo "after $? $(cat err)"
    {shlex.join(place.command("wake"))} 2>err; echo "wake $? $(cat err)"
    echo "listed $(defer list --all --compact | grep -o '"run_at"' | wc -l)"
    """
    # The filler leaves room for some tasks and can be taken away again.
    script = script.replace("\n    yes=0", f"\n    head -c 60000 /dev/zero >{quoted(place.runtime)}/filler; yes=0")
    user = [] if os.geteuid() == 0 else ["-r"]
    done = subprocess.run(
        ["unshare", *user, "-m", "bash", "-c", script],
        env=place.environment, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode == 99 and os.environ.get("CI") != "true":
        pytest.skip("may not mount a tmpfs here")
    said = done.stdout.splitlines()
    status, yes = re.match(r"status (\d+) yes (\d+) defer: No space left", said[0]).groups()  # type: ignore[union-attr]
    assert status == "74", done
    assert int(yes) > 3
    assert said[1] == f"listed {yes} status 0"
    assert re.match(r"cancel (0|74 defer: No space left)", said[2]), said
    assert re.match(r"wake (0|74 defer: No space left)", said[3]), said
    assert said[4:6] == ["after 0 ", "wake 0 "], said
    assert int(said[6].split()[1]) in (int(yes), int(yes) + 1), said


def test_row_3_a_file_size_limit(tmp_path: Path) -> None:
    place = Place(tmp_path)
    said = 0
    limit = 4096

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    for number in range(40):
        done = place.schedule(f"t{number}", preexec_fn=limited)
        if done.returncode:
            break
        said += 1
    assert done.returncode == 74
    assert "raise the file size limit; nothing was changed" in done.stderr
    assert 0 < said < 40
    assert [one["id"] for one in place.tasks()] == [f"t{number}" for number in range(said)]
    assert place.store.read_bytes().endswith(b"}\n")
    assert place.schedule("after").returncode == 0


def test_row_3_a_directory_that_may_not_be_written(tmp_path: Path, needs: Callable[..., None]) -> None:
    """Reading works, changing says why not. Root is held to the file modes by giving up the right to pass them."""
    place = _waiting(tmp_path)
    before = place.store.read_bytes()
    held = []
    if os.geteuid() == 0:
        needs("setpriv")
        held = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    place.runtime.chmod(0o500)
    for path in place.runtime.glob(".deferred*"):
        path.chmod(0o400)
    place.store.chmod(0o400)
    try:
        done = place.schedule("new", before=held)
        listed = place.run("front", "list", "--compact", before=held)
    finally:
        place.runtime.chmod(0o700)
        for path in [*place.runtime.glob(".deferred*"), place.store]:
            path.chmod(0o600)
    assert done.returncode == 74
    assert re.fullmatch(r"defer: Permission denied: .+ \(check the owner and mode .+\)\n", done.stderr)
    assert json.loads(listed.stdout)[0]["id"] == "wait"
    assert place.store.read_bytes() == before
    place.examine({"wait"})


@pytest.mark.parametrize(("step", "runs"), [("-1h", 0), ("-1y", 0), ("+29h", 0), ("+31h", 1), ("+1y", 1)])
def test_row_11_a_clock_that_was_stepped(tmp_path: Path, needs: Callable[..., None], step: str, runs: int) -> None:
    """Two wakes under a clock stepped so far: the occurrence runs once or waits, also when the clock is right again."""
    needs("faketime")
    place = Place(tmp_path)
    assert place.schedule("one", "30h").returncode == 0
    stepped = ["faketime", "-f", step]
    for _ in range(2):
        done = place.run("wake", before=stepped, env={"NO_FAKE_STAT": "1"})
        assert done.returncode == 0, done.stderr
    assert len(place.ran()) == runs
    assert place.run("wake").returncode == 0
    assert len(place.ran()) == runs
    if runs:
        (run,) = place.lines("runs")
        assert run["late_by_seconds"] >= 3600 - 10
        assert run["status"] == "ok"
    else:
        done = place.run("wake", before=["faketime", "-f", "+31h"], env={"NO_FAKE_STAT": "1"})
        assert len(place.ran()) == 1


def test_row_8_after_a_reboot_nobody_is_taken_for_alive(tmp_path: Path) -> None:
    """Its pid and its start time may even be the same: another boot, another process."""
    place = Place(tmp_path)
    here = process.identity(os.getpid())
    run = {"run_id": "before", "runner": {**here, "boot": "another"}, "leader": {**here, "boot": "another"}}
    place.write_due("one", status="executing", attempts=1, run=run, started_at="2026-04-08T16:45:00Z")
    assert place.run("wake").returncode == 0
    assert [(one["run_id"], one["status"]) for one in place.lines("runs")] == [("before", "lost")]
    assert place.tasks() == []


REUSE = """
import json, os, signal, subprocess, sys, time
patience, store, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]

def record():
    return json.loads(open(store).readlines()[-1])

def until(found):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            if found():
                return
        except (OSError, ValueError, LookupError):
            pass
        time.sleep(0.02)
    sys.exit("it did not come about")

def take(pid):
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(pid - 1))
    again = subprocess.Popen(["sleep", "600"])
    assert again.pid == pid, (again.pid, pid)

runner = subprocess.Popen(command, stderr=subprocess.DEVNULL)
until(lambda: record()["run"]["leader"]["pid"] and os.path.exists(store + ".began"))
run = record()["run"]
assert run["runner"]["pid"] == runner.pid
# The runner first: it would settle an executor that it sees die.
runner.kill()
runner.wait()
os.killpg(run["leader"]["pid"], signal.SIGKILL)
# Its orphan is ours now: we are the namespace's first process.
until(lambda: not os.path.exists(f"/proc/{run['leader']['pid']}") or os.waitpid(run["leader"]["pid"], os.WNOHANG)[0])
take(run["leader"]["pid"])
take(run["runner"]["pid"])
done = subprocess.run(command, stderr=subprocess.DEVNULL)
print(json.dumps(run))
sys.exit(done.returncode)
"""


def test_row_8_a_pid_that_is_used_again(tmp_path: Path, needs: Callable[..., None]) -> None:
    """In a PID namespace, where pids can be chosen: others have the pids of the dead runner and its executor."""
    needs("unshare")
    place = Place(tmp_path)
    place.write_due("one", max_retries=0)
    body = f'cat >/dev/null; : >"{place.store}.began"; exec sleep 600'
    (tmp_path / "executor").write_text(f"#!/bin/sh\n{body}\n")
    script = tmp_path / "reuse.py"
    script.write_text(REUSE)
    user = [] if os.geteuid() == 0 else ["-r"]
    done = subprocess.run(
        ["unshare", *user, "-p", "-f", "--mount-proc", "--kill-child", place.command("wake")[0], str(script),
         str(DEADLINE_SECONDS), str(place.store), *place.command("wake")],
        env=place.environment, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip("may not make a PID namespace here")
    assert done.returncode == 0, done.stderr
    (run,) = place.lines("runs")
    assert run["status"] == "lost"
    assert run["run_id"] == json.loads(done.stdout)["run_id"]
    assert place.tasks() == []


def test_row_7_and_10_an_executor_inherits_no_file_of_the_store(tmp_path: Path) -> None:
    """Neither the lock nor anything else but its own input; a child that stays behind keeps nobody out."""
    seen = tmp_path / "seen"
    stays = f'sleep 600 >/dev/null 2>&1 & echo $! >"{tmp_path}/left"'
    place = Place(tmp_path, f'cat >/dev/null; ls -l /proc/$$/fd >"{seen}"; {stays}')
    place.write_due("one", leave_running=True)
    assert place.run("wake").returncode == 0
    try:
        ours = [line.split() for line in seen.read_text().splitlines() if str(place.runtime) in line]
        ((*_, number, _, path),) = ours
        assert (number, path.endswith(".input.json")) == ("0", True)
        assert place.schedule("after", env={"DEFER_LOCK_TIMEOUT_SECONDS": "0"}).returncode == 0
    finally:
        os.kill(int((tmp_path / "left").read_text()), 9)
