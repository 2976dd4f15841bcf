"""Others that take a job for later: one job added, cold and in a row, and what each does not do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import measure
from ground import HERE, PROGRAMS, ROOT, Ground
from measure import Failed, Sample, ratio, seconds
from table import markdown, milliseconds

HEADINGS = ("one job for later", "cold", "beside ours", "in a row", "what it does not do")
ENVIRONMENT = ROOT / "build" / "bench-env"
PACKAGES = {"at": "at", "nq": "nq", "tsp": "task-spooler"}
NOT_ALIKE = {
    "defer": "",
    "at": "does not sync; needs a daemon; no retries, no record of what came of it, no recurrence",
    "nq": "no time: the job starts at once, one after the other; does not sync; no retries",
    "tsp": "no time; the queue lives in a daemon's memory and dies with it",
    "sqlite3": "a row in a table: nothing reads, runs or cancels it",
    "huey": "needs a consumer that runs all the time; runs Python functions of one program",
    "APScheduler": "needs its program to run all the time; runs Python functions of that program",
}
IN_A_ROW = {"defer": "schedule", "sqlite3": "sqlite", "huey": "huey", "APScheduler": "apscheduler"}


class Peer(NamedTuple):
    """``cold`` adds one job as a process of its own."""

    name: str
    cold: Callable[[], Sample]


def measured(ground: Ground) -> str:
    """The table of peers, and a line for each that could not be had."""
    runtime = ground.fresh()
    found, missing = [Peer("defer", partial(ground.schedule, runtime))], []
    for name, peer in {**_programs(ground), **_libraries(ground)}.items():
        if isinstance(peer, Peer):
            found.append(peer)
        else:
            missing.append(f"{name} was left out: {peer}.\n")
    try:
        samples = measure.in_turn(ground.rounds(15), {peer.name: peer.cold for peer in found})
    finally:
        _clear_away(ground)
    ours = samples["defer"]
    rows = [
        (name, milliseconds(seconds(times)), f"{ratio(times, ours):.2f} ×", _in_a_row(ground, name), NOT_ALIKE[name])
        for name, times in samples.items()
    ]
    return markdown(HEADINGS, rows) + "".join(missing)


def _in_a_row(ground: Ground, name: str) -> str:
    """Jobs a second that one Python process adds, each synced."""
    if name not in IN_A_ROW:
        return ""
    count, program = 50 if ground.quick else 500, IN_A_ROW[name]
    if name == "defer":
        took = ground.told(program, str(count), runtime=ground.fresh())
    else:
        took = ground.told(program, str(ground.directory / f"{program}.row"), str(count), python=_python())
    return f"{count / took.seconds:,.0f}/s"


# Programs, which Debian has as packages


def _programs(ground: Ground) -> dict[str, Peer | str]:
    absent = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *absent], check=False, **quiet)  # type: ignore[call-overload]
    why = "it is not installed (as root, where there is apt, it would have been)"
    commands = {"at": _at, "nq": _nq, "tsp": _tsp}
    return {name: Peer(name, partial(commands[name], ground)) if shutil.which(name) else why for name in PACKAGES}


def _at(ground: Ground) -> Sample:
    return measure.process(["at", "-q", "z", "now + 1 hour"], ground.env(), b"true\n")


def _nq(ground: Ground) -> Sample:
    return measure.process(["nq", "true"], ground.env(NQDIR=str(ground.directory)))


def _tsp(ground: Ground) -> Sample:
    return measure.process(["tsp", "-n", "true"], _tsp_env(ground))


def _tsp_env(ground: Ground) -> dict[str, str]:
    return ground.env(TS_SOCKET=str(ground.directory / "tsp"), TMPDIR=str(ground.directory))


def _clear_away(ground: Ground) -> None:
    """Take back what outlives the measurement: jobs in at's queue z, and the spooler's daemon."""
    if shutil.which("at"):
        queued = subprocess.run(["atq", "-q", "z"], capture_output=True, text=True, check=False).stdout
        numbers = re.findall(r"^(\d+)\t", queued, re.MULTILINE)
        if numbers:
            subprocess.run(["atrm", *numbers], check=False)
    if (ground.directory / "tsp").exists():
        subprocess.run(["tsp", "-K"], env=_tsp_env(ground), check=False)


# Libraries, in an environment of their own


def _python() -> str:
    return str(ENVIRONMENT / "bin" / "python")


def _libraries(ground: Ground) -> dict[str, Peer | str]:
    files = {name: str(ground.directory / f"{program}.cold") for name, program in IN_A_ROW.items()}
    cold = {
        name: Peer(name, partial(_one_job, ground, IN_A_ROW[name], files[name])) for name in IN_A_ROW if name != "defer"
    }
    trouble = _environment()
    return {name: trouble or peer for name, peer in cold.items()}


def _one_job(ground: Ground, program: str, file: str) -> Sample:
    return measure.process([_python(), PROGRAMS, program, file, "1"], ground.env())


def _environment() -> str | None:
    """Make the environment; what went wrong, or None."""
    asked = (HERE / "requirements.txt").read_text()
    stamp = ENVIRONMENT / "asked"
    if stamp.exists() and stamp.read_text() == asked:
        return None
    try:
        _run([sys.executable, "-I", "-m", "venv", "--clear", str(ENVIRONMENT)])
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        _run([_python(), "-I", "-m", "pip", "install", *quiet, "-r", str(HERE / "requirements.txt")])
    except Failed as error:
        return str(error)
    stamp.write_text(asked)
    return None


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{Path(argv[0]).name} could not install it: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
