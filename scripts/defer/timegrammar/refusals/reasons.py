"""Why an expression is refused, by what stands in it: each reason is true wherever it is given, and offers no guess."""

import re
import unicodedata
from collections.abc import Callable

from defer import visible
from defer.timegrammar.reading import A_COMING_TIME, A_CRON, A_RULE, A_TIME
from defer.timegrammar.words import NUMBER_WORDS, UNITS, WEEKDAY_PLURALS, WEEKDAYS

from .misspelt import unknown
from .numberreasons import half_without_hour, is_a_number, minutes_past, nothing, numbers
from .offers import Said, shown, tries
from .severaltimes import EVERY, a_stretch, an_exception, is_number, nearest, two_times
from .wordreasons import DAY, HOUR, by_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.timegrammar.reading import Way

Reason = Callable[[Said], "str | None"]

#: Words that say a moment is not exact, longer ones first.
_ROUGH = (
    "sometime around|some time around|at around|at about|around|about|approximately|approx|roughly|circa|or so|"
    "or thereabouts|give or take|- ish|ish|like|maybe|probably|perhaps|preferably|ideally|~"
).split("|")
#: Words that bound a moment and name none.
_BOUNDS = (
    "just after|just before|right before|right after|shortly after|shortly before|soon after|any day|"
    "any time after|anytime after|sometime after|some time after|any time before|anytime before|sometime before|"
    "some time before|any time from|no later than|not later than|no earlier than|no sooner than|not before|"
    "not after|not until|not till|at the latest|at latest|at the earliest|at earliest|the latest|latest|earliest|"
    "no more than|not more than|no less than|more than|less than|at least|at most|on or before|on or after|"
    "due by|due on|due|up to|as of|as from|before|after|by|until|till|til|within the next|within|during|since|"
    "under|over|onwards|onward|from|starting|beginning|past|>|<|any time|anytime|sometime|some time|at some point"
).split("|")


# `around 9`          "9am" or "9pm"
# `before friday 5pm` "friday 5pm"
# `5 hours before x`  no: there it counts from something
# `20 past`           no: those are minutes
# `within the hour`   "in an hour"
_ANCHORS = ("before", "after", "from", "past")


def no_moment(said: Said) -> "str | None":
    """A moment that is bounded or not exact: the moment itself is offered."""
    if offers := list(said.closed([("within the hour", "in an hour")])):
        return f'"within the hour" names no moment {tries(offers, before="for its end ")}'
    if found := _exact(said):
        return found
    for phrase in _BOUNDS if said.find("after next") < 0 else ():
        place = said.find(phrase)
        if place < 0 or (place and said.texts[place - 1] in UNITS and phrase in _ANCHORS and not said.words & {*EVERY}):
            continue
        if place and phrase == "past" and is_a_number(said, place - 1):
            continue
        last = place + len(phrase.split())
        offers = nearest(said, said.instead(place, last, ""))
        if offers or (place == 0 and last == len(said.texts)):
            typed = said.text(place, last) or phrase
            return f'"{typed}" bounds a time and names none {tries(offers, before="for the time itself ")}'
    return None


def _exact(said: Said) -> "str | None":
    """The time itself of one that is said not to be exact, whatever says so: `about 3ish`."""
    plain, dropped = said, []
    for phrase in _ROUGH:
        if (place := plain.find(phrase)) >= 0:
            last = place + len(phrase.split())
            dropped.append(plain.text(place, last) or phrase)
            plain = plain.other(plain.instead(place, last, ""))
    for _ in said.texts:
        # Looked for anew: a word less may be a token less, or two.
        place = next((each for each, word in enumerate(plain.texts) if word.endswith("ish")), -1)
        if place >= 0:
            dropped.append(plain.text(place, place + 1))
            plain = plain.other(plain.instead(place, place + 1, plain.texts[place][:-3].rstrip("-")))
    if not dropped or not (offers := nearest(said, plain.text())):
        return None
    what = "is not exact" if len(dropped) == 1 else "are not exact"
    named = " and ".join(f'"{each}"' for each in dropped)
    return f"{named} {what} {tries(offers, before='for the time itself ')}"


#: Words before `last` that make it the last of several.
_NTH_BEFORE = (*EVERY, "the", "on", "monthly", "and", ",", "half", "quarter")


def the_past(said: Said) -> "str | None":
    """What was."""
    texts, past = said.texts, said.words & {"ago", "yesterday"} or said.texts[0] in ("since", "-")
    past = past or ("earlier" in texts and "than" not in texts) or said.find("in -") >= 0
    past = past or (texts[-1] == "back" and texts[-2:-1] != [] and texts[-2] in UNITS)
    return f"that lies in the past ({A_COMING_TIME})" if past or _last_one(texts) else None


