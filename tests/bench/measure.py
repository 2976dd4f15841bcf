"""How things are timed: whole processes, in turn with what they are compared to, and the median of it."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Sample(NamedTuple):
    """One process: seconds from before its start to its end, the most memory it held, in MiB, and seconds at work.

    Memory is that of the process or of the largest it has waited for (getrusage(2)). It cannot come out below
    that of this benchmark itself, from which the process was forked, some 25 MiB.
    """

    seconds: float
    mebibytes: float
    at_work: float = 0.0


class Failed(Exception):
    """A command that is measured did not do its work."""


def process(argv: Sequence[str], env: Mapping[str, str], stdin: bytes = b"") -> Sample:
    """Run one process to its end, what it prints thrown away. Raises Failed with what it complained of."""
    with open(os.devnull, "wb") as nowhere, tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        running = subprocess.Popen(argv, env=dict(env), stdin=subprocess.PIPE, stdout=nowhere, stderr=said)
        assert running.stdin
        running.stdin.write(stdin)
        running.stdin.close()
        _, status, usage = os.wait4(running.pid, 0)
        seconds = time.perf_counter() - started
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode != 0:
            said.seek(0)
            raise Failed(f"{' '.join(argv)} ended with {running.returncode}: {said.read()[-500:].decode().strip()}")
    per_mebibyte = 1 << 20 if os.uname().sysname == "Darwin" else 1 << 10
    return Sample(seconds, usage.ru_maxrss / per_mebibyte, usage.ru_utime + usage.ru_stime)


def told(argv: Sequence[str], env: Mapping[str, str]) -> Sample:
    """The seconds that a program of ``programs.py`` says it took."""
    done = subprocess.run(argv, env=dict(env), capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return Sample(float(done.stdout), 0.0)


def in_turn(rounds: int, works: Mapping[str, Callable[[], Sample]]) -> dict[str, list[Sample]]:
    """Each work once a round: what else the machine does hits all of them alike."""
    found: dict[str, list[Sample]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return found


def seconds(samples: Sequence[Sample]) -> float:
    """The median time."""
    return statistics.median(one.seconds for one in samples)


def mebibytes(samples: Sequence[Sample]) -> float:
    """The most memory that any of them took."""
    return max(one.mebibytes for one in samples)


def ratio(ours: Sequence[Sample], limit: Sequence[Sample]) -> float:
    """The median of the ratios within each round."""
    return statistics.median(one.seconds / other.seconds for one, other in zip(ours, limit, strict=True))
