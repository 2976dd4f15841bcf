"""Words that matter only in ``::defer`` lines: what joins a time to more time, and what starts a phrase.

Where the grammar can tell a time from other words it is asked; these are the words it has no line for.
"""

import re

from defer.timegrammar.tokens import Token
from defer.timegrammar.words import DAY_NAMES, MONTHS, NUMBER_WORDS, ORDINALS, PARTS, UNITS, WEEKDAY_PLURALS

#: Words that start phrases far more often than they are a whole time.
_LONE = (
    frozenset(MONTHS)
    | frozenset(PARTS)
    | frozenset(part + "s" for part in PARTS)
    | frozenset(WEEKDAY_PLURALS)
    | frozenset("daily everyday weekly fortnightly monthly quarterly yearly annually".split())
    | {"weekdays", "weekends", "workdays", "weekend"}
)
#: Days that a word may be a slip away from.
DAYS = (*DAY_NAMES, *WEEKDAY_PLURALS, "today", "tomorrow", "tonight")
_ONE = frozenset(("a", "an", "one", "another"))
#: Directly behind a time these go on with it, whatever it names.
STRONG = (
    frozenset(DAY_NAMES)
    | frozenset(WEEKDAY_PLURALS)
    | frozenset("today tomorrow tonight yesterday noon midnight midday am pm oclock o'clock".split())
)
#: Behind a time these say more of it whatever comes next: `in an hour or so`, `5 minutes of silence`.
ALWAYS = frozenset(("or", "ago", "every", "of"))
#: Between two times these make one of them; before anything else they are text.
JOINERS = frozenset(
    "at on in the and & by to till til until through thru before after from since around about approximately ~ @ , - "
    "+ / not but except excluding only this next last between starting beginning commencing ending than each again "
    "also".split()
)
#: Behind these a number alone is the end of a stretch: `5pm to 6`.
RANGES = frozenset("to till til until through thru - & and between from before after by around ~ @ at".split())
#: Behind these a meal is a time that is not read: `tomorrow after lunch`.
AT_MEALS = frozenset("at before after around by until till from over during past".split())
MEALS = frozenset(
    "breakfast brunch lunch lunchtime dinner dinnertime supper bed bedtime dawn dusk sunrise sunset daybreak "
    "work school noon midnight night".split()
)
#: A delay with one of these behind it is counted from something, or says how long: `5 minutes of silence`.
BEHIND_DELAYS = frozenset(
    "before after past from of into since prior ahead earlier longer apart old worth late early until till til".split()
)
#: Behind a rule these bound it whatever comes next: `every day starting next sprint`.
NARROWS = frozenset("until till til starting beginning ending only apart other twice thrice max maximum".split())
PERIODS = frozenset("week month quarter year sprint weekend semester term season day".split())
BEHIND_EVERY = frozenset("other single second third fourth fifth last first alternate".split())
EXCEPTS = frozenset("not except excluding but only apart other no without from until starting".split())
#: Behind a clock these are zones of America, or words: `9am central`.
US_ZONES = frozenset("eastern central mountain pacific".split())
#: What is said of a time without naming one: `tomorrow first thing`, `5pm sharp`, `friday latest`.
VAGUE = frozenset(
    "early sometime sometimes someday somewhen eventually latest earliest sharp exactly roughly approx ish lunchtime "
    "later soon sooner shortly "
    "dinnertime bedtime whenever".split()
)
#: Behind a hyphen these belong to the word before it: `2h-long`, `5pm-ish`.
COMPOUNDS = frozenset("ish long old only based style mark free wide ly early late time plus".split())
#: At the end of a time these hardly belong to it: `friday next` steps, `nov 1 on` call.
STARTS_TEXT = frozenset(
    "next last this on in weekly daily monthly yearly quarterly hourly annually times end start".split()
)
#: Weekdays in short that are words as well: `sat nav`, `sun screen`.
ALSO_WORDS = frozenset(("sat", "sun", "wed", "mon"))
ALSO_MONTHS = frozenset(("may", "march", "mar"))
#: What makes a word of such a weekday even where the line starts with it.
_PHRASES = frozenset(
    (
        *(("sat", each) for each in ("nav", "navs", "down", "through", "on", "in", "at", "phone", "dish")),
        *(("sun", each) for each in ("screen", "lamp", "lamps", "block", "dial", "deck", "tan", "glasses", "shade")),
        *(("wed", each) for each in ("planner", "planning", "lock")),
        *(("mon", each) for each in ("cheri", "ami", "amour", "dieu")),
    )
)
_MANY = frozenset("people men women children staff folks persons feet mice criteria data others".split())
_NOT_MANY = ("ss", "us", "is", "'s")


