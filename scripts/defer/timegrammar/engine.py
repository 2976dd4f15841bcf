"""A small engine for grammars written as a table of rows.

A row is written ``NAME = pattern -> function arguments  # meaning``. In a pattern ``word`` and ``one|other`` are
literal words, ``NAME`` another row or a terminal, ``[ … ]`` may be missing, ``( … / … )`` is
a choice, ``( … )*`` may come any number of times, and ``~`` before a piece says that no blank
stands before it. Every way to read the tokens is followed, each name once per place, so the
work is bounded by rows times tokens.

The function gets its arguments in their order: ``NAME`` is what that piece of the pattern came to, None where it is
missing; ``ONE|OTHER`` the first of several that is there; ``NAME*`` the list of all; a number or a ``word`` itself.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from .tokens import Token

Pairs = tuple[tuple[str, Any], ...]
States = list[tuple[int, Pairs]]
Matcher = Callable[["Scan", int], States]
Action = Callable[..., object]
Argument = Callable[[Pairs], object]
Terminal = Callable[[list[Token], int], "tuple[int, Any] | None"]
Tree = list[tuple[str, Any]]
#: What was found at a place, by name: for each place of the tokens and the one behind them.
Memo = list[dict[str, States]]
#: A function answers this when the shape fits and the values do not: hour 25, ordinal `2st`.
REFUSED = object()
#: Nothing that fits: one list for all, which nobody changes.
_NONE: States = []
#: What makes the first piece of a pattern more than a word or a name.
_SIGNS = frozenset("[](/)~*")


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


class Scan:
    """The tokens of one text and what was found in them so far: ``memo``."""

    __slots__ = ("keys", "memo", "present", "steps", "texts", "tokens")

    def __init__(self, tokens: list[Token], words: Set[str], memo: Memo) -> None:
        self.tokens = tokens
        self.texts = [token.text for token in tokens] + [""]
        self.keys = [f"<{token.kind}>{token.text if token.text in words else ''}" for token in tokens] + ["<>"]
        self.present = {*self.texts, *(f"<{token.kind}>" for token in tokens)}
        self.steps: list[States] = [[(place + 1, ())] for place in range(len(tokens))]
        if not memo:
            memo += [{} for _ in self.texts]
        self.memo = memo


class Rule:
    """A row that is compiled when a token it may start with is first met."""

    __slots__ = ("action", "arguments", "first", "matcher", "needs", "row", "tree")

    def __init__(self, row: Row, action: "Action | None") -> None:
        self.row = row
        self.action = action
        self.tree: Tree | None = None
        self.arguments: list[Argument] = []
        self.first: frozenset[str] = frozenset()
        #: Words and kinds of token of which a text has one wherever the rule reads any of it; empty where that is open.
        self.needs: frozenset[str] = frozenset()
        self.matcher: Matcher | None = None


class Grammar:
    """Rows made into matchers; ``terminals`` are the names that are code, ``starts`` what each starts with.

    With ``base`` the rows add new names to those of another grammar, whose rules are shared as they are.
    """

    def __init__(
        self,
        table: Iterable[Row],
        terminals: Mapping[str, Terminal],
        starts: Mapping[str, frozenset[str]],
        actions: Mapping[str, Action],
        base: "Grammar | None" = None,
    ) -> None:
        self._terminals = terminals
        new: dict[str, list[Rule]] = {}
        for row in table:
            rule = Rule(row, actions[row.action] if row.action else None)
            new.setdefault(row.name, []).append(rule)
        self._rules: dict[str, list[Rule]] = {**base._rules, **new} if base else new
        self._firsts: dict[str, frozenset[str]] = {**starts, **(base._firsts if base else {})}
        rules = [rule for each in new.values() for rule in each]
        for rule in rules:
            rule.first = rule.first or self._first_of_rule(rule)
        #: The words, and kinds of token in angle brackets, that any line starts with.
        self.words: frozenset[str] = frozenset(base.words if base else ()).union(
            *self._firsts.values(), *(rule.first for rule in rules)
        )
        self._picked: dict[str, dict[str, list[Rule]]] = {}

    def match(self, name: str, tokens: list[Token], memo: "Memo | None" = None) -> list[tuple[int, Any]]:
        """Every (end, value) of ``name`` read from the first token on.

        ``memo`` is what a grammar that shares rules with this one has found in the same tokens.
        """
        scan = Scan(tokens, self.words, [] if memo is None else memo)
        return [(end, pairs[0][1]) for end, pairs in self._named(name, scan, 0)]

    def starts(self, name: str) -> frozenset[str]:
        """The words, and kinds of token in angle brackets, that ``name`` may start with."""
        return self._first_of_name(name)

    def _first_of_rule(self, rule: Rule) -> frozenset[str]:
        head = rule.row.pattern.partition(" ")[0]
        if not _SIGNS.isdisjoint(head):
            rule.tree = _sequence(_pieces(rule.row.pattern), ())
            return self._first(rule.tree)[0]
        return self._first_of_name(head) if head[0].isupper() else frozenset(head.split("|"))

    def _first(self, tree: Tree) -> tuple[frozenset[str], bool]:
        """The words and token kinds a pattern may start with, and whether it may be empty."""
        found: frozenset[str] = frozenset()
        for kind, part in tree:
            first, empty = self._first_of(kind, part)
            found |= first
            if not empty:
                return found, False
        return found, True

    def _first_of(self, kind: str, part: Any) -> tuple[frozenset[str], bool]:
        if kind == "word":
            return part, False
        if kind == "name":
            return self._first_of_name(part), False
        if kind == "glued":
            return self._first_of(*part)
        firsts = [self._first(option) for option in part]
        empty = kind in ("maybe", "many") or any(each for _, each in firsts)
        return frozenset().union(*(first for first, _ in firsts)), empty

    def _first_of_name(self, name: str) -> frozenset[str]:
        if name not in self._firsts:
            self._firsts[name] = frozenset()
            for rule in self._rules[name]:
                rule.first = self._first_of_rule(rule)
            self._firsts[name] = frozenset().union(*(rule.first for rule in self._rules[name]))
        return self._firsts[name]

    def _named(self, name: str, scan: Scan, place: int) -> States:
        """Every way to read ``name`` at a place where nobody has tried it yet."""
        found: States = []
        for rule in self._startable(name, scan.keys[place]):
            if rule.needs and rule.needs.isdisjoint(scan.present):
                continue
            action, arguments = rule.action, rule.arguments
            assert rule.matcher is not None
            for end, pairs in rule.matcher(scan, place):
                given = [argument(pairs) for argument in arguments]
                value = action(*given) if action else pairs[-1][1] if pairs else None
                if value is not REFUSED:
                    found.append((end, ((name, value),)))
        scan.memo[place][name] = found
        return found

    def _startable(self, name: str, key: str) -> list[Rule]:
        """The rules of ``name`` that may start with such a token: `<its kind>its text`."""
        picked = self._picked.setdefault(name, {})
        known = picked.get(key)
        if known is None:
            kind, mark, text = key.partition(">")
            known = [rule for rule in self._rules[name] if text in rule.first or kind + mark in rule.first]
            for rule in known:
                if rule.matcher is None:
                    self._compile(rule)
            picked[key] = known
        return known

    def _compile(self, rule: Rule) -> None:
        tree = rule.tree or _sequence(_pieces(rule.row.pattern), ())
        rule.arguments = [_argument(text) for text in rule.row.arguments]
        rule.matcher = self._compiled(tree)
        wanted = [first for first, empty in (self._first_of(*piece) for piece in tree[1:]) if not empty]
        rule.needs = min(wanted, key=len, default=frozenset())

    def _compiled(self, tree: Tree) -> Matcher:
        parts = [self._part(kind, part) for kind, part in tree]
        return parts[0] if len(parts) == 1 else _in_turn(parts)

    def _part(self, kind: str, part: Any) -> Matcher:
        if kind == "word":
            return lambda scan, place: scan.steps[place] if scan.texts[place] in part else _NONE
        if kind == "name":
            terminal = self._terminals.get(part)
            return _terminal(part, terminal) if terminal else _remembered(part, self._named)
        if kind == "glued":
            return _glued(self._part(*part))
        options = [self._compiled(option) for option in part]
        inner = options[0] if len(options) == 1 else _either(options)
        if kind == "maybe":
            return lambda scan, place: [(place, ()), *inner(scan, place)]
        return _repeated(inner) if kind == "many" else inner


def _argument(text: str) -> Argument:
    """What a function is given for an argument as it is written in a row."""
    if not text[0].isupper():
        constant: object = int(text) if text.lstrip("-").isdigit() else text
        return lambda pairs: constant
    if text[-1] == "*":
        return lambda pairs: [value for key, value in pairs if key == text[:-1]]
    names = text.split("|")
    return lambda pairs: next((value for name in names for key, value in reversed(pairs) if key == name), None)


def _in_turn(parts: list[Matcher]) -> Matcher:
    first, *rest = parts

    def run(scan: Scan, place: int) -> States:
        states = first(scan, place)
        for part in rest:
            if len(states) == 1:
                ((start, pairs),) = states
                found = part(scan, start)
                states = [(end, pairs + more) for end, more in found] if pairs else found
            elif states:
                states = [(end, pairs + more) for start, pairs in states for end, more in part(scan, start)]
            else:
                break
        return states

    return run


def _remembered(name: str, read: Callable[[str, Scan, int], States]) -> Matcher:
    def run(scan: Scan, place: int) -> States:
        known = scan.memo[place].get(name)
        return read(name, scan, place) if known is None else known

    return run


def _either(options: list[Matcher]) -> Matcher:
    return lambda scan, place: [state for option in options for state in option(scan, place)]


def _terminal(name: str, read: Terminal) -> Matcher:
    def run(scan: Scan, place: int) -> States:
        known = scan.memo[place].get(name)
        if known is None:
            found = read(scan.tokens, place) if place < len(scan.tokens) else None
            known = scan.memo[place][name] = [] if found is None else [(found[0], ((name, found[1]),))]
        return known

    return run


def _glued(matcher: Matcher) -> Matcher:
    def run(scan: Scan, place: int) -> States:
        return matcher(scan, place) if place < len(scan.tokens) and scan.tokens[place].glued else _NONE

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


def _sequence(pieces: list[str], stop: Iterable[str]) -> Tree:
    """The tree of a pattern up to one of ``stop``; what is read is taken off ``pieces``."""
    tree: Tree = []
    while pieces and pieces[0] not in stop:
        piece = pieces.pop(0)
        if piece == "[":
            tree.append(("maybe", _choices(pieces, "]")))
        elif piece == "(":
            options = _choices(pieces, ")")
            many = pieces[:1] == ["*"]
            del pieces[: 1 if many else 0]
            tree.append(("many" if many else "group", options))
        else:
            tree.append(_single(piece))
    return tree


def _choices(pieces: list[str], close: str) -> list[Tree]:
    options = [_sequence(pieces, ("/", close))]
    while pieces.pop(0) == "/":
        options.append(_sequence(pieces, ("/", close)))
    return options


def _single(piece: str) -> tuple[str, Any]:
    if piece[0] == "~":
        return "glued", _single(piece[1:])
    return ("name", piece) if piece[0].isupper() else ("word", frozenset(piece.split("|")))
