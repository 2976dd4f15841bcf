"""One expression against the grammar, and the one line that says why it is refused."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from defer import clockactions, timeactions, timegrammar
from defer.errors import BadInput
from defer.grammar import Grammar, rows
from defer.moments import Present
from defer.reading import Reading, TimeExpressionError
from defer.recurdraft import settled
from defer.recurring import Recurrence, cron_fields, from_cron
from defer.timecomplaint import answers, complaint, shown
from defer.timeterminals import STARTS, TERMINALS
from defer.timetokens import MOST_TOKENS, Token, tokenise

_T = TypeVar("_T")


@cache
def grammar() -> Grammar:
    """The grammar of one moment, compiled once."""
    return Grammar(rows(*timegrammar.ONCE), TERMINALS, STARTS, {**vars(clockactions), **vars(timeactions)})


@cache
def recurring() -> Grammar:
    """The same with the lines of what recurs, compiled once and only where one is met."""
    from defer import recuractions

    return Grammar(
        rows(*timegrammar.AGAIN), TERMINALS, STARTS, {**vars(clockactions), **vars(timeactions), **vars(recuractions)}
    )


def read(expr: str, now: datetime, tz: ZoneInfo) -> Reading:
    """What ``expr`` means at ``now`` in ``tz``, or an error that names what stands in the way."""
    try:
        return _read(expr, Present(now, tz))
    except (OverflowError, ValueError):
        raise TimeExpressionError(f'"{shown(expr)}" is more than 10 years ahead (try "in 30 days")') from None


def _read(expr: str, present: Present) -> Reading:
    tokens = tokenise(expr, MOST_TOKENS + 1)
    fields = _named(expr, lambda: cron_fields(expr))
    if fields is not None:
        return _named(expr, lambda: _first_fire(from_cron(expr, fields, present.utc, present.tz)))
    if not 0 < len(tokens) <= MOST_TOKENS:
        raise TimeExpressionError(complaint(expr, tokens, 0, lambda head: False))
    once, when = _longest(grammar(), "WHEN", tokens)
    if once == len(tokens):
        reading: Reading = _named(expr, lambda: when(present))
        return reading
    again, draft = _longest(recurring(), "RECURS", tokens)
    if again == len(tokens):
        return _named(expr, lambda: _first_fire(settled(draft, expr, present.utc, present.tz)))
    works = lambda head: answers(lambda: _read(head, present))  # noqa: E731
    raise TimeExpressionError(complaint(expr, tokens, max(once, again), works))


def _longest(table: Grammar, name: str, tokens: list[Token]) -> tuple[int, Any]:
    """The end and value of the longest reading; of several, the one whose line comes first."""
    return max(table.match(name, tokens), key=lambda match: match[0], default=(0, None))


def _first_fire(found: Recurrence) -> Reading:
    first = found.after(found.anchor)
    assert first is not None
    return Reading(first, found.notes, found)


def _named(expr: str, read: Callable[[], _T]) -> _T:
    """``read()``, with the expression in front of what it complains of."""
    try:
        return read()
    except BadInput as error:
        raise TimeExpressionError(f'"{shown(expr)}": {error}') from None


def read_duration(text: str) -> timedelta:
    """Elapsed time of more than zero; months and years have no fixed length and are refused."""
    tokens = tokenise(text, MOST_TOKENS + 1)
    for end, delay in grammar().match("DELAY", tokens) if len(tokens) <= MOST_TOKENS else ():
        if end == len(tokens) and not delay.months:
            try:
                return timedelta(days=delay.days, seconds=delay.seconds)
            except OverflowError:
                break
    raise TimeExpressionError(f'"{shown(text)}" is no length of time (try "30m")')
