"""Words and phrases that are refused with a reason of their own."""

from defer.timegrammar.reading import A_CRON, A_DATE, A_RULE, A_TIME

from .offers import Said, tries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.timegrammar.reading import Way


def _named(phrase: str, date: str) -> "tuple[str, str, tuple[Way, ...], str]":
    return phrase, "holidays are not read by name", ((phrase, date),), A_DATE


HOUR = 'name the hour, as in "tomorrow 7am"'
DAY = 'name the day, as in "friday 9am"'
CLOCK = 'a clock time looks like "9:30" or "21:30"'
LENGTH = 'say how long, as in "in 10 minutes"'
_WHO = "the i you we he she it they this that my your".split()
#: A word or phrase, why it is refused, how it may be said instead, and a form where none of that works.
WORDS: "tuple[tuple[str, str, tuple[Way, ...], str], ...]" = (
    ("biweekly", "twice a week or every two weeks?", (("biweekly", "every 2 weeks"),), A_RULE),
    ("bi - weekly", "twice a week or every two weeks?", (("bi - weekly", "every 2 weeks"),), A_RULE),
    ("bimonthly", "twice a month or every two months?", (("bimonthly", "every 2 months"),), A_RULE),
    ("bi - monthly", "twice a month or every two months?", (("bi - monthly", "every 2 months"),), A_RULE),
    ("semiweekly", "on which days of the week?", (), 'name them, as in "mondays and thursdays 9am"'),
    ("semi - weekly", "on which days of the week?", (), 'name them, as in "mondays and thursdays 9am"'),
    ("semimonthly", "on which days of the month?", (), 'name them, as in "every 1st and 15th at 9am"'),
    ("semi - monthly", "on which days of the month?", (), 'name them, as in "every 1st and 15th at 9am"'),
    ("biannually", "on which days of the year?", (), A_RULE),
    ("twice weekly", "on which days?", (), 'name them, as in "mondays and thursdays 9am"'),
    ("twice a week", "on which days?", (), 'name them, as in "mondays and thursdays 9am"'),
    ("twice", "at which two times?", (), 'name both, as in "every day at 9am and 5pm"'),
    ("thrice", "at which three times?", (), 'name them, as in "every day at 9am, noon and 5pm"'),
    ("M / w / f", "on which days?", (("M / w / f", "mon/wed/fri"),), A_RULE),
    ("M , w", "on which days?", (), A_RULE),
    ("M", "is that minutes or months?", (("M", "m"), ("M", "mo")), 'they look like "1m" and "1mo"'),
    ("next eow", "which Friday?", (("next eow", "end of next week"),), A_DATE),
    ("next eom", "which month?", (("next eom", "end of next month"),), A_DATE),
    ("next eoq", "which quarter?", (("next eoq", "end of next quarter"),), A_DATE),
    ("next eoy", "which year?", (("next eoy", "end of next year"),), A_DATE),
    ("after next", "which date is that?", (), A_DATE),
    ("rate (", "that is another scheduler's form", (), 'a rule looks like "every 5 minutes"'),
    ("cron (", "that is another scheduler's form", (), A_CRON),
    ("noon pm", "noon has no halves", (("noon pm", "noon"),), A_TIME),
    ("once in a while", "how often is that?", (), A_RULE),
    ("now and then", "how often is that?", (), A_RULE),
    ("so often", "how often is that?", (), A_RULE),
    ("occasionally", "how often is that?", (), A_RULE),
    ("regularly", "how often is that?", (), A_RULE),
    ("times daily", "at which times?", (), 'name them, as in "every day at 9am and 5pm"'),
    ("x daily", "at which times?", (), 'name them, as in "every day at 9am and 5pm"'),
    ("24/7", "how often is that?", (), A_RULE),
    ("around the clock", "how often is that?", (), A_RULE),
    ("continuously", "how often is that?", (), A_RULE),
    ("all the time", "how often is that?", (), A_RULE),
    ("always", "how often is that?", (), A_RULE),
    ("times a", "at which times?", (), 'name them, as in "every day at 9am and 5pm"'),
    ("x a", "at which times?", (), 'name them, as in "every day at 9am and 5pm"'),
    ("to morrow", "is one word", (("to morrow", "tomorrow"),), A_TIME),
    ("to night", "is one word", (("to night", "tonight"),), A_TIME),
    ("week end", "is one word", (("week end", "weekend"),), A_TIME),
    ("tea time", "is one word", (("tea time", "teatime"),), A_TIME),
    ("all weekdays", "each of them?", (("all weekdays", "every weekday"),), A_RULE),
    ("all day", "at which hour of it?", (), HOUR),
    ("after work", "when is that?", (), HOUR),
    ("little while", "how long is that?", (), LENGTH),
    ("jiffy", "how long is that?", (), LENGTH),
    ("when", "a task starts at a time, not at an event", (), A_TIME),
    *((f"once {word}", "a task starts at a time, not at an event", (), A_TIME) for word in _WHO),
    ("if", "a task starts at a time, not at an event", (), A_TIME),
    ("half past", "half past which hour?", (), 'such a time looks like "half past four"'),
    ("quarter past", "a quarter past which hour?", (), 'such a time looks like "quarter past four"'),
    ("quarter to", "a quarter to which hour?", (), 'such a time looks like "quarter to four"'),
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
    ("someday", "on which day?", (), DAY),
    ("some day", "on which day?", (), DAY),
    ("this week", "on which day of it?", (), DAY),
    ("this month", "on which day of it?", (), 'name the day, as in "the 15th at 9am"'),
    ("this year", "on which day of it?", (), A_DATE),
    ("this quarter", "on which day of it?", (), A_DATE),
    ("next time", "when is that?", (), A_TIME),
    ("later", "how much later?", (), LENGTH),
    ("soon", "how soon?", (), LENGTH),
    ("shortly", "how soon?", (), LENGTH),
    ("momentarily", "how soon?", (), LENGTH),
    ("a bit", "how long is that?", (), LENGTH),
    ("a while", "how long is that?", (), LENGTH),
    ("a moment", "how long is that?", (), LENGTH),
    ("moment", "how long is that?", (), LENGTH),
    ("in a few", "a few of what?", (("a few", "a few minutes"), ("a few", "a few hours")), LENGTH),
    ("eventually", "when is that?", (), A_TIME),
    ("whenever", "when is that?", (), A_TIME),
    ("lunchtime", "when is that?", (("lunchtime", "noon"), ("lunchtime", "1pm")), HOUR),
    ("lunch", "when is that?", (("lunch", "noon"), ("lunch", "1pm")), HOUR),
    *(
        (word, "when is that?", (), HOUR)
        for word in "breakfast brunch dinner dinnertime supper sunrise sunset dawn dusk bedtime".split()
    ),
    *((word, "a stretch is not a time", (), HOUR) for word in ("business hours", "working hours", "office hours")),
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
    _named("independence day", "jul 4"),
    _named("valentine's day", "feb 14"),
    _named("valentines day", "feb 14"),
    *(
        (phrase, "its date is not the same every year", (), A_DATE)
        for phrase in (
            "thanksgiving|easter|good friday|black friday|cyber monday|labor day|labour day|memorial day|mother's day|"
            "father's day|diwali|eid|ramadan|hanukkah|passover|columbus day|turkey day|bank holiday|holiday|pongal|"
            "birthday|payday"
        ).split("|")
    ),
)


# `in a bit`         how long is that?
# `3 days later foo`  no: what is read needs no reason
def by_word(said: Said) -> "str | None":
    """The reason that goes with a word or phrase that is not read."""
    for phrase, why, ways, otherwise in WORDS:
        place = said.find(phrase)
        last = place + len(phrase.split())
        if place < 0 or last <= said.end:
            continue
        typed = said.text(place, last)
        offers = list(said.closed(ways))
        quoted = f'"{typed}": ' if offers or typed != " ".join(said.expr.split()) else ""
        return f"{quoted}{why} {tries(offers, otherwise)}"
    return None
