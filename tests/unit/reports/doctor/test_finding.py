"""Ids and severities, and messages of ours taken apart."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from defer.reports.doctor import finding
from support import ROOT, SCRIPTS

DOCTOR = SCRIPTS / "defer" / "reports" / "doctor"


def used() -> set[str]:
    """The ids that the doctor's modules and its command give to ``found``."""
    paths = [*DOCTOR.glob("*.py"), SCRIPTS / "defer" / "commands" / "doctor.py"]
    texts = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    return {node.value for node in texts if isinstance(node, ast.Constant) and node.value in finding.KINDS}


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (\w+) \|", (ROOT / "references" / "doctor.md").read_text(), re.MULTILINE)
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_each_kind_is_documented_with_its_severity() -> None:
    assert documented() == finding.KINDS


def test_each_kind_can_be_found() -> None:
    assert used() == set(finding.KINDS)


def test_each_kind_is_found_by_a_test() -> None:
    here = Path(__file__)
    # What is found of the stable copy is tried where such copies are made.
    paths = [*here.parent.glob("test_*.py"), here.parents[2] / "wakers" / "test_stable.py"]
    texts = "\n".join(path.read_text() for path in paths if path != here)
    assert [kind for kind in finding.KINDS if f'"{kind}"' not in texts] == []


def test_the_worst_come_first_and_only_notes_are_sound() -> None:
    some = [
        finding.found(kind, "", "", "") for kind in ("daemon-unknown", "never-woken", "waker-gone", "waker-missing")
    ]
    assert [one.id for one in finding.worst_first(some)] == [
        "waker-gone",
        "waker-missing",
        "never-woken",
        "daemon-unknown",
    ]
    assert finding.is_sound(some[:1])
    assert not finding.is_sound(some[:2])
    assert finding.is_sound([])


@pytest.mark.parametrize(
    ("said", "what", "fix"),
    [
        ("the disk is full: /x (free some space)", "the disk is full: /x", "free some space"),
        ("gone: /a (b) (put it back (or not))", "gone: /a (b)", "put it back (or not)"),
        ("nothing in brackets", "nothing in brackets", ""),
        ("(all of it)", "(all of it)", ""),
        ("unbalanced) (x)", "unbalanced)", "x"),
        ("a)", "a)", ""),
        ("", "", ""),
    ],
)
def test_a_message_is_what_is_wrong_and_how_to_mend_it(said: str, what: str, fix: str) -> None:
    assert finding.parted(said) == (what, fix)
