"""A snapshot of a CONTEXT.md: what a piece of work is, where it stands, what binds it.

``_TITLES`` lists the headings that are understood. Of Markdown, only what decides where a section
starts and what an item is gets read: headings (ATX and setext, after CommonMark 0.31), front matter,
code fences, comments, lists. Text in a code fence is neither heading nor item. A section's deeper
headings belong to it unless the table names them. No text makes parsing fail; what is too long is
cut, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypedDict

ITEM_LIMIT = 1000  # characters; with LIST_LIMIT it keeps a snapshot well inside a task's 1 MiB
LIST_LIMIT = 50

_TITLES = {
    "orientation": ("orientation", "what this is", "overview"),
    "state": ("current state", "state", "status"),
    "questions": ("open questions", "questions"),
    "references": ("key references", "references"),
    "constraints": ("key constraints", "constraints", "key context"),
    "decisions": ("decisions already made", "decisions"),
    "avoid": ("what we should not do", "anti patterns"),
}
_SECTION_OF = {title: section for section, titles in _TITLES.items() for title in titles}
_PREFIX = {"questions": "Open question: ", "decisions": "Decision: ", "avoid": "Avoid: "}

_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])(?:[ \t]+(.*))?").fullmatch
_FENCE = re.compile(r"[ \t]*(?:[-*+][ \t]+)?(`{3,}(?=[^`]*$)|~{3,})").match
_UNDERLINE = re.compile(r" {0,3}(?:={2,}|-{2,})[ \t]*").fullmatch
_YAML_KEY = re.compile(r"[\w-]+:").match
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_NOT_IN_TITLES = re.compile(r"[\W_]+")


class Snapshot(TypedDict):
    """What ``reorient_snapshot.py`` prints and a task's ``context`` carries (v1)."""

    summary: str
    key_points: list[str]
    artifacts: list[str]
    constraints: list[str]
    reoriented_from: str | None


class _Line(NamedTuple):
    text: str
    level: int = 0  # of a heading, 1 to 6; 0 is text


class _Sections(NamedTuple):
    preamble: list[str]  # what stands before the first heading
    named: dict[str, list[str]]

    def items(self, *names: str) -> list[str]:
        return [_PREFIX.get(name, "") + item for name in names for item in self.named[name]]


def parse(text: str, source: str) -> Snapshot:
    """The snapshot of ``text``, which was read from the file ``source``."""
    name = source.rpartition("/")[2]
    sections = _sections(_lines(_visible(text)))
    orientation = [*sections.items("orientation"), " ".join(sections.preamble), f"Reoriented from {name}"]
    reread = [] if sections.items("state") else [f"Re-read {name}: it names no current state"]
    return Snapshot(
        summary=_cut(next(filter(None, orientation))),
        key_points=_shortened(reread + sections.items("state", "questions"), name),
        artifacts=_shortened(sections.items("references"), name),
        constraints=_shortened(sections.items("constraints", "decisions", "avoid"), name),
        reoriented_from=source,
    )


def _shortened(items: list[str], name: str) -> list[str]:
    kept = [_cut(item) for item in items[:LIST_LIMIT]]
    beyond = len(items) - LIST_LIMIT
    return [*kept, f"({beyond} more in {name})"] if beyond > 0 else kept


def _cut(item: str) -> str:
    return item if len(item) <= ITEM_LIMIT else item[: ITEM_LIMIT - 1].rstrip() + "…"


def _sections(lines: Iterable[_Line]) -> _Sections:
    sections = _Sections([], {section: [] for section in _TITLES})
    above: list[tuple[int, list[str]]] = []  # the headings a line stands under, outermost first
    items, in_list = sections.preamble, False
    for line in lines:
        if line.level:
            above = [heading for heading in above if heading[0] < line.level]
            enclosing = above[-1][1] if above else []
            items = sections.named.get(_SECTION_OF.get(_title_key(line.text), ""), enclosing)
            above.append((line.level, items))
            in_list = False
        else:
            in_list = _take(items, line.text, in_list)
    return sections


def _title_key(title: str) -> str:
    """``**1. Current-State:**`` as the table has it: ``current state``."""
    return _NOT_IN_TITLES.sub(" ", title).lower().lstrip("0123456789 ").rstrip()


