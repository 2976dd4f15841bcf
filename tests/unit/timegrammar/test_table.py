"""The grammar's table: its rows, what they name, the reference, and the words that must stand elsewhere too."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import time_reference
from defer.timegrammar import reader, table, tokens, words
from defer.timegrammar.engine import Grammar, Row, Rule, rows
from defer.timegrammar.lines import continuation, linewords
from defer.timegrammar.recurring import bounds, recuractions, recurrules, windows
from defer.timegrammar.terminals import STARTS, TERMINALS
from defer.timeparse import TimeExpressionError, parse

ROWS = rows(*table.AGAIN)
MODULES = (*reader.ONCE, bounds, recurrules, recuractions, windows)
FUNCTIONS = reader.functions(*MODULES)
NAMED = {row.action for row in ROWS if row.action}
NOW = datetime.fromisoformat("2026-11-18T10:30:00-05:00")
TZ = ZoneInfo("America/New_York")


def test_what_recurs_adds_names_and_changes_none() -> None:
    """Its lines stand on those of one moment, which are compiled once for both."""
    assert not {row.name for row in rows(table.RECURRING)} & {row.name for row in rows(*table.ONCE)}


def test_the_reference_shows_the_table_that_runs() -> None:
    text = time_reference.REFERENCE.read_text(encoding="utf-8")
    assert time_reference.renewed(text) == text, "write the reference anew with: make grammar"


def test_the_reference_has_a_place_for_the_table() -> None:
    with pytest.raises(SystemExit, match="no place for the tables"):
        time_reference.renewed("# What time expressions mean\n")


def test_every_table_is_in_the_reference() -> None:
    assert tuple(time_reference.TABLES.values()) == table.AGAIN


def names_in(text: str) -> set[str]:
    """The names of rows and terminals in a pattern or an argument."""
    return set(re.findall(r"(?<![\w'])[A-Z][A-Z:.']+(?![a-z])", text))


def test_every_row_has_one_line_that_says_what_it_means() -> None:
    for row in ROWS:
        assert row.meaning, row.pattern
        assert "\n" not in row.meaning
    assert {name for row in ROWS for name in names_in(row.pattern)} <= {row.name for row in ROWS} | TERMINALS.keys()
    assert STARTS.keys() == TERMINALS.keys()


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_function_a_row_names_says_in_a_line_what_it_answers(name: str) -> None:
    text = inspect.getdoc(FUNCTIONS[name])
    assert text
    assert text.partition("\n")[0].endswith("."), "the first line is a sentence"


def test_every_argument_is_a_piece_of_its_pattern_and_fits_its_function() -> None:
    for row in ROWS:
        for argument in row.arguments:
            assert names_in(argument) <= names_in(row.pattern), f"{row.name} = {row.pattern} -> {argument}"
        if row.action:
            inspect.signature(FUNCTIONS[row.action]).bind(*row.arguments)
        else:
            assert not row.arguments


def own(module: ModuleType) -> set[str]:
    """The functions a module defines for others."""
    found = inspect.getmembers(module, inspect.isfunction)
    return {name for name, each in found if each.__module__ == module.__name__ and name[0] != "_"}


def test_no_name_of_a_function_stands_in_two_modules() -> None:
    named = [name for module in MODULES for name in own(module) & NAMED]
    assert sorted(named) == sorted(NAMED)
    for name in NAMED:
        found = {id(vars(module)[name]) for module in MODULES if name in vars(module)}
        assert len(found) == 1, f"{name} is something else in another module: which one a row means is not to be seen"


@pytest.mark.parametrize(
    "module",
    ["actions", "clockactions", "dayactions", "recurring.recurrules", "recurring.recuractions", "recurring.windows"],
)
def test_every_action_is_named_by_a_row(module: str) -> None:
    assert own(sys.modules[f"defer.timegrammar.{module}"]) <= NAMED


EXAMPLES = [
    example
    for row in ROWS
    if row.name in ("WHEN", "POINT", "RECURS", "RULE", "DAY", "NAMED", "DATE", "CLOCK", "LENGTH", "DAYPART")
    for example in re.findall(r"`([^`]+)`", row.meaning)
    if "refused" not in row.meaning
]


@pytest.mark.parametrize("example", sorted(set(EXAMPLES)))
def test_the_examples_in_the_table_are_read(example: str) -> None:
    parse(example, NOW, TZ)


def test_a_grammar_follows_every_way_to_read() -> None:
    lines = rows("A = a|b [c] B  -> listed B  # x\nB = ( c / d )* e   # y\n")
    tiny = Grammar(lines, {}, {}, {"listed": lambda inner: [inner]})
    assert [row.name for row in lines] == ["A", "B"]
    assert isinstance(lines[0], Row)
    assert {end for end, _ in tiny.match("A", tokens.tokenise("a c c d e"))} == {5}
    assert tiny.match("A", tokens.tokenise("a c c d")) == []
    assert tiny.match("A", tokens.tokenise("e")) == []


def test_a_function_gets_what_its_row_names() -> None:
    lines = rows(
        "A = [X] Y ( Y )* -> all X|Y X Y Y* -3 word # every kind of argument\n"
        "X = x -> name 1 # a number\nY = y -> name y # a word\nY = z # the last piece\n"
    )
    tiny = Grammar(lines, {}, {}, {"all": lambda *given: given, "name": lambda found: found})
    found = dict(tiny.match("A", tokens.tokenise("x y y")))
    assert found[2] == (1, 1, "y", ["y"], -3, "word")
    assert found[3] == (1, 1, "y", ["y", "y"], -3, "word")
    assert dict(tiny.match("A", tokens.tokenise("y z")))[2] == (None, None, None, ["y", None], -3, "word")


class Unpruned(Grammar):
    """A grammar that tries every line, whatever the text lacks."""

    def _compile(self, rule: Rule) -> None:
        super()._compile(rule)
        rule.needs = frozenset()


def test_lines_that_a_text_cannot_be_read_by_are_passed_over_and_no_others() -> None:
    once = Unpruned(rows(*table.ONCE), TERMINALS, STARTS, FUNCTIONS)
    again = Unpruned(rows(table.RECURRING), TERMINALS, STARTS, FUNCTIONS, once)
    for example in sorted(set(EXAMPLES)):
        found = tokens.tokenise(example)
        assert ends(reader.grammar().match("WHEN", found)) == ends(once.match("WHEN", found)), example
        assert ends(reader.recurring().match("RECURS", found)) == ends(again.match("RECURS", found)), example


def ends(matches: list[tuple[int, object]]) -> list[int]:
    return [end for end, _ in matches]


def test_no_line_reads_nothing() -> None:
    """What a line needs is told by its pieces, and a piece that is a name of others always reads something."""
    for row in ROWS:
        assert re.sub(r"\[[^\[\]]*\]|\([^()]*\)\*", "", re.sub(r"\[[^\[\]]*\]", "", row.pattern)).strip(), row.pattern


def test_an_unreadable_example_would_be_seen() -> None:
    with pytest.raises(TimeExpressionError):
        parse("every second friday", NOW, TZ)


# Where a new word must be entered too. A test below fails until it is, and says where.

LITERALS = {word for row in ROWS for word in re.findall(r"(?<![A-Za-z'])[a-z][a-z']*", row.pattern)}
KNOWN_WORDS = LITERALS | {
    *words.MONTHS,
    *words.WEEKDAYS,
    *words.WEEKDAY_PLURALS,
    *words.UNITS,
    *words.PARTS,
    *(part + "s" for part in words.PARTS),
    *words.NUMBER_WORDS,
    *words.ORDINALS,
}


def is_a_time(text: str) -> bool:
    """Whether the grammar reads the whole text."""
    found = tokens.tokenise(text)
    ends = [end for end, _ in [*reader.grammar().match("WHEN", found), *reader.recurring().match("RECURS", found)]]
    return len(found) in ends


# Words that are a time when they stand alone before a text: `tomorrow water the plants`.
TIMES_ALONE = {
    *"now hourly immediately straightaway asap today tonight tomorrow noon midday midnight teatime".split(),
    *"eod eob cob eow eom eoq eoy".split(),
    *words.WEEKDAYS,
}


def test_a_word_that_is_a_time_alone_is_known_to_start_a_phrase_or_not() -> None:
    alone = {word for word in KNOWN_WORDS if is_a_time(word)}
    assert alone - linewords._LONE - TIMES_ALONE == set(), "enter it in linewords._LONE, or in TIMES_ALONE of this test"
    assert alone >= TIMES_ALONE
    # `night` alone is refused by the grammar; a line that starts with it has no time either.
    assert linewords._LONE - alone == {"night"}


# Words behind a time that a text may start with as well: they do not make the time go on.
TEXT_MAY_START_WITH = set(
    "alternate approx as asap away business calendar clock close cob coming couple current date day days dot "
    "during end eob eod eom eoq eow eoy exactly few first following for fortnight forward h half hence hour "
    "hourly hours hr hrs hundred immediately including inclusive itself later latest m mid middle min mins minute "
    "minutes month more mth nightly no normal now o office oh once onward onwards other over p pair per play "
    "plus possible precisely q qtr quarter quarters right roughly same sharp single soon start straight "
    "straightaway t teatime thousand three time times top total twelve twice up upcoming week weekday within "
    "wk work workday working x year yr zero".split()
)


NEVER_READ = set(
    "& + , - / @ again ago ahead also apart but earlier early except excluding into longer old only prior "
    "since worth yesterday ~".split()
)


def test_every_word_of_the_table_is_known_to_carry_a_time_on_or_not() -> None:
    carrying = linewords.STRONG | linewords.JOINERS | linewords.ALWAYS | linewords.BEHIND_DELAYS
    starting = linewords._LONE | linewords._ONE
    assert LITERALS - carrying - starting == TEXT_MAY_START_WITH, (
        "enter the word in linewords.STRONG, JOINERS, ALWAYS or BEHIND_DELAYS, or in TEXT_MAY_START_WITH of this test"
    )
    # These are of no time that is read: what has one is refused, or counted from something that nobody knows.
    assert carrying - KNOWN_WORDS <= NEVER_READ


def test_every_kind_of_token_is_known_to_carry_a_time_on_or_not() -> None:
    others = {"blank", "chat", "decimal", "thousands", "number", "half", "word", "mark"}
    assert set(tokens._SHAPES.groupindex) == continuation._SHAPES | others, (
        "enter the kind in continuation._SHAPES, or here"
    )


# Each word that may be joined to the next by a hyphen, and what it then means the same as.
HYPHENATED = {
    "one": ("one-and a half hours", "one and a half hours"),
    "two": ("two-and a half hours", "two and a half hours"),
    "and": ("one and-a half hours", "one and a half hours"),
    "a": ("one and a-half hours", "one and a half hours"),
    "mid": ("mid-morning", "mid morning"),
    "half": ("half-hour", "half hour"),
    "three": ("in three-quarters of an hour", "in three quarters of an hour"),
    "quarter": ("quarter-past four", "quarter past four"),
    "week": ("friday week-day", "friday week day"),
    "month": ("month-end", "month end"),
    "year": ("year-end", "year end"),
    "day": ("day-after tomorrow", "day after tomorrow"),
    "after": ("day after-tomorrow", "day after tomorrow"),
    "end": ("end-of day", "end of day"),
    "of": ("end of-day", "end of day"),
    "close": ("close-of business", "close of business"),
    "start": ("start-of next month", "start of next month"),
    "next": ("next-week", "next week"),
} | {word: (f"{word}-five days", f"{word} five days") for word in words.TENS}


def test_a_word_with_a_hyphen_is_in_the_table_and_means_the_same() -> None:
    assert set(HYPHENATED) == words.HYPHENATED, "name an example here for each word of words.HYPHENATED"
    for word, (joined, apart) in HYPHENATED.items():
        assert word in KNOWN_WORDS
        assert [token.text for token in tokens.tokenise(joined)] == [token.text for token in tokens.tokenise(apart)]


def starting(name: str) -> Iterator[str]:
    """The words that rows of a name may start with."""
    return (word for word in reader.recurring().starts(name) if word[0] != "<")


def test_words_that_only_what_recurs_is_made_of_say_which_table_is_tried_first() -> None:
    assert {"every", "each", "daily", "hourly", "mondays", "weekends", "until"} <= table.AGAIN_WORDS
    assert not table.AGAIN_WORDS & set(starting("WHEN"))
    assert set(starting("RECURS")) - set(starting("WHEN")) - table.AGAIN_WORDS <= {
        # These stand behind a count in lines of one moment: `3 weekdays`, `an hour from now`.
        *"weekday weekdays workday workdays business working work days from once".split(),
        # And these behind a clock or a number: `quarter till four`, `5 minutes past noon`.
        *"till til min minute :".split(),
        *(part + "s" for part in words.PARTS),
    }
