"""The words time expressions are made of, and what each one counts as."""

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
NUMBER_WORDS = {word: value for value, word in enumerate(ONES)} | TENS

ORDINALS = {
    word: value
    for value, word in enumerate(
        (
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
            "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
        ).split(),
        start=1,
    )
} | {"thirtieth": 30}

MONTH_NAMES = ("january february march april may june july august september october november december").split()
MONTHS = (
    {name: number for number, name in enumerate(MONTH_NAMES, start=1)}
    | {name[:3]: number for number, name in enumerate(MONTH_NAMES, start=1)}
    | {"sept": 9}
)

DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAYS = (
    {name: number for number, name in enumerate(DAY_NAMES)}
    | {name[:3]: number for number, name in enumerate(DAY_NAMES)}
    | {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
)
WEEKDAY_PLURALS = {name + "s": number for number, name in enumerate(DAY_NAMES)}

#: Word to (unit, how many of it): `fortnight` is two weeks. Seconds, days and months carry all.
UNITS: dict[str, tuple[str, int]] = {}
for _unit, _size, _words in (
    ("second", 1, "s sec secs second seconds"),
    ("second", 60, "m min mins minute minutes"),
    ("second", 3600, "h hr hrs hour hours"),
    ("day", 1, "d day days"),
    ("day", 7, "w wk wks week weeks"),
    ("day", 14, "fortnight fortnights"),
    ("month", 1, "mo mos mth mths month months"),
    ("month", 12, "y yr yrs year years"),
    ("month", 120, "decade decades"),
):
    UNITS.update(dict.fromkeys(_words.split(), (_unit, _size)))

#: Units that stand for one when nothing counts them: `every hour`, `next week`.
BARE_UNITS = frozenset("second sec minute min hour hr day week month year fortnight decade".split())

#: Hour and first and last hour of a part of the day; 24 and more is the next morning.
PARTS = {
    "morning": (9, 0, 12),
    "afternoon": (15, 12, 19),
    "evening": (19, 16, 24),
    "night": (20, 18, 28),
}

#: Spellings of chat, each with the word it stands for in every row.
SPELLINGS = {
    **dict.fromkeys("tmrw tmr tmw tmro tmoro tomo tomoz".split(), "tomorrow"),
    **dict.fromkeys(("wknd", "wkend"), "weekend"),
    **dict.fromkeys(("wknds", "wkends"), "weekends"),
    **dict.fromkeys(("morn", "mrng"), "morning"),
    **dict.fromkeys(("arvo", "aftn"), "afternoon"),
    "evng": "evening",
    "nite": "night",
    "midnite": "midnight",
    "tonite": "tonight",
    "nxt": "next",
}
#: The same for those that start with a digit; `2day` is two days or today and stays what its letters say.
DIGIT_SPELLINGS = {
    **dict.fromkeys(("2moro", "2morrow", "2mro", "2mrw"), "tomorrow"),
    **dict.fromkeys(("2nite", "2night"), "tonight"),
}

#: Words that may carry a full stop: `jan.`, `mon.`, `5 min.`
ABBREVIATIONS = (
    {word for word in MONTHS if len(word) < 5}
    | {word for word in WEEKDAYS if len(word) < 6}
    | {"sec", "secs", "min", "mins", "hr", "hrs", "wk", "wks", "mo", "mos", "yr", "yrs", "qtr", "approx"}
)

#: First halves of hyphenated words that mean the same with a space.
HYPHENATED = frozenset(TENS) | frozenset(
    "mid half one two three and a quarter week month year day after end close start of next".split()
)
