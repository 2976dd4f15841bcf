"""A home, a checkout and a crontab of a test's own: nothing comes near those of whoever runs it."""

from __future__ import annotations

import os
import shlex
from datetime import datetime
from pathlib import Path

import pytest

from defer.reports.doctor.finding import Finding
from defer.reports.doctor.subject import Subject, subject
from defer.settings.config import Config
from defer.wakers import cron, cronenv, crontab
from defer.wakers.standing import Standing
from support import DEADLINE_SECONDS, NOW, Place

FAKE_CRONTAB = """\
#!/bin/sh
echo "$*" >>"$TAB.calls"
[ ! -e "$TAB.says" ] || { /bin/cat "$TAB.says" >&2; exit 1; }
case $1 in
-l) [ -e "$TAB" ] || { echo "no crontab for me" >&2; exit 1; }; exec /bin/cat "$TAB" ;;
-r) exec /bin/rm "$TAB" ;;
-) exec /bin/cat >"$TAB" ;;
*) echo "usage error" >&2; exit 1 ;;
esac
"""


FAKE_SYSTEMCTL = """\
#!/bin/sh
# A manager whose state is a directory: $MANAGER/refuses holds the words that it refuses, $MANAGER/active the timer.
echo "$*" >>"$MANAGER/calls"
[ "$1" = --user ] || exit 1
shift
refused=$(/bin/cat "$MANAGER/refuses" 2>/dev/null)
[ -z "$refused" ] || case " $* " in *" $refused "*) echo "Failed to $refused: no" >&2; exit 1 ;; esac
units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
case "$*" in
"show --property=Version") echo Version=252 ;;
daemon-reload) : ;;
"enable --now "*)
  [ -e "$units/$3" ] || { echo "Unit file $3 does not exist." >&2; exit 1; }
  /bin/mkdir -p "$units/timers.target.wants"
  /bin/ln -sf "$units/$3" "$units/timers.target.wants/$3"
  : >"$MANAGER/active" ;;
"disable --now "*) /bin/rm -f "$units/timers.target.wants/$3" "$MANAGER/active" ;;
"is-active "*) if [ -e "$MANAGER/active" ]; then echo active; else echo inactive; exit 3; fi ;;
*) echo "Unknown command $1" >&2; exit 1 ;;
esac
"""
FAKE_LOGINCTL = """\
#!/bin/sh
[ "$1" = show-user ] && [ "$3" = --property=Linger ] && echo "Linger=${LINGER-no}"
"""
FAKE_LAUNCHCTL = """\
#!/bin/sh
echo "$*" >>"$MANAGER/calls"
refused=$(/bin/cat "$MANAGER/refuses" 2>/dev/null)
[ "$1" != "${refused:-none}" ] || { echo "$1 failed: 5: Input/output error" >&2; exit 5; }
case $1 in
print) [ -e "$MANAGER/loaded" ] || { echo "Could not find service" >&2; exit 113; } ;;
bootstrap)
  [ ! -e "$MANAGER/loaded" ] || { echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; }
  [ -e "$3" ] && : >"$MANAGER/loaded" ;;
bootout) /bin/rm "$MANAGER/loaded" ;;
*) exit 64 ;;
esac
"""


class Machine:
    """A home, a checkout and a crontab of our own."""

    def __init__(self, base: Path) -> None:
        self.home = base / "home"
        self.tab = base / "tab"
        self.programs = base / "bin"
        self.settings = self.home / ".config/defer/env"
        self.home.mkdir()
        self.programs.mkdir()
        self.program("crontab", FAKE_CRONTAB)
        self.runner = self.checkout(base / "checkout")

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def checkout(self, root: Path) -> Path:
        runner = root / "scripts" / "run-deferred.sh"
        runner.parent.mkdir(parents=True)
        runner.write_text("#!/bin/bash\n")
        runner.chmod(0o755)
        return runner

    def install(self, runner=None, settings=None, path="/usr/bin:/bin", **environ) -> dict:
        environ = {"HOME": str(self.home), **environ}
        return cron.install(runner or self.runner, settings or self.settings, path, 60.0, environ=environ)

    def with_manager(self, monkeypatch: pytest.MonkeyPatch, **programs: str) -> Path:
        """Give it those programs, which keep what they know in the directory that is returned."""
        directory = self.tab.with_name("manager")
        directory.mkdir()
        monkeypatch.setenv("MANAGER", str(directory))
        for name, text in programs.items():
            self.program(name, text)
        return directory

    @property
    def line(self) -> bytes:
        return b"* * * * * %b # defer: wakes the tasks that are due\n" % self.in_crontab(self.runner)

    @staticmethod
    def in_crontab(path: Path) -> bytes:
        """A path as a word of a command there (crontab(5)), whatever the directory of the tests is called."""
        return os.fsencode(shlex.quote(str(path))).replace(b"%", rb"\%")

    @property
    def calls(self) -> list[str]:
        log = self.tab.with_name("tab.calls")
        return log.read_text().split("\n")[:-1] if log.exists() else []


def of(base: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose `crontab` is the only program on PATH, and whose home is the one that cron knows."""
    machine = Machine(base)
    monkeypatch.setenv("PATH", str(machine.programs))
    monkeypatch.setenv("TAB", str(machine.tab))
    # Where systemd and launchd would look for units.
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(crontab, "_TIMEOUT_SECONDS", DEADLINE_SECONDS)
    # cron's HOME is the password database's: give this user the home of the test.
    monkeypatch.setattr(cronenv, "home", lambda: str(machine.home))
    return machine


NO_CRON = Standing("/nowhere/run-deferred.sh", b"", None, "running", [], [], [])
"""No line of the crontab wakes anything."""


def subject_of(
    place: Place, config: Config | None = None, standing: Standing = NO_CRON, now: datetime = NOW
) -> Subject:
    """What the doctor looks at in a place; its wakes have the settings of ``config``."""
    return subject(place.store(), config or place.config(), standing, now)


def told(findings: object) -> list[tuple[str, str]]:
    """The id and the place of each finding."""
    assert hasattr(findings, "__iter__")
    return [(one.id, one.where) for one in findings if isinstance(one, Finding)]
