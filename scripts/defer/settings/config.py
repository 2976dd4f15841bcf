"""Configuration: environment variables over the settings file over defaults.

``variables`` has every variable with its default.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from defer import fsio, homedir
from defer.errors import About, BadInput, NoHome
from defer.record import codec

from .variables import VARIABLES

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from defer.record.lineage import Bounds
    from defer.record.retry import Backoff

_BOUNDS = ("DEFER_MAX_DEPTH", "DEFER_MAX_WAITING_PER_ROOT", "DEFER_MAX_PER_DAY_PER_ROOT")
_WITH_URLS = ("DEFER_NOTIFY", "DEFER_PING_URL")
_SETTINGS_LIMIT = 1 << 20
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ZONE_FILES = "/usr/share/zoneinfo"
_REGIONS = {
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Etc", "Europe", "Indian"),
    *("Pacific", "UTC"),
}
_N = TypeVar("_N", int, float)


class Config:
    """What one process runs with. Each property raises BadInput naming its variable when it is malformed.

    ``environment``: the process's variables with the settings file's under them.
    """

    def __init__(self, environ: Mapping[str, str], file_values: Mapping[str, str], settings_file: Path | None) -> None:
        self.environment = {**file_values, **environ}
        if "PATH" in file_values:
            # cron's own PATH holds next to nothing: the one noted at `waker install` replaces it.
            self.environment["PATH"] = file_values["PATH"]
        self.settings_file = settings_file
        self._is_made_up = environ is not os.environ
        self._environ, self._file_values = environ, file_values
        self._from_file = {name for name in file_values if name not in environ or name == "PATH"}

    def get(self, name: str) -> str:
        """The variable's text; an empty one counts as not set."""
        return self.environment.get(name, "")

    @property
    def secret_names(self) -> list[str]:
        """The variables that DEFER_SECRETS lists. Messages never quote its words: one may be a value."""
        for number, name in enumerate(self._listed, 1):
            if not re.fullmatch(_NAME, name):
                what = f"DEFER_SECRETS: word {number} is not the name of a variable (list names, not values)"
                raise BadInput(what, field="DEFER_SECRETS")
        return self._listed

    @property
    def _listed(self) -> list[str]:
        return self.get("DEFER_SECRETS").replace(",", " ").split()

    @cached_property
    def secrets(self) -> list[bytes]:
        """What to mask in all that is kept: the settings file's values, and secrets of the environment.

        A name that is in both has two values. Settings of ours and PATH are not secrets unless listed, or URLs.
        """
        from . import secrets as secretvalues

        in_both = {name: self._environ[name] for name in self._file_values if name in self._environ}
        found = [*self.secrets_of(self._file_values), *self.secrets_of(in_both)]
        found += secretvalues.by_name(self._without_ours(self._environ), self._listed)
        found += [one for written in self._urls for one in secretvalues.of_urls(written)]
        return list(dict.fromkeys(found))

    @property
    def _urls(self) -> list[str]:
        """Settings that hold URLs, of the environment and of the settings file."""
        both = (self._environ, self._file_values)
        return [values[name] for values in both for name in _WITH_URLS if "://" in values.get(name, "")]

    def secrets_of(self, variables: Mapping[str, str]) -> list[bytes]:
        """What to mask of variables that a user has set for executors."""
        from . import secrets as secretvalues

        return list(dict.fromkeys(secretvalues.of_settings(self._without_ours(variables), self._listed)))

    def _without_ours(self, variables: Mapping[str, str]) -> dict[str, str]:
        ours = {*VARIABLES, "PATH"}.difference(self._listed)
        return {name: value for name, value in variables.items() if name not in ours}

    @property
    def names_in_file(self) -> list[str]:
        """The variables that the settings file sets."""
        return list(self._file_values)

    @property
    def file_tells_secrets(self) -> bool:
        """Whether a name in the settings file says that its value is secret."""
        from . import secrets as secretvalues

        has_url = any("://" in self._file_values.get(name, "") for name in _WITH_URLS)
        return has_url or any(secretvalues.by_name(self._file_values, self._listed))

    def masked(self, text: str) -> str:
        """``text`` without the secrets of this process."""
        from .masking import Masker

        return Masker(self.secrets).text(text)

    def origin(self, name: str) -> str:
        """Where a variable's value comes from, for people."""
        return str(self.settings_file) if name in self._from_file else "the runner's environment"

    def _directory(self, name: str, otherwise: Callable[[], Path]) -> Path:
        written = self.get(name)
        if written.startswith("~"):
            what = f"{name} starts with a tilde, which nothing expands here: {written} (write the full path)"
            raise BadInput(what, field=name)
        if written and name in self._from_file and not os.path.isabs(written):
            # Every run would look somewhere else, and would not find what another one stored.
            what = f"{self.settings_file}: {name} is not a full path: {written} (start it with /)"
            raise BadInput(what, field=name)
        return Path(os.path.abspath(written)) if written else otherwise()

    @property
    def home(self) -> Path:
        """The user's home directory. Raises NoHome, so ask only where nothing else names the place."""
        return homedir.need(self.environment, of_account=not self._is_made_up)

    @property
    def user_directory(self) -> Path:
        """``$XDG_CONFIG_HOME/defer``, whether it exists or not."""
        found = homedir.of_settings(self.environment, of_account=not self._is_made_up)
        if found is None:
            raise NoHome(self.get("HOME"))
        return found

    @property
    def settings_places(self) -> list[Path]:
        """Every place where this process may have a settings file, whether there is one or not."""
        return homedir.settings_places(self._environ)

    @property
    def runtime_dir(self) -> Path:
        return self._directory("DEFER_RUNTIME_DIR", lambda: self.home / "data" / "runtime")

    @property
    def tasks_file(self) -> Path:
        """The store. A link is followed, so that all who reach one file share its lock."""
        return Path(os.path.realpath(self.tasks_file_as_named))

    @property
    def tasks_file_as_named(self) -> Path:
        """The same before any link is followed."""
        return self._directory("DEFER_TASKS_FILE", lambda: self.runtime_dir / "deferred.jsonl")

    @property
    def archive_dir(self) -> Path:
        return self._directory("DEFER_ARCHIVE_DIR", lambda: self.runtime_dir / "archive")

    @property
    def log_dir(self) -> Path:
        return self._directory("DEFER_LOG_DIR", lambda: self.runtime_dir / "logs")

    @property
    def log_file(self) -> Path:
        return self._directory("DEFER_LOG_FILE", lambda: self.log_dir / "deferred.log")

    @property
    def v1_tasks_lock(self) -> Path:
        """The directory that a v1 writer holds while it changes the store."""
        return self._directory("DEFER_TASKS_LOCK_DIR", lambda: self.runtime_dir / ".deferred-tasks.lock")

    @property
    def v1_runner_lock(self) -> Path:
        """The directory that a v1 runner holds while it is at work."""
        return self.runtime_dir / ".defer.lock"

    @property
    def runs_dir(self) -> Path:
        return self.runtime_dir / "runs"

    @property
    def worktrees_dir(self) -> Path:
        """Where the worktrees of occurrences lie, each beside its note."""
        return self.runtime_dir / "worktrees"

    @property
    def notices_file(self) -> Path:
        """What people are told, and what became of it."""
        return self.runtime_dir / "notices.jsonl"

    @property
    def tasks_dir(self) -> Path:
        """The directory of task files, whether it exists or not."""
        return self._directory("DEFER_TASKS_DIR", lambda: self.user_directory / "tasks")

    @property
    def executor(self) -> str | None:
        return self.get("DEFER_EXECUTOR") or None

    @property
    def timeout_seconds(self) -> float:
        """Seconds an attempt may take; 0 means no limit."""
        return self._number("DEFER_TIMEOUT_SECONDS", float, 0.0)

    @property
    def kill_grace_seconds(self) -> float:
        return self._number("DEFER_KILL_GRACE_SECONDS", float, 0.0)

    @property
    def max_parallel(self) -> int:
        return self._number("DEFER_MAX_PARALLEL", int, 1)

    @property
    def output_limit_bytes(self) -> int:
        return self._number("DEFER_OUTPUT_LIMIT_BYTES", int, 0)

    @property
    def lock_timeout_seconds(self) -> float:
        return self._number("DEFER_LOCK_TIMEOUT_SECONDS", float, 0.0)

    @property
    def notify_output(self) -> bool:
        """Whether notices carry what an attempt printed."""
        return bool(self._number("DEFER_NOTIFY_OUTPUT", int, 0))

    @property
    def notify_cooldown_seconds(self) -> float:
        """Seconds until a failure that goes on is told again."""
        return self._number("DEFER_NOTIFY_COOLDOWN", float, 0.0)

    @property
    def pause_after(self) -> int | None:
        """Failures in a row after which a recurring task is paused; None for never."""
        return self._number("DEFER_PAUSE_AFTER", int, 1) if self.get("DEFER_PAUSE_AFTER") else None

    @property
    def budget_usd_per_day(self) -> float | None:
        """What agents may cost in a day of DEFER_TIMEZONE, in US dollars; None for no bound."""
        return self._number("DEFER_BUDGET_USD_PER_DAY", float, 0.0) if self.get("DEFER_BUDGET_USD_PER_DAY") else None

    @property
    def budget_tokens_per_day(self) -> float | None:
        """The tokens that agents may read and write in a day of DEFER_TIMEZONE; None for no bound."""
        name = "DEFER_BUDGET_TOKENS_PER_DAY"
        return self._number(name, float, 0.0) if self.get(name) else None

    @property
    def keep_days(self) -> float | None:
        """Days that logs, runs and archive are kept; None for ever."""
        return self._number("DEFER_KEEP_DAYS", float, 1.0) if self.get("DEFER_KEEP_DAYS") else None

    @property
    def backoff(self) -> Backoff:
        from defer.record.retry import Backoff

        return Backoff(*self._backoff, self.pause_after, self.max_reschedules)

    @property
    def _backoff(self) -> tuple[float, float, float]:
        return (
            self._number("DEFER_RETRY_DELAY_SECONDS", float, 0.0),
            self._number("DEFER_RETRY_BACKOFF", float, 1.0),
            self._number("DEFER_RETRY_MAX_DELAY_SECONDS", float, 0.0),
        )

    @property
    def is_in_attempt(self) -> bool:
        """Whether this process is part of an attempt: then what it schedules belongs to that."""
        return bool(self.get("DEFER_RUN_ID") or self.get("DEFER_TASK_ID"))

    @property
    def trusts_agents(self) -> bool:
        """Whether agents' attempts may do all that a person may. Only the settings file can say so."""
        written = self._file_values.get("DEFER_TRUST_AGENTS") or VARIABLES["DEFER_TRUST_AGENTS"]
        return bool(self._number("DEFER_TRUST_AGENTS", int, 0, written))

    @property
    def bounds(self) -> Bounds:
        """How much the attempts of one chain may schedule."""
        from defer.record.lineage import Bounds

        return Bounds(*map(self._bound, _BOUNDS))

    @property
    def max_reschedules(self) -> int:
        """How many times in a row an executor may ask to be run again."""
        return self._bound("DEFER_MAX_RESCHEDULES")

    @property
    def resume_limit(self) -> int:
        return self._number("DEFER_RESUME_LIMIT", int, 0)

    def _bound(self, name: str) -> int:
        """A bound on what attempts do, who can set variables: theirs may lower what the settings file says."""
        most = self._number(name, int, 0, self._file_values.get(name) or VARIABLES[name])
        return min(most, self._number(name, int, 0))

    def _number(self, name: str, kind: type[_N], least: _N, written: str = "") -> _N:
        written = written or self.get(name) or VARIABLES[name]
        try:
            value = kind(written)
        except ValueError:
            value = kind(-1)
        if not least <= value <= codec.MAX_SECONDS:
            what = f"{'a whole number' if kind is int else 'a number'} from {least:g} to {codec.MAX_SECONDS:.0f}"
            raise BadInput(f"{name} must be {what}: {written} (default {VARIABLES[name] or 'not set'})", field=name)
        return value

    def zone_name(self, name: str | None = None) -> str:
        """The name of the same zone as ``timezone``. The system's own file of it vouches for most, at a glance."""
        wanted = name or self.get("DEFER_TIMEZONE") or self._system_zone
        return wanted if _is_zone_of_system(wanted) else self.timezone(name).key

    def timezone(self, name: str | None = None) -> ZoneInfo:
        """The zone called ``name``, else DEFER_TIMEZONE, else the system's IANA zone."""
        from defer import timeparse

        configured = self.get("DEFER_TIMEZONE")
        if name or not configured:
            with About("tz" if name else "DEFER_TIMEZONE"):
                return timeparse.zone(name or self._system_zone)
        try:
            return timeparse.zone(configured)
        except timeparse.TimeExpressionError:
            what = f"DEFER_TIMEZONE is not an IANA zone: {configured} (e.g. Europe/Berlin)"
            raise BadInput(what, field="DEFER_TIMEZONE") from None

    def check(self) -> None:
        """Raise BadInput for a setting that the next wake could not work with."""
        _ = self._backoff, self.max_parallel, self.timeout_seconds, self.kill_grace_seconds
        _ = self.output_limit_bytes, self.lock_timeout_seconds, self.secret_names, self.resume_limit
        _ = self.notify_output, self.notify_cooldown_seconds, self.pause_after, self.keep_days
        _ = [self._bound(name) for name in _BOUNDS], self.max_reschedules, self.trusts_agents
        _ = self.budget_usd_per_day, self.budget_tokens_per_day

    @cached_property
    def _system_zone(self) -> str:
        # Nearly everywhere /etc/localtime is a link into the zone database, and its target is the answer; tzlocal,
        # which knows the other places, costs half as much again as Python's own start.
        if "TZ" in self.environment:
            from . import systemzone

            name = systemzone.named_by(self.environment["TZ"])
            return name if _is_zone_of_system(name) else systemzone.of_tz(self.environment["TZ"])
        with suppress(OSError):
            _, database, name = os.readlink("/etc/localtime").partition("/zoneinfo/")
            if database:
                return name
        from . import systemzone

        return systemzone.of_system()


