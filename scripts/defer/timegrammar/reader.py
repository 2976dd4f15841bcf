"""One expression against the grammar, and the one line that says why it is refused."""

from datetime import datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from defer.errors import BadInput

from . import actions, calendardays, clockactions, dayactions, isotime, moments, recurtable, table
from .engine import Action, Grammar, Memo, rows
from .moments import TOO_FAR, YEARS_AHEAD, Present, When
from .reading import A_LENGTH, Reading, TimeExpressionError, Undecided
from .recurring.cronfields import cron_fields
from .refusals.offers import Said, decided, shown
from .terminals import STARTS, TERMINALS
from .tokens import MOST_TOKENS, Token, plain, tokenise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .recurring.draft import Draft

#: Where the functions that a row names are looked up; no name stands in two.
ONCE = (calendardays, moments, isotime, clockactions, dayactions, actions)


def functions(*modules: ModuleType) -> dict[str, Action]:
    """What rows may name, by its name."""
    return {name: each for module in modules for name, each in vars(module).items()}


@cache
def grammar() -> Grammar:
    """The grammar of one moment, compiled once."""
    return Grammar(rows(*table.ONCE), TERMINALS, STARTS, functions(*ONCE))


@cache
def recurring() -> Grammar:
    """The same with the lines of what recurs, compiled once and only where one is met."""
    from .recurring import bounds, recuractions, recurrules, windows

    own = functions(*ONCE, bounds, recurrules, recuractions, windows)
    return Grammar(rows(recurtable.RECURRING), TERMINALS, STARTS, own, grammar())


def first_words() -> frozenset[str]:
    """The words that an expression may start with."""
    first = grammar().starts("WHEN") | recurring().starts("RECURS")
    return frozenset(word for word in first if word.isalpha())


def read(expr: str, now: datetime, tz: ZoneInfo) -> Reading:
    """What ``expr`` means at ``now`` in ``tz``, or an error that names what stands in the way.

    The words are read first, without the present; what they mean is then settled against it, once.
    """
    expr = plain(expr)
    tokens = tokenise(expr, MOST_TOKENS + 1)

    def said(end: int = 0) -> Said:
        return Said(expr, tokens, end, lambda text, name: _tried(text, now, ZoneInfo(name) if name else tz))

    try:
        return _read(expr, tokens, now, tz)
    except (OverflowError, ValueError):
        raise TimeExpressionError(f'"{shown(expr)}": {TOO_FAR}') from None
    except _Refused as refused:
        from .refusals.complaint import complaint

        raise TimeExpressionError(complaint(said(refused.end))) from None
    except Undecided as error:
        raise TimeExpressionError(f'"{shown(expr)}": {decided(error, said())}') from None
    except BadInput as error:
        raise TimeExpressionError(f'"{shown(expr)}": {error}') from None


def _read(expr: str, tokens: list[Token], now: datetime, tz: ZoneInfo) -> Reading:
    return _soon_enough(_meaning(expr, tokens)(Present(now, tz)), now)


class _Refused(Exception):
    """No line reads the whole input; ``end`` is how many tokens one of them reads."""

    def __init__(self, end: int) -> None:
        super().__init__(end)
        self.end = end


def _meaning(expr: str, tokens: list[Token]) -> When:
    """What the whole of the words means, whatever the present is."""
    fields = cron_fields(expr)
    if fields is not None:
        return _again(expr, None, fields)
    end, memo = 0, Memo()
    for name in _order(tokens) if 0 < len(tokens) <= MOST_TOKENS else ():
        longest, found = _longest(name, tokens, memo)
        if longest == len(tokens):
            when: When = found if name == "WHEN" else _again(expr, found)
            return when
        end = max(end, longest)
    raise _Refused(end)


def _order(tokens: list[Token]) -> tuple[str, str]:
    """Which of the two tables is likelier to read the tokens; no text is read by both."""
    again = any(token.text in table.AGAIN_WORDS for token in tokens)
    return ("RECURS", "WHEN") if again else ("WHEN", "RECURS")


def _longest(name: str, tokens: list[Token], memo: Memo) -> tuple[int, Any]:
    """The end and value of the longest reading; of several, the one whose line comes first."""
    lines = grammar() if name == "WHEN" else recurring()
    return max(lines.match(name, tokens, memo), key=lambda match: match[0], default=(0, None))


def tried(expr: str, now: datetime, tz: ZoneInfo) -> Reading | None:
    """What ``expr`` means, or None: for who asks no more, since the reason of a refusal costs many readings."""
    return _tried(plain(expr), now, tz)


def _tried(expr: str, now: datetime, tz: ZoneInfo) -> Reading | None:
    """What ``expr`` means, or None; why it is refused is nobody's question here."""
    try:
        return _read(expr, tokenise(expr, MOST_TOKENS + 1), now, tz)
    except (_Refused, BadInput, OverflowError, ValueError):
        return None


def _again(expr: str, draft: "Draft | None", fields: str = "") -> When:
    """The first fire of what recurs: of a draft, or of cron fields."""
    from .recurring.draft import Draft
    from .recurring.settled import settled

    said = draft or Draft(fields=fields)

    def resolve(present: Present) -> Reading:
        found = settled(said, expr, present)
        assert found.first is not None
        return Reading(found.first, found.notes, found)

    return resolve


def read_duration(text: str) -> timedelta:
    """Elapsed time of more than zero; months and years have no fixed length and are refused."""
    tokens = tokenise(plain(text), MOST_TOKENS + 1)
    for end, delay in grammar().match("DELAY", tokens) if len(tokens) <= MOST_TOKENS else ():
        if end == len(tokens) and not delay.months:
            try:
                return timedelta(days=delay.days, seconds=delay.seconds)
            except OverflowError:
                break
    raise TimeExpressionError(f'"{shown(text)}" is not a length of time ({A_LENGTH})')


def _soon_enough(reading: Reading, now: datetime) -> Reading:
    """The reading, unless what recurs fires for the first time beyond the bound that holds for a moment."""
    if reading.recurrence is not None and reading.instant > now + timedelta(days=366 * YEARS_AHEAD):
        raise TimeExpressionError(TOO_FAR)
    return reading
