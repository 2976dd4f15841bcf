"""The installation looked over: every check, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from defer import errors
from defer.settings.config import Config
from defer.wakers.standing import Standing

from . import waker
from .finding import Finding, worst_first

if TYPE_CHECKING:
    from defer.store.interface import Store


class Mended(NamedTuple):
    """What became of a finding that could be mended: what was done, or why it could not be."""

    id: str
    where: str
    did: str | None
    failed: str | None


def examine(store: Store, config: Config, standing: Standing, now: datetime) -> list[Finding]:
    """What is wrong, the worst first. Nothing is changed."""
    return worst_first(_all(store, config, standing, now))


def _all(store: Store, config: Config, standing: Standing, now: datetime) -> Iterator[Finding]:
    yield from waker.findings(standing, store.markers, config, now)


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