@lru_cache(maxsize=16)
def _is_zone_of_system(name: str) -> bool:
    """Whether this is an IANA zone beyond doubt. To read one takes a fifth of Python's own start."""
    parts = name.split("/")
    is_plain = name.isascii() and name.isprintable() and parts[0] in _REGIONS and "" not in parts and "." not in name
    return is_plain and os.path.isfile(f"{_ZONE_FILES}/{name}")


def load(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process. Raises BadInput for a settings file that cannot be read."""
    env = os.environ if environ is None else environ
    path = homedir.settings_path(env)
    if path is None or str(path) == os.devnull:
        return Config(env, {}, None)
    try:
        file = fsio.reader(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with file:
            raw = file.read(_SETTINGS_LIMIT + 1)
    except OSError as error:
        mend = getattr(error, "remedy", "see DEFER_ENV_FILE")
        what = f"the settings file cannot be read: {path}: {error.strerror} ({mend})"
        raise BadInput(what, field="DEFER_ENV_FILE") from None
    if len(raw) > _SETTINGS_LIMIT:
        what = f"the settings file is too large: {path} (at most {_SETTINGS_LIMIT} bytes)"
        raise BadInput(what, field="DEFER_ENV_FILE")
    from . import format as settings  # who has no settings file does not pay for it

    return Config(env, settings.parse(raw.decode("utf-8", "surrogateescape"), str(path)), path)
