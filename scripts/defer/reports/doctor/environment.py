"""What a wake finds around it: settings, PATH, Python."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime

from defer import paths, spelling
from defer.errors import BadInput
from defer.executors import registry
from defer.paths import SCRIPTS
from defer.settings.variables import VARIABLES
from defer.wakers import searchpath
from defer.wakers.standing import Standing

from .finding import Finding, found, parted
from .subject import Subject

# When each version gets its last security fix: PEP 664, 693, 719, 745.
_PYTHON_ENDS = {(3, 11): date(2027, 10, 31), (3, 12): date(2028, 10, 31), (3, 13): date(2029, 10, 31)}
_PATIENCE_SECONDS = 60
# What the entries do before they start Python, with the reason where they find none.
_FIND_PYTHON = 'scripts=$1; . "$scripts/common.sh"; find_python || { printf %s "$REPLY"; exit 1; }'


def findings(subject: Subject) -> Iterator[Finding]:
    """What of it is missing, or is not to be trusted."""
    yield from _of_settings(subject)
    yield from _of_path(subject)
    yield from of_python(subject.standing)
    yield from python_age(sys.version_info[:2], subject.now)
    yield from _of_command(subject)


def _of_settings(subject: Subject) -> Iterator[Finding]:
    if isinstance(subject.wake, BadInput):
        what, fix = parted(str(subject.wake))
        yield found("settings-broken", f"wakes cannot read their settings: {what}", "the settings file", fix)
        return
    try:
        subject.wake.check()
    except BadInput as error:
        what, fix = parted(str(error))
        where = subject.wake.settings_file or "the environment"
        mend = f"correct the setting ({fix})" if fix else "correct the setting"
        yield found("settings-broken", f"wakes cannot work with their settings: {what}", where, mend)
    for name in subject.wake.names_in_file:
        if known := _meant(name):
            fix = f"write {known}, or give it a name that does not begin with DEFER_"
            yield found("settings-unknown", f"{name} is set, which nothing reads", subject.wake.settings_file, fix)
    reads, here = subject.wake.settings_file, subject.config.settings_file
    if here is not None and (reads is None or os.path.realpath(reads) != os.path.realpath(here)):
        what = f"wakes read {reads or 'no settings file'}, this shell reads {here}"
        yield found("settings-differ", what, here, "defer waker install")


def _meant(name: str) -> str | None:
    """The setting of ours that was meant by a name which is a slip away from it, or its beginning."""
    if not name.startswith("DEFER_") or name in VARIABLES:
        return None
    names = {one.lower(): one for one in VARIABLES}
    near = spelling.nearest(name, names)
    return names[near] if near else next((one for one in VARIABLES if one.startswith(f"{name}_")), None)


def _of_path(subject: Subject) -> Iterator[Finding]:
    wake = subject.wakes_config
    left_out = searchpath.checked(wake.get("PATH") or os.defpath).left_out
    if left_out:
        what = f"parts of the PATH of a wake are not to be trusted: {', '.join(left_out)}"
        yield found("path-doubtful", what, wake.settings_file or "PATH", "defer waker install")


def of_python(standing: Standing) -> Iterator[Finding]:
    """Whether a wake of the crontab's line finds a Python environment that is ready, as its shell looks for it."""
    for entry in standing.waking()[:1]:
        try:
            done = subprocess.run(
                ["/bin/bash", "-c", _FIND_PYTHON, "defer", str(SCRIPTS)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE_SECONDS,
                env=standing.environment_of(entry),
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return
        if done.returncode != 0:
            what, fix = parted(done.stdout.decode(errors="replace").strip())
            yield found("python-unready", f"a wake cannot start: {what}", SCRIPTS, fix)


def python_age(version: tuple[int, int], now: datetime) -> Iterator[Finding]:
    """Whether a version of Python gets no security fixes any more."""
    end = _PYTHON_ENDS.get(version)
    if end is not None and now.date() > end:
        what = f"Python {version[0]}.{version[1]} has had no security fixes since {end.isoformat()}"
        fix = f"install a newer one, then: python3 {shlex.quote(f'{SCRIPTS}/bootstrap.py')}"
        if paths.kind() == paths.WHEEL:
            fix = "install a newer one, and defer with it"
        yield found("python-old", what, sys.executable, fix)


def _of_command(subject: Subject) -> Iterator[Finding]:
    """Whether the command that people type is this copy of the code."""
    typed = registry.program("defer", subject.config.get("PATH") or os.defpath, os.curdir)
    leads, here = os.path.realpath(typed) if typed else "", os.path.realpath(paths.front())
    if typed and leads != here and _is_of_ours(leads):
        what = f"the command `defer` is another copy of the code: {leads}, this one is {here}"
        mend = "install the one that you mean to use, and take the other one away"
        yield found("command-elsewhere", what, typed, mend)


def _is_of_ours(command: str) -> bool:
    """Whether the `defer` of a clone or of a wheel, and not somebody else's program of that name."""
    folder, name = os.path.split(command)
    return name == "schedule-task.sh" or (name == "defer" and os.path.exists(os.path.join(folder, "run-deferred")))
