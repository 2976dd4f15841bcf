"""Why an expression is refused, by what stands in it: each reason is true wherever it is given, and offers no guess."""

from collections.abc import Callable

from defer import visible

from .misspelt import unknown
from .offers import HALVES, Said, shown, tries
from .reading import A_DATE, A_RULE, A_TIME
from .severaltimes import EVERY, a_stretch, an_exception, is_number, nearest, two_times
from .words import UNITS, WEEKDAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reading import Way

Reason = Callable[[Said], "str | None"]

#: Words that say a moment is not exact, longer ones first.
_ROUGH = (
    "sometime around|some time around|at around|at about|around|about|approximately|approx|roughly|circa|or so|"
    "or thereabouts|give or take|- ish|ish|like|maybe|probably|perhaps|preferably|ideally|~"
).split("|")
#: Words that bound a moment and name none.
_BOUNDS = (
    "any time after|anytime after|sometime after|some time after|any time before|anytime before|sometime before|"
    "some time before|any time from|no later than|not later than|no earlier than|no sooner than|not before|not after|"
    "not until|not till|at the latest|at latest|at the earliest|at earliest|the latest|latest|earliest|no more than|"
    "not more than|no less than|more than|less than|at least|at most|up to|as of|as from|before|after|by|until|till|"
    "til|within the next|within|during|since|under|over|onwards|onward|from|starting|beginning|past|>|<|any time|"
    "anytime|sometime|some time|at some point"
).split("|")


# `around 9`          "9am" or "9pm"
# `before friday 5pm` "friday 5pm"
# `5 hours before x`  no: there it counts from something
# `within the hour`   "in an hour"
def no_moment(said: Said) -> "str | None":
    """A moment that is bounded or not exact: the moment itself is offered."""
    if (place := said.find("within the hour")) >= 0:
        return f'"within the hour" names no moment (for its end try "{said.instead(place, place + 3, "in an hour")}")'
    for place, text in enumerate(said.texts):
        if text.endswith("ish") and (offers := nearest(said, said.instead(place, place + 1, text[:-3]))):
            return f'"{said.text(place, place + 1)}" is not exact {tries(offers, before="for the time itself ")}'
    for phrases, why in ((_BOUNDS, "bounds a time and names none"), (_ROUGH, "is not exact")):
        for phrase in phrases:
            place = said.find(phrase)
            if place < 0 or (
                place and said.texts[place - 1] in UNITS and phrase in ("before", "after", "from", "past")
            ):
                continue
            size = len(phrase.split())
            typed = said.text(place, place + size) or phrase
            if offers := nearest(said, said.instead(place, place + size, "")):
                return f'"{typed}" {why} {tries(offers, before="for the time itself ")}'
            if set(said.texts[place + size :]) <= {"", "."} and phrases is _BOUNDS and place == 0:
                return f'"{typed}" {why} ({A_TIME})'
    return None


def the_past(said: Said) -> "str | None":
    """What was."""
    texts = said.texts
    last = next((place for place, text in enumerate(texts) if text in ("last", "previous", "past")), -1)
    behind = texts[last + 1] if 0 <= last < len(texts) - 1 else ""
    before = last >= 0 and (behind in WEEKDAYS or behind in UNITS or behind in ("night", "weekend", "quarter"))
    if before and (texts[last + 2 : last + 3] in (["of"], ["in"]) or set(texts) & {*EVERY, "monthly"}):
        before = False
    if before or said.words & {"ago", "yesterday", "earlier"} or texts[0] == "-":
        return 'that lies in the past (a time to come looks like "tomorrow 9am")'
    return None


