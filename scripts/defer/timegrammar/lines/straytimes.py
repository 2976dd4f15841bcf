"""Times that stand in the text of a ``::defer`` line and not in front of it."""

import re
from collections.abc import Iterator
from functools import cache

from defer.timegrammar.reader import grammar, recurring
from defer.timegrammar.tokens import Token, tokenise

from . import linewords
from .timerun import ends_in_clock, first_line, is_count, longest, whole

#: More tokens of a text are not searched; so many characters at its end are.
_MOST = 400
_LAST = 200
#: No time in a text has more tokens; no more of its lines are searched.
_WINDOW, _MOST_LINES = 16, 20
#: Behind these a clock is one that the text names; none of them is read as a time of its own.
_BEFORE_CLOCKS = frozenset("before around from until till til after ~ by at @ between past approximately about".split())
_MOST_SEARCHED = 1000
_STRETCH = re.compile(
    r"(?<!\S)(?:[0-9]{1,2}(?::[0-9]{2})?[ ]?(?:[ap]m)?[ ]?(?:-|–|—|to)[ ]?"
    r"[0-9]{1,2}(?::[0-9]{2}|:[0-9]{2}[ ]?[ap]m|[ ]?[ap]m)"
    r"|(?:at|@)[ ]?[0-9]{1,2}[ ]?h)(?=$|[\s.,;!?)])",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”|\b[a-z][a-z0-9+.-]{0,20}://\S+", re.IGNORECASE)
_OPENS = frozenset(" \t([{—–|")
_CLOSES = re.compile(r"[)\]}]{0,9}(?:[.,;:!?…)\]]{0,9}(?:\s|$)|\s*[—–|]|$)")
#: A bare hour or a day in front of one of these ends there: `at 5 with Bob`.
_FUNCTION_WORDS = frozenset(
    "with for to in on and about if because so please then or but sharp that when as at by from before after until "
    "till via re regarding unless while until since today tomorrow tonight".split()
)
#: Behind these a number at the end is a name, not a clock.
_NUMBERED = frozenset(
    "issue issues pr prs bug ticket tickets port room page version build order invoice number no # error code step "
    "line year release chapter section v case flight gate bus route apt suite to top of python node java".split()
)
#: Behind these verbs `at` belongs to the verb: `look at 5 files`.
_LOOKS = frozenset("look looking peek glance stare stop cap capped stay".split())
#: Behind these a day is one that the text names.
_ABOUT_A_DAY = frozenset(
    "for of about since to the a than vs last past is was are were due during per and or with between my our your "
    "like called named from after before until by good happy every each this that's it's against not".split()
)


class Stray:
    """One time in a text: where it starts and ends there, its tokens, and the word before it that is not read."""

    __slots__ = ("before", "clock", "end", "start", "text", "tokens")

    def __init__(self, text: str, tokens: list[Token], before: "Token | None", clock: bool) -> None:
        self.text = text
        self.tokens = tokens
        self.before = before
        self.clock = clock
        self.start = (before or tokens[0]).start
        self.end = tokens[-1].end

    @property
    def words(self) -> str:
        """The time as the text has it."""
        return self.text[self.start : self.end]

    @property
    def readable(self) -> str:
        """The same without a word before it that no time has: `5pm` of `before 5pm`."""
        return self.text[self.tokens[0].start : self.end]

    def without(self) -> str:
        """The text without this time."""
        left, right = self.text[: self.start].rstrip(" \t,;-—–|([@"), self.text[self.end :].lstrip(" \t")
        right = right[1:] if (right[:1], False) in ((")", "(" in left), ("]", "[" in left)) else right
        joined = left + right if right[:1] in tuple(".,;:!?…)\n") else f"{left} {right}"
        return joined.strip(" \t,;-—–|")


def strays(text: str) -> Iterator[Stray]:
    """The times in a text that may be meant as when it is due, in their order; those that belong to it are left out."""
    line = first_line(text)
    tokens = tokenise(line, _MOST)
    if len(tokens) == _MOST:
        yield from _last(text, line)
    hidden = [found.span() for found in _HIDDEN.finditer(line)]
    at = 0
    for place in range(len(tokens)):
        while at < len(hidden) and hidden[at][1] <= tokens[place].start:
            at += 1
        inside = at < len(hidden) and hidden[at][0] <= tokens[place].start
        if not inside and _opens(line, tokens[place]):
            yield from _at(line, tokens, place)
    yield from _lines(text, len(line))
    yield from _shapes(line)


def _shapes(line: str) -> Iterator[Stray]:
    """Clocks that no time has: `3-4pm`, `10:00-11:00`, `at 17h`; and one in quotes in front of the text."""
    for found in _STRETCH.finditer(line[:_MOST_SEARCHED]):
        tokens = tokenise(line[: found.end()], _MOST_SEARCHED)
        yield Stray(line, [token for token in tokens if token.start >= found.start()], None, True)
    inside = linewords.quoted(line)
    tokens = tokenise(inside[0], _WINDOW) if inside else []
    if inside and whole(tokens) and ends_in_clock(tokens):
        yield Stray(line, tokenise(line[: len(line) - len(inside[1])], _WINDOW), None, True)


def _last(text: str, line: str) -> Iterator[Stray]:
    """Those at the end of a line that is too long to be searched whole."""
    start = max(line.find(" ", len(line) - _LAST), len(line) - _LAST)
    found = list(strays(line[start:]))
    # They may share tokens, and are looked for by where these stand: all are found before any is moved.
    for token in {token for stray in found for token in (*stray.tokens, *filter(None, [stray.before]))}:
        token.start, token.end = token.start + start, token.end + start
    for stray in found:
        yield Stray(text, stray.tokens, stray.before, stray.clock)


def _lines(text: str, start: int) -> Iterator[Stray]:
    """Those of the next lines of a text that are nothing but a clock: `call mom`, below it `at 5pm`."""
    for line in text[start:].splitlines(keepends=True)[:_MOST_LINES]:
        tokens = tokenise(line, _WINDOW)
        if tokens and len(tokens) < _WINDOW and whole(tokens) and ends_in_clock(tokens):
            for token in tokens:
                token.start, token.end = token.start + start, token.end + start
            yield Stray(text, tokens, None, True)
        start += len(line)


@cache
def _starts() -> frozenset[str]:
    """The words, and kinds of token in angle brackets, that a time in a text may start with."""
    return grammar().starts("WHEN") | recurring().starts("RECURS") | recurring().starts("BOUND")


def _opens(line: str, token: Token) -> bool:
    return token.start == 0 or line[token.start - 1] in _OPENS or token.text in ("@", "~")


def _at(line: str, tokens: list[Token], place: int) -> Iterator[Stray]:
    """What may be a time from one token on, the longest first."""
    first = tokens[place]
    before = tokens[place - 1].text if place else ""
    if first.text in _BEFORE_CLOCKS and place + 1 < len(tokens):
        yield from _clocks(line, tokens, place, before)
    if first.text not in _starts() and f"<{first.kind}>" not in _starts():
        return
    found: set[int] = set()
    window = tokens[place : place + _WINDOW]
    for lines, name in ((grammar(), "WHEN"), (recurring(), "RECURS"), (recurring(), "BOUND")):
        found |= {end for end, _ in lines.match(name, window)}
    for end in sorted(found, reverse=True):
        stray = Stray(line, window[:end], None, ends_in_clock(window[:end]))
        if _CLOSES.match(line, stray.end) and _is_due(tokens, place, place + end, before, stray):
            stray.clock = stray.clock or first.text == "tonight"
            yield stray


# `at 5pm`, `before 17:00`, `by 6`, `from 9`: with or without what the text goes on with
def _clocks(line: str, tokens: list[Token], place: int, before: str) -> Iterator[Stray]:
    window = tokens[place + 1 : place + 9]
    if tokens[place].text in ("at", "@") or before in _LOOKS:
        return
    ends = {end for end, _ in grammar().match("TIME", window)} | {end for end, _ in grammar().match("BARE", window)}
    for end in sorted(ends, reverse=True):
        stray = Stray(line, window[:end], tokens[place], True)
        bare = window[end - 1].kind == "number" and len(window[end - 1].text) < 3
        if _CLOSES.match(line, stray.end) and (not bare or _closed(tokens, place + 1 + end)):
            yield stray
            return


def _closed(tokens: list[Token], place: int) -> bool:
    """Whether a phrase is over before the token at ``place``."""
    if place >= len(tokens):
        return True
    token = tokens[place]
    mark = token.kind == "mark" and not (token.glued and token.text in "%+*/#-")
    return mark or token.text in _FUNCTION_WORDS


def _is_due(tokens: list[Token], place: int, end: int, before: str, stray: Stray) -> bool:
    """Whether a time that the grammar reads inside the text may be when the text is due."""
    first, last = tokens[place], tokens[end - 1]
    following = tokens[end].text if end < len(tokens) else ""
    if following in ("yesterday", "ago") or linewords.is_lone(tokens[place:end]) and first.text not in ("every",):
        return False
    if first.text == "from" and linewords.is_lone(tokens[place + 1 : end]):
        return False
    if first.text in ("at", "@") and stray.clock:
        return _is_clock_behind_at(tokens, end, before, last, following)
    closed = _closed(tokens, end)
    trailing = not stray.text[stray.end :].strip(" \t.,;:!?…)]}")
    if not place and stray.clock and not linewords.is_many(following):
        return True
    if stray.clock:
        return (
            trailing
            and not (last.kind in ("number", "decimal") and before in _NUMBERED)
            or (first.text in ("on", "by", "tomorrow", "today", "tonight") and closed)
        )
    if first.text in ("on", "until", "till", "til", "in", "this", "starting", "from", "by"):
        return closed and before not in ("is", "was", "are", "were", "due")
    if first.text in ("for",):
        return closed
    return trailing and before not in _ABOUT_A_DAY


def _is_clock_behind_at(tokens: list[Token], end: int, before: str, last: Token, following: str) -> bool:
    """`at 5pm` is a clock whatever follows; `at 5` is none before what it counts, nor behind `look`."""
    if last.kind != "number":
        return True
    if end < len(tokens) and tokens[end].glued and tokens[end].text in ("%", "x", "k", "/", "#", "+"):
        return False
    return not linewords.is_many(following) and before not in _LOOKS


def times(line: str) -> list[Stray]:
    """The times in a line that has none in front; none where one of them is not the whole of what was said."""
    text = first_line(line)
    tokens = tokenise(text, _MOST)
    found: list[Stray] = []
    place = 0
    while place < len(tokens):
        window = tokens[place : place + _WINDOW]
        end = longest(window) if _opens(text, tokens[place]) else 0
        following = window[end].text if end < len(window) else ""
        if not end or linewords.is_lone(window[:end]) or is_count(text, window, end, following):
            place += 1
            continue
        stray = Stray(text, window[:end], None, ends_in_clock(window[:end]))
        if not place or _CLOSES.match(text, stray.end) is None:
            place += 1
            continue
        if tokens[place - 1].text in _NOT_TURNED:
            return []
        found.append(stray)
        place += end
    return found


#: A time behind one of these is not the whole of what was said.
_NOT_TURNED = frozenset(
    "before around from until till til after ~ between past since for of the last every each not but except or and "
    "early late thing sometime end start mid about next this than a an two three - – to by starting beginning "
    "ending at on in later soon sooner shortly only again".split()
)
