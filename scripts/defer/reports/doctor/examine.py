"""The installation looked over: every check, in the order in which they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from defer import errors

from . import clock, environment, facts, files, journal, keeping, notices, programs, tasks, waker
from .finding import Finding, parted, worst_first
from .finding import found as found_of
from .programs import Version
from .subject import Subject
from .uses import collect

MOST_OF_ONE_KIND = 10
"""So many findings of a kind are told."""


class Mended(NamedTuple):
    """What became of a finding that could be mended: what was done, or why it could not be."""

    id: str
    where: str
    did: str | None
    failed: str | None


class Examined(NamedTuple):
    """What was found, the worst first, and what the coding agents in use say of themselves.

    Of one kind only the first few are told; ``more``: how many others there are, by id. ``facts``: what is told
    whatever is wrong.
    """

    findings: list[Finding]
    more: dict[str, int]
    agents: list[Version]
    facts: dict[str, Any]


def examine(subject: Subject) -> Examined:
    """Look everything over. Nothing is changed."""
    found, agents = list[Finding](), list[Version]()
    for what, look in _LOOKS.items():
        found += _guarded(what, look, subject)
    try:
        uses = collect(subject.store.scan(), subject.wakes_config)
    except errors.DeferError as error:
        return Examined(*_first_of_each([*found, _unreadable("tasks", error)]), [], facts.facts(subject))
    found += _guarded("programs", lambda subject: programs.findings(subject, uses), subject)
    found += _guarded("tasks", lambda subject: tasks.findings(subject, uses), subject)
    agents += programs.versions(subject.wakes_config, uses)
    return Examined(*_first_of_each([*found, *programs.broken(agents)]), agents, facts.facts(subject))


def _first_of_each(found: list[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """The first few of each kind, the worst first, and how many more there are of it."""
    counts = Counter[str]()
    kept = []
    for one in found:
        counts[one.id] += 1
        if counts[one.id] <= MOST_OF_ONE_KIND:
            kept.append(one)
    more = {kind: count - MOST_OF_ONE_KIND for kind, count in counts.items() if count > MOST_OF_ONE_KIND}
    return worst_first(kept), more


_LOOKS: dict[str, Callable[[Subject], Iterable[Finding]]] = {
    "waker": lambda one: waker.findings(one.standing, one.store.markers, one.config, one.now),
    "environment": environment.findings,
    "lines": lambda one: keeping.of_lines(one.store.condition(), one.config),
    "attempts": keeping.of_attempts,
    "places": lambda one: files.of_places(one.config),
    "rights": lambda one: files.of_rights(one.config),
    "files": lambda one: files.of_files(one.config),
    "disk": lambda one: keeping.of_disk(one.config),
    "clock": clock.findings,
    "journal": lambda one: journal.findings(one.config.log_file, one.now),
    "notices": notices.findings,
}
"""What is looked at without a look at each task, by what it is called."""


def _guarded(what: str, look: Callable[[Subject], Iterable[Finding]], subject: Subject) -> list[Finding]:
    """The findings of one look. What cannot be looked at is a finding too: the other looks go on."""
    found: list[Finding] = []
    try:
        for one in look(subject):
            found.append(one)
    except (errors.DeferError, OSError) as error:
        found.append(_unreadable(what, error))
    return found


def _unreadable(what: str, error: Exception) -> Finding:
    said, fix = parted(str(error))
    return found_of("unreadable", f"{what} could not be looked at: {said}", what, fix)


def mend(findings: list[Finding]) -> list[Mended]:
    """Mend what is safe to mend; what was done, in that order."""
    return [_mended(one) for one in findings if one.mend is not None]


def _mended(one: Finding) -> Mended:
    assert one.mend is not None
    try:
        return Mended(one.id, one.where, one.mend(), None)
    except errors.DeferError as error:
        return Mended(one.id, one.where, None, str(error))
    except OSError as error:
        return Mended(one.id, one.where, None, f"{error.strerror}: {error.filename}")
