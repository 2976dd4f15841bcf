"""Snapshots of literal CONTEXT.md texts, and where the file is looked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.context import find as contextfiles
from defer.context.snapshot import ITEM_LIMIT, LIST_LIMIT, parse
from defer.errors import BadInput, Refused
from support import DEADLINE_SECONDS

WHOLE = """\
# Tide tables

Orientation:
------------
A service that predicts tides for 40 harbours.
Second line.

## Current State
- Harmonics fitted for 31 harbours
- [x] Database moved
- [ ] Cache warmed
  after every deploy

### Blocked
1. Brest has no 2019 gauge data
2) Waiting for the port office

## Open Questions:
* Do we keep the Fortran core?

## KEY REFERENCES
+ docs/harmonics.md
+ https://example.org/tides

## **Key constraints**
Runs on one small server
Key context
===
- Mariners rely on it

## Decisions already made
- SQLite, not Postgres

## Anti-patterns
- Rewriting the solver

# Diary
- bought milk
"""


def state(text: str) -> list[str]:
    return parse("## State\n" + text, "CONTEXT.md")["key_points"]


def test_every_heading_of_the_table_goes_where_the_table_says():
    assert parse(WHOLE, "/w/tides/CONTEXT.md") == {
        "summary": "A service that predicts tides for 40 harbours.",
        "key_points": [
            "Harmonics fitted for 31 harbours",
            "[x] Database moved",
            "[ ] Cache warmed after every deploy",
            "Brest has no 2019 gauge data",
            "Waiting for the port office",
            "Open question: Do we keep the Fortran core?",
        ],
        "artifacts": ["docs/harmonics.md", "https://example.org/tides"],
        "constraints": [
            "Runs on one small server",
            "Mariners rely on it",
            "Decision: SQLite, not Postgres",
            "Avoid: Rewriting the solver",
        ],
        "reoriented_from": "/w/tides/CONTEXT.md",
    }


@pytest.mark.parametrize(
    ("title", "key", "item"),
    [
        ("orientation", "summary", "x"),
        ("What this is", "summary", "x"),
        ("OVERVIEW", "summary", "x"),
        ("Current state", "key_points", ["x"]),
        ("State:", "key_points", ["x"]),
        ("status", "key_points", ["x"]),
        ("Questions", "key_points", ["Re-read C.md: it names no current state", "Open question: x"]),
        ("References:", "artifacts", ["x"]),
        ("Key references", "artifacts", ["x"]),
        ("constraints", "constraints", ["x"]),
        ("Key context", "constraints", ["x"]),
        ("decisions", "constraints", ["Decision: x"]),
        ("What we should not do", "constraints", ["Avoid: x"]),
        ("anti patterns", "constraints", ["Avoid: x"]),
        ("3. Anti-Patterns ##", "constraints", ["Avoid: x"]),
    ],
)
@pytest.mark.parametrize("level", ["#", "###", "######"])
def test_a_heading_counts_at_any_level_and_in_any_case(level, title, key, item):
    assert parse(f"{level} {title}\n- x\n", "C.md")[key] == item


def test_without_orientation_the_text_before_the_first_heading_is_the_summary():
    snapshot = parse("A log of\nwhat we learned.\n\n# Diary\n- milk\n", "CONTEXT.md")
    assert snapshot["summary"] == "A log of what we learned."


@pytest.mark.parametrize("text", ["", "\n\n", "# Title\n", "\ufeff", "<!-- nothing -->", "---\n"])
def test_a_file_that_says_nothing_still_gives_a_snapshot(text):
    assert parse(text, "/w/CONTEXT.md") == {
        "summary": "Reoriented from CONTEXT.md",
        "key_points": ["Re-read CONTEXT.md: it names no current state"],
        "artifacts": [],
        "constraints": [],
        "reoriented_from": "/w/CONTEXT.md",
    }


def test_headings_and_items_in_code_fences_are_neither():
    text = "- a\n\n```sh\n# Overview\n- no\n```\n- b\n- ~~~\n  # Overview\n  ~~~\n- c\n````\n```\n- no\n````\n"
    assert state(text) == ["a", "b", "c"]


def test_a_fence_never_closed_hides_the_rest_as_it_does_on_the_page():
    assert state("- a\n```\n- b\n## Overview\n") == ["a"]


def test_three_backticks_within_a_line_open_no_fence():
    assert state("```make``` builds it\n- b\n") == ["```make``` builds it", "b"]


def test_comments_are_not_read():
    assert state("- a <!-- x --> b<!-- y -->\n<!-- ## Overview\n- no\n-->\n- c\n") == ["a b", "c"]


def test_a_comment_never_closed_hides_only_its_line():
    assert state("- a\n- <!-- note to self\n- b\n") == ["a", "b"]


def test_a_fence_within_a_comment_and_a_comment_within_a_fence():
    assert state("<!--\n```\n-->\n- a\n```\n<!--\n```\n- b\n") == ["a", "b"]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_and_byte_order_mark(end):
    text = end.join(["\ufeff## State", "- a", "", "- b", ""])
    assert parse(text, "C.md")["key_points"] == ["a", "b"]


def test_front_matter_is_skipped_and_a_rule_at_the_top_is_not_front_matter():
    assert parse("---\ntitle: x\nstatus: y\n---\nText.\n", "C.md")["summary"] == "Text."
    assert parse("---\nText.\n\n---\nMore.\n", "C.md")["summary"] == "Text. More."


def test_rules_tables_quotes_and_empty_bullets():
    text = "- a\n---\n* * *\n-\n> said so\n| k | v |\n|---|:-:|\n| 1 | 2 |\n====\n"
    assert state(text) == ["a", "said so", "| k | v |", "| 1 | 2 |"]


def test_an_underline_makes_a_heading_of_one_line_of_text_only():
    assert state("- a\n- b\n---\n- c\n") == ["a", "b", "c"]
    assert state("one\ntwo\n---\n- c\n") == ["one", "two", "c"]
    assert parse("Status\n==\n- a\n\nOverview\n--\n- s\n", "C.md") == {
        "summary": "s",
        "key_points": ["a"],
        "artifacts": [],
        "constraints": [],
        "reoriented_from": "C.md",
    }


def test_a_deeper_heading_unknown_to_the_table_stays_in_its_section_and_an_equal_one_ends_it():
    assert state("### Backend\n- a\n### Open questions\n- q\n#### Older\n- r\n### UI\n- b\n## Diary\n- c\n") == [
        "a",
        "b",
        "Open question: q",
        "Open question: r",
    ]


def test_nested_bullets_are_items_and_indented_text_goes_on_with_the_one_above():
    assert state("- a\n  - b\n    goes on\n\t* c\n  1. d\n\n    apart\n") == [
        "a",
        "b goes on",
        "c",
        "d",
        "apart",
    ]


def test_text_that_only_looks_like_markup_is_text():
    assert state("#hashtag\n**bold** move\n-dash\n1986 was good\n####### seven\n") == [
        "#hashtag",
        "**bold** move",
        "-dash",
        "1986 was good",
        "####### seven",
    ]


def test_control_characters_are_dropped_and_the_rest_of_unicode_kept():
    assert state("- \x1b[31mred\x07 \x85 ümläut 👩‍🔬 \u2028 end\n") == ["[31mred ümläut 👩‍🔬 end"]


def test_what_is_too_long_is_cut_and_says_so():
    long = parse("x" * 5000, "C.md")["summary"]
    assert len(long) == ITEM_LIMIT
    assert long.endswith("x…")
    items = state("".join(f"- {number}\n" for number in range(LIST_LIMIT + 7)))
    assert items[-2:] == [str(LIST_LIMIT - 1), "(7 more in CONTEXT.md)"]


def test_a_snapshot_of_the_largest_file_fits_into_a_task():
    text = ("## State\n" + ("- " + "👩" * 2000 + "\n") * 60 + "## Decisions\n" + ("- " + "👩" * 2000 + "\n") * 60) * 2
    assert len(json.dumps(parse(text, "C.md"), ensure_ascii=False).encode()) < 1 << 20


@given(st.text(alphabet=st.sampled_from("#-=*+~`<!> |1.)\n\r\tax:[]")))
def test_any_text_gives_items_of_one_line_each(text):
    snapshot = parse("## State\n" + text, "C.md")
    items = snapshot["key_points"] + snapshot["artifacts"] + snapshot["constraints"]
    assert all(item == " ".join(item.split()) and item for item in [snapshot["summary"], *items])


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["# ", "#", "`", "- ", "> ", "<!--", "-->", " ", "=\n", "x\n-\n", "| - |"])
def test_no_text_makes_it_slow(unit):
    """Linear scans: one megabyte of any one thing ends in a moment, not in hours."""
    assert parse(unit * (1_000_000 // len(unit)), "C.md")["reoriented_from"] == "C.md"


class Tree:
    """A home and a working directory to look in."""

    def __init__(self, base: Path) -> None:
        self.home, self.cwd = base / "home", base / "cwd"
        self.cwd.mkdir()

    def put(self, path: str, changed: int = 1_000_000_000) -> Path:
        file = self.home.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{path}\n")
        os.utime(file, (changed, changed))
        return file

    def find(self, project=None, context_file=None, env_file=None) -> Path:
        return contextfiles.find(project, context_file, env_file, lambda: self.home, self.cwd).path


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_the_places_come_in_the_order_of_the_contract(tree):
    research = "home/data/research"
    explicit = tree.put("explicit.md")
    of_project = tree.put(f"{research}/projects/p/CONTEXT.md", changed=100)
    of_environment = tree.put("env.md")
    latest = tree.put(f"{research}/projects/q/CONTEXT.md", changed=200)
    tree.put(f"{research}/projects/r/CONTEXT.md", changed=150)
    general = tree.put(f"{research}/CONTEXT.md")
    here = tree.put("cwd/CONTEXT.md")
    assert tree.find("p", explicit, str(of_environment)) == explicit
    assert tree.find("p", None, str(of_environment)) == of_project
    assert tree.find(None, None, str(of_environment)) == of_environment
    assert tree.find() == latest
    latest.unlink()
    of_project.unlink()
    (tree.home / "data/research/projects/r/CONTEXT.md").unlink()
    assert tree.find() == general
    general.unlink()
    assert tree.find() == here


@pytest.mark.parametrize(
    ("project", "context_file", "env_file", "what"),
    [
        ("p", Path("typo.md"), "env.md", "--context-file is not there: {cwd}/typo.md"),
        ("gone", None, "env.md", "--project gone is not there: {home}/data/research/projects/gone/CONTEXT.md"),
        (None, None, "/no/where.md", "DEFER_CONTEXT_FILE is not there: /no/where.md"),
    ],
)
def test_what_is_named_and_not_there_is_an_error_as_in_v1(tree, project, context_file, env_file, what):
    """Another file in its place would be taken for the one that was asked for."""
    tree.put("home/data/research/projects/p/CONTEXT.md")
    tree.put("cwd/CONTEXT.md")
    tree.put("cwd/env.md")
    with pytest.raises(Refused) as refused:
        tree.find(project, context_file, env_file)
    where = what.format(cwd=tree.cwd, home=tree.home)
    assert str(refused.value) == f"the context file of {where} (name one that is there)"


def test_empty_names_name_nothing(tree):
    here = tree.put("cwd/CONTEXT.md")
    assert tree.find("", None, "") == here


def test_a_tilde_that_no_shell_has_read_is_the_home_directory(tree):
    there = tree.put("home/notes/CONTEXT.md")
    assert tree.find(context_file=Path("~/notes/CONTEXT.md")) == there
    assert tree.find(env_file="~/notes/CONTEXT.md") == there


def test_relative_paths_are_of_the_working_directory(tree):
    there = tree.put("cwd/notes/CONTEXT.md")
    assert tree.find(context_file=Path("notes/CONTEXT.md")) == there
    assert tree.find(env_file="notes/CONTEXT.md") == there


def test_where_there_is_none_every_place_is_named(tree):
    with pytest.raises(Refused) as refused:
        tree.find()
    assert str(refused.value) == (
        "no CONTEXT.md was found: looked at "
        f"{tree.home}/data/research/projects/*/CONTEXT.md (not there), "
        f"{tree.home}/data/research/CONTEXT.md (not there), {tree.cwd}/CONTEXT.md (not there) "
        "(name one with --context-file or DEFER_CONTEXT_FILE)"
    )


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../p", "/etc", "a\nb", "a\0b", "\x1b[2J"])
def test_a_project_cannot_lead_out_of_its_folder(tree, name):
    with pytest.raises(BadInput, match="--project is not the name of a folder"):
        tree.find(project=name)


@pytest.mark.parametrize("name", ["-rf", "$(reboot)", "two words", "…", "x" * 300])
def test_an_odd_project_name_is_only_a_name(tree, name):
    with pytest.raises(Refused, match=r"^the context file of --project"):
        tree.find(project=name)


def test_a_folder_a_pipe_and_a_device_are_no_context_files(tree):
    os.mkfifo(tree.cwd / "pipe")
    for odd in (tree.cwd / "pipe", tree.cwd, Path("/dev/null")):
        with pytest.raises(Refused, match=f"is not a file: {odd} "):
            tree.find(context_file=odd)


def test_invalid_utf8_is_replaced_and_binary_refused(tree):
    file = tree.put("cwd/CONTEXT.md")
    file.write_bytes(b"## State\n- caf\xe9\n")
    snapshot = contextfiles.snapshot(None, None, None, lambda: tree.home, tree.cwd, [])
    assert snapshot["key_points"] == ["caf\ufffd"]
    file.write_bytes("## State\n- a\n".encode("utf-16"))
    with pytest.raises(BadInput, match="is not text"):
        contextfiles.snapshot(None, None, None, lambda: tree.home, tree.cwd, [])


def test_only_the_first_megabyte_is_read(tree):
    file = tree.put("cwd/CONTEXT.md")
    file.write_bytes(b"## State\n- first\n" + b"x" * contextfiles.READ_LIMIT + b"\n- beyond\n")
    assert len(contextfiles.read(contextfiles.Place(file), [])) == contextfiles.READ_LIMIT
    snapshot = contextfiles.snapshot(None, file, None, lambda: tree.home, tree.cwd, [])
    assert snapshot["key_points"][0] == "first"
    assert "beyond" not in snapshot["key_points"]


MANY = {
    "comments": "'<!-- x -->' * (1 << 20)",
    "comments that never close": "'<!-- ' * (1 << 21)",
    "ends of comments": "'-->' * (1 << 21)",
    "lines of one item": "'# state\\n- a\\n' + '  bbbbbbbbbbbb\\n' * (1 << 19)",
    "as many characters as there are": "''.join(map(chr, range(0xe000, 0x110000))) * 2",
    "fences": "'```\\n' * (1 << 19)",
    "ticks": "'`' * (1 << 22) + ' `'",
    "blanks": "' ' * (1 << 22) + 'x'",
    "marks of a list": "'- ' * (1 << 21)",
    "titles": "'# ' + 'state ' * (1 << 20)",
    "underlines": "'a\\n==\\n' * (1 << 18)",
    "front matter that does not end": "'---\\na: b\\n' + 'x\\n' * (1 << 18)",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", MANY.values(), ids=MANY)
def test_what_a_text_costs_grows_as_it_does(root, text):
    """Megabytes of one thing in a process of its own: linear, seconds; quadratic, an hour."""
    code = f"from defer.context import snapshot; print(len(snapshot.parse({text}, 'C.md')))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": root / "scripts"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert (done.stdout, done.stderr) == ("5\n", "")