def _take(items: list[str], line: str, in_list: bool) -> bool:
    """Add what ``line`` says to ``items``; True if an indented next line would go on with it."""
    if not line.strip() or _is_rule(line):
        return False
    entry = _LIST_ITEM(line)
    text = _plain(entry[1] or "" if entry else line)
    if in_list and not entry and line.startswith(("  ", "\t")):
        # What is beyond the limit is cut in the end, and each addition copies what is there.
        if len(items[-1]) <= ITEM_LIMIT:
            items[-1] += " " + text
        return True
    if text:
        items.append(text)
    return bool(entry and text)


def _plain(text: str) -> str:
    """One line without block quote marks, control characters and runs of blanks."""
    return " ".join(_CONTROL.sub("", text.lstrip("> \t")).split())


def _is_rule(line: str) -> bool:
    """A thematic break, the row of dashes under a table's head, or an underline of nothing."""
    marks = set(line) - set(" \t")
    of_a_rule = marks in ({"*"}, {"_"}, {"="}) or ("-" in marks and marks <= set("|:-"))
    # Counted only where they are few: a line may be a megabyte of as many different characters.
    return of_a_rule and sum(map(line.count, marks)) >= 3


def _lines(visible: list[str]) -> Iterator[_Line]:
    """The lines with headings told apart; the underline of a setext heading goes with its text."""
    previous, lines = "", iter([*visible, ""])
    line = next(lines)
    for following in lines:
        heading = _atx(line)
        if not heading and _UNDERLINE(following) and _is_title(line, previous):
            heading = _Line(line.strip(), 1 if "=" in following else 2)
            following = next(lines)
        yield heading or _Line(line)
        previous, line = ("" if heading else line), following


def _is_title(line: str, previous: str) -> bool:
    """Whether an underline makes ``line`` a heading: one line of text, or a title of the table.

    CommonMark takes the whole paragraph above the underline; people mean a divider there.
    """
    return _is_paragraph(line) and (_title_key(line) in _SECTION_OF or not _is_paragraph(previous))


def _atx(line: str) -> _Line | None:
    marked = line.lstrip(" ")
    title = marked.lstrip("#")
    level = len(marked) - len(title)
    if not 1 <= level <= 6 or len(line) - len(marked) > 3 or not (title[:1] or " ").isspace():
        return None
    title = title.strip()
    unclosed = title.rstrip("#")
    return _Line(unclosed.rstrip() if not unclosed or unclosed[-1].isspace() else title, level)


def _is_paragraph(line: str) -> bool:
    quoted_or_table = line.lstrip().startswith((">", "|"))
    return bool(line.strip()) and not (
        quoted_or_table or line.startswith(("    ", "\t")) or _LIST_ITEM(line) or _is_rule(line) or _atx(line)
    )


def _visible(text: str) -> list[str]:
    """The lines a reader of the rendered page would see, less what stands in code fences."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _without_comments(_without_front_matter(lines))


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines[0].rstrip() != "---" or not _YAML_KEY("".join(lines[1:2])):
        return lines
    ends = (number for number, line in enumerate(lines[1:], 2) if line.rstrip() in ("---", "..."))
    return lines[next(ends, 0) :]


def _without_comments(lines: list[str]) -> list[str]:
    """Without HTML comments and fenced code; one scan, for either may hold the other's marks.

    A fence that is never closed runs to the end, as in CommonMark. A comment that is never closed
    takes only its line along: it is far likelier a slip than a wish to hide the rest.
    """
    last_end = max((number for number, line in enumerate(lines) if "-->" in line), default=-1)
    seen: list[str] = []
    fence, in_comment = "", False
    for number, whole in enumerate(lines):
        if fence:
            fence = "" if _closes(fence, whole) else fence
            continue
        line, in_comment = _outside_comment(whole, in_comment)
        in_comment = in_comment and number < last_end
        opened = _FENCE(line)
        fence = opened[1] if opened else ""
        seen.append("" if opened else line)
    return seen


def _closes(fence: str, line: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and set(mark) == {fence[0]}


def _outside_comment(line: str, in_comment: bool) -> tuple[str, bool]:
    """What of ``line`` stands outside comments, and whether the next line starts within one."""
    parts: list[str] = []
    at = 0  # a place in the line: to cut it off for each of a hundred thousand comments copies the rest each time
    while True:
        if in_comment:
            ended = line.find("-->", at)
            if ended < 0:
                return "".join(parts), True
            at = ended + 3
        opened = line.find("<!--", at)
        parts.append(line[at : opened if opened >= 0 else None])
        if opened < 0:
            return "".join(parts), False
        at, in_comment = opened + 4, True
