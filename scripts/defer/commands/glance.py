"""The flags of a plain call, read without an argument parser.

Loading argparse and making a parser with forty flags takes half as long as Python's own start. Most calls use flags of
the simplest form, ``--flag TEXT``, which are read at a glance. All else is left to ``flags``: a flag that takes a
number or one of a few words, ``--flag=TEXT``, text that begins like a flag, two flags that exclude each other, help,
hundreds of words, and all errors. A test holds both ways to the same answer.
"""

from __future__ import annotations

from defer.errors import BadInput

from . import ALIASES, SELECTING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from typing import Any
else:
    from types import SimpleNamespace as Namespace

_FORM = {"--compact": "compact", "--json": "json", "--table": "table"}
_NO_FORM = dict.fromkeys(_FORM.values(), False)
_SCHEDULE_TEXTS = {
    f"--{name.replace('_', '-')}": name
    for name in (
        *("when", "every", "cron", "tz", "expires", "until", "jitter", "summary", "prompt_file"),
        *("context_json", "project", "context_file", "timeout", "executor", "workspace", "id", "model", "check"),
        "command",
    )
}
_SCHEDULE_TEXTS |= {"--if": "condition", "--prompt": "prompt_template"}
_SCHEDULE_TEXTS |= {alias: _SCHEDULE_TEXTS[flag] for alias, flag in ALIASES.items() if flag in _SCHEDULE_TEXTS}
_SCHEDULE_LISTS = {"--key-point": "key_point", "--artifact": "artifact", "--constraint": "constraint", "--tag": "tag"}
_SCHEDULE_SWITCHES = {
    **_FORM,
    "--reorient": "reorient",
    "--concurrent": "concurrent",
    "--leave-running": "leave_running",
    "--worktree": "worktree",
    "--dry-run": "dry_run",
}
_NOT_PLAIN = (
    *("times", "catch_up", "overlap", "intent", "mode", "aura_level", "max_retries", "notify"),
    *("drift", "max_cost", "max_turns", "session", "permissions", "allow"),
)
_MOST_WORDS = 200
_ONE_OF = (("when", "every", "cron"), ("compact", "json", "table"))


def schedule(words: list[str]) -> Namespace:
    """The flags of `schedule`, and its line in words. Raises BadInput."""
    given: dict[str, Any] = {
        **dict.fromkeys((*_SCHEDULE_TEXTS.values(), *_SCHEDULE_LISTS.values(), *_NOT_PLAIN)),
        "concurrent": None,
        "leave_running": None,
        "worktree": None,
        "reorient": False,
        "dry_run": False,
        **_NO_FORM,
        "if_exists": "error",
    }
    loose = _told(words, given, _SCHEDULE_TEXTS, _SCHEDULE_SWITCHES, _SCHEDULE_LISTS)
    if loose is not None:
        return Namespace(words=loose, **given)
    from . import flags

    return flags.schedule().parse(words)


_BY_ID: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "cancel": ({"--reason": "reason"}, {"--kill": "kill", "--occurrence": "occurrence"}),
    "uncancel": ({}, {}),
    "pause": ({"--until": "until"}, {"--all": "all"}),
    "resume": ({}, {"--all": "all"}),
    "run": ({"--timeout": "timeout"}, {"--wait": "wait"}),
    "release": ({}, {}),
    "ack": ({}, {}),
}
"""The commands that are told ids, each with its flags that take a text and those that take nothing."""


def by_id(name: str, words: list[str]) -> Namespace:
    """The flags of a command that is told the ids of tasks. Raises BadInput."""
    texts, switches = _BY_ID[name]
    lists = {"--tag": "tag"} if name in SELECTING else {}
    given: dict[str, Any] = {"id": None, **_NO_FORM}
    given |= dict.fromkeys((*texts.values(), *lists.values()))
    given |= dict.fromkeys(switches.values(), False)
    loose = _told(words, given, {"--id": "id", **texts}, {**_FORM, **switches}, lists)
    if loose is not None:
        return Namespace(id_words=loose, **given)
    from . import flags

    return flags.by_id(name).parse(words)


def show(words: list[str]) -> Namespace:
    """The flags of `show`. Raises BadInput."""
    given = {"id": None, **_NO_FORM}
    loose = _told(words, given, {"--id": "id"}, _FORM)
    if loose is not None:
        return Namespace(id_words=loose, **given)
    from . import lookflags

    return lookflags.show().parse(words)


def listing(words: list[str]) -> Namespace:
    """The flags of `list`. Raises BadInput."""
    given = {"status": None, "all": False, "upcoming": None, "since": None, "limit": None, "tag": None, "text": None}
    given |= _NO_FORM
    texts = {"--upcoming": "upcoming", "--since": "since", "--text": "text"}
    if _told(words, given, texts, {**_FORM, "--all": "all"}, {"--tag": "tag"}) == []:
        return Namespace(**given)
    from . import flags

    return flags.listing().parse(words)


def wake(words: list[str]) -> Namespace:
    """The flags of `run-deferred.sh`. Raises BadInput."""
    given = {"once": False, "loop": None, "json": False}
    if _told(words, given, {}, {"--once": "once", "--json": "json"}) == []:
        return Namespace(**given)
    from . import flags

    return flags.wake().parse(words)


def _told(
    words: list[str],
    given: dict[str, Any],
    texts: Mapping[str, str],
    switches: Mapping[str, str],
    lists: Mapping[str, str] = {},
) -> list[str] | None:
    """Put what the flags say into ``given``; the words that stand alone. None where it takes more than a glance."""
    if len(words) > _MOST_WORDS:
        return None
    loose = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            loose.append(word)
        elif word in switches:
            given[switches[word]] = True
        elif word in texts or word in lists:
            value = next(rest, "")
            if not value or value.startswith("-"):
                return None
            if word in texts:
                given[texts[word]] = value
            else:
                given[lists[word]] = [*(given[lists[word]] or ()), value]
        else:
            return None
    clash = any(sum(bool(given.get(name)) for name in names) > 1 for names in _ONE_OF)
    return None if clash else loose


def the_ids(args: Namespace, name: str) -> list[str]:
    """The ids that were given, each once, in their order. Raises BadInput for none."""
    given = list(dict.fromkeys(filter(None, (*args.id_words, args.id))))
    if not given:
        where = "defer history --status cancelled" if name == "uncancel" else "defer list"
        raise BadInput(f"{name} takes an id: defer {name} ID (see {where})", field="id")
    return given


def the_id(args: Namespace, name: str) -> str:
    """The one id that was given. Raises BadInput for none or several."""
    given = [one for one in (args.id_word, args.id) if one]
    if len(given) != 1:
        raise BadInput(f"{name} takes one id: defer {name} ID (see defer list)", field="id")
    found: str = given[0]
    return found
