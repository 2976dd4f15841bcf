"""The steps of the set-up: another program at work, with what it said if it fails.

A step may take half a minute. On a terminal one line on stderr says meanwhile which step it is and for how long it has
been at work; the line is gone when the step is done.
"""

import os
import subprocess
import sys
import time

from setupguard import SetupError

_CLEARED = "\r\x1b[K"
_BETWEEN_SECONDS = 1.0


def run(command: "list[str]", environment: "dict[str, str]", doing: str, failure: str, quiet: bool) -> None:
    """Run a step to its end. Raises SetupError with ``failure`` and the last thing it said that looks like a reason."""
    step = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    with step:
        try:
            output = _watched(step, doing, not quiet and _takes_lines_back())
        except BaseException:
            step.kill()
            step.wait()  # Popen gives a killed step a quarter of a second at most when interrupted
            raise
    if step.returncode:
        said = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in said if line.upper().startswith("ERROR")]
        reason = (errors or said or [f"it ended with status {step.returncode}"])[-1]
        raise SetupError(f"{failure}: {reason}")


def _takes_lines_back() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _watched(step: "subprocess.Popen[bytes]", doing: str, is_shown: bool) -> bytes:
    """What a step prints, once it has ended."""
    begun = time.monotonic()
    try:
        while True:
            try:
                return step.communicate(timeout=_BETWEEN_SECONDS if is_shown else None)[0]
            except subprocess.TimeoutExpired:
                _show(f"{_CLEARED}{doing}: {time.monotonic() - begun:.0f} s")
    finally:
        if is_shown:
            _show(_CLEARED)


def _show(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:  # the terminal is gone, the set-up goes on
        pass