# `march` (through the door), `the first` (draft), `a second` (opinion) and `2nd` (floor) are lone;
# `the 5th` (call mum) and `tomorrow` are not.
def is_lone(tokens: list[Token]) -> bool:
    """Whether the run is a word that starts a phrase: `march`, `weekly`, `the first`, `a second`."""
    texts = [token.text for token in tokens]
    the = texts[0] == "the"
    texts = texts[1:] if the else texts
    if len(texts) == 1:
        return texts[0] in _LONE or (the and texts[0] in ORDINALS)
    if len(texts) == 2 and texts[0].isdigit():
        return texts[1] in ("st", "nd", "rd", "th") and (not the or int(texts[0]) < 4)
    if len(texts) == 2 and texts[0] in ("every", "each"):
        return texts[1] in ORDINALS or texts[1] == "last"
    return len(texts) == 2 and texts[0] in _ONE and texts[1] in UNITS


def is_phrase(first: str, second: str) -> bool:
    """Whether a short weekday is a word beside the next: `sat nav`."""
    return (first, second) in _PHRASES


def is_about(text: str) -> bool:
    """Whether a word is noon, a meal or a number with ish behind it, which names a time roughly."""
    stem = text.removesuffix("ish")
    return stem != text and (stem in MEALS or stem in NUMBER_WORDS)


def is_many(text: str) -> bool:
    """Whether a word looks like a plural, so that a number before it counts it."""
    return text in _MANY or (len(text) > 3 and text.isalpha() and text[-1] == "s" and not text.endswith(_NOT_MANY))


_MARKS = re.compile(r"(?:>[ \t]+|[-*•][ \t]+\[[ xX]?\][ \t]+|•[ \t]*|-[ \t]+(?=[^\W\d]))*")
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "„": "“", "«": "»", "[": "]", "(": ")", "**": "**"}


def unmarked(line: str) -> str:
    """The line without the marks of a list or a quotation before it: `- [ ] `, `> `."""
    found = _MARKS.match(line)
    return line[found.end() :] if found else line


def quoted(line: str) -> "tuple[str, str] | None":
    """What stands in quotes or brackets at the start, and what stands behind; None without such."""
    opening = "**" if line.startswith("**") else line[:1]
    closing = _QUOTES.get(opening, "")
    end = line.find(closing, len(opening)) if closing else -1
    return None if end < 0 else (line[len(opening) : end].strip(), line[end + len(closing) :])


_LEAD = re.compile(
    r"(?:^[:-](?!>))?"
    r"(?:\s|[,;|…→]|:(?=\s|$)|\.+(?=\s|$)|!(?=\s|$)|[-=]+>|>(?=\s)|[–—]|-+(?=\s|$))*"
    r"(?:(?:to|that)[ \t]+(?=\S))?",
    re.IGNORECASE,
)


def text_behind(rest: str) -> str:
    """The text behind a time: without the marks between the two, and without a leading `to` or `that`."""
    found = _LEAD.match(rest)
    return rest[found.end() if found else 0 :].strip()


_FIELDS = ("0123456789*,-/", "0123456789*,-/", "0123456789*,-/lw#?", "0123456789*,-/", "0123456789*,-/l#?")
_NAMES = frozenset(DAY_NAMES) | frozenset(name[:3] for name in DAY_NAMES) | frozenset(MONTHS)


def is_cron_field(word: str, place: int) -> bool:
    """Whether a word has the form of the cron field at ``place``: `*/5`, `1-5`, `mon-fri`, `L`."""
    lowered = word.lower()
    if place > 2 and lowered.isascii() and all(part in _NAMES for part in re.split(r"[-,]", lowered)):
        return True
    signs = set(lowered) <= set(_FIELDS[place])
    return signs and (lowered[0].isdigit() or lowered[0] in "*lw?")