def _last_one(texts: list[str]) -> bool:
    """Whether `last friday`, `previous week` and the like stand there, and not the last of several."""
    last = next((place for place, text in enumerate(texts) if text in ("last", "previous", "past")), len(texts))
    behind = texts[last + 1 : last + 2]
    of_several = texts[last + 2 : last + 3] in (["of"], ["in"]) or (last > 0 and texts[last - 1] in _NTH_BEFORE)
    return (
        bool(behind)
        and (behind[0] in WEEKDAYS or behind[0] in (*UNITS, "night", "weekend", "quarter"))
        and not of_several
    )


def every_other_or_nth(said: Said) -> "str | None":
    """`every second friday`: every other one, or once a month? And `every two fridays`, which is two weeks."""
    if not said.words & set(EVERY):
        return None
    ways: list[Way] = []
    for place, text in enumerate(said.texts[1:], 1):
        if text in WEEKDAY_PLURALS and (said.texts[place - 1] in NUMBER_WORDS or said.texts[place - 1].isdigit()):
            typed = said.text(place - 1, place + 1)
            weeks = f"{said.text(place - 1, place)} weeks on {text.removesuffix('s')}"
            return f'"{typed}" is not read {tries(said.offers(said.instead(place - 1, place + 1, weeks)), A_RULE)}'
    for place, text in enumerate(said.texts[:-1]):
        counted = text in ("second", "third", "fourth", "fifth", "nd", "rd", "th") and place + 1 >= said.end
        if counted and said.texts[place + 1] in WEEKDAYS:
            first = place - (text in ("nd", "rd", "th"))
            day = said.text(place + 1, place + 2)
            nth = " ".join(said.texts[first : place + 2])
            typed = said.text(first, place + 1)
            if text in ("second", "nd"):
                ways.append((nth, f"other {day}"))
            ways.append((nth, f"{typed} {day} of the month"))
            return f'"{typed} {day}": every other one, or once a month? {tries(list(said.closed(ways)), A_RULE)}'
    return None


# `9 : 30`, `9;30`  9:30
# `.5h`             0.5h, never 5h
# `١٠m`             10m
def signs(said: Said) -> "str | None":
    """A clock, a fraction or digits in other signs than those that are read."""
    expr = " ".join(said.expr.split())
    if any(char.isdigit() and not char.isascii() for char in expr):
        plain = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in expr)
        return f"digits are 0 to 9 {tries(said.offers(plain))}"
    for pattern, text, why in _SIGNS:
        if (match := pattern.search(expr)) and (offers := said.offers(pattern.sub(text, expr))):
            return f'"{match[0]}" {why} {tries(offers)}'
    return None


_SIGNS = (
    (re.compile(r"([0-9]{1,2})[ ]?[:;]+[ ]?([0-9]{2})\b", re.ASCII), r"\1:\2", "is not how a clock time is written"),
    (re.compile(r"([0-9-]{10})_([0-9:]+)", re.ASCII), r"\1 \2", "is not how a date and a clock are written"),
    (re.compile(r"(?<![0-9])\.([0-9])", re.ASCII), r"0.\1", "wants a 0 before the point"),
)


#: What may stand beside a time and says nothing about it.
_NO_TIME = (
    "please remind me to|please remind me|remind me to|remind me|wake me up|wake me|set an alarm for|set alarm for|"
    "schedule it for|schedule for|schedule it|schedule|run it|do it|please|pls|plz|thanks|thank you|thx|ok|just|"
    "exactly|precisely|i think|my time|local time|our time|how about|alarm|once|umm|um|uh|erm|hmm"
).split("|")
_MARKS = frozenset('!?;#()[]{}_"`|')


# `0 9 ? * MON`  "0 9 * * MON", which means the same
# `* * *`        three fields of five
def cron_like(said: Said) -> "str | None":
    """Fields of cron that are not read."""
    fields = said.expr.split()
    if not said.words & {"*", "?"} or len(fields) < 3 or not re.fullmatch(r"[0-9*?/,-]+", fields[0], re.ASCII):
        return None
    if offers := said.offers(" ".join("*" if field == "?" else field for field in fields)):
        return f'"?" is not read in cron fields, "*" means the same {tries(offers)}'
    return f"a cron expression has five fields ({A_CRON})"


def no_time_words(said: Said) -> "str | None":
    """Words beside a time that say nothing about it: the rest is offered."""
    for phrase in _NO_TIME:
        if offers := list(said.closed([(phrase, "")])):
            return f'"{phrase}" says no time {tries(offers)}'
    plain = said.text()
    if plain != " ".join(said.expr.split()) and (offers := said.offers(plain)):
        return f"a time neither starts nor ends in a comma or semicolon {tries(offers)}"
    marks = [place for place, text in enumerate(said.texts) if text in _MARKS]
    places = [place for place in range(len(said.texts)) if place not in marks]
    if marks and places and (offers := said.offers(said.joined(places))):
        signs = " ".join(dict.fromkeys(said.texts[place] for place in marks))
        return f"a time has no {signs} in it {tries(offers)}"
    article = "an" if said.texts[0] in ("hour", "hr") else "a"
    if said.texts[0] in UNITS and (offers := said.offers(f"{article} {said.text()}")):
        return f"an article is missing {tries(offers)}"
    return None


