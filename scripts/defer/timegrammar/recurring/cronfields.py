"""Cron fields and nicknames, told from words."""

from defer.timegrammar.reading import A_CRON, A_RULE, TimeExpressionError, Undecided
from defer.timegrammar.tokens import tokenise
from defer.timegrammar.words import DAY_NAMES, MONTH_NAMES

NICKNAMES = {
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}


#: A field's name, its least and its greatest value, and the names it may be said by.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("", *(name[:3] for name in MONTH_NAMES))),
    ("day of the week", 0, 7, tuple(name[:3] for name in (DAY_NAMES[-1], *DAY_NAMES[:-1]))),
)
_MONTHDAY, _WEEKDAY = 2, 4


# `0 9 * * 1`, `@daily`        cron
# `0 0 9 * * 1`, `9 * * *`     refused: six fields, and four with a star, are meant as cron
# `@reboot`, `@every 5m`       refused by name
# `5 4 3 days`, `@1795000000`  words for the grammar
def cron_fields(expr: str) -> str | None:
    """The five fields where ``expr`` is a cron expression or nickname; None where it is neither."""
    words = expr.split()
    if words and words[0].lower() == "@every":
        raise Undecided('"@every" is not read', [("@ every", "every")], A_RULE)
    if len(words) == 1 and words[0].startswith("@") and words[0][1:2].isalpha():
        name = words[0][1:].lower()
        if name not in NICKNAMES:
            raise TimeExpressionError(f'"{words[0]}" is not read here (a nickname looks like "@daily")')
        return NICKNAMES[name]
    starred = len(words) == 4 and "*" in expr
    if (len(words) < 5 and not starred) or len(expr) > 500 or not all(_is_cron(word) for word in words[:3]):
        return None
    if len(words) != 5:
        raise TimeExpressionError(f"a cron expression has five fields, this has {len(words)} ({A_CRON})")
    for place, word in enumerate(words):
        for part in word.split(","):
            _check(part, place)
    return " ".join(",".join(map(_one_value, word.split(","))) for word in words)


def _is_cron(word: str) -> bool:
    return word.isascii() and set(word) <= set("0123456789*,-/LlWw?") and (word[0] in "*Ll?" or word[0].isdigit())


# `*/61`, `0 */25 * * *`   refused: no step is wider than its field
# `0-70`                   refused: there is no minute 70
# `22-6`                   refused: it runs backwards; `22-23,0-6` is offered
# `?`, `15W`               refused by name
def _check(part: str, place: int) -> None:
    """Raise where a part of a list in the field at ``place`` is not read, and say which field it is."""
    name, least, most, _ = _FIELDS[place]
    if "?" in part:
        raise Undecided(f'"?" is not read in the {name}', [("?", "*")], A_CRON)
    if place == _MONTHDAY and "w" in part.lower() and part.lower() != "lw":
        raise TimeExpressionError(f'"{part}": the weekday nearest to a date is not read ({A_CRON})')
    span, slash, step = part.partition("/")
    wide = min(most - least + 1, 7 if place == _WEEKDAY else 60)
    if slash and not (step.isdecimal() and 0 < int(step) <= wide):
        raise TimeExpressionError(f'"{part}": a step of the {name} is 1 to {wide} ({A_CRON})')
    if span == "*" or (place == _MONTHDAY and span.lower() in ("l", "lw")):
        return
    if place == _WEEKDAY:
        span = _without_place(span)
    first, dash, last = span.partition("-")
    values = [_value(text, place) for text in ((first, last) if dash else (first,))]
    if values[0] > values[-1]:
        ends = f"{values[0]}-{6 if place == _WEEKDAY else most},{least}-{values[-1]}"
        piece = " ".join(token.text for token in tokenise(span))
        raise Undecided(f'"{span}" runs backwards in the {name}', [] if slash else [(piece, ends)], A_CRON)


def _without_place(span: str) -> str:
    """`5` of `5l`, the last Friday of a month, and of `5#2`, its second."""
    day, mark, nth = span.partition("#")
    if mark and nth not in ("1", "2", "3", "4", "5"):
        raise TimeExpressionError(f'"{span}": a month has a first to a fifth such day ({A_CRON})')
    return day if mark else span[:-1] if span[:-1].isdecimal() and span[-1] in "lL" else span


def _value(text: str, place: int) -> int:
    name, least, most, names = _FIELDS[place]
    if text and text.lower() in names:
        return names.index(text.lower())
    if not (text.isdecimal() and len(text) < 5 and least <= int(text) <= most):
        raise TimeExpressionError(f'"{text}": the {name} is {least} to {most} ({A_CRON})')
    return int(text)


def _one_value(part: str) -> str:
    """`5` for `5-5/2`, which cronsim takes for `5/2`: every second value from 5 on."""
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    return first if first == last and step.isdigit() and int(step) else part


def notes_on(fields: str) -> tuple[str, ...]:
    """What people take otherwise: two kinds of days at once, and steps that do not go on for ever."""
    minute, hour, monthday, _, weekday = fields.split()
    notes = []
    if "*" not in (monthday, weekday):
        both = monthday[0] == "*" or weekday[0] == "*"
        notes.append(f"the day of the month and of the week: {'both must fit' if both else 'either is enough'}")
    for word, size, whole in ((minute, 60, "hour"), (hour, 24, "day"), (monthday, 1, "month")):
        step = word.removeprefix("*/")
        if step != word and step.isdecimal() and int(step) > 1 and (size == 1 or size % int(step)):
            notes.append(f'"{word}" starts anew with each {whole}')
    return tuple(notes)