def every_other_or_nth(said: Said) -> "str | None":
    """`every second friday`: every other one, or once a month?"""
    if not said.words & set(EVERY):
        return None
    ways: list[Way] = []
    for place, text in enumerate(said.texts[:-1]):
        if text in ("second", "third", "fourth", "fifth", "nd", "rd", "th") and said.texts[place + 1] in WEEKDAYS:
            first = place - (text in ("nd", "rd", "th"))
            day = said.text(place + 1, place + 2)
            nth = " ".join(said.texts[first : place + 2])
            typed = said.text(first, place + 1)
            if text in ("second", "nd"):
                ways.append((nth, f"other {day}"))
            ways.append((nth, f"{typed} {day} of the month"))
            return f'"{typed} {day}": every other one, or once a month? {tries(list(said.closed(ways)), A_RULE)}'
    return None


def numbers(said: Said) -> "str | None":
    """Numbers that make no time: bare ones, clocks and half days that do not exist."""
    for place, token in enumerate(said.tokens):
        following = said.texts[place + 1] if place + 1 < len(said.texts) else ""
        typed = said.text(place, place + 1)
        if token.kind == "colon":
            hour, minute, *second = (int(part) for part in token.text.split(":"))
            if hour > 23 or max(minute, *second, 0) > 59:
                return f'there is no clock time {typed} (one looks like "9:30" or "21:30")'
            if following in ("am", "pm") and not 0 < hour < 13:
                offers = said.offers(said.instead(place, place + 2, typed))
                return f'"{typed}{following}": hours with am or pm go from 1 to 12 {tries(offers)}'
        if token.kind == "number" and following in ("am", "pm") and len(typed) < 3 and not 0 < int(typed) < 13:
            offers = said.offers(said.instead(place, place + 2, f"{int(typed):02}:00")) if following == "pm" else []
            return f'"{typed}{following}": hours with am or pm go from 1 to 12 {tries(offers)}'
    return _bare(said)


# `10`             no unit; a length or a clock
# `in 5`, `after 30`  the same behind a word
# `1792000000`     seconds since 1970, which want an @; in 13 digits thousandths of them
def _bare(said: Said) -> "str | None":
    if (
        len(said.tokens) > 2
        or said.tokens[-1].kind != "number"
        or (len(said.tokens) == 2 and said.tokens[0].kind != "word")
    ):
        return None
    number = said.text(len(said.tokens) - 1)
    if len(number) in (10, 13):
        offers = said.offers(f"@{number[:10]}")
        return f'"{number}" is not read as seconds since 1970 {tries(offers, "those are written @1795000000")}'
    if len(said.tokens) == 2 and said.texts[0] not in ("in", "after", "for", "at", "within", "every", "@", "+", "on"):
        return None
    if not number.strip("0"):
        return None
    ways: list[Way] = [(is_number, "{} minutes"), (is_number, "{} hours"), (is_number, "at {}"), *HALVES]
    offers = list(said.closed(ways))[:3]
    return f"a bare number has no unit {tries(offers)}"


def nothing(said: Said) -> "str | None":
    """`0m`: no time at all."""
    digits = "".join(text for text in said.texts if text[0].isdigit())
    if digits and not set(digits) & set("123456789") and not said.words & {"am", "pm"} and ":" not in digits:
        return 'that is not a time at all (a delay looks like "1m")'
    return None


#: A word or phrase, why it is refused, how it may be said instead, and a form where none of that works.
def _named(phrase: str, date: str) -> "tuple[str, str, tuple[Way, ...], str]":
    return phrase, "holidays are not read by name", ((phrase, date),), A_DATE


