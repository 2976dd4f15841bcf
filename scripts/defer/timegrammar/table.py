"""The grammar of time expressions as one table; ``references/time-grammar.md`` holds it equal.

A line is ``NAME = pattern -> function arguments  # meaning``; ``engine`` says how both are read. The functions are
those of ``calendardays``, ``moments`` and ``isotime``, and where a line needs more, of ``dayactions``, ``clockactions``, ``actions``
and ``recuractions``. Without one the last piece's value is the line's own. ``daytable`` has the lines of days,
``recurtable`` those of what recurs.
"""
# ruff: noqa: E501  (a table is read across)

import re
from functools import cache

from .daytable import DAYS, PERIODS
from .recurtable import RECURRING
from .words import MONTHS, NUMBER_WORDS, ORDINALS, PARTS, UNITS, WEEKDAY_PLURALS, WEEKDAYS

NUMBERS = """
COUNT = NUMBER                                                                      # `90`
COUNT = THOUSANDS                                                                   # `1,000`
COUNT = NUMBERWORD                                                                  # `ninety`, `twenty-five`
HUNDREDS = [a] hundred                               -> value 100                   # one hundred
HUNDREDS = NUMBERWORD hundred                        -> many_times NUMBERWORD 100   # `two hundred`
MILLE = a thousand                                   -> value 1000                  # one thousand
MILLE = NUMBERWORD thousand                          -> many_times NUMBERWORD 1000  # `two thousand`
COUNT = HUNDREDS [[and] NUMBERWORD]                  -> added HUNDREDS NUMBERWORD   # `one hundred and twenty`
COUNT = MILLE [[and] HUNDREDS] [[and] NUMBERWORD]    -> added MILLE HUNDREDS NUMBERWORD # `two thousand five hundred`
COUNT = a|an                                         -> value 1                     # one
COUNT = another                                      -> value 1                     # one
COUNT = [a] couple [of]                              -> value 2                     # two
COUNT = a pair of                                    -> value 2                     # two
QUANTITY = COUNT                                     -> whole COUNT                 # a whole number
QUANTITY = another ( NUMBER / NUMBERWORD )           -> whole NUMBER|NUMBERWORD     # `another ten`
QUANTITY = DECIMAL                                                                  # `1.5`
QUANTITY = COUNT and SHARE                            -> and_part COUNT SHARE         # `one and a half`, `two and three quarter`
QUANTITY = NUMBER [~-] SLASHED                       -> mixed NUMBER SLASHED        # `1 1/2`
QUANTITY = NUMBER and SLASHED                        -> mixed NUMBER SLASHED        # `1 and 1/2`
QUANTITY = NUMBER SIGN                               -> and_part NUMBER SIGN        # `1½`
QUANTITY = SIGN                                                                     # `½`
SIGN = ½                                             -> pair 1 2                    # a half
SIGN = ¼                                             -> pair 1 4                    # a quarter
SIGN = ¾                                             -> pair 3 4                    # three quarters
SHARE = [a|an] half                                   -> pair 1 2                    # a half
SHARE = a quarter                                     -> pair 1 4                    # a quarter
SHARE = three|3 quarter|quarters                      -> pair 3 4                    # three quarters
QUANTITY = SLASHED                                   -> fraction SLASHED            # `1/2`, `3/4`
LENGTH = [a] few [more] UNIT                         -> few UNIT                    # `a few minutes`: three
LENGTH = QUANTITY [more] UNIT                        -> length QUANTITY UNIT        # `90 mins`, `1.5h`, `2 more days`; four digits of a clock count no hours and no day
LENGTH = DIGIT ~h ~TWODIGITS                         -> hours_minutes DIGIT TWODIGITS 0 # `1h30` is 90 minutes
LENGTH = DIGIT h TWODIGITS                           -> hours_minutes DIGIT TWODIGITS 10 # `1h 30`
LENGTH = COUNT hr|hrs|hour|hours ( TWODIGITS / NUMBERWORD ) -> hours_minutes COUNT TWODIGITS|NUMBERWORD 10 # `1hr30`, `an hour thirty`
LENGTH = [a] half [a|an] ONEUNIT                     -> share 1 2 ONEUNIT           # `half an hour`
LENGTH = [a] quarter [an] hour                       -> elapsed 900                 # 15 minutes
LENGTH = quarter of an hour                          -> elapsed 900                 # 15 minutes
LENGTH = three|3 quarter|quarters hour               -> elapsed 2700                # 45 minutes
LENGTH = ( SIGN / SHARE ) of a|an ONEUNIT             -> part_of SIGN|SHARE ONEUNIT   # `half of an hour`, `three quarters of an hour`
LENGTH = SIGN a|an ONEUNIT                           -> part_of SIGN ONEUNIT        # `½ an hour`
LENGTH = SLASHED [of] a|an ONEUNIT                   -> slashed_of SLASHED ONEUNIT  # `1/2 an hour`, `3/4 of an hour`
LENGTH = COUNT UNIT and SHARE                         -> length_and COUNT UNIT SHARE  # `an hour and a half`, `two hours and a quarter`
LENGTH = ONEUNIT and SHARE                            -> length_and 1 ONEUNIT SHARE   # `hour and a half`
RUN = LENGTH ( LENGTH )*                             -> falling LENGTH*             # `1h 30m`: each unit smaller than the one before
JOIN = [,] and|&                                                                    # `1 hour and 30 minutes`
JOIN = ,                                                                            # `1 hour, 30 minutes`
DELAY = RUN ( JOIN RUN )*                            -> total RUN*                  # lengths add up; zero is refused
DELAY = ISOPERIOD                                    -> iso_period ISOPERIOD        # `PT30M`, `P1DT2H`
"""

