"""The text of a task file as plain data: YAML, JSON, or Markdown with YAML front matter.

The result is texts, numbers, true, false, null, lists and maps, and the line that each field is on.
ruamel.yaml composes YAML into nodes but never constructs objects: a tag has no
effect, what an alias stands for is counted each time, and a date stays the text that was written.
Messages do not show values from a file, which may be secrets, except for a schedule.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.nodes import Node

YAML_LIMIT = 1 << 17
"""Characters of YAML in one file: reading it takes about 7 µs each. A Markdown body does not count."""
MOST_VALUES = 5_000
DEEPEST = 20
_TOO_MUCH = f"more than {MOST_VALUES} values, aliases counted, or nested more than {DEEPEST} deep (split or flatten it)"
_MOST_DIGITS = 18
NO_NUMBER = "not a number that can be counted with (write a smaller one)"

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})").fullmatch
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}").fullmatch
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$\n?(.*)", re.DOTALL | re.MULTILINE).fullmatch
_KEY = re.compile(r"(\s*)[\"']?([A-Za-z_][A-Za-z0-9_-]*)[\"']?\s*:(?:\s+(.*))?").fullmatch
_TIMES = ("schedule", "cron")
_TAG = "tag:yaml.org,2002:"
_TRUE = ("true", "yes", "on")


class Complaint(Exception):
    """What is wrong at one place of a text: line (from 1) and field, each None if unknown."""

    def __init__(self, what: str, line: int | None = None, field: str | None = None) -> None:
        super().__init__(what)
        self.what, self.line, self.field = what, line, field


class Fields(NamedTuple):
    """The fields of a file, and the line (from 1) that each of them is on."""

    values: dict[str, Any]
    lines: dict[str, int]


def read(suffix: str, text: str) -> Fields:
    """The fields in ``text``, the content of a file with this suffix. Raises Complaint."""
    if suffix == ".json":
        return _json(text)
    return _markdown(text) if suffix == ".md" else yaml_fields(text)


def has_front_matter(text: str) -> bool:
    """Whether a Markdown text begins as one that is a task does."""
    return re.match(r"---[ \t]*\r?\n", text) is not None


def front_matter(text: str) -> tuple[int, int]:
    """Where the YAML of a Markdown text starts and ends, in characters. Raises Complaint."""
    if not has_front_matter(text):
        raise Complaint("no front matter (start the file with --- and its fields, then --- again)", 1)
    found = _FRONT(text)
    if found is None:
        raise Complaint("the front matter does not end (put a line --- behind its fields)", 1)
    return found.span(1)


def _markdown(text: str) -> Fields:
    start, end = front_matter(text)
    front = yaml_fields(text[start:end], first_line=2)
    _, _, below = text[end:].partition("\n")
    if not below.strip():
        return front
    if front.values.get("prompt") is not None:
        what = "appears twice: in the front matter and as the text below it (keep one)"
        raise Complaint(what, front.lines["prompt"], "prompt")
    first = len(text) - len(below.lstrip())
    body = below.replace("\r\n", "\n").strip("\n").rstrip()
    return Fields({**front.values, "prompt": body}, {**front.lines, "prompt": text.count("\n", 0, first) + 1})


def _json(text: str) -> Fields:
    value = parse_json(text)
    if not isinstance(value, dict):
        raise Complaint('not an object (write {"schedule": "…", "command": "…"})', 1)
    _count(value)
    lines = dict(_json_lines(text))
    for name, one in value.items():
        if holds_no_number(one):
            raise Complaint(NO_NUMBER, lines[name], name)
    return Fields(value, lines)


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises Complaint, also for a name that appears twice in an object.

    A number that cannot be counted with, because it is too large or NaN, becomes infinity.
    """
    try:
        return _decoder().decode(text)
    except json.JSONDecodeError as error:
        raise Complaint(f"not JSON: {error.msg} at column {error.colno}", error.lineno) from None
    except RecursionError:
        raise Complaint("nested too deeply (flatten it)") from None


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=lambda _: math.inf, parse_int=_whole)