_HOUR = 'name the hour, as in "tomorrow 7am"'
_DAY = 'name the day, as in "friday 9am"'
_LENGTH = 'say how long, as in "in 10 minutes"'
_WORDS: "tuple[tuple[str, str, tuple[Way, ...], str], ...]" = (
    ("biweekly", "twice a week or every two weeks?", (("biweekly", "every 2 weeks"),), A_RULE),
    ("bi - weekly", "twice a week or every two weeks?", (("bi - weekly", "every 2 weeks"),), A_RULE),
    ("bimonthly", "twice a month or every two months?", (("bimonthly", "every 2 months"),), A_RULE),
    ("bi - monthly", "twice a month or every two months?", (("bi - monthly", "every 2 months"),), A_RULE),
    ("semiweekly", "on which days of the week?", (), 'name them, as in "mondays and thursdays 9am"'),
    ("semi - weekly", "on which days of the week?", (), 'name them, as in "mondays and thursdays 9am"'),
    ("semimonthly", "on which days of the month?", (), 'name them, as in "every 1st and 15th at 9am"'),
    ("semi - monthly", "on which days of the month?", (), 'name them, as in "every 1st and 15th at 9am"'),
    ("biannually", "on which days of the year?", (), A_RULE),
    ("twice", "at which two times?", (), 'name both, as in "every day at 9am and 5pm"'),
    ("thrice", "at which three times?", (), 'name them, as in "every day at 9am, noon and 5pm"'),
    ("M", "is that minutes or months?", (("M", "m"), ("M", "mo")), 'they look like "1m" and "1mo"'),
    ("nightly", "at which hour of the night?", (), 'name it, as in "every day at 11pm"'),
    ("quarterly", "on which day of the quarter?", (), 'name it, as in "every 3 months on the 1st"'),
    (
        "every weekend",
        "Saturday, or Saturday and Sunday?",
        (("every weekend", "saturdays"), ("every weekend", "weekends")),
        A_RULE,
    ),
    (
        "each weekend",
        "Saturday, or Saturday and Sunday?",
        (("each weekend", "saturdays"), ("each weekend", "weekends")),
        A_RULE,
    ),
    (
        "quarter of",
        "a quarter before that hour?",
        (("quarter of", "quarter to"),),
        'a quarter looks like "quarter to five"',
    ),
    ("2 marrow", "did you mean that?", (("2 marrow", "tomorrow"),), A_TIME),
    ("2 morrow", "did you mean that?", (("2 morrow", "tomorrow"),), A_TIME),
    ("someday", "on which day?", (), _DAY),
    ("some day", "on which day?", (), _DAY),
    ("this week", "on which day of it?", (), _DAY),
    ("this month", "on which day of it?", (), 'name the day, as in "the 15th at 9am"'),
    ("this year", "on which day of it?", (), A_DATE),
    ("this quarter", "on which day of it?", (), A_DATE),
    ("mid month", "on which day of it?", (), 'name the day, as in "the 15th at 9am"'),
    ("next time", "when is that?", (), A_TIME),
    ("later", "how much later?", (), _LENGTH),
    ("soon", "how soon?", (), _LENGTH),
    ("shortly", "how soon?", (), _LENGTH),
    ("momentarily", "how soon?", (), _LENGTH),
    ("a bit", "how long is that?", (), _LENGTH),
    ("a while", "how long is that?", (), _LENGTH),
    ("a moment", "how long is that?", (), _LENGTH),
    ("moment", "how long is that?", (), _LENGTH),
    ("in a few", "a few of what?", (("a few", "a few minutes"), ("a few", "a few hours")), _LENGTH),
    ("eventually", "when is that?", (), A_TIME),
    ("whenever", "when is that?", (), A_TIME),
    ("lunchtime", "when is that?", (("lunchtime", "noon"), ("lunchtime", "1pm")), _HOUR),
    ("lunch", "when is that?", (("lunch", "noon"), ("lunch", "1pm")), _HOUR),
    *(
        (word, "when is that?", (), _HOUR)
        for word in "breakfast brunch dinner dinnertime supper sunrise sunset dawn dusk bedtime".split()
    ),
    *((word, "a stretch is not a time", (), _HOUR) for word in ("business hours", "working hours", "office hours")),
    *((word, "on which day of it?", (), A_DATE) for word in ("spring", "summer", "autumn", "winter")),
    _named("christmas eve", "dec 24"),
    _named("christmas day", "dec 25"),
    _named("christmas", "dec 25"),
    _named("xmas", "dec 25"),
    _named("boxing day", "dec 26"),
    _named("new year's eve", "dec 31"),
    _named("new years eve", "dec 31"),
    _named("new year's day", "jan 1"),
    _named("new years day", "jan 1"),
    _named("new year", "jan 1"),
    _named("halloween", "oct 31"),
    _named("valentine's day", "feb 14"),
    _named("valentines day", "feb 14"),
    *(
        (phrase, "its date is not the same every year", (), A_DATE)
        for phrase in (
            "thanksgiving|easter|good friday|black friday|cyber monday|labor day|labour day|memorial day|mother's day|"
            "father's day|diwali|eid|ramadan|hanukkah|passover|birthday|payday"
        ).split("|")
    ),
)


