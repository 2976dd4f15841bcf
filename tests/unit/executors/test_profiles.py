"""What an agent may do, in every form in which it may be said: understood to the last word, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from defer.executors import profiles
from defer.executors.profiles import FETCH, SEARCH, Profile, Unusable

WEB = frozenset({SEARCH, FETCH})
READ, EDIT, WORK, ALL = map(profiles.read, profiles.NAMES)


def test_each_name_allows_what_the_one_before_allows_and_more() -> None:
    assert Profile("read") == READ
    assert Profile("edit", may_write=True) == EDIT
    assert Profile("work", may_write=True, may_execute=True) == WORK
    assert Profile("all", may_write=True, may_execute=True, web=WEB) == ALL
    assert profiles.read(None) is None


UNDERSTOOD: dict[str, tuple[Any, Profile]] = {
    "a name in an object": ({"profile": "edit"}, Profile("edit", may_write=True)),
    "work with its commands": (
        {"profile": "work", "allow": ["make test", "git *"], "deny": ["git push *"]},
        Profile("work", True, True, allow=("make test", "git *"), deny=("git push *",)),
    ),
    "a command twice": (
        {"profile": "work", "allow": ["make test", "Bash(make test)"]},
        Profile("work", True, True, allow=("make test",)),
    ),
    "the web beside a name": ({"profile": "read", "allow": ["WebSearch"]}, Profile("read", web=frozenset({SEARCH}))),
    "all but one command": ({"profile": "all", "deny": ["rm *"]}, Profile("all", True, True, WEB, (), ("rm *",))),
    "no switch on": ({"execute": False}, Profile()),
    "agentica's": (
        {"execute": False, "web_search": True, "write": True},
        Profile(None, may_write=True, web=frozenset({SEARCH})),
    ),
    "agentica's with commands": (
        {"execute": True, "allow": ["ls *"], "deny": ["ls /etc"]},
        Profile(None, False, True, frozenset(), ("ls *",), ("ls /etc",)),
    ),
    "a switch and what it denies": ({"write": True, "deny": ["Edit"]}, Profile()),
    "claude's": (
        {"allow": ["Bash(git status:*)", "Edit", "Read"], "deny": ["Bash(git push:*)", "WebFetch"]},
        Profile(None, True, True, frozenset(), ("git status *",), ("git push *",)),
    ),
    "claude's, exact": ({"allow": ["Bash(npm run test)"]}, Profile(None, False, True, frozenset(), ("npm run test",))),
    "claude's, all commands denied": (
        {"allow": ["Write", "Bash(ls)"], "deny": ["Bash"]},
        Profile(None, may_write=True),
    ),
    "claude's, which allows nothing": ({"allow": []}, Profile()),
    "claude's, the web": ({"allow": ["WebFetch", "WebSearch"]}, Profile(None, web=WEB)),
}  # fmt: skip


@pytest.mark.parametrize(("said", "meant"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_a_form_that_is_understood(said: Any, meant: Profile) -> None:
    assert profiles.read(said) == meant


REFUSED: dict[str, tuple[Any, str]] = {
    "no profile": ("everything", r"not a profile: everything \(one of read, edit, work, all\)"),
    "another case": ("Read", "not a profile: Read"),
    "nothing": ("", "not a profile"),
    "a number": (5, "not a profile: 5"),
    "a list": (["read"], "not a profile"),
    "true": (True, "not a profile"),
    "an empty object": ({}, "name no profile and allow nothing"),
    "deny alone": ({"deny": ["rm *"]}, "name no profile and allow nothing"),
    "a key nobody knows": ({"profile": "read", "sandbox": True}, "not known: sandbox"),
    "claude's mode": ({"allow": ["Edit"], "defaultMode": "plan"}, "not known: defaultMode"),
    "claude's ask": ({"allow": ["Edit"], "ask": ["Bash(ls)"]}, "not known: ask"),
    "a key of another kind": ({1: True}, "not known: 1"),
    "a profile of another kind": ({"profile": ["read"]}, "not a profile"),
    "a profile and a switch": ({"profile": "read", "write": True}, "write beside profile"),
    "a switch with paths": ({"write": ["src"]}, r"write is not true or false: \['src'\]"),
    "a switch with a number": ({"execute": 1}, "execute is not true or false"),
    "a switch with a word": ({"web_search": "yes"}, "web_search is not true or false"),
    "a switch against allow": ({"execute": False, "allow": ["ls"]}, "what execute: false forbids"),
    "write against allow": ({"write": False, "allow": ["Edit"]}, "what write: false forbids"),
    "search against allow": ({"web_search": False, "allow": ["WebSearch"]}, "what web_search: false forbids"),
    "allow is a text": ({"profile": "work", "allow": "ls"}, "allow is not a list"),
    "allow is none": ({"profile": "work", "allow": None}, "allow is not a list"),
    "too many": ({"profile": "work", "allow": ["ls"] * 101}, "at most 100 commands"),
    "allow beside all": ({"profile": "all", "allow": ["ls"]}, "beside the profile all"),
    "commands beside read": ({"profile": "read", "allow": ["ls"]}, "read runs no commands: ls"),
    "commands beside edit": ({"profile": "edit", "allow": ["Bash(ls:*)"]}, "edit runs no commands"),
    "files beside read": ({"profile": "read", "allow": ["Edit"]}, "read changes no files"),
    "every command": ({"allow": ["Bash"]}, "names every command"),
    "every command, with a star": ({"allow": ["Bash(*)"]}, "names every command"),
    "every command beside work": ({"profile": "work", "allow": ["Bash(:*)"]}, "names every command"),
    "all but files": ({"profile": "all", "deny": ["Edit"]}, "with all, only commands can be denied"),
    "all but commands": ({"profile": "all", "deny": ["Bash"]}, "with all, only commands can be denied"),
    "paths of edits": ({"allow": ["Edit(src/**)"]}, r"cannot be kept to: Edit\(src/\*\*\)"),
    "a domain": ({"allow": ["WebFetch(domain:example.com)"]}, "cannot be kept to"),
    "a tool of a server": ({"allow": ["mcp__files__read"]}, None),
    "a tool nobody knows": ({"allow": ["Task"]}, "cannot be kept to: Task"),
    "reading denied": ({"profile": "edit", "deny": ["Read"]}, "cannot be kept to: Read"),
    "a path that may not be read": ({"profile": "edit", "deny": ["Read(.env)"]}, "cannot be kept to"),
    **{
        f"not a plain command: {command!r}": ({"profile": "work", "allow": [command]}, "does not name a command")
        for command in (
            *("", " ", "*", "git*", "git * push", "a  b", "ls; rm x", "ls && x", "ls | x", "a > b", "$(x)", "`x`"),
                "a\nb",
            *("'a'", '"a"', "a\\b", "-x", "{a,b}", "~/x", "é", "a" * 201, "Bash(ls", "Bash(ls)x", 5, None, ["ls"]),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize(("said", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused_on_one_line(said: Any, why: str | None) -> None:
    if why is None:
        # It could be a command's name: then it allows nothing but that command.
        assert profiles.read(said) == Profile(None, may_execute=True, allow=("mcp__files__read",))
        return
    with pytest.raises(Unusable, match=why) as refused:
        profiles.read(said)
    text = str(refused.value)
    assert text.startswith("permissions")
    assert text.isprintable()
    assert len(text) < 400


def test_no_form_is_read_as_more_than_all_of_its_words_allow() -> None:
    for said, meant in UNDERSTOOD.values():
        narrowed = {**said, "deny": [*said.get("deny", []), *([] if meant.is_all else ["Edit", "Bash", "WebFetch"])]}
        less = profiles.read(narrowed)
        assert less is not None
        if not meant.is_all:
            assert not less.may_write
            assert not less.may_execute
            assert FETCH not in less.web
            assert not less.allow


def test_it_is_said_in_a_few_words() -> None:
    assert ALL is not None
    assert ALL.words() == "anything"
    assert READ is not None
    assert READ.words() == "read"
    said = Profile(None, True, True, WEB, ("make test", "git *"), ("git push *",)).words()
    assert said == "read, edit, run make test, git *, search the web, fetch from the web; never git push *"
    assert WORK is not None
    assert WORK.words() == "read, edit, run commands in its sandbox"


def test_commands_in_another_form() -> None:
    forms = profiles.each(("make test", "git *"), lambda one: f"={one}", lambda one: f"{one}:*")
    assert forms == ["=make test", "git:*"]
