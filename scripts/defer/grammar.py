"""A small engine for grammars written as a table of rows.

A row is written ``NAME = pattern -> action arguments  # meaning``. In a pattern ``word`` and ``one|other`` are
literal words, ``NAME`` another row or a terminal, ``[ … ]`` may be missing, ``( … / … )`` is
a choice, ``( … )*`` may come any number of times, and ``~`` before a piece says that no blank
stands before it. Every way to read the tokens is followed, each name once per place, so the
work is bounded by rows times tokens.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from defer.timetokens import Token

Pairs = tuple[tuple[str, Any], ...]
States = list[tuple[int, Pairs]]
Matcher = Callable[["Scan", int], States]
Action = Callable[..., object]
Terminal = Callable[[list[Token], int], "tuple[int, Any] | None"]
Rule = tuple["frozenset[str] | None", Matcher, "Action | None", list[str]]
#: An action answers this when the shape fits and the values do not: hour 25, ordinal `2st`.
REFUSED = object()


class Row:
    """One line of a table."""

    __slots__ = ("action", "arguments", "meaning", "name", "pattern")

    def __init__(self, line: str) -> None:
        rule, _, meaning = line.partition("# ")
        shape, _, action = rule.partition("->")
        name, _, pattern = shape.partition("=")
        self.name = name.strip()
        self.pattern = " ".join(pattern.split())
        self.action, *self.arguments = action.split() or [""]
        self.meaning = meaning.strip()


def rows(*tables: str) -> list[Row]:
    """The rows of some tables, in their order."""
    return [Row(line) for table in tables for line in table.splitlines() if line]


class Caps(dict[str, Any]):
    """What the names of a pattern stood for; of a name that stands twice, the last."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def all(self, name: str) -> list[Any]:
        """Every value of ``name``, in order."""
        return [value for key, value in self.pairs if key == name]


class Scan:
    """The tokens of one text and what was found in them so far."""

    __slots__ = ("memo", "texts", "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.texts = [token.text for token in tokens] + [""]
        self.memo: dict[tuple[str, int], States] = {}


class Grammar:
    """Rows compiled into matchers; ``terminals`` are the names that are code."""

    def __init__(
        self, table: Iterable[Row], terminals: Mapping[str, Terminal], actions: Mapping[str, Action]
    ) -> None:
        self._rules: dict[str, list[Rule]] = {}
        self._terminals = terminals
        for row in table:
            pieces = _pieces(row.pattern)
            matcher = self._sequence(pieces, ())
            action = actions[row.action] if row.action else None
            rule = (_first_words(row.pattern), matcher, action, row.arguments)
            self._rules.setdefault(row.name, []).append(rule)

    def match(self, name: str, tokens: list[Token]) -> list[tuple[int, Any]]:
        """Every (end, value) of ``name`` read from the first token on."""
        return [(end, pairs[0][1]) for end, pairs in self._named(name, Scan(tokens), 0)]

    def _named(self, name: str, scan: Scan, place: int) -> States:
        known = scan.memo.get((name, place))
        if known is not None:
            return known
        found: States = []
        text = scan.texts[place]
        for first, matcher, action, arguments in self._rules[name]:
            if first is not None and text not in first:
                continue
            for end, pairs in matcher(scan, place):
                value = action(Caps(pairs), *arguments) if action else pairs[-1][1] if pairs else None
                if value is not REFUSED:
                    found.append((end, ((name, value),)))
        scan.memo[name, place] = found
        return found

    def _sequence(self, pieces: list[str], stop: Iterable[str]) -> Matcher:
        parts: list[Matcher] = []
        while pieces and pieces[0] not in stop:
            parts.append(self._piece(pieces))

        def run(scan: Scan, place: int) -> States:
            states: States = [(place, ())]
            for part in parts:
                states = [
                    (end, pairs + more)
                    for start, pairs in states
                    for end, more in part(scan, start)
                ]
                if not states:
                    break
            return states

        return parts[0] if len(parts) == 1 else run

    def _piece(self, pieces: list[str]) -> Matcher:
        piece = pieces.pop(0)
        if piece == "[":
            inner = self._choice(pieces, "]")
            return lambda scan, place: [(place, ()), *inner(scan, place)]
        if piece == "(":
            inner = self._choice(pieces, ")")
            if pieces and pieces[0] == "*":
                pieces.pop(0)
                return _repeated(inner)
            return inner
        if piece[0] == "~":
            return _glued(self._single(piece[1:]))
        return self._single(piece)

    def _choice(self, pieces: list[str], close: str) -> Matcher:
        options = [self._sequence(pieces, ("/", close))]
        while pieces.pop(0) == "/":
            options.append(self._sequence(pieces, ("/", close)))
        if len(options) == 1:
            return options[0]
        return lambda scan, place: [state for option in options for state in option(scan, place)]

    def _single(self, piece: str) -> Matcher:
        if not piece[0].isupper():
            return _literal(piece)
        terminal = self._terminals.get(piece)
        if terminal is None:
            return lambda scan, place: self._named(piece, scan, place)
        return _terminal(piece, terminal)


def _literal(piece: str) -> Matcher:
    words = frozenset(piece.split("|"))
    return lambda scan, place: [(place + 1, ())] if scan.texts[place] in words else []


def _terminal(name: str, read: Terminal) -> Matcher:
    def run(scan: Scan, place: int) -> States:
        key = (name, place)
        known = scan.memo.get(key)
        if known is None:
            found = read(scan.tokens, place) if place < len(scan.tokens) else None
            known = scan.memo[key] = [] if found is None else [(found[0], ((name, found[1]),))]
        return known

    return run


def _glued(matcher: Matcher) -> Matcher:
    def run(scan: Scan, place: int) -> States:
        if place < len(scan.tokens) and scan.tokens[place].glued:
            return matcher(scan, place)
        return []

    return run


def _repeated(matcher: Matcher) -> Matcher:
    def run(scan: Scan, place: int) -> States:
        found: States = [(place, ())]
        for start, pairs in found:
            found.extend((end, pairs + more) for end, more in matcher(scan, start) if end > start)
        return found

    return run


def _pieces(pattern: str) -> list[str]:
    for mark in "[]()":
        pattern = pattern.replace(mark, f" {mark} ")
    return pattern.split()


def _first_words(pattern: str) -> frozenset[str] | None:
    """The literal words a pattern must start with, or None when it may start otherwise."""
    words: set[str] = set()
    pieces = _pieces(pattern)
    while len(pieces) > 3 and pieces[0] == "[" and pieces[2] == "]" and not pieces[1][0].isupper():
        words.update(pieces[1].split("|"))
        pieces = pieces[3:]
    if pieces[0] in "[(" or pieces[0][0] in "~" or pieces[0][0].isupper():
        return None
    return frozenset(words.union(pieces[0].split("|")))