def by_word(said: Said) -> "str | None":
    """The reason that goes with a word or phrase."""
    for phrase, why, ways, otherwise in _WORDS:
        if said.find(phrase) >= 0:
            typed = said.text(place := said.find(phrase), place + len(phrase.split()))
            return f'"{typed}": {why} {tries(list(said.closed(ways)), otherwise)}'
    return None


def half_without_hour(said: Said) -> "str | None":
    """`fri pm`: the half of a day is not an hour of it."""
    for place, text in enumerate(said.texts):
        if text in ("am", "pm") and (not place or said.tokens[place - 1].kind not in ("number", "colon", "decimal")):
            ways: list[Way] = [("pm", "afternoon"), ("pm", "evening")] if text == "pm" else [("am", "morning")]
            return f'"{said.text(place, place + 1)}" wants an hour {tries(list(said.closed(ways)), _HOUR)}'
    return None


def first_thing(said: Said) -> "str | None":
    """`first thing tomorrow`: its morning, whose hour is the usual one."""
    for phrase in ("first thing in the", "first thing"):
        if (place := said.find(phrase)) >= 0:
            rest = said.instead(place, place + len(phrase.split()), "in the" if phrase[-3:] == "the" else "")
            offers = said.offers(rest, f"{rest} morning", f"tomorrow {rest or 'morning'}")
            morning = [offer for offer in offers if "morning" in offer][:1]
            return f'"first thing" names no hour, the morning does {tries(morning, _HOUR)}'
    return None


def a_filler(said: Said) -> "str | None":
    """A small word where none belongs, or another one where one does: only that is changed."""
    ways: list[Way] = [("at", "in"), ("in", "at"), ("on", "at"), ("at", "on")]
    if said.texts[0] in ("in", "at", "on") and (offers := said.closed(ways)):
        return f'"{said.text(0, 1)}" does not go with that {tries(list(offers)[:1])}'
    for word in (
        "the",
        "at",
        "on",
        "in",
        "of",
        "a",
        "please",
        "pls",
        "thanks",
        "thx",
        "ok",
        "just",
        "exactly",
        "!",
        "?",
        ".",
        "'",
        "@",
        ":",
    ):
        if offers := said.closed([(word, "")]):
            return f'"{word}" does not go there {tries(list(offers)[:1])}'
    return None


def a_half(said: Said) -> "str | None":
    """An hour that wants am or pm."""
    offers = said.halves()
    return f"in the morning or afternoon? {tries(offers)}" if offers else None


def left_over(said: Said) -> str:
    """What is not read, by its words; nothing is offered without them."""
    form = A_RULE if said.words & {*EVERY, "daily", "weekly", "monthly"} else A_TIME
    if places := unknown(said):
        words = list(dict.fromkeys(f'"{visible.sentence(said.texts[place], 24)}"' for place in places))[:3]
        return f"{' and '.join(words)} {'is' if len(words) == 1 else 'are'} not read in a time ({form})"
    if said.end:
        return f'"{shown(said.text(said.end))}" is left over ({form})'
    return f'"{shown(said.text())}" is not a time this understands ({form})'


#: In this order; the first that has something to say says it.
REASONS: tuple[Reason, ...] = (
    an_exception,
    a_stretch,
    no_moment,
    the_past,
    every_other_or_nth,
    numbers,
    nothing,
    first_thing,
    half_without_hour,
    a_half,
    by_word,
    two_times,
    a_filler,
)
