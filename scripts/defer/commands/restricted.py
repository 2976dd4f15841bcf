"""What an agent's attempt may call: commands, and of each its flags.

A command or a flag that stands in neither table is refused, so that a new one is not open to agents before somebody
decides. What its records may say is decided in ``scheduling/restricted``, which of them it sees in
``scheduling/scope``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from defer import homedir
from defer.client import Client
from defer.errors import BadInput, Refused
from defer.scheduling import inside, restricted

from . import ALIASES

_FORM = frozenset({"--compact", "--json", "--table", "--help"})
_TIME = frozenset(
    {"--when", "--every", "--cron", "--tz", "--expires", "--count", "--until", "--jitter", "--catch-up", "--overlap"}
)
_WHAT = frozenset(
    {
        *("--summary", "--intent", "--mode", "--prompt", "--prompt-file", "--aura-level", "--retries"),
        *("--context-json", "--key-point", "--artifact", "--constraint", "--timeout", "--workspace", "--concurrent"),
        *("--leave-running", "--no-drift", "--tag", "--permissions", "--allow", "--model", "--max-cost", "--max-turns"),
        "--worktree",
    }
)
ALLOWED: dict[str, frozenset[str]] = {
    "schedule": _TIME | _WHAT | _FORM | {"--id", "--if-exists", "--dry-run"},
    "edit": _TIME | _WHAT | _FORM,
    "list": _FORM | {"--status", "--tag", "--text", "--all", "--upcoming", "--since", "--limit"},
    "show": _FORM | {"--id"},
    "history": _FORM | {"--since", "--status", "--limit", "--id"},
    "inbox": _FORM | {"--peek", "--all", "--hook"},
    "cancel": _FORM | {"--id", "--tag", "--reason", "--kill", "--occurrence"},
    "reschedule": _FORM | {"--tz"},
    "snooze": _FORM | {"--tz"},
    "pause": _FORM | {"--id", "--tag", "--all", "--until"},
    "resume": _FORM | {"--id", "--tag", "--all"},
}
"""What may be called: of the tasks that came of its own alone."""
REFUSED = frozenset(
    {
        *("run", "uncancel", "release", "status", "ack", "sync", "add", "enable", "disable", "remove", "import", "log"),
        *("health", "waker", "cron", "doctor", "prune", "wait", "completion", "mcp"),
    }
)
REFUSED_FLAGS = frozenset(
    {
        "--executor",
        "--command",
        "--no-worktree",
        "--notify",
        "--reorient",
        "--project",
        "--context-file",
        "--if",
        "--check",
        "--session",
    }
)
_FILES = ("--prompt-file", "--artifact")


def check(client: Client, command: str, words: list[str]) -> None:
    """Raise Refused for a call that an agent's attempt may not make."""
    if command not in ALLOWED:
        raise Refused(f"an agent's attempt may not use {command} (a person can; it may use: {', '.join(ALLOWED)})")
    if "--" in words:
        # All that follows is text, or ids.
        words = words[: words.index("--")]
    if "-h" in words or "--help" in words:
        return
    said = (word.partition("=")[0] for word in words if word.startswith("--") and word != "--")
    for flag in (ALIASES.get(one, one) for one in said):
        if flag not in ALLOWED[command]:
            raise Refused(f"an agent's attempt may not use {flag} (leave it out; its own task's is kept)")
    for flag, named in _named(words):
        _check_file(client, flag, named)


def _named(words: list[str]) -> Iterator[tuple[str, str]]:
    """The flags that name a file, each with what it names."""
    for number, word in enumerate(words):
        flag, is_joined, value = word.partition("=")
        if flag in _FILES:
            following = words[number + 1] if number + 1 < len(words) else ""
            yield flag, value if is_joined else following


def _check_file(client: Client, flag: str, named: str) -> None:
    """Raise Refused for a file outside the workspace, or one that has another name besides, which may be outside."""
    if named == "-" or (flag == "--artifact" and not os.path.exists(named)):
        return
    task = inside.executing(client.whole_store, client.config)
    if task is None:
        raise _outside("an agent's attempt", flag, named)
    check_file(restricted.own(task, client.config), flag, named)


def _outside(who: str, flag: str, named: str) -> Refused:
    return Refused(f"{who} may not name what lies outside its workspace: {named} ({flag} takes a file there)")


def check_file(mine: restricted.Own, flag: str, named: str) -> None:
    """Raise Refused for such a file, of whoever is held to ``mine``; BadInput for one that cannot be read."""
    if not mine.holds(named):
        raise _outside(mine.who, flag, named)
    try:
        found = os.stat(named)
    except (OSError, ValueError) as error:
        raise BadInput(f"{flag} cannot be read: {named}: {error} (name a file that is there)") from None
    if homedir.is_settings_file(found, mine.config.settings_places):
        raise Refused(f"{mine.who} may not name the settings file: {named} (name another)")
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
        raise Refused(f"{mine.who} may not name a file that has another name, a hard link: {named} (copy it)")
