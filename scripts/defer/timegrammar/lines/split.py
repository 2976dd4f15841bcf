"""A ``::defer`` line cut into its time words and its text.

The longest run of time words at the start is the time. A run that is refused is never read
shorter, and a run whose next words could still belong to it is refused as well: `5 minutes
before lunch` is not `5 minutes`. So is a line whose text has what its time lacks: `tomorrow call
mom at 5pm`. A ``--`` ends the time by hand.
"""

import re
from datetime import datetime
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

from defer.errors import BadInput
from defer.timegrammar.reader import read, recurring, tried
from defer.timegrammar.reading import NoTimeFirst, Reading, TimeExpressionError
from defer.timegrammar.recurring.cronfields import NICKNAMES
from defer.timegrammar.refusals.offers import shown, tries
from defer.timegrammar.tokens import tokenise

from . import continuation, linewords, straytimes, timerun
from .straytimes import Stray
from .timerun import OpenLine, Run

_BY_HAND = re.compile(r"(?:^|\s)--(?:\s|$)")
_NICKNAME = re.compile(r"@([a-z]+)(?=$|[\s,;:])", re.IGNORECASE)
#: A longer line is not offered: nobody would see it whole.
_MOST_OFFERED = 120
#: Clocks of all parts of the day: a time that takes none of them has its own.
_PROBES = ("23:58", "9:07", "15:07", "19:07", "2:07")
#: What a refusal of a time offers.
_TRIES = re.compile(r"\(((?:[^()\"]|\"[^\"]*\")*?)\btry (\"[^()]*\")\)$")
_QUOTED = re.compile(r'"([^"]*)"')
#: The same for a rule that takes a clock only with its day: `every month`.
_DAYS_AND_PROBES = ("on monday at 9:07", "on the 5th at 9:07", "on dec 24 at 9:07")
#: Words before what is to be done that say nothing of it.
_POLITE = re.compile(
    r"(?:(?:please|pls|hey|hi|ok|okay|can you|could you|would you|will you|"
    r"(?:don't )?(?:remind|ping|nudge) (?:me|us)(?= (?:to|that|about)\b)|remember)\b[\s,]*)*"
    r"(?:(?:to|that)\s+(?=\S))?",
    re.IGNORECASE,
)


def split_line(line: str, now: datetime, tz: ZoneInfo) -> tuple[str, str, Reading]:
    """The time words and the text of ``line``, and what the words mean.

    TimeExpressionError where either is missing or refused, and where a line can be split in more than one way.
    """
    splitter = _Splitter(now, tz)
    try:
        return splitter.split(line)
    except OpenLine as error:
        kind = NoTimeFirst if error.first else TimeExpressionError
        raise kind(f"{error.said} {splitter.ways_out(error)}") from None