CLOCKS = """
AMPM = am                                            -> value 0                     # before noon
AMPM = pm                                            -> value 12                    # after noon
AMPM = a m                                           -> value 0                     # `seven a m`, as it is dictated
AMPM = p m                                           -> value 12                    # `5 p m`
AMPM = ~HALF                                                                        # `3a`, `3p`
FACEHOUR = ( HOURNUMBER / NUMBERWORD )               -> between HOURNUMBER|NUMBERWORD 1 12  # an hour of a 12-hour face
HOURNAME = FACEHOUR                                                                 # `four`
HOURNAME = noon|midday                               -> exact 12 0                  # 12:00
HOURNAME = midnight                                  -> exact 0 0 0 midnight        # 00:00
AWAY = NUMBERWORD                                    -> fives NUMBERWORD            # five, ten … fifty-five
AWAY = HOURNUMBER                                    -> late_fives HOURNUMBER       # 20, 25 … 55, which are not an hour
AWAY = ( HOURNUMBER / NUMBERWORD ) minute|minutes|min|mins -> between HOURNUMBER|NUMBERWORD 1 59 # `3 minutes`
CLOCK = PADDED:MM                                    -> clock PADDED:MM colon       # `09:30`, `17:30`
CLOCK = MORNING:MM                                   -> clock MORNING:MM short      # `5:30` is 05:30
CLOCK = t ~H:MM                                      -> clock H:MM                  # `T17:00`, as in ISO 8601
CLOCK = ( H:MM / HHMM / HMM / H.MM / H.SPACE.MM ) AMPM -> half_day H:MM|HHMM|HMM|H.MM|H.SPACE.MM AMPM  # `3:30pm`, `0815am`, `3.30pm`
CLOCK = ( HOURNUMBER / NUMBERWORD ) AMPM             -> half_day HOURNUMBER|NUMBERWORD AMPM  # `3pm`, `five pm`
CLOCK = HHMM                                         -> digits_clock HHMM           # `1730`; 1900 to 2099 want an at
CLOCK = LATEHHMM                                     -> clock LATEHHMM              # 1900 to 2059 beside tomorrow, a weekday and the like
CLOCK = ( HHMM / HH:MM ) h|hr|hrs|hour|hours         -> clock HHMM|HH:MM            # `1700 hours`, `0930h`, `17:00 hrs`
CLOCK = NUMBERWORD hundred [hours|hrs|hour]          -> hundred_clock NUMBERWORD 10  # `seventeen hundred`
CLOCK = HOURNUMBER hundred hours|hrs|hour            -> hundred_clock HOURNUMBER 10 # `18 hundred hours`
CLOCK = oh|zero NUMBERWORD hundred [hours|hrs|hour]  -> hundred_clock NUMBERWORD 1  # `oh nine hundred hours`
CLOCK = oh|zero NUMBERWORD NUMBERWORD [hours|hrs|hour] -> exact_words NUMBERWORD*     # `oh nine thirty`
CLOCK = NUMBERWORD NUMBERWORD [hours|hrs|hour]       -> late_words NUMBERWORD*      # `seventeen thirty`
CLOCK = TWODIGITS ~h ~TWODIGITS                      -> two_h_clock TWODIGITS*          # `15h00`
CLOCK = [12|twelve|12:00] noon                       -> exact 12 0                  # 12:00
CLOCK = 12|twelve o'clock|oclock noon                -> exact 12 0                  # 12:00
CLOCK = [12|twelve] midday                                       -> exact 12 0                  # 12:00
CLOCK = mid day                                      -> exact 12 0                  # `mid-day`
CLOCK = [12|twelve|12:00] midnight                   -> exact 0 0 0 midnight        # 00:00
CLOCK = 12|twelve o'clock|oclock midnight            -> exact 0 0 0 midnight        # 00:00
CLOCK = teatime                                      -> exact 16 0                  # 16:00
CLOCK = mid morning                                  -> exact 10 0                  # 10:00
CLOCK = mid afternoon                                -> exact 15 0                  # 15:00
CLOCK = half past|after HOURNAME [AMPM]                    -> around HOURNAME AMPM 30     # `half past four`
CLOCK = [a] quarter past|after HOURNAME [AMPM]       -> around HOURNAME AMPM 15     # `quarter past noon`
CLOCK = [a] quarter to|before|till|til HOURNAME [AMPM] -> around HOURNAME AMPM -15    # `quarter to 4pm`
FIVES = ( HOURNUMBER / NUMBERWORD )                  -> fives HOURNUMBER|NUMBERWORD  # 5, 10 … 55
CLOCK = FIVES after HOURNAME [AMPM]                  -> around HOURNAME AMPM FIVES  # `twenty after 3pm`
CLOCK = FIVES before HOURNAME [AMPM]                 -> around HOURNAME AMPM FIVES -1  # `ten before 4`
SOME = ( HOURNUMBER / NUMBERWORD ) [minute|minutes|min|mins] -> between HOURNUMBER|NUMBERWORD 1 59 # `ten`, `7 minutes`
CLOCK = SOME past HOURNAME [AMPM]                    -> around HOURNAME AMPM SOME   # `ten past four`, `seven past 8`
CLOCK = AWAY to|till|til HOURNAME                    -> to_hour HOURNAME AWAY       # `ten to four`, `5 minutes to noon`
CLOCK = HOURNUMBER to|till|til FACEHOUR              -> early_to HOURNUMBER FACEHOUR # `10 to 5`; that of a later hour is a stretch, as 9 to 5
CLOCK = AWAY to|till|til HOURNAME AMPM               -> around HOURNAME AMPM AWAY -1 # `ten to five pm`; with two hours in digits it is refused, as a stretch
FACE = FACEHOUR o'clock|oclock                                                      # `8 o'clock`
FACE = FACEHOUR o ['] clock                                                         # `8 o clock`
CLOCK = FACE [AMPM]                                  -> face_clock FACE AMPM        # `8 o'clock`, `8 o'clock pm`
CLOCK = HOURNUMBER o'clock|oclock                    -> late_hour HOURNUMBER        # `15 o'clock`
CLOCK = half FACEHOUR [AMPM]                         -> half_hour FACEHOUR          # `half nine` is refused: 8:30 or 9:30?
CLOCK = NUMBERWORD NUMBERWORD [AMPM]                 -> two_words NUMBERWORD* AMPM 10 59  # `ten thirty`
CLOCK = NUMBERWORD oh|o NUMBERWORD [AMPM]              -> two_words NUMBERWORD* AMPM 1 9  # `five oh five`
BARE = HOURNUMBER                                    -> bare HOURNUMBER 23          # an hour alone: 7 to 12, 13 and more; 1 to 6 refused
BARE = NUMBERWORD                                    -> bare NUMBERWORD 12          # `nine`
TIME = [at|@] CLOCK                                                                 # a clock time
SHARP = sharp|exactly|precisely                                             # `9 sharp`
SHARP = on the dot                                                                  # `9 on the dot`
TIME = [at|@] ( CLOCK / BARE ) SHARP                 -> value CLOCK|BARE            # `9 sharp`, `at 9am on the dot`
TIME = [at|@] exactly|precisely [at] ( CLOCK / BARE ) -> value CLOCK|BARE            # `at exactly 9`
TIME = at|@ BARE                                                                    # `at 9`
TIME = at|@ HHMM                                      -> clock HHMM                  # `at 2030`
TIME = at|@ DOTCLOCK                                  -> value DOTCLOCK              # `at 11.30`, `at 9.30 hrs`
TIME = at|@ HMM                                      -> clock HMM short             # `at 930`
TIME = at|@ H:MM h|hr|hrs|hour|hours                 -> clock H:MM                  # `at 9:30 hrs`
TIMED = TIME                                                                        # beside a day
DOTCLOCK = H.MM [h|hr|hrs|hour|hours]                -> clock H.MM short            # `9.30`, `9.30 hrs`, beside a day or a rule
TIMED = [at|@] DOTCLOCK                              -> value DOTCLOCK              # `9.30`, beside a day
TIMED = [at|@] DIGIT ~h ~TWODIGITS                   -> h_clock DIGIT TWODIGITS     # `8h30`, beside a day
TIMED = [at|@] H:MM h|hr|hrs|hour|hours              -> clock H:MM                  # `9:30 hrs`, beside a day
HOURISH = HHMM                                       -> face_digits HHMM            # `1030`, which a part of the day may move
HOURISH = CLOCK                                                                     # beside a part of the day
HOURISH = HMM                                        -> clock HMM colon             # `730`, only beside a part of the day
HOURISH = SOME after HOURNAME [AMPM]                       -> around HOURNAME AMPM SOME   # `20 minutes after 2`, beside a part of the day
HOURISH = H.MM                                       -> clock H.MM colon            # `10.30`
HOURISH = BARE                                                                      # beside a part of the day
HOURISH = ( CLOCK / BARE ) SHARP                     -> value CLOCK|BARE            # `9 sharp`
"""