def _whole(digits: str) -> float:
    # Thousands of digits are not turned into a number at all: that is quadratic, and Python refuses it.
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def holds_no_number(value: object) -> bool:
    """Whether a JSON value holds a number that cannot be counted with."""
    left = [value]  # not recursive: nobody has checked yet how deep it is
    while left:
        one = left.pop()
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        if isinstance(one, float) and math.isinf(one):
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # If a name appears twice, the object has its last place.
        last = {name: place for place, (name, _) in enumerate(pairs)}
        twice = next(name for place, (name, _) in enumerate(pairs) if last[name] != place)
        raise Complaint("appears twice (keep one)", None, twice)
    return found


def _count(value: object, depth: int = 0) -> int:
    """How many values there are in ``value``. Raises Complaint for too many or too deep."""
    if depth > DEEPEST:
        raise Complaint(f"nested more than {DEEPEST} deep (flatten it)")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = 1 + sum(_count(one, depth + 1) for one in inner)
    if found > MOST_VALUES:
        raise Complaint(f"more than {MOST_VALUES} values (split it)")
    return found


def _json_lines(text: str) -> Iterator[tuple[str, int]]:
    """The fields of an object that has been read already, each with its line."""
    decoder = _decoder()
    at, line, counted = text.index("{"), 1, 0
    while True:
        key = re.compile(r'[{,]\s*(?=")').match(text, at)
        if key is None:
            return
        name, end = decoder.raw_decode(text, key.end())
        line, counted = line + text.count("\n", counted, key.end()), key.end()
        yield name, line
        colon = re.compile(r"\s*:\s*").match(text, end)
        assert colon
        _, end = decoder.raw_decode(text, colon.end())
        blanks = re.compile(r"\s*").match(text, end)
        assert blanks
        at = blanks.end()


def yaml_fields(text: str, first_line: int = 1) -> Fields:
    """The fields of a YAML mapping; ``first_line`` is the one its text starts on. Raises Complaint."""
    root = compose(text, first_line)
    building = _Building(first_line)
    values = {name: building.value(value, 1, name) for name, _, value in building.pairs(root)}
    return Fields(values, building.lines)


