"""One task, one line: the canonical form on disk and the quick look at a line.

A line we write starts with ``id``, ``status`` and ``run_at`` in this order, so that a
reader can tell from the first bytes of a line whether it is a waiting task that is not
due, and skip the rest. The match is anchored at the brace, so text from a user can never
be taken for it. What a record still has to file (``ended``, ``ended_runs``) stands between
``id`` and ``status``, so that such a record is always read whole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from defer.errors import BadInput, NotStorable

from . import shapes, versions

if TYPE_CHECKING:
    from .types import Task as Task
else:
    Task = dict

MAX_TASK_BYTES = 1 << 20
"""A task is at most this many bytes as a line, so that one record cannot starve the rest."""
MAX_LINE_BYTES = 1 << 24
"""A line is held whole up to this: a task many times over, with what has ended of it. No record is longer."""
MAX_CLAIM_BYTES = MAX_LINE_BYTES // 4
"""A longer record is not begun: its outcome, with a copy of the record in any spelling, must fit into its line."""
MAX_DEPTH = 100
"""Lists and objects nest at most this deep: what could be read can then be written at any depth of the call stack."""
MAX_SECONDS = shapes.MAX_SECONDS

_STEP_BYTES = 1 << 20
TOO_LONG = f"longer than {MAX_LINE_BYTES} bytes"
_AROUND = "\ufeff \t\r\n"
_FILED = {"id", "status", "filed_at"}
_LEADING = ("id", "ended", "ended_runs", "status", "run_at")
_WAITING = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)","status":"scheduled","run_at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')
_UNICODE, _ASCII = (
    json.JSONEncoder(ensure_ascii=flag, separators=(",", ":"), allow_nan=False, check_circular=False)
    for flag in (False, True)
)
# What ``_UNICODE.encode`` makes anew for each record, where the interpreter has it in C.
_make_encoder: Callable[..., Callable[[object, int], Iterable[str]]] | None = getattr(
    json.encoder, "c_make_encoder", None
)
_encoded = _make_encoder and _make_encoder(
    None, _UNICODE.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)
waiting = _WAITING.match
"""``waiting(line)``: a match with the id and ``run_at`` of a plainly waiting task, or None."""


class BadLine(ValueError):
    """A line that is not a task record; the text says why."""


class Part(bytes):
    """A part of a line that is too long to hold in memory. Whatever it looks like, it is not a record."""

    is_first = False


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; a line that is too long comes in parts, so that it is never in memory as a whole."""
    read = stream.readline
    while line := read(_STEP_BYTES):
        if len(line) < _STEP_BYTES or line.endswith(b"\n"):
            yield line
        else:
            yield from _long(line, read)


def _long(start: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The line that begins with ``start``, whole if it may be."""
    held, size = [start], len(start)
    while size < MAX_LINE_BYTES and not held[-1].endswith(b"\n"):
        more = read(_STEP_BYTES)
        if not more:
            break
        held.append(more)
        size += len(more)
    if size < MAX_LINE_BYTES or held[-1].endswith(b"\n"):
        yield b"".join(held)
        return
    first = Part(held[0])
    first.is_first = True
    yield first
    yield from map(Part, held[1:])
    last = held.pop()
    held.clear()
    while not last.endswith(b"\n") and (last := read(_STEP_BYTES)):
        yield Part(last)


def refuse_constant(name: str) -> NoReturn:
    """Raise ValueError for NaN or Infinity, which Python's reader takes although JSON does not have them."""
    raise ValueError(f"{name} is not a JSON number")


def _bounded(digits: str) -> float:
    """A number too large for a float as the largest float: infinity could not be written again."""
    return max(-sys.float_info.max, min(float(digits), sys.float_info.max))


_raw_decode = json.JSONDecoder(parse_float=_bounded, parse_constant=refuse_constant).raw_decode


def encode(task: Mapping[str, Any]) -> bytes:
    """A record as one line with its newline. Raises ValueError for what JSON cannot hold."""
    ordered = _ordered(task)
    try:
        return (_dumps(ordered, False) + "\n").encode()
    except UnicodeEncodeError:
        # A lone surrogate, valid as a JSON escape, has no UTF-8 form: it stays an escape.
        return (_dumps(ordered, True) + "\n").encode()


def _ordered(task: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: task[key] for key in _LEADING if key in task}, **task}


def order_of(task: Mapping[str, Any]) -> list[str]:
    """The names of a record's fields, as they stand in its line."""
    return [*_ordered(task)]


def value_text(value: object) -> str:
    """The text of one value, as it stands in a line. Raises ValueError and TypeError for what JSON cannot hold."""
    return _dumps(value, False)


def _dumps(value: object, ascii_only: bool) -> str:
    if _encoded is None or ascii_only:
        return (_ASCII if ascii_only else _UNICODE).encode(value)
    return "".join(_encoded(value, 0))