class _Splitter:
    """Splits lines at one present in one zone."""

    __slots__ = ("now", "tz")

    def __init__(self, now: datetime, tz: ZoneInfo) -> None:
        self.now = now
        self.tz = tz

    def split(self, line: str) -> tuple[str, str, Reading]:
        """The same as ``split_line``, but for the ways out: OpenLine where there may be some."""
        line = linewords.unmarked(line)
        found = self._by_hand(line)
        if found is not None:
            return self._whole(line, *found)
        found = self._cron(line)
        if found is not None:
            continuation.check_cron(line, *found)
            self._refuse_in_cron(*found, line)
            return self._whole(line, *found)
        found = self._in_quotes(line)
        if found is not None:
            self._refuse_strays(*found, read(found[0], self.now, self.tz), line)
            return self._whole(line, *found)
        if (open_m := continuation.capital_m(line)) is not None:
            raise open_m
        run = timerun.run_of(line)
        if run is None:
            raise self._not_first(line)
        if timerun.is_phrase(run):
            raise self._uncertain(run)
        continuation.check(run, cache(lambda: self._takes_clock(run.words)))
        tail = linewords.text_behind(line[run.end :])
        reading = self._read(run.words, tail)
        self._refuse_strays(run.words, tail, reading, line)
        return self._whole(line, run.words, tail, reading)

    def ways_out(self, error: OpenLine) -> str:
        """What to do about an open line, in parentheses."""
        offers = error.offers
        if error.first and self._offered(offers[:1]):
            offers = offers[:1]
        found = self._offered(offers)
        return tries(found, error.otherwise)

    def _offered(self, offers: "tuple[str, ...]") -> "list[str]":
        return [offer for offer in dict.fromkeys(self._unrolled(offers)) if self._is_offered(offer)]

    def _unrolled(self, offers: "tuple[str, ...]") -> "list[str]":
        """Some lines; in the place of one that is open itself, those that it would be said as."""
        found: list[str] = []
        for offer in offers:
            try:
                self.split(offer)
            except OpenLine as error:
                found += () if error.first else error.offers
            except BadInput:
                continue
            else:
                found.append(offer)
        return found

    def _is_offered(self, offer: str) -> bool:
        return len(offer) <= _MOST_OFFERED and offer.isprintable() and '"' not in offer and self._splits(offer)

    def _splits(self, line: str) -> bool:
        try:
            self.split(line)
        except (OpenLine, BadInput):
            return False
        return True

    def _whole(self, line: str, head: str, tail: str, reading: "Reading | None" = None) -> tuple[str, str, Reading]:
        if not head:
            raise OpenLine(f'"{shown(line)}" starts with no time')
        reading = reading or read(head, self.now, self.tz)
        if not tail:
            raise OpenLine(f'"{shown(line)}" has a time and no text')
        return head, tail, reading

    # `2h run tests -- --watch`  the first words are a time and text, so that `--` is text
    def _by_hand(self, line: str) -> "tuple[str, str] | None":
        found = _BY_HAND.search(line)
        if found is None:
            return None
        head, tail = line[: found.start()].strip(), line[found.end() :].strip()
        first = head and timerun.run_of(head)
        return (head, tail) if not first or first.end >= len(head) or not self._splits(head) else None

    def _in_quotes(self, line: str) -> "tuple[str, str] | None":
        """A time in quotes or brackets, or a whole line in quotes."""
        found = linewords.quoted(line)
        if found is None:
            return None
        inside, rest = found
        if self._is_time(inside):
            return inside, linewords.text_behind(rest)
        if not rest.strip(" .") and line[:1] not in "([" and self._splits(inside):
            return self.split(inside)[:2]
        return None

    def _is_time(self, words: str) -> bool:
        return self._reads(words) or timerun.whole(tokenise(words))

    def _cron(self, line: str) -> "tuple[str, str] | None":
        """Five cron fields or a nickname and the text behind; None where the line starts with neither."""
        words = line.split(None, 6)
        nickname = _NICKNAME.match(line)
        if nickname and nickname[1].lower() in (*NICKNAMES, "reboot"):
            continuation.check_zone(line, nickname.end())
            return nickname[0], linewords.text_behind(line[nickname.end() :])
        if len(words) < 5 or not all(linewords.is_cron_field(word, place) for place, word in enumerate(words[:5])):
            return None
        head, tail = " ".join(words[:5]), linewords.text_behind(line.split(None, 5)[5] if words[5:] else "")
        continuation.check_zone(line, _end_of_fields(line))
        if words[5:] and linewords.is_cron_field(words[5], 4) and not words[5].isalpha():
            starred = not words[5].isdigit()
            said = f'"{shown(" ".join(words[:6]))}": a cron expression has five fields'
            raise OpenLine(said, () if starred else (f"{head} -- {tail}",), head)
        if "".join(words[:5]).isdigit():
            raise OpenLine(f'"{shown(head)}": are these cron fields or numbers?', (f"{head} -- {tail}",), head)
        return head, tail

    def _takes_clock(self, words: str) -> bool:
        return any(self._reads(f"{words} {clock}") for clock in (*_PROBES, *_DAYS_AND_PROBES))

    def _reads(self, words: str) -> bool:
        return tried(words, self.now, self.tz) is not None

    def _refuse_strays(self, head: str, text: str, reading: Reading, line: str) -> None:
        """Raise where the text has a time that the time in front could take."""
        for stray in straytimes.strays(text):
            if self._is_taken(head, stray, reading):
                said = f'"{shown(line)}": is "{shown(stray.words)}" the time or part of the text?'
                raise OpenLine(said, self._both(head, stray, text), head)

    def _refuse_in_cron(self, head: str, text: str, line: str) -> None:
        """Raise where the text bounds cron fields or a nickname, or has the clock that a nickname lacks."""
        for stray in straytimes.strays(text):
            bounds = any(end == len(stray.tokens) for end, _ in recurring().match("BOUND", stray.tokens))
            if bounds or (stray.clock and head[0] == "@"):
                said = f'"{shown(line)}": is "{shown(stray.words)}" the time or part of the text?'
                raise OpenLine(said, (f"{head} -- {text}",), head)

    def _is_taken(self, head: str, stray: Stray, reading: Reading) -> bool:
        """Whether a time in the text would make the one in front another."""
        joined = [*tokenise(head), *stray.tokens]
        if not timerun.whole(joined):
            return stray.clock and self._takes_clock(head)
        both = tried(f"{head} {stray.readable}", self.now, self.tz)
        if both is None:
            return stray.clock and self._takes_clock(head)
        if stray.clock:
            return True
        same = (both.instant, _rule(both)) == (reading.instant, _rule(reading))
        return not same or not self._is_same_at_night(head, stray)

    # At noon `9am` is that of tomorrow, so that `tomorrow` in the text seems to add nothing.
    def _is_same_at_night(self, head: str, stray: Stray) -> bool:
        night = self.now.astimezone(self.tz).replace(hour=0, minute=1)
        one, both = tried(head, night, self.tz), tried(f"{head} {stray.readable}", night, self.tz)
        return one is not None and both is not None and one.instant == both.instant

    def _both(self, head: str, stray: Stray, text: str) -> "tuple[str, ...]":
        """The line with its second time behind the first, and with all of the text as text."""
        rest, by_hand = linewords.text_behind(stray.without()), f"{head} -- {text}"
        if (
            not rest
            or _is_left_out(text, stray)
            or (stray.before is not None and not self._reads(f"{head} {stray.words}"))
        ):
            return (by_hand,)
        words = stray.words
        short = words[3:] if words[:3].lower() == "at " else words
        ways = (short, words, f"{short}am", f"{short}pm")
        said = [f"{head} {each} {rest}" for each in ways if self._reads(f"{head} {each}")]
        return (*(said if not self._reads(f"{head} {words}") else said[:1]), by_hand)

    def _not_first(self, line: str) -> OpenLine:
        """A line without a time in front; if it has one elsewhere, turned round."""
        if (wrong := continuation.slip(line) or continuation.offset(line)) is not None:
            return OpenLine(wrong.said, wrong.offers, otherwise=wrong.otherwise, first=True)
        said = f'"{shown(line)}" starts with no time'
        found = straytimes.times(line)
        ways = [found] if len(found) == 1 else [found, found[::-1]] if len(found) == 2 else []
        offers = [offer for way in ways for offer in self._turned(line, way)]
        return OpenLine(said, tuple(offers[:2]), first=True)

    def _uncertain(self, run: Run) -> OpenLine:
        """A line that starts with a word which is a time or the start of a phrase."""
        error = self._not_first(run.line)
        if error.offers or timerun.is_stretch(run.words) or run.place == len(run.tokens):
            return error
        said = (
            f'"{shown(run.line)}" starts with no time for sure: is "{shown(run.words)}" the time or part of the text?'
        )
        return OpenLine(said, (run.by_hand(),), first=True)

    def _read(self, head: str, tail: str) -> Reading:
        """What the time means; a refusal that offers other times offers lines with them."""
        try:
            return read(head, self.now, self.tz)
        except TimeExpressionError as error:
            said = str(error)
            found = _TRIES.search(said)
            lines = [f"{offer} {tail}" for offer in _QUOTED.findall(found[2])] if found and tail else []
            lines = [line for line in lines if self._is_offered(line)]
            if not found or not lines:
                raise
            raise TimeExpressionError(f"{said[: found.start()]}{tries(lines, before=found[1])}") from None

    def _turned(self, line: str, found: "list[Stray]") -> "list[str]":
        """A line with the times it has in front, and the same with their end said by hand."""
        words = " ".join(each.words for each in found)
        if not timerun.whole(tokenise(words)):
            return []
        rest = line
        for each in sorted(found, key=lambda stray: -stray.start):
            rest = Stray(rest, each.tokens, None, each.clock).without()
        polite = _POLITE.match(rest)
        rest = rest[polite.end() :] if polite else rest
        return [f"{words} {rest}", f"{words} -- {rest}"] if rest else []


def _is_left_out(text: str, stray: Stray) -> bool:
    """Whether the text names a time as one that is not meant: `except on sundays`, `not at 5pm`."""
    before = text[: stray.start].lower().split()[-1:]
    return before != [] and before[0].strip(",;(") in (*linewords.EXCEPTS, "unless")


def _rule(reading: Reading) -> str:
    return reading.recurrence.describe() if reading.recurrence else ""


def _end_of_fields(line: str) -> int:
    """Where the fifth word of a line ends."""
    return [word.end() for word in islice(re.finditer(r"\S+", line), 5)][-1]