def compose(text: str, first_line: int = 1) -> Any:
    """The mapping node of a YAML text. Raises Complaint if it is not YAML or not a mapping."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.nodes import MappingNode

    from . import nodes

    if len(text) > YAML_LIMIT:
        what = f"more than {YAML_LIMIT} characters of YAML (a long prompt goes below the front matter of a .md)"
        raise Complaint(what)
    try:
        root = nodes.compose(text, MOST_VALUES + 1, DEEPEST + 1)
    except nodes.TooMuch as error:
        raise Complaint(_TOO_MUCH, first_line + error.line) from None
    except MarkedYAMLError as error:
        raise _syntax(error, text, first_line) from None
    except YAMLError as error:
        at = getattr(error, "position", None)
        line = None if at is None else first_line + text.count("\n", 0, at)
        raise Complaint("a control character (remove it)", line) from None
    if root is None:
        raise Complaint("empty (write its fields, one a line, such as schedule: every day at 9am)", first_line)
    if not isinstance(root, MappingNode):
        raise Complaint("no fields (write them one a line, such as schedule: every day at 9am)", first_line)
    return root


def _syntax(error: MarkedYAMLError, text: str, first_line: int) -> Complaint:
    """What ruamel.yaml stumbled over, and how to fix it, without showing what the file holds."""
    problem = str(error.problem or "")
    # Something that is never closed is reported where it was opened, not where the text ends.
    open_ended = error.context_mark if "end of stream" in problem or "stream end" in problem else None
    mark = open_ended or error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines() or [""]
    found = _KEY(lines[min(number, len(lines) - 1)])
    field, written = (found[2], found[3] or "") if found else (None, "")
    return Complaint(_mend(problem, str(error.context or ""), field, written), first_line + number, field)


def _mend(problem: str, context: str, field: str | None, written: str) -> str:
    if "alias" in problem + context:
        return f"text that starts with * is an alias in YAML ({_quoted(field, written)})"
    if "'\\t'" in problem:
        return "a tab where YAML wants blanks (indent with blanks)"
    if "cannot start any token" in problem:
        return f"text that starts with {written[:1] or 'such a character'} ({_quoted(field, written)})"
    if "mapping values are not allowed" in problem:
        return f"a colon and a blank inside a text, or a wrong indent ({_quoted(field, written)})"
    if "single document" in context:
        return "a second document (one file is one task)"
    where = re.sub(r"^while (?:parsing|scanning) ", "in ", context)
    return f"not YAML: {where}: {problem}" if where else f"not YAML: {problem}"


def _quoted(field: str | None, written: str) -> str:
    """How to fix a text that needs quotes; only a schedule is shown, since another text may be a secret."""
    plain = re.sub(r"\s+#.*", "", written).strip().replace('"', "'")
    if field in _TIMES and plain and plain.isprintable():
        return f'put it in quotes: {field}: "{plain}"'
    return "put the text in quotes"


class _Building:
    """Plain data from nodes, up to a limit; ``lines`` has the fields, and what is in them as ``env.NAME``."""

    def __init__(self, first_line: int) -> None:
        self._first_line = first_line
        self._left, self._characters = MOST_VALUES, YAML_LIMIT
        self.lines: dict[str, int] = {}

    def line(self, node: Node) -> int:
        """The line of the file on which a node starts."""
        return self._first_line + int(node.start_mark.line)

    def pairs(self, node: Node, field: str | None = None) -> Iterator[tuple[str, Node, Node]]:
        """Name, key and value of each field of a mapping. Raises Complaint for a name that appears twice."""
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key.value, str):
                raise Complaint("a name that is a list or a map (write a plain name)", self.line(key), field)
            if str(key.tag) == _TAG + "merge":
                raise Complaint("<< is not read here (write the fields out)", self.line(key), field)
            self._spend(key, field or str(key.value))
            where = key.value if field is None else f"{field}.{key.value}"
            if key.value in seen:
                raise Complaint("appears twice (keep one)", self.line(key), where)
            seen.add(key.value)
            self.lines.setdefault(where, self.line(key))
            yield key.value, key, value

    def value(self, node: Node, depth: int, field: str) -> Any:
        """What a node stands for. Raises Complaint for a tag, and for too much or too deep."""
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise Complaint(_TOO_MUCH, self._place(node, field), field)
        tag = str(node.tag)
        if tag == _TAG + "map":
            inner = self.pairs(node, field)
            return {name: self.value(value, depth + 1, field) for name, _, value in inner}
        if tag == _TAG + "seq":
            return [self.value(one, depth + 1, field) for one in node.value]
        if isinstance(node.value, str) and tag.removeprefix(_TAG) in _SCALARS:
            self._spend(node, field)
            return _scalar(tag.removeprefix(_TAG), node.value)
        raise Complaint("a tag (!…), which is not read here (write the plain value)", self.line(node), field)

    def _spend(self, node: Node, field: str) -> None:
        """Count a text. A thousand aliases of one text are small in memory, but a thousand copies in the store."""
        self._characters -= len(node.value)
        if self._characters < 0:
            what = f"more than {YAML_LIMIT} characters, aliases counted (split it)"
            raise Complaint(what, self._place(node, field), field)

    def _place(self, node: Node, field: str) -> int:
        """The line of a field; the node that an alias stands for is on another."""
        return self.lines.get(field, self.line(node))


_SCALARS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")


def _scalar(kind: str, written: str) -> Any:
    """A scalar's value. A number that would not be written back the same way stays text."""
    if kind == "null":
        return None
    if kind == "bool":
        return written.lower() in _TRUE
    if kind == "int" and _WHOLE(written):
        return int(written)
    return float(written) if kind == "float" and _DECIMAL(written) else written
