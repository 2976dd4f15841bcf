"""What the house asks of its English that a machine can see, and of comments: what they name is there."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support import ROOT

SCRIPTS = ROOT / "scripts"
SOURCES = sorted(SCRIPTS.rglob("*.py"))
PROSE = "docs references examples reorient agents"


def spoken() -> list[Path]:
    """Every file with words of ours: code, its comments and messages, and documents."""
    code = [path for name in ("scripts", "tests") for path in (ROOT / name).rglob("*") if "data" not in path.parts]
    prose = [path for name in PROSE.split() for path in (ROOT / name).rglob("*")]
    kinds = {".py", ".sh", ".bash", ".bats", ".md", ".json", ".yml", ".yaml", ".toml", ".example", ""}
    return [path for path in sorted({*code, *prose, *ROOT.glob("*")}) if path.is_file() and path.suffix in kinds]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


# "It is no file" and "a line that is none" read as translations: the house says "it is not a file", "a line that is not
# one". English that only looks like it: "there is no file", "it is no longer there", "no more than two", an answer that
# "is no".
FOREIGN = re.compile(
    r"(?<!\bthere )(?<!\bhere )\b(is|are|was|were|be|been|being|as|becomes?|remains?) no (?!longer\b|more\b|\W)"
    r"|\b(that|which|it|they) (is|are|was|were) (?-i:none)\b|\bknows? no ",
    re.IGNORECASE,
)


def foreign(text: str) -> list[str]:
    """The places that say "is no" of something, whatever line ends and comment signs stand between."""
    prose = re.sub(r"\s*\n[ \t]*(#+|//|>)?[ \t]*", " ", text)
    return [prose[found.start() : found.end() + 20] for found in FOREIGN.finditer(prose)]


@pytest.mark.parametrize("path", [path for path in spoken() if path != Path(__file__)], ids=relative)
def test_it_says_is_not_a(path: Path) -> None:
    text = path.read_text()
    if path.name == "bugs-found.md":
        text = re.sub(r'\| "[^|]*" \|$', "", text, flags=re.MULTILINE)  # the titles of commits are as they were
    assert foreign(text) == []


FOREIGN_TEXTS = [
    *("It is no file.", "# what was\n    # no line", "taken as no answer", "they ARE no use"),
    *("a line that is none", "v1 knows no flock"),
]


@pytest.mark.parametrize("text", FOREIGN_TEXTS)
def test_foreign_english_is_seen(text: str) -> None:
    assert len(foreign(text)) == 1


def test_fine_english_is_let_through() -> None:
    fine = "There is no file. It is no longer there, and there was no more. The answer is no: it has no name. Say no."
    assert foreign(fine) == []


@cache
def docstrings(path: Path) -> dict[tuple[int, int], str]:
    """The texts in a module that stand alone, by line and column."""
    nodes = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Expr))
    texts = (node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {(node.lineno, node.col_offset): str(node.value) for node in texts}


def comments(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        yield from (token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT)
    yield from docstrings(path).values()


@cache
def names_in_code() -> frozenset[str]:
    """Every name, and every word of a text, that the code itself has: what a comment may speak of."""
    found = {part for path in SOURCES for part in path.relative_to(SCRIPTS).with_suffix("").parts}
    for path in SOURCES:
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type in (tokenize.NAME, tokenize.STRING) and token.start not in docstrings(path):
                    found.update(re.findall(r"\w+", token.string))
    shell = [*SCRIPTS.rglob("*.sh"), *(SCRIPTS / "executors").iterdir(), *(ROOT / "references").iterdir()]
    return frozenset(found.union(*(re.findall(r"\w+", path.read_text()) for path in shell)))


OF_OTHERS = {"hidepid", "UnixFileLock"}  # an option of proc(5), a class of filelock
# Not `jan.`, and not a pattern such as `task_YYYYMMDD`.
NAME = r"((?![a-z_]*_[A-Z])[A-Za-z_][A-Za-z_.]*(?<!\.))(?:\([^`]*\))?"
NAMED = re.compile(rf"``{NAME}``|(?<!`)`{NAME}`(?!`)")


def unknown_names(text: str) -> list[str]:
    """What stands between backticks in a comment and is nowhere in the code."""
    named = [found[1] or found[2] for found in NAMED.finditer(text)]
    return [name for name in named if not set(filter(None, name.split("."))) <= names_in_code() | OF_OTHERS]


@cache
def defined(stem: str) -> set[str]:
    """The names that modules called so define, at the top, in a class or as an attribute."""
    trees = [ast.parse(path.read_text()) for path in SOURCES if path.stem == stem]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    named = {node.name for node in nodes if isinstance(node, kinds)} | {"py"}
    named |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return named | {
        alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def lost_parts(text: str) -> list[str]:
    """``module.name`` in a comment where the module, which is there, does not have the name."""
    named = [(found[1] or found[2]).split(".") for found in NAMED.finditer(text)]
    modules = {path.stem for path in SOURCES}
    return [
        ".".join(parts) for parts in named if parts[0] in modules and parts[1:2] and parts[1] not in defined(parts[0])
    ]


FILES = re.compile(r"\b[\w.-]+\.(?:md|py|sh|json|toml|bats)\b")
OF_USERS = {"CLAUDE.md", "CONTEXT.md", "jobs.json", "json.py"}
THERE = {path.name for path in spoken()} | OF_USERS


def lost_files(text: str) -> list[str]:
    return [name for name in FILES.findall(text) if name not in THERE]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_comments_name_what_is_there(path: Path) -> None:
    for text in comments(path):
        assert (unknown_names(text), lost_parts(text), lost_files(text)) == ([], [], []), text


def test_what_is_gone_would_be_seen() -> None:
    assert unknown_names("of ``timetokens``, and `nothing_of_ours(1)`") == ["timetokens", "nothing_of_ours"]
    assert lost_parts("see ``codec.no_such_thing``, not ``codec.encode`` or ``bash.x``") == ["codec.no_such_thing"]
    assert lost_files("as contract.md has it, and README.md") == ["contract.md"]
