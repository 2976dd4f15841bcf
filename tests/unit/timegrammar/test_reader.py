"""An expression is read, then settled once against the present, in one direction."""

from __future__ import annotations

import ast
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from defer.timegrammar import moments, reader
from defer.timegrammar.recurring import series

GRAMMAR = Path(reader.__file__).resolve().parent
NOW = datetime.fromisoformat("2026-11-18T10:30:00-05:00")
TZ = ZoneInfo("America/New_York")

# Each imports of those before it alone, for the type checker too. The upper lines are the words, the middle ones
# what they come to, the lower ones what puts both together.
IN_ORDER = (
    "words tokens daytable recurtable table engine terminals "
    "walls rules series reading offers misspelt severaltimes wordreasons numberreasons reasons "
    "zonedata zones complaint cronfields delay "
    "clocktimes moments calendardays isotime clockactions dayactions actions "
    "draft twofold bounds recurrules recuractions windows chosen settled "
    "reader linewords timerun doubts continuation straytimes split"
).split()


PACKAGE = "defer.timegrammar"
FOLDERS = {each.parent.name for each in GRAMMAR.glob("*/*.py")}


def module_of(dotted: str) -> str:
    """The module of the grammar that a dotted name stands for or lies in; nothing where it is not one."""
    names = dotted.removeprefix(f"{PACKAGE}.").split(".")
    return names[1] if names[0] in FOLDERS and len(names) > 1 else names[0]


def imported(path: Path) -> set[str]:
    """The modules of the grammar that a file imports, wherever in it, for the type checker too."""
    found = set()
    folder = [path.parent.name] if path.parent.parent == GRAMMAR else []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [PACKAGE, *folder] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
    return {module_of(dotted) for dotted in found} & set(IN_ORDER)


def test_an_import_is_seen_wherever_it_stands(tmp_path: Path) -> None:
    text = "if TYPE_CHECKING:\n    from .series import Recurrence\ndef f():\n    from . import table, words as w\n"
    (tmp_path / "some.py").write_text(text + "import defer.timegrammar.zones\nfrom defer.timegrammar import rules\n")
    assert imported(tmp_path / "some.py") == {"series", "table", "words", "zones", "rules"}


def test_the_order_names_every_module() -> None:
    assert sorted(IN_ORDER) == sorted(path.stem for path in GRAMMAR.rglob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", IN_ORDER)
def test_modules_import_in_one_direction(name: str) -> None:
    (path,) = GRAMMAR.rglob(f"{name}.py")
    assert imported(path) <= set(IN_ORDER[: IN_ORDER.index(name)])


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many of each the reading of a phrase builds."""
    counts: Counter[str] = Counter()
    for kind in (moments.Present, series.Recurrence):

        def counting(self, *given, kind=kind, real=kind.__init__):
            counts[kind.__name__] += 1
            real(self, *given)

        monkeypatch.setattr(kind, "__init__", counting)
    return counts


@pytest.mark.parametrize(
    "phrase",
    [
        "every weekday at 9am",
        "every 2h starting at noon until friday",
        "mondays at 9 for 3 months",
        "every 2 weeks on monday at 9am, noon and 5pm, 5 times",
        "daily",
        "*/5 9-17 * * mon-fri",
        "@weekly",
    ],
)
def test_a_recurring_phrase_builds_its_present_and_its_recurrence_once(phrase: str, built: Counter[str]) -> None:
    assert reader.read(phrase, NOW, TZ).recurrence
    assert built == {"Present": 1, "Recurrence": 1}


@pytest.mark.parametrize("phrase", ["tomorrow 9am", "2 hours after noon", "the day after dec 24", "1 month"])
def test_a_moment_builds_its_present_once(phrase: str, built: Counter[str]) -> None:
    assert not reader.read(phrase, NOW, TZ).recurrence
    assert built == {"Present": 1}


def test_what_the_words_mean_is_read_without_the_present() -> None:
    match = reader.grammar().match("WHEN", reader.tokenise("tomorrow 9am"))
    when = max(match, key=lambda found: found[0])[1]
    first, second = (
        when(moments.Present(now, TZ)).instant for now in (NOW, datetime.fromisoformat("2027-02-01T00:00:00-05:00"))
    )
    assert (f"{first:%F %R}", f"{second:%F %R}") == ("2026-11-19 14:00", "2027-02-02 14:00")