def new_line(task: Task) -> bytes:
    """The line of a record that is about to be stored. Raises BadLine for one that could not be read again."""
    wrong = shapes.fault(task)
    if wrong is not None:
        raise BadLine(wrong)
    try:
        line = encode(task)
    except (ValueError, RecursionError):
        raise BadLine("it holds a number that JSON cannot, or is nested too deeply") from None
    if len(line) > MAX_LINE_BYTES:
        raise BadLine(f"it is {TOO_LONG}")
    _check_depth(task, line)
    return line


def changed_line(record: Task) -> bytes:
    """The line of a changed record. Raises NotStorable: what cannot be read again is lost, or due for ever."""
    try:
        return new_line(record)
    except BadLine as error:
        raise NotStorable(
            f"a change of {record['id']} could not be read again: {error} (report this; nothing was changed)"
        ) from None


def offered_line(record: Task) -> bytes:
    """The line of a record that is about to be stored. Raises BadInput."""
    try:
        line = new_line(record)
    except BadLine as error:
        raise BadInput(f"task could not be run: {record['id']}: {error} (fix or leave out what it names)") from None
    if len(line) > MAX_TASK_BYTES:
        raise BadInput(
            f"task is too large: {record['id']} has {len(line)} bytes of at most {MAX_TASK_BYTES} "
            "(put the bulk in a file and name it with --artifact)"
        )
    return line


def decode(line: bytes) -> Task:
    """The record in ``line``. Raises BadLine if it is not one: every field that a wake relies on is checked."""
    if type(line) is Part:
        raise BadLine(TOO_LONG)
    try:
        text = line.decode().strip(_AROUND)
        value, end = _raw_decode(text)
        if end < len(text):
            raise ValueError(f"something follows its end, at {end}")
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    record = cast("Task", value)
    check(record, line)
    return record


def check(value: Task, line: bytes) -> None:
    """Raise BadLine for a record, in ``line``, that a wake could not work with."""
    _check_depth(value, line)
    wrong = shapes.fault(value) if not is_filed(value) else shapes.filed_fault(value)
    if wrong is not None:
        raise BadLine(wrong)


def _check_depth(value: Task, line: bytes) -> None:
    # What is left without them tells how many there are in a third of the time that count() takes.
    opening = 2 * len(line) - len(line.replace(b"{", b"")) - len(line.replace(b"[", b""))
    if opening > MAX_DEPTH and _is_too_deep(value):
        raise BadLine("nested too deeply")


def canonical(line: bytes, record: Task) -> bytes:
    """``record``, read from ``line``, in our own form, which later reads recognise by its first bytes.

    The line stays as it is where that would lose anything: a name that appears twice in an object, the spelling of a
    number (1.50, 1e400), or what a newer version has written.
    """
    if waiting(line) or versions.lacking(record):
        return line
    try:
        ours = encode(record)
        loses_nothing = ours != line and _exact(ours) == _exact(line)
    except ValueError:
        return line
    return ours if loses_nothing and len(ours) <= max(len(line), MAX_TASK_BYTES) else line


def quick_form(record: Task) -> re.Match[bytes] | None:
    """What ``waiting`` would say of a record in our own form."""
    return waiting(encode({name: record[name] for name in ("id", "status", "run_at")}))


def _exact(line: bytes) -> object:
    """What a line says, with numbers as they are spelled. Raises ValueError where a name appears twice."""
    found: object = _exactly.decode(line.decode().strip(_AROUND))
    return found


def _spelled(number: str) -> tuple[str]:
    return (number,)  # JSON has no tuples: it is not taken for a text


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name appears twice")
    return found


_exactly = json.JSONDecoder(parse_float=_spelled, parse_int=_spelled, object_pairs_hook=_once)


def is_filed(value: Task) -> bool:
    """Whether this is the line that stands in for a filed task until the next rewrite."""
    return value.keys() == _FILED


def nests_deeper_than(limit: int, value: object) -> bool:
    """Whether lists and objects nest more than ``limit`` deep; does not recurse itself."""
    level: list[object] = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return False
    return any(isinstance(one, (dict, list)) for one in level)


def _is_too_deep(value: Task) -> bool:
    """Measure an ended record by itself: it was the top of a line when it was accepted."""
    ended = value.get("ended")
    own = {key: found for key, found in value.items() if key != "ended"}
    return any(nests_deeper_than(MAX_DEPTH, one) for one in [own, *(ended if isinstance(ended, list) else [ended])])


def needles(text: str) -> list[bytes]:
    """A text, such as an id, in both forms that a line may quote it in: with non-ASCII characters escaped, or not."""
    quoted = (json.dumps(text, ensure_ascii=flag).encode(errors="surrogatepass") for flag in (True, False))
    return list(dict.fromkeys(quoted))
