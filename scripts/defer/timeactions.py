"""What the lines of the grammar come to: one function for each action named there.

An action takes what the pattern's names stood for, then the line's own arguments. It answers a
value for the line above it, or ``REFUSED`` where the shape fits and the values cannot.
"""

from datetime import datetime, timedelta

from defer import calendardays as days
from defer import isotime, moments
from defer.grammar import REFUSED, Caps
from defer.moments import Clock, Delay, Present, When
from defer.timeparse import Reading

NOON: Clock = ("exact", 12, 0, 0)
MIDNIGHT: Clock = ("midnight", 0, 0, 0)
DAY_MINUTES = 1440


def constant(_caps: Caps, value: str) -> object:
    return int(value) if value.lstrip("-").isdigit() else value


def value(caps: Caps, name: str) -> object:
    return caps[name]


def whole(caps: Caps) -> object:
    return caps["COUNT"], 1


def and_half(caps: Caps) -> object:
    return 2 * caps["COUNT"] + 1, 2


def fraction(caps: Caps) -> object:
    parts = caps["SLASHED"]
    return (int(parts[0]), int(parts[1])) if len(parts) == 2 and int(parts[1]) else REFUSED


def _length(top: int, bottom: int, unit: tuple[str, int]) -> object:
    kind, size = unit
    amount, rest = divmod(top * size, bottom)
    if kind == "second":
        return Delay(seconds=amount, unit=unit) if amount or not top else REFUSED
    if kind == "day":
        return Delay(days=amount, seconds=rest * 86400 // bottom, unit=unit)
    return REFUSED if rest else Delay(months=amount, unit=unit)


def length(caps: Caps) -> object:
    return _length(*caps["QUANTITY"], caps["UNIT"])


def length_of(caps: Caps, top: str, bottom: str) -> object:
    return _length(int(top), int(bottom), caps["ONEUNIT"])


def length_in(_caps: Caps, seconds: str) -> object:
    return Delay(seconds=int(seconds))


def length_and(caps: Caps, top: str, bottom: str) -> object:
    return _length(caps["COUNT"] * int(bottom) + int(top), int(bottom), caps["UNIT"])


def hours_minutes(caps: Caps) -> object:
    minutes = caps["TWODIGITS"]
    return Delay(seconds=caps["DIGIT"] * 3600 + minutes * 60) if minutes < 60 else REFUSED


def total(caps: Caps) -> object:
    summed, lengths = Delay(), caps.all("LENGTH")
    for each in lengths:
        summed = summed + each
    repeated = len({each.unit for each in lengths}) < len(lengths)
    return REFUSED if summed.is_nothing() or repeated else summed


def possessive(caps: Caps) -> object:
    return _length(caps["COUNT"], 1, caps["UNIT'S"])


def iso_period(caps: Caps) -> object:
    return isotime.period(caps["ISOPERIOD"])


def _exact(hour: int, minute: int, second: int = 0, kind: str = "exact") -> object:
    return (kind, hour, minute, second) if hour < 24 and minute < 60 and second < 60 else REFUSED


def _halved(hour: int, minute: int, second: int, half: int) -> object:
    fits = 1 <= hour <= 12 and minute < 60 and second < 60
    return ("exact", hour % 12 + half, minute, second) if fits else REFUSED


def _either(caps: Caps, *names: str) -> object:
    return next(found for name in names if (found := caps.get(name)) is not None)


def between(caps: Caps, least: str, most: str) -> object:
    number = _either(caps, "HOURNUMBER", "NUMBERWORD", "ORDINAL")
    return number if int(least) <= number <= int(most) else REFUSED


def fives(caps: Caps) -> object:
    number = _either(caps, "HOURNUMBER", "NUMBERWORD")
    return number if 0 < number < 60 and number % 5 == 0 else REFUSED


def noon(_caps: Caps) -> object:
    return NOON


def midnight(_caps: Caps) -> object:
    return MIDNIGHT


def fixed(_caps: Caps, hour: str, minute: str) -> object:
    return "exact", int(hour), int(minute), 0


def clock(caps: Caps, kind: str = "exact") -> object:
    return _exact(*_either(caps, "H:MM", "HHMM", "HMM", "H.MM"), kind=kind)


def digits_clock(caps: Caps) -> object:
    hour, minute, second = caps["HHMM"]
    return REFUSED if hour in (19, 20) else _exact(hour, minute, second)


def half_day(caps: Caps) -> object:
    found = _either(caps, "H:MM", "HHMM", "HMM", "H.MM", "HOURNUMBER", "NUMBERWORD")
    hour, minute, second = found if isinstance(found, tuple) else (found, 0, 0)
    return _halved(hour, minute, second, caps["AMPM"])


def h_clock(caps: Caps) -> object:
    hour, minute = caps.all("TWODIGITS")
    return _exact(hour, minute)


def around(caps: Caps, minutes: str) -> object:
    hour, half = caps["HOURNAME"], caps.get("AMPM")
    named = isinstance(hour, tuple)
    if named and half is not None:
        return REFUSED
    start = hour[1] if named else hour if half is None else hour % 12 + half
    amount = (start * 60 + int(minutes)) % DAY_MINUTES
    if named or half is not None:
        return _exact(*divmod(amount, 60))
    return moments.spoken(hour, amount % 720 // 60 or 12, amount % 60)


def around_minutes(caps: Caps, sign: str) -> object:
    return around(caps, str(int(sign) * _either(caps, "MINUTES", "FIVES")))


def face_clock(caps: Caps) -> object:
    half = caps.get("AMPM")
    return ("face", caps["FACEHOUR"], 0, 0) if half is None else _halved(caps["FACEHOUR"], 0, 0, half)


def two_words(caps: Caps, least: str, most: str) -> object:
    hour, minute = caps.all("NUMBERWORD")
    if not (1 <= hour <= 12 and int(least) <= minute <= int(most)):
        return REFUSED
    half = caps.get("AMPM")
    return ("face", hour, minute, 0) if half is None else _halved(hour, minute, 0, half)


def bare(caps: Caps, most: str) -> object:
    hour = _either(caps, "HOURNUMBER", "NUMBERWORD")
    return ("bare", hour, 0, 0) if hour <= int(most) else REFUSED


def named_month(caps: Caps) -> object:
    return days.named_month(caps["MONTH"], caps.get("YEAR"))


def month_ahead(_caps: Caps, count: str) -> object:
    return days.month_ahead(int(count))


def the_month(_caps: Caps) -> object:
    return days.the_month


def date(caps: Caps) -> object:
    return caps["MONTH"], _either(caps, "DAYNUMBER", "ORDINAL"), caps.get("YEAR")


def dated(caps: Caps) -> object:
    return days.on_date(*caps["DATE"], weekday=caps.get("WEEKDAY"))


def date_in_year(caps: Caps, count: str) -> object:
    month, day, year = caps["DATE"]
    if year is not None:
        return REFUSED
    return lambda present: days.on_date(month, day, present.today.year + int(count))(present)


def slashed(caps: Caps) -> object:
    return isotime.slashes(caps["SLASHED"], caps.get("WEEKDAY"))


def dotted(caps: Caps) -> object:
    return isotime.dots(caps["DOTTED"], caps.get("WEEKDAY"))


def dashed(caps: Caps) -> object:
    return isotime.dashed(caps["DASHED"], caps.get("WEEKDAY"))


def iso_day(caps: Caps) -> object:
    return isotime.day(caps["ISODAY"])


def day_of_month(caps: Caps) -> object:
    return days.day_of_month(_either(caps, "ORDINAL", "NUMERICORDINAL"), caps.get("WEEKDAY"))


def nth_in_month(caps: Caps, count: str) -> object:
    return days.in_month(_either(caps, "ORDINAL", "DAYNUMBER"), days.month_ahead(int(count)))


def coming_weekday(caps: Caps) -> object:
    return days.coming_weekday(caps["WEEKDAY"])


def next_weekday(caps: Caps) -> object:
    count = caps.get("COUNT", 1)
    weekday = _either(caps, "WEEKDAY", "PLURALDAY")
    return days.next_weekday(weekday, count) if 0 < count < 600 else REFUSED


def weekday_week(caps: Caps) -> object:
    return days.shifted(days.coming_weekday(caps["WEEKDAY"]), Delay(days=7))


def week_day(caps: Caps, weeks: str) -> object:
    return days.weekday_in_week(caps["WEEKDAY"], int(weeks))


def nth_day(caps: Caps) -> object:
    return days.nth_day(caps["NTH"], caps["DAYKIND"], caps["MONTHREF"])


def today(_caps: Caps) -> object:
    return days.today


def days_ahead(_caps: Caps, count: str) -> object:
    return days.days_ahead(int(count))


def period(caps: Caps, count: str) -> object:
    return days.period(caps["SPAN"], int(count))


def period_end(caps: Caps, count: str, span: str = "") -> object:
    return days.period(span or caps["SPAN"], int(count), end=True)


def weekend(_caps: Caps, count: str) -> object:
    return days.weekend(int(count))


def month_day(caps: Caps, day: str) -> object:
    return days.in_month(int(day), named_month(caps))


def first_of_month(caps: Caps) -> object:
    return days.nth_day(1, "day", caps["MONTHREF"])


def month_end(caps: Caps) -> object:
    return days.last_of_month(named_month(caps))


def business(caps: Caps) -> object:
    return days.business_days(caps.get("BUSINESS", 1), caps.get("DAY", days.today))


def shifted(caps: Caps, sign: str) -> object:
    return days.shifted(caps["DAY"], caps["DELAY"], int(sign))


def _whole_weeks(delay: Delay) -> bool:
    return not (delay.months or delay.seconds or delay.days % 7)


def week_from(caps: Caps, ahead: str) -> object:
    delay = caps["DELAY"]
    return days.shifted(days.days_ahead(int(ahead)), delay) if _whole_weeks(delay) else REFUSED


def weeks_on(caps: Caps) -> object:
    day = days.coming_weekday(caps["WEEKDAY"])
    return days.shifted(day, caps["DELAY"]) if _whole_weeks(caps["DELAY"]) else REFUSED


def in_weeks_on(caps: Caps) -> object:
    delay = caps["DELAY"]
    return moments.weekday_of_that_week(delay, caps["WEEKDAY"]) if _whole_weeks(delay) else REFUSED


def now(_caps: Caps) -> When:
    return lambda present: present.answer(present.utc)


def epoch(caps: Caps) -> When:
    return isotime.epoch(caps["EPOCH"])


def iso_instant(caps: Caps) -> When:
    return isotime.instant(caps["ISODATETIME"])


def wait(caps: Caps) -> When:
    return moments.wait(_either(caps, "WAIT", "DELAY"))


def next_span(caps: Caps) -> When:
    size = caps["MINUTESPAN"]

    def resolve(present: Present) -> Reading:
        wall = present.wall.minute * 60 % size + present.wall.second
        return present.answer(present.utc + timedelta(seconds=size - wall))

    return resolve


def next_clock(caps: Caps) -> When:
    return moments.next_clock(caps["TIME"])


def on_day(caps: Caps) -> When:
    return moments.on_day(caps["DAY"], caps.get("TIME"))


def same_time(caps: Caps) -> When:
    spans = {"week": Delay(days=7), "month": Delay(months=1), "quarter": Delay(months=3), "year": Delay(months=12)}
    return moments.wait(spans[caps["SPAN"]])


def late_year(caps: Caps) -> When:
    number = _either(caps, "DAYNUMBER", "ORDINAL")
    day = days.on_date(caps["MONTH"], number, caps["YEAR"], caps.get("WEEKDAY"))
    return moments.on_day(day, caps["TIME"])


def wait_at(caps: Caps) -> When:
    return moments.on_day(moments.day_after_delay(_either(caps, "WAIT", "DELAY")), caps["TIME"])


def from_moment(caps: Caps, sign: str) -> When:
    return moments.from_anchor(caps["DELAY"], caps["MOMENT"], int(sign))


def from_day(caps: Caps) -> When:
    return moments.from_anchor(caps["DELAY"], moments.on_day(caps["DAY"]))


def part_today(caps: Caps, part: str = "") -> object:
    return days.today, part or caps["PARTWORD"]


def part_of(caps: Caps, part: str = "") -> object:
    return caps.get("DAY"), part or caps["PARTWORD"]


def next_part(caps: Caps) -> object:
    return REFUSED if caps["PARTWORD"] == "night" else moments.next_part(caps["PARTWORD"])


def on_part(caps: Caps) -> object:
    day, part = caps["DAYPART"]
    said = caps.get("TIME") or caps.get("HOURISH")
    return moments.on_part(day, part, said) if day else moments.next_part(part, said)


def part_on_day(caps: Caps, part: str = "") -> object:
    return moments.on_part(caps["DAY"], part or caps["PARTWORD"], caps["HOURISH"])


def end_of_day(caps: Caps) -> When:
    named = caps.get("DAY")

    def resolve(present: Present) -> Reading:
        closing = datetime.combine(present.today, datetime.min.time()).replace(hour=17)
        late = named is None and present.on_wall(closing)[0] < present.utc
        said: Clock = ("exact", 23, 59, 0) if late else days.OFFICE_CLOSES
        return moments.on_day(named or days.today, said)(present)

    return resolve
