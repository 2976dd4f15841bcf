"""What the lines about days and whole expressions come to; ``clockactions.py`` has the others.

One function for each action named in the table.
"""

from datetime import datetime, timedelta
from typing import Any

from . import calendardays as days
from . import isotime, moments
from .clockactions import either
from .engine import REFUSED, Caps
from .moments import Clock, Delay, Present, When
from .reading import Reading


def named_month(caps: Caps) -> Any:
    return days.named_month(caps["MONTH"], caps.get("YEAR"))


def month_ahead(_caps: Caps, count: str) -> Any:
    return days.month_ahead(int(count))


def the_month(_caps: Caps) -> Any:
    return days.the_month


def date(caps: Caps) -> Any:
    return caps["MONTH"], either(caps, "DAYNUMBER", "ORDINAL"), caps.get("YEAR")


def dated(caps: Caps) -> Any:
    month, day, year = caps["DATE"]
    return days.on_date(month, day, year, caps.get("WEEKDAY"))


def date_in_year(caps: Caps, count: str) -> Any:
    month, day, year = caps["DATE"]
    if year is not None:
        return REFUSED
    return lambda present: days.on_date(month, day, present.today.year + int(count))(present)


def slashed(caps: Caps) -> Any:
    return isotime.slashes(caps["SLASHED"], caps.get("WEEKDAY"))


def dotted(caps: Caps) -> Any:
    return isotime.dots(caps["DOTTED"], caps.get("WEEKDAY"))


def dashed(caps: Caps) -> Any:
    return isotime.dashed(caps["DASHED"], caps.get("WEEKDAY"))


def iso_day(caps: Caps) -> Any:
    return isotime.day(caps["ISODAY"])


def day_of_month(caps: Caps) -> Any:
    return days.day_of_month(either(caps, "ORDINAL", "NUMERICORDINAL"), caps.get("WEEKDAY"))


def nth_in_month(caps: Caps, count: str) -> Any:
    return days.in_month(either(caps, "ORDINAL", "DAYNUMBER"), days.month_ahead(int(count)))


def coming_weekday(caps: Caps) -> Any:
    return days.coming_weekday(caps["WEEKDAY"])


def next_weekday(caps: Caps) -> Any:
    count = caps.get("COUNT", 1)
    weekday = either(caps, "WEEKDAY", "PLURALDAY")
    return days.next_weekday(weekday, count) if 0 < count < 600 else REFUSED


def weekday_week(caps: Caps) -> Any:
    return days.shifted(days.coming_weekday(caps["WEEKDAY"]), Delay(days=7))


def week_day(caps: Caps, weeks: str) -> Any:
    return days.weekday_in_week(caps["WEEKDAY"], int(weeks))


def nth_day(caps: Caps) -> Any:
    return days.nth_day(caps["NTH"], caps["DAYKIND"], caps["MONTHREF"])


def today(_caps: Caps) -> Any:
    return days.today


def days_ahead(_caps: Caps, count: str) -> Any:
    return days.days_ahead(int(count))


def period(caps: Caps, count: str) -> Any:
    return days.period(caps["SPAN"], int(count))


def period_end(caps: Caps, count: str, span: str = "") -> Any:
    return days.period(span or caps["SPAN"], int(count), end=True)


def weekend(_caps: Caps, count: str) -> Any:
    return days.weekend(int(count))


def month_day(caps: Caps, day: str) -> Any:
    found = days.in_month(int(day), named_month(caps))
    return days.whole_month(found) if int(day) == 1 else found


def first_of_month(caps: Caps) -> Any:
    return days.nth_day(1, "day", caps["MONTHREF"])


def month_end(caps: Caps) -> Any:
    return days.last_of_month(named_month(caps))


def business(caps: Caps) -> Any:
    return days.business_days(caps.get("BUSINESS", 1), caps.get("DAY", days.today))


def shifted(caps: Caps, sign: str) -> Any:
    return days.shifted(caps["DAY"], caps["DELAY"], int(sign))


def neighbour(caps: Caps, sign: str) -> Any:
    return days.shifted(caps["DAY"], Delay(days=1), int(sign))


def _whole_weeks(delay: Delay) -> bool:
    return not (delay.months or delay.seconds or delay.days % 7)


def week_from(caps: Caps, ahead: str) -> Any:
    delay = caps["DELAY"]
    return days.shifted(days.days_ahead(int(ahead)), delay) if _whole_weeks(delay) else REFUSED


def weeks_on(caps: Caps) -> Any:
    day = days.coming_weekday(caps["WEEKDAY"])
    return days.shifted(day, caps["DELAY"]) if _whole_weeks(caps["DELAY"]) else REFUSED


def in_weeks_on(caps: Caps) -> Any:
    delay = caps["DELAY"]
    return moments.weekday_of_that_week(delay, caps["WEEKDAY"]) if _whole_weeks(delay) else REFUSED


def now(_caps: Caps) -> When:
    return lambda present: present.answer(present.utc)


def epoch(caps: Caps) -> When:
    return isotime.epoch(caps["EPOCH"])


def iso_instant(caps: Caps) -> When:
    return isotime.instant(caps["ISODATETIME"])


def wait(caps: Caps) -> When:
    return moments.wait(either(caps, "WAIT", "DELAY"))


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


def at_same_time(caps: Caps) -> When:
    day = caps["DAY"]

    def resolve(present: Present) -> Reading:
        return moments.on_day(day, ("exact", present.wall.hour, present.wall.minute, present.wall.second))(present)

    return resolve


def same_time(caps: Caps) -> When:
    spans = {"week": Delay(days=7), "month": Delay(months=1), "quarter": Delay(months=3), "year": Delay(months=12)}
    return moments.wait(spans[caps["SPAN"]])


def late_year(caps: Caps) -> When:
    number = either(caps, "DAYNUMBER", "ORDINAL")
    day = days.on_date(caps["MONTH"], number, caps["YEAR"], caps.get("WEEKDAY"))
    return moments.on_day(day, caps["TIME"])


def wait_at(caps: Caps) -> When:
    return moments.on_day(moments.day_after_delay(either(caps, "WAIT", "DELAY")), caps["TIME"])


def from_moment(caps: Caps, sign: str) -> When:
    return moments.from_anchor(caps["DELAY"], caps["MOMENT"], int(sign))


def from_day(caps: Caps) -> When:
    return moments.from_anchor(caps["DELAY"], moments.on_day(caps["DAY"]))


def part_today(caps: Caps, part: str = "") -> Any:
    return days.today, part or caps["PARTWORD"]


def part_of(caps: Caps, part: str = "") -> Any:
    return caps.get("DAY"), part or caps["PARTWORD"]


def next_part(caps: Caps) -> Any:
    return REFUSED if caps["PARTWORD"] == "night" else moments.next_part(caps["PARTWORD"])


def on_part(caps: Caps) -> Any:
    day, part = caps["DAYPART"]
    said = caps.get("TIME") or caps.get("HOURISH")
    return moments.on_part(day, part, said) if day else moments.next_part(part, said)


def part_on_day(caps: Caps, part: str = "") -> Any:
    return moments.on_part(caps["DAY"], part or caps["PARTWORD"], caps["HOURISH"])


def end_of_day(caps: Caps) -> When:
    named = caps.get("DAY")

    def resolve(present: Present) -> Reading:
        closing = datetime.combine(present.today, datetime.min.time()).replace(hour=17)
        late = named is None and present.on_wall(closing)[0] < present.utc
        said: Clock = ("exact", 23, 59, 0) if late else days.OFFICE_CLOSES
        return moments.on_day(named or days.today, said)(present)

    return resolve