WHOLE = """
WAIT = DELAY                                                                        # from now
WAIT = LATER                                                                        # from now
LATER = DELAY from [right] now                        -> value DELAY                 # from now
LATER = WEEKS from now                               -> value WEEKS                 # `week from now`
LATER = DELAY later|hence                            -> value DELAY                 # from now
LATER = DELAY time                                   -> value DELAY                 # `in two weeks time`
LATER = DELAY ' time                                 -> value DELAY                 # `in two weeks' time`
LATER = COUNT UNIT'S time                            -> share COUNT 1 UNIT'S        # `in a week's time`
LATER = [a] half [a|an] UNIT'S time                  -> share 1 2 UNIT'S            # `in half an hour's time`
LATER = [a] quarter of an UNIT'S time                -> share 1 4 UNIT'S            # `in a quarter of an hour's time`
WHEN = [right] now                                   -> now                         # this moment
WHEN = right|straight away                           -> now                         # this moment
WHEN = straightaway                                  -> now                         # this moment
WHEN = at once                                       -> now                         # this moment
WHEN = as soon as possible                           -> now                         # this moment
WHEN = immediately|asap                              -> now                         # this moment
WHEN = @ ~EPOCH                                      -> epoch EPOCH                 # seconds since 1970
POINT = ISODATETIME                                  -> iso_instant ISODATETIME     # in its own offset, or in the zone
WHEN = TWODIGITS h|hr|hrs|hour|hours                 -> clock_or_hours TWODIGITS    # `09h` is refused: 09:00 or 9 hours?
WHEN = in|within|+ HHMM h|hr|hrs|hour|hours          -> clock_or_length HHMM 1      # `in 1700 hours` is refused: 17:00 or 1700 hours?
WHEN = [in|within|+] EARLY:MM h|hr|hrs|hour|hours    -> clock_or_length EARLY:MM 60  # `1:30h` is refused: 01:30 or 90 minutes?
WHEN = [in|within|+] CLOCK.MM h|hr|hrs|hour|hours    -> clock_or_length CLOCK.MM 100  # `1.30 hours` is refused: 01:30 or 78 minutes?
TWODAY = 2 ~day                                      -> today_or_two_days           # refused: today, or two days?
WHEN = [in] TWODAY [[,] TIMED]                       -> value TWODAY                # refused: today, or two days?
WHEN = TIMED [,] TWODAY                              -> value TWODAY                # refused: today, or two days?
WHEN = one|another day                               -> some_day                    # refused: one day from now, or some day?
WHEN = WAIT                                          -> wait WAIT                   # hours and shorter elapse, days keep the wall clock
APPROX = about|around|approximately|approx|roughly|~|exactly                   # read over before a delay
WHEN = in|within|after|+ WAIT                        -> wait WAIT                   # from now
WHEN = [in|within|after|+] APPROX WAIT               -> wait WAIT                   # `in about an hour`, `~10 min`
WHEN = now|today +|plus DELAY                             -> wait DELAY                  # from now
WHEN = [in|within] [the] next DELAY                  -> next_length DELAY            # `next 2 weeks`
WHEN = [in] next MINUTESPAN                          -> next_span MINUTESPAN        # the start of the next minute or hour
WHEN = [at] [the] top of the [next] hour             -> next_span 3600              # the start of the next hour
BY = by                                                                             # `by friday`
BY = no|not later than                                                              # `no later than 5pm`
BY = [at [the]] latest [by]                          -> value 1                     # `latest by 5 pm`
LASTLY = POINT                                                                      # a moment by its name
LASTLY = BARE                                        -> next_clock BARE             # `by 9`
LASTLY = BARE [,] DAY                                -> on_day DAY BARE             # `by 9 tomorrow`
LASTLY = DOTCLOCK                                    -> next_clock DOTCLOCK         # `by 9.30`
WHEN = POINT                                                                        # a moment by its name
WHEN = BY LASTLY                                     -> latest LASTLY               # `by friday noon`: the moment itself
WHEN = LASTLY at [the] latest                        -> latest LASTLY               # `5pm at the latest`
WHEN = BY LASTLY [at [the]] latest                   -> latest LASTLY               # `by 5pm latest`
WHEN = DAY [,] BY ( TIMED / BARE )                   -> latest_on DAY TIMED|BARE    # `tomorrow by 9am`
WHEN = DAYPART [,] BY ( TIME / HOURISH )             -> latest_in DAYPART TIME|HOURISH  # `tonight by 8`
WHEN = DAY [,] BY [the] EOD                          -> latest_end DAY              # `tomorrow by eod`
POINT = TIME                                         -> next_clock TIME             # the next such moment
POINT = DAY                                          -> on_day DAY                  # at the present time of day; an ISO date at midnight
POINT = DAY [,] TIMED                                -> on_day DAY TIMED            # that day at that time
POINT = TIMED [,] DAY                                -> on_day DAY TIMED            # that day at that time
POINT = [WEEKDAY [,]] DATE [,] TIME [,] YEAR [OFFSET]-> late_year DATE YEAR WEEKDAY TIME OFFSET  # `Thu Dec 24 09:00:00 2026`, as git has it
POINT = [WEEKDAY [,]] DATE [,] TIME OFFSET YEAR      -> late_year DATE YEAR WEEKDAY TIME OFFSET  # `Thu Dec 24 09:00:00 +0000 2026`
POINT = NAMED [, / ~:] [at] H:MM OFFSET              -> with_offset NAMED H:MM OFFSET  # `Thu, 24 Dec 2026 09:00:00 +0000`, as mail has it
POINT = NAMED ~: H:MM                                -> date_and_clock NAMED H:MM   # `24/Dec/2026:09:00:00`, as logs have it
POINT = WEEKDAY [,] ISODATETIME                      -> iso_instant ISODATETIME WEEKDAY  # `Thu 2026-12-24 09:00`
POINT = WEEKDAY [,] TIMED [,] [on] ( DATE / [the] ORDINAL )-> weekday_and_date WEEKDAY TIMED DATE ORDINAL  # `saturday 9am 21 november`
POINT = WEEKDAY [,] TIMED [,] [on] DASHED            -> date_at DASHED WEEKDAY TIMED  # `thu 9am 2026-12-24`
WHEN = [on] WEEKDAY [,] TIMED [,] ( in WAIT / LATER ) -> weekday_later WEEKDAY WAIT|LATER TIMED  # `monday 9am in 2 weeks`
WHEN = [on] WEEKDAY [,] TIMED [,] [of] this week|wk  -> weekday_clock WEEKDAY 0 TIMED  # `friday 3pm this week`
WHEN = [on] WEEKDAY [,] TIMED [,] [of] [the] next|following week|wk -> weekday_clock WEEKDAY 1 TIMED  # `friday 3pm next week`
SAMETIME = [at] [the] same|this time                 -> value 1                     # the present time of day
WHEN = SAMETIME DAY                                  -> at_same_time DAY            # `this time tomorrow`; of `next week` a week from now
WHEN = DAY [,] SAMETIME                              -> at_same_time DAY            # `tomorrow at the same time`
WHEN = SAMETIME ( in WAIT / LATER )                  -> wait WAIT|LATER             # `this time in 3 days`
WHEN = ( in WAIT / LATER ) [,] SAMETIME              -> wait WAIT|LATER             # `in 3 days at the same time`
WHEN = [in|after|+] WAIT [,] TIMED -> wait_at WAIT TIMED           # that time on the day the delay ends
WHEN = TIMED [,] ( in WAIT / LATER )                 -> wait_at WAIT|LATER TIMED    # that time on the day the delay ends
MOMENT = [at] EOD                                    -> end_of_day                  # 17:00 while ahead
MOMENT = TIME                                        -> next_clock TIME             # the next such moment
MOMENT = DAY [,] TIMED                               -> on_day DAY TIMED            # that day at that time
MOMENT = TIMED [,] DAY                               -> on_day DAY TIMED            # that day at that time
WHEN = [in] DELAY after|from MOMENT                  -> from_anchor DELAY MOMENT    # `5 hours after noon`
WHEN = DELAY before MOMENT                           -> from_anchor DELAY MOMENT -1  # `an hour before noon`
WHEN = [in] DELAY after|from|before DAY              -> hours_from DELAY            # hours count from a clock: `12 hours before friday` is refused
WHEN = MOMENT +|plus DELAY                                -> from_anchor DELAY MOMENT    # `4pm + 3 days`
WHEN = DAY +|plus DELAY                                   -> from_day DELAY DAY          # `tomorrow + 2 hours`
MINUTESPAN = minute                                  -> value 60                    # a minute
MINUTESPAN = hour                                    -> value 3600                  # an hour
PART = [in] [the] PARTWORD                           -> value PARTWORD              # `in the morning`
PART = at night                                      -> value night                 # the night
DAYPART = this PARTWORD                              -> part_today PARTWORD         # today
DAYPART = tonight                                    -> part_today tonight          # today, from 17:00 on
DAYPART = DAY [,] PART                               -> pair PART DAY               # `tomorrow morning`, `friday at night`
DAYPART = PART [,] [of] DAY                          -> pair PART DAY               # `the morning of dec 24`
DAYPART = WEEKDAY [,] PART [,] [on] ( DATE / [the] ORDINAL ) -> part_of_date PART WEEKDAY DATE ORDINAL  # `saturday morning 21 november`
DAYPART = [on] WEEKDAY [,] PART [,] ( in WAIT / LATER ) -> part_later PART WEEKDAY WAIT|LATER  # `monday morning in 2 weeks`
DAYPART = on the PARTWORD of DAY                     -> pair PARTWORD DAY           # `on the morning of dec 24`
DAYPART = [on] WEEKDAY [,] PART [,] [of] this week|wk -> part_of_week PART WEEKDAY 0  # `friday morning this week`
DAYPART = [on] WEEKDAY [,] PART [,] [of] [the] next|following week|wk -> part_of_week PART WEEKDAY 1  # `friday morning next week`
DAYPART = ( in WAIT / LATER ) [,] PART               -> part_after PART WAIT|LATER  # `in 3 days in the evening`
DAYPART = in [the] PARTWORD                          -> pair PARTWORD               # the coming one
DAYPART = at night                                   -> pair night                  # the coming one
LATENIGHT = late tonight                             -> today                       # today
LATENIGHT = tonight late                             -> today                       # today
LATENIGHT = late DAY [at] night                      -> value DAY                   # `late friday night`
POINT = PARTWORD                                     -> lone_part PARTWORD          # morning 09:00, afternoon 15:00, evening 19:00
POINT = PARTWORD [,] TIME                            -> lone_part PARTWORD TIME     # `evening at 8`
POINT = DAYPART                                      -> in_day_part DAYPART         # night 20:00
POINT = DAYPART [,] ( [at|@] HOURISH / TIME )         -> in_day_part DAYPART TIME|HOURISH  # the part chooses am or pm
POINT = DAY [,] [at|@] HOURISH PART                  -> on_part DAY PART HOURISH    # `friday at 3 in the afternoon`
POINT = ( in WAIT / LATER ) [,] [at|@] HOURISH PART  -> in_part_after WAIT|LATER PART HOURISH # `in 3 days at 9 in the morning`
POINT = [at|@] HOURISH PART [,] ( in WAIT / LATER )  -> in_part_after WAIT|LATER PART HOURISH # `9 in the morning in 3 days`
WHEN = DAY [,] BY HOURISH PART                       -> latest_part DAY PART HOURISH # `tomorrow by 9 in the morning`
POINT = [at|@] HOURISH [,] DAYPART                   -> in_day_part DAYPART HOURISH  # the part chooses am or pm
POINT = PART [,] [at|@] HOURISH [,] DAY              -> on_part DAY PART HOURISH    # `evening 7 tomorrow`
POINT = LATENIGHT                                    -> late_night LATENIGHT        # 23:00
POINT = LATENIGHT [,] ( TIME / HOURISH )             -> late_night LATENIGHT TIME|HOURISH  # `late tonight at 11:30`
EOD = eod|eob|cob                                    -> value 1                     # the end of the day
EOD = [the] end|close of [the] [business|working|work] day -> value 1               # the end of the day
EOD = [the] end|close of business|play               -> value 1                     # `close of business`
POINT = [at] EOD                                     -> end_of_day                  # 17:00 while ahead, else 23:59
POINT = [at] EOD [,] DAY                             -> end_of_day DAY              # that day at 17:00
POINT = DAY [,] [at] EOD                             -> end_of_day DAY              # that day at 17:00
POINT = [at] [the] end of ( NAMED / NEAR / NEXTBUSINESS )           -> end_of_day NAMED|NEAR|NEXTBUSINESS       # `end of friday`, `end of today`
"""

ONCE = (NUMBERS, CLOCKS, DAYS, PERIODS, WHOLE)
AGAIN = (*ONCE, RECURRING)


def literals(*tables: str) -> set[str]:
    """The words that stand for themselves in the patterns of some tables."""
    patterns = (line.partition("->")[0].partition("# ")[0] for table in tables for line in table.splitlines())
    return {word for pattern in patterns for word in re.findall(r"(?<![A-Za-z'])[a-z']+", pattern)}


#: Words that recurring lines alone are made of: a text with one of them is tried as what recurs first.
AGAIN_WORDS = frozenset((literals(RECURRING) - literals(*ONCE)) | WEEKDAY_PLURALS.keys())


@cache
def vocabulary() -> frozenset[str]:
    """The words that times are made of."""
    tables = (MONTHS, NUMBER_WORDS, ORDINALS, PARTS, UNITS, WEEKDAY_PLURALS, WEEKDAYS)
    parts = (f"{part}s" for part in PARTS)
    return frozenset(literals(*AGAIN)).union(*tables, parts, ("st", "nd", "rd", "th", "s"))