# `for 2 hours`               "in 2 hours" is when they are over
# `tomorrow 9am for 2 hours`  a task has a start and no length: nothing is offered that would drop it
def a_length(said: Said) -> "str | None":
    """How long something takes, where a task has a start alone."""
    place = said.find("for")
    if place < 0 or said.words & {*EVERY, "daily", "weekly", "monthly", "hourly"} or len(said.tokens) < place + 3:
        return None
    if said.texts[place + 2] not in UNITS and said.texts[place + 1] not in ("a", "an", "half"):
        return None
    offers = [] if place else list(said.closed([("for", "in")]))
    typed = visible.sentence(said.text(place), 24)
    return f'"{typed}" says how long, and a task has a start alone {tries(offers, before="to start after it ")}'


# `early next week`  "next week", its first day; `late next week` "end of next week"
# `early tomorrow`   "tomorrow morning"
def early_or_late(said: Said) -> "str | None":
    """Early and late in a day or a week: the part of it that is meant."""
    for word, part, of in (("early", "morning", ""), ("late", "evening", "end of "), ("mid", "", "")):
        if (place := said.find(word)) >= said.end and place >= 0:
            rest = said.instead(place, place + 1, "")
            named = bool(said.words & {"week", "month", "year", "quarter"})
            offers = said.offers(f"{of}{rest}" if named else f"{rest} {part}") if part else []
            return f'"{word}" names no {"day" if named else "hour"} {tries(offers, DAY if named else HOUR)}'
    return None


def first_thing(said: Said) -> "str | None":
    """`first thing tomorrow`: its morning, whose hour is the usual one."""
    for phrase in ("first thing in the", "first thing"):
        if (place := said.find(phrase)) >= 0:
            rest = said.instead(place, place + len(phrase.split()), "in the" if phrase[-3:] == "the" else "")
            offers = (
                said.offers(rest, f"{rest} morning", f"tomorrow {rest}") if rest else said.offers("tomorrow morning")
            )
            morning = [offer for offer in offers if "morning" in offer][:1]
            return f'"first thing" names no hour, the morning does {tries(morning, HOUR)}'
    return None


def a_filler(said: Said) -> "str | None":
    """A small word where none belongs, or another one where one does: only that is changed, and no count."""
    if any(map(said.counts, range(len(said.tokens)))):
        return None
    ways: list[Way] = [("at", "in"), ("in", "at"), ("on", "at"), ("at", "on")]
    if said.texts[0] in ("in", "at", "on") and (offers := said.closed(ways)):
        return f'"{said.text(0, 1)}" does not go with that {tries(list(offers)[:1])}'
    for word in ("the", "at", "on", "in", "of", "@"):
        if offers := said.closed([(word, "")]):
            return f'"{word}" does not go there {tries(list(offers)[:1])}'
    return None


def a_unit(said: Said) -> "str | None":
    """`20 from now`: a number that wants a unit."""
    for place, token in enumerate(said.tokens[:-1]):
        if token.kind == "number" and said.texts[place + 1] in ("of", "in") and len(token.text) < 3:
            suffix = "th" if token.text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(token.text[-1], "th")
            if offers := said.offers(said.instead(place, place + 1, f"{token.text}{suffix}")):
                return f'"{token.text}" of a month is said as a date {tries(offers)}'
    alone = sum(token.kind == "number" for token in said.tokens) == 1
    ways: list[Way] = [(is_number, f"{{}} {unit}") for unit in ("minutes", "hours", "days")] if alone else []
    offers = list(said.closed(ways))
    return f"a number has no unit {tries(offers)}" if offers else None


def a_half(said: Said) -> "str | None":
    """An hour that wants am or pm."""
    offers = said.halves() if len(said.tokens) > 1 else []
    return f"in the morning or afternoon? {tries(offers)}" if offers else None


def left_over(said: Said) -> str:
    """What is not read, by its words; nothing is offered without them."""
    form = A_RULE if said.words & {*EVERY, "daily", "weekly", "monthly"} else A_TIME
    if places := unknown(said):
        words = list(dict.fromkeys(f'"{visible.sentence(said.texts[place], 24)}"' for place in places))[:3]
        return f"{' and '.join(words)} {'is' if len(words) == 1 else 'are'} not read in a time ({form})"
    if said.end:
        head = visible.sentence(said.text(0, said.end), 40)
        return f'"{shown(said.text(said.end))}" is left over behind "{head}" ({form})'
    return f'"{shown(said.text())}" is not a time this understands ({form})'


#: In this order; the first that has something to say says it.
REASONS: tuple[Reason, ...] = (
    cron_like,
    signs,
    no_time_words,
    an_exception,
    a_length,
    a_stretch,
    numbers,
    every_other_or_nth,
    a_half,
    the_past,
    minutes_past,
    no_moment,
    nothing,
    first_thing,
    early_or_late,
    half_without_hour,
    by_word,
    two_times,
    a_unit,
    a_filler,
)
