"""The one line that says why an expression is refused and what would work."""

import re
from collections.abc import Sequence

from .offers import Said, shown
from .reading import A_TIME
from .tokens import MOST_TOKENS, Token
from .zones import zone_meant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.errors import Text

EXAMPLE = "tomorrow 9am"
_PAST = frozenset(("ago", "yesterday", "last", "previous", "past"))
_TWO_MEANINGS = {
    "biweekly": 'twice a week or every two weeks? (try "every 2 weeks")',
    "bimonthly": 'twice a month or every two months? (try "every 2 months")',
    "semiweekly": 'name the days (try "mondays and thursdays 9am")',
    "fortnightly": 'name the weeks (try "every 2 weeks")',
    "M": 'is that minutes or months? (try "1m" or "1mo")',
    "twice": 'name both times (try "every day at 9am and 5pm")',
    "nightly": 'name the hour (try "every day at 11pm")',
    "someday": f'name a day (try "{EXAMPLE}")',
    "later": 'say how much later (try "in 2 hours")',
    "soon": 'say how soon (try "in 10 minutes")',
    "between": f'a task has one time, not a stretch (try "{EXAMPLE}")',
    "weekend": 'Saturday, or Saturday and Sunday? (try "saturdays 9am" or "weekends 9am")',
}
_NTH = frozenset(("second", "third", "fourth", "fifth", "nd", "rd", "th"))
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", re.ASCII)


def zones_are_not_read(text: str, named: str) -> "Text":
    """That a text names the zone ``named``, and where that is to be said."""
    return lambda called: f'"{shown(text)}": zones are not read from the text (use {called("tz")} {named})'


def complaint(said: Said) -> "Text":
    """Why what was said is refused."""
    expr, tokens, end = said.expr, said.tokens, said.end
    if not tokens:
        return f'no time is given (try "{EXAMPLE}")'
    if len(tokens) > MOST_TOKENS:
        return f'can\'t read "{shown(expr)}": too long for a time (try "{EXAMPLE}")'
    if (named := zone_in(expr, tokens)) is not None:
        return zones_are_not_read(expr, named)
    if any(token.text in ("ago", "yesterday") for token in tokens):
        return f'can\'t read "{shown(expr)}": that lies in the past (try "in 10 minutes")'
    if any(token.text == "M" for token in tokens):
        return f'can\'t read "{shown(expr)}": {_TWO_MEANINGS["M"]}'
    if end and tokens[0].text not in ("every", "each"):
        left = expr[tokens[end].start :]
        return f'can\'t read "{shown(expr)}": "{shown(left)}" is left over ({A_TIME})'
    return f'can\'t read "{shown(expr)}": {_reason(expr, tokens)}'


def zone_in(expr: str, tokens: Sequence[Token]) -> str | None:
    """The zone to suggest where a word behind the first names one."""
    for token in tokens[1:]:
        if token.kind == "word" and not token.glued and (named := zone_meant(expr[token.start :])):
            return named
    return None


# `every second friday`  every other one, or once a month?
# `10`                   a bare number has no unit
# `0m`                   that is not a time at all
# `by friday`            a task starts at a time, not "by" one
# `last week`            that lies in the past
# `biweekly`             twice a week or every two weeks?
def _reason(expr: str, tokens: Sequence[Token]) -> str:
    words = {token.text for token in tokens}
    if words & {"every", "each"} and any(token.text in _NTH for token in tokens):
        return 'every other one, or once a month? (try "every other friday" or "every 2nd friday of the month")'
    if _NUMBER.fullmatch(expr.strip()):
        number = expr.strip() if len(expr.strip()) < 4 else "10"
        return f'a bare number has no unit (try "{number}m" or "9:30")'
    if all(not set(token.text) & set("123456789") for token in tokens) and any("0" in token.text for token in tokens):
        return 'that is not a time at all (try "now" or "1m")'
    if tokens[0].text in ("by", "until", "till", "before", "after", "from"):
        return f'a task starts at a time, not "{tokens[0].text}" one (try "{EXAMPLE}")'
    if words & _PAST or tokens[0].text == "-":
        return 'that lies in the past (try "in 10 minutes")'
    for word, reason in _TWO_MEANINGS.items():
        if word in words:
            return reason
    return f'"{shown(expr[tokens[0].start :])}" is not a time this understands (try "{EXAMPLE}")'
