"""What the lines about numbers, lengths of time and clock times come to.

An action takes what the pattern's names stood for, then the line's own arguments. It answers a
value for the line above it, or ``REFUSED`` where the shape fits and the values cannot.
"""

from typing import Any

from . import isotime, moments
from .engine import REFUSED, Caps
from .moments import Clock, Delay

NOON: Clock = ("exact", 12, 0, 0)
MIDNIGHT: Clock = ("midnight", 0, 0, 0)
DAY_MINUTES = 1440


def constant(_caps: Caps, value: str) -> Any:
    return int(value) if value.lstrip("-").isdigit() else value


def value(caps: Caps, name: str) -> Any:
    return caps[name]


def whole(caps: Caps) -> Any:
    return caps["COUNT"], 1


def and_half(caps: Caps) -> Any:
    return 2 * caps["COUNT"] + 1, 2


def fraction(caps: Caps) -> Any:
    parts = caps["SLASHED"]
    return (int(parts[0]), int(parts[1])) if len(parts) == 2 and int(parts[1]) else REFUSED


def mixed(caps: Caps) -> Any:
    part = fraction(caps)
    return REFUSED if part is REFUSED or part[0] >= part[1] else (caps["NUMBER"] * part[1] + part[0], part[1])


def _length(top: int, bottom: int, unit: tuple[str, int]) -> Any:
    kind, size = unit
    amount, rest = divmod(top * size, bottom)
    if kind == "second":
        return Delay(seconds=amount, unit=unit) if amount or not top else REFUSED
    if kind == "day":
        return Delay(days=amount, seconds=rest * 86400 // bottom, unit=unit)
    return REFUSED if rest else Delay(months=amount, unit=unit)


def length(caps: Caps) -> Any:
    top, bottom = caps["QUANTITY"]
    return _length(top, bottom, caps["UNIT"])


def length_of(caps: Caps, top: str, bottom: str) -> Any:
    return _length(int(top), int(bottom), caps["ONEUNIT"])


def length_in(_caps: Caps, seconds: str) -> Any:
    return Delay(seconds=int(seconds))


def length_and(caps: Caps, top: str, bottom: str) -> Any:
    return _length(caps["COUNT"] * int(bottom) + int(top), int(bottom), caps["UNIT"])


def hours_minutes(caps: Caps) -> Any:
    minutes = caps["TWODIGITS"]
    return Delay(seconds=caps["DIGIT"] * 3600 + minutes * 60) if minutes < 60 else REFUSED


def total(caps: Caps) -> Any:
    summed, lengths = Delay(), caps.all("LENGTH")
    for each in lengths:
        summed = summed + each
    repeated = len({each.unit for each in lengths}) < len(lengths)
    return REFUSED if summed.is_nothing() or repeated else summed


def possessive(caps: Caps) -> Any:
    return _length(caps["COUNT"], 1, caps["UNIT'S"])


def iso_period(caps: Caps) -> Any:
    return isotime.period(caps["ISOPERIOD"])


def exact(hour: int, minute: int, second: int = 0, kind: str = "exact") -> Any:
    """A 24-hour clock time."""
    return (kind, hour, minute, second) if hour < 24 and minute < 60 and second < 60 else REFUSED


def _halved(hour: int, minute: int, second: int, half: int) -> Any:
    fits = 1 <= hour <= 12 and minute < 60 and second < 60
    return ("exact", hour % 12 + half, minute, second) if fits else REFUSED


def either(caps: Caps, *names: str) -> Any:
    """The value of the first of some names that was captured."""
    return next(found for name in names if (found := caps.get(name)) is not None)


def between(caps: Caps, least: str, most: str) -> Any:
    number = either(caps, "HOURNUMBER", "NUMBERWORD", "ORDINAL")
    return number if int(least) <= number <= int(most) else REFUSED


def fives(caps: Caps) -> Any:
    number = either(caps, "HOURNUMBER", "NUMBERWORD")
    return number if 0 < number < 60 and number % 5 == 0 else REFUSED


def noon(_caps: Caps) -> Any:
    return NOON


def midnight(_caps: Caps) -> Any:
    return MIDNIGHT


def fixed(_caps: Caps, hour: str, minute: str) -> Any:
    return "exact", int(hour), int(minute), 0


def clock(caps: Caps, kind: str = "exact") -> Any:
    hour, minute, second = either(caps, "H:MM", "HHMM", "HMM", "H.MM")
    return exact(hour, minute, second, kind)


def digits_clock(caps: Caps) -> Any:
    hour, minute, second = caps["HHMM"]
    return REFUSED if hour in (19, 20) else exact(hour, minute, second)


def half_day(caps: Caps) -> Any:
    found = either(caps, "H:MM", "HHMM", "HMM", "H.MM", "HOURNUMBER", "NUMBERWORD")
    hour, minute, second = found if isinstance(found, tuple) else (found, 0, 0)
    return _halved(hour, minute, second, caps["AMPM"])


def h_clock(caps: Caps) -> Any:
    hour, minute = caps.all("TWODIGITS")
    return exact(hour, minute)


def around(caps: Caps, minutes: str) -> Any:
    hour, half = caps["HOURNAME"], caps.get("AMPM")
    named = isinstance(hour, tuple)
    if named and half is not None:
        return REFUSED
    start = hour[1] if named else hour if half is None else hour % 12 + half
    amount = (start * 60 + int(minutes)) % DAY_MINUTES
    if named or half is not None:
        return exact(*divmod(amount, 60))
    return moments.spoken(hour, amount % 720 // 60 or 12, amount % 60)


def around_minutes(caps: Caps, sign: str) -> Any:
    return around(caps, str(int(sign) * either(caps, "MINUTES", "FIVES")))


def face_clock(caps: Caps) -> Any:
    half = caps.get("AMPM")
    return ("face", caps["FACEHOUR"], 0, 0) if half is None else _halved(caps["FACEHOUR"], 0, 0, half)


def two_words(caps: Caps, least: str, most: str) -> Any:
    hour, minute = caps.all("NUMBERWORD")
    if not (1 <= hour <= 12 and int(least) <= minute <= int(most)):
        return REFUSED
    half = caps.get("AMPM")
    return ("face", hour, minute, 0) if half is None else _halved(hour, minute, 0, half)


def bare(caps: Caps, most: str) -> Any:
    hour = either(caps, "HOURNUMBER", "NUMBERWORD")
    return ("bare", hour, 0, 0) if hour <= int(most) else REFUSED
