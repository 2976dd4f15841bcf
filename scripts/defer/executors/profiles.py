"""What an agent may do, read from any form in which a task's ``permissions`` may say it.

A form that is not understood to its last word is refused: a wish that is passed over would leave an agent free to do
what somebody meant to forbid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

NAMES = ("read", "edit", "work", "all")
SEARCH, FETCH = "search", "fetch"
_WEB = frozenset({SEARCH, FETCH})

_MOST_PATTERNS, _LONGEST_PATTERN, _MOST_SHOWN = 100, 200, 80
_TOOL = re.compile(r"([A-Z][A-Za-z]*)(?:\((.*)\))?", re.DOTALL).fullmatch
_COMMAND = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:=@%+,-]*(?: [A-Za-z0-9_./:=@%+,-]+)*").fullmatch
_READING = frozenset({"Read", "Glob", "Grep", "LS"})
_EDITING = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
_ON_THE_WEB = {"WebSearch": SEARCH, "WebFetch": FETCH}
_SWITCHES = ("write", "execute", "web_search", "web_fetch")


class Unusable(ValueError):
    """Permissions that cannot be understood; the text says what of them, and how to mend it."""


class Profile(NamedTuple):
    """What an agent may do beside reading in its workspace.

    ``name``: one of ``NAMES``, None for a form that spells its parts out. ``may_write``: change files in the
    workspace. ``may_execute``: run the commands of ``allow``; with none named, any that the agent's own sandbox keeps
    in the workspace. ``web``: of ``search`` and ``fetch``. ``deny``: commands that it may not run, whatever else is
    allowed. A command of ``allow`` and ``deny`` is words with one blank between; if the last is ``*``, any further
    words may follow, or none.
    """

    name: str | None = None
    may_write: bool = False
    may_execute: bool = False
    web: frozenset[str] = frozenset()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        """Whether only ``deny`` bounds it."""
        return self.name == "all"

    def words(self) -> str:
        """The same in a few words, for people."""
        if self.is_all:
            what = "anything"
        else:
            parts = ["read", *(["edit"] if self.may_write else [])]
            if self.may_execute:
                parts.append(f"run {', '.join(self.allow)}" if self.allow else "run commands in its sandbox")
            parts += [f"{one} the web" if one == SEARCH else "fetch from the web" for one in sorted(self.web)[::-1]]
            what = ", ".join(parts)
        return f"{what}; never {', '.join(self.deny)}" if self.deny else what


class _Named(NamedTuple):
    """What a list of tools and commands comes to."""

    may_write: bool
    web: frozenset[str]
    commands: tuple[str, ...]
    every_command: bool


_BY_NAME = {
    "read": Profile("read"),
    "edit": Profile("edit", may_write=True),
    "work": Profile("work", may_write=True, may_execute=True),
    "all": Profile("all", may_write=True, may_execute=True, web=_WEB),
}


def read(permissions: object) -> Profile | None:
    """The profile that a record's ``permissions`` ask for; None where they are not set. Raises Unusable.

    They are a name of ``NAMES``, an object with ``profile``, ``allow`` and ``deny``; one with any of ``write``,
    ``execute``, ``web_search`` and ``web_fetch`` (true or false), ``allow`` and ``deny``; or one with ``allow`` and
    ``deny`` alone, lists of tools and commands as Claude Code's settings have them.
    """
    if permissions is None:
        return None
    if isinstance(permissions, str):
        return _of_name(permissions)
    if not isinstance(permissions, Mapping):
        raise Unusable(f"permissions are not a profile: {_shown(permissions)} (name one of {', '.join(NAMES)})")
    known = ("profile", *_SWITCHES, "allow", "deny")
    for key in permissions:
        if key not in known:
            raise Unusable(f"permissions: not known: {_shown(key)} (known: {', '.join(known)})")
    allow, deny = (_named(permissions, key) for key in ("allow", "deny"))
    if "profile" in permissions:
        return _without(_of_object(permissions, allow), deny)
    if any(name in permissions for name in _SWITCHES):
        return _without(_of_switches(permissions, allow), deny)
    if "allow" not in permissions:
        raise Unusable(f"permissions name no profile and allow nothing (name one of {', '.join(NAMES)})")
    if allow.every_command:
        raise Unusable("permissions: allow names every command (name them, such as Bash(git status), or say all)")
    return _without(Profile(None, allow.may_write, bool(allow.commands), allow.web, allow.commands), deny)


def _of_name(name: object) -> Profile:
    found = _BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        raise Unusable(f"permissions: not a profile: {_shown(name)} (one of {', '.join(NAMES)})")
    return found


def _of_object(permissions: Mapping[str, Any], allow: _Named) -> Profile:
    profile = _of_name(permissions["profile"])
    for name in _SWITCHES:
        if name in permissions:
            raise Unusable(f"permissions: {name} beside profile (say one of them)")
    if "allow" not in permissions:
        return profile
    if profile.name == "all":
        raise Unusable("permissions: allow beside the profile all, which allows everything (leave allow out)")
    if allow.commands and not profile.may_execute:
        raise Unusable(f"permissions: the profile {profile.name} runs no commands: {allow.commands[0]} (say work)")
    if allow.may_write and not profile.may_write:
        raise Unusable(f"permissions: the profile {profile.name} changes no files (say edit)")
    if allow.every_command:
        raise Unusable("permissions: allow names every command (name them, such as Bash(git status), or say all)")
    return profile._replace(allow=allow.commands, web=allow.web)


def _of_switches(permissions: Mapping[str, Any], allow: _Named) -> Profile:
    told = {name: permissions.get(name, False) for name in _SWITCHES}
    for name, value in told.items():
        if not isinstance(value, bool):
            raise Unusable(f"permissions: {name} is not true or false: {_shown(value)} (paths cannot be named here)")
    asked = {
        "write": allow.may_write,
        "execute": bool(allow.commands) or allow.every_command,
        "web_search": SEARCH in allow.web,
        "web_fetch": FETCH in allow.web,
    }
    for name, wants in asked.items():
        if wants and name in permissions and not told[name]:
            raise Unusable(f"permissions: allow names what {name}: false forbids (leave one of them out)")
    may = {name: told[name] or wants for name, wants in asked.items()}
    if allow.every_command and not told["execute"]:
        raise Unusable("permissions: allow names every command (name them, such as Bash(git status), or say all)")
    web = frozenset(one for one, name in ((SEARCH, "web_search"), (FETCH, "web_fetch")) if may[name])
    return Profile(None, may["write"], may["execute"], web, allow.commands)


def _without(profile: Profile, deny: _Named) -> Profile:
    """The profile less what is denied."""
    if profile.is_all and (deny.may_write or deny.web or deny.every_command):
        raise Unusable("permissions: with all, only commands can be denied (name a narrower profile)")
    if deny.every_command:
        return profile._replace(may_execute=False, allow=(), may_write=profile.may_write and not deny.may_write,
                                web=profile.web - deny.web)  # fmt: skip
    may_write = profile.may_write and not deny.may_write
    return profile._replace(may_write=may_write, web=profile.web - deny.web, deny=deny.commands)


def _named(permissions: Mapping[str, Any], key: str) -> _Named:
    listed = permissions.get(key, [])
    if not isinstance(listed, (list, tuple)) or len(listed) > _MOST_PATTERNS:
        raise Unusable(f"permissions: {key} is not a list of at most {_MOST_PATTERNS} commands: {_shown(listed)}")
    may_write, every, web, commands = False, False, set(), []
    for one in listed:
        found = _TOOL(one) if isinstance(one, str) else None
        tool, inner = found.groups() if found else ("", None)
        if tool in _EDITING and inner is None:
            may_write = True
        elif tool in _ON_THE_WEB and inner is None:
            web.add(_ON_THE_WEB[tool])
        elif tool == "Bash" and inner in (None, "*", ":*"):
            every = True
        elif tool == "Bash" or not tool:
            commands.append(_command(one if inner is None else inner, key))
        elif tool not in _READING or inner is not None or key == "deny":
            raise Unusable(f"permissions: {key} cannot be kept to: {_shown(one)} (known: {_KNOWN})")
    return _Named(may_write, frozenset(web), tuple(dict.fromkeys(commands)), every)


_KNOWN = "commands, Bash(COMMAND), Edit, Write, WebSearch, WebFetch, and to allow Read, Glob, Grep"


def _command(written: object, key: str) -> str:
    """A command as it is kept. Raises Unusable for one that not every agent would take for the same."""
    text = written.strip() if isinstance(written, str) else ""
    for end in (":*", " *"):
        if text.endswith(end):
            words, more = text.removesuffix(end), " *"
            break
    else:
        words, more = text, ""
    if len(text) > _LONGEST_PATTERN or not _COMMAND(words):
        what = "plain words with one blank between, and * as the last for any that follow"
        raise Unusable(f"permissions: {key} does not name a command: {_shown(written)} ({what})")
    return words + more


def _shown(value: object) -> str:
    text = value if isinstance(value, str) and value.isprintable() else ascii(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def each(commands: tuple[str, ...], exact: Callable[[str], str], begun: Callable[[str], str]) -> list[str]:
    """Commands in an agent's own form: ``exact`` for a command as it is, ``begun`` for one that words may follow."""
    return [begun(one.removesuffix(" *")) if one.endswith(" *") else exact(one) for one in commands]
