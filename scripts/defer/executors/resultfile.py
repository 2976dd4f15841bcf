"""What an executor may say in ``DEFER_RESULT_FILE``: one JSON object, every key optional.

Each key is checked by itself: an odd one is dropped and reported, the rest is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from defer import instants
from defer.record import codec, shapes
from defer.settings.masking import MASK, Masker

if TYPE_CHECKING:
    from defer.record.types import Usage

LIMIT_BYTES = 64 << 10
_LONGEST_WAIT = timedelta(days=3653)
_USAGE = ("input_tokens", "cached_input_tokens", "output_tokens", "cost_usd")
_LONGEST_SUMMARY = 10_000
_LONGEST_RESCHEDULE = 200
_LONGEST_INSTANT = 64
_LONGEST_ARTIFACT = 4096
_LONGEST_ODD = 1000
_MOST_ARTIFACTS = 1000
_COMPLAINTS_TOLD = 5
_LONGEST_DENIED, _MOST_DENIED = 200, 100
_ERROR_TYPES = ("EmptyRun",)
_ADAPTERS = ("session_id", "usage", "session_usage", "model", "tool_calls", "denied", "session_error", "error_type")


class BadResult(ValueError):
    """The file, or one of its keys, is not what the executor contract says; the text says how."""


class Result(NamedTuple):
    """The keys that can be used. ``reschedule`` is a time expression, read by the caller.

    ``denied``: the tools that an agent was not allowed. ``session_error``: why it did not continue its conversation.
    ``odd`` is what an executor found wrong with what its agent had written.
    """

    summary: str | None = None
    retry_at: datetime | None = None
    reschedule: str | None = None
    session_id: str | None = None
    usage: Usage | None = None
    session_usage: Usage | None = None
    artifacts: list[str] | None = None
    model: str | None = None
    tool_calls: int | None = None
    denied: list[str] | None = None
    session_error: str | None = None
    error_type: str | None = None
    odd: str | None = None


def load(raw: bytes) -> dict[str, Any]:
    """The object in the file's bytes, with keys and values of any kind. Raises BadResult."""
    if not raw.strip():
        return {}
    if len(raw) > LIMIT_BYTES:
        raise BadResult(f"it is larger than {LIMIT_BYTES} bytes")
    try:
        value = json.loads(raw, parse_constant=codec.refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadResult(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadResult("it is not a JSON object")
    return value


def masked(value: dict[str, Any], masker: Masker) -> dict[str, Any]:
    """What ``load`` gave, with the secrets masked in all that is kept. Not masked before: JSON may spell a secret
    with escapes, and a mask in the text of the file would make other JSON of it.

    The words of a time stay: only the time is kept.
    """
    kept = {key: value[key] for key in Result._fields if key in value}
    for key in ("summary", "session_error", "odd"):
        if isinstance(kept.get(key), str):
            kept[key] = masker.text(kept[key])
    for key in ("artifacts", "denied"):
        if isinstance(kept.get(key), list):
            kept[key] = [masker.text(one) if isinstance(one, str) else one for one in kept[key]]
    for name in ("usage", "session_usage"):
        if isinstance(kept.get(name), dict):
            kept[name] = {key: _open(kept[name].get(key), masker) for key in _USAGE}
    return {**kept, **{key: _open(kept.get(key), masker) for key in ("session_id", "model", "tool_calls")}}


def _open(found: Any, masker: Masker) -> Any:
    """A value that is useless in parts: a mask in its place if it gives a secret away."""
    is_leaf = isinstance(found, str | float | int) and not isinstance(found, bool)
    return MASK.decode() if is_leaf and masker.is_in(str(found)) else found


def read(value: dict[str, Any], now: datetime) -> tuple[Result, str | None]:
    """The parts of ``load``'s object that can be used, and what is wrong with the rest."""
    reader = _Reader(value)
    result = Result(
        summary=reader.key("summary", _summary),
        retry_at=reader.key("retry_at", lambda found: _instant(found, now)),
        reschedule=reader.key("reschedule", _reschedule),
        session_id=reader.key("session_id", _session),
        usage=reader.each("usage", dict, _usage),
        session_usage=reader.each("session_usage", dict, _usage),
        artifacts=reader.each("artifacts", list, _artifacts),
        model=reader.key("model", _model),
        tool_calls=reader.key("tool_calls", _tally),
        denied=reader.key("denied", _denied),
        session_error=reader.key("session_error", _odd),
        error_type=reader.key("error_type", _error_type),
        odd=reader.key("odd", _odd),
    )
    return result, "; ".join(filter(None, (result.odd, reader.complaint))) or None


def with_known(written: bytes, odd: str | None, known: dict[str, Any], now: datetime) -> bytes:
    """The file's bytes with what an executor knows of its agent's run, beside what the agent has written.

    Session and usage are the executor's to tell: an agent that could name them would go on with whatever conversation
    of its user's it likes, at no cost. ``odd``: what was wrong with the file itself, for the runner to tell.
    """
    try:
        kept, complaint = read(load(written), now)
    except BadResult as error:
        kept, complaint = Result(), str(error)
    said = {name: one for name, one in kept._asdict().items() if one is not None and name not in _ADAPTERS}
    if kept.retry_at is not None:
        said["retry_at"] = instants.to_text(kept.retry_at)
    told = odd or complaint
    tells = {"odd": told[:_LONGEST_ODD]} if told else {}
    whole = _encoded({**said, **known, **tells})
    if len(whole) <= LIMIT_BYTES:
        return whole
    return _encoded({**known, "odd": "it is so large that nothing could be put beside it"})


def _encoded(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, allow_nan=False).encode(errors="surrogatepass")


class _Reader:
    """Reads key by key, and collects what is wrong."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value
        self._complaints: list[str] = []

    def key(self, name: str, read: Callable[[Any], Any]) -> Any:
        """What ``read`` makes of a key that is there; if it raises BadResult, None and a complaint."""
        found = self._value.get(name)
        try:
            return None if found is None else read(found)
        except BadResult as error:
            self._complaints.append(f"{name} {error}")
            return None

    def each(self, name: str, kind: type, read: Callable[[Any, list[str]], Any]) -> Any:
        """The same for a key of many parts; odd parts are left out."""
        return self.key(name, lambda found: read(_typed(found, kind), self._complaints))

    @property
    def complaint(self) -> str | None:
        more = len(self._complaints) - _COMPLAINTS_TOLD
        told = "; ".join(self._complaints[:_COMPLAINTS_TOLD])
        return f"{told}; and {more} more" if more > 0 else told or None


def _typed(found: Any, kind: type) -> Any:
    if not isinstance(found, kind):
        raise BadResult(f"is not a {'text' if kind is str else kind.__name__}")
    return found


def _text(found: Any, longest: int) -> str:
    text: str = _typed(found, str)
    if len(text) > longest:
        raise BadResult(f"is longer than {longest} characters")
    return text


def _summary(found: Any) -> str:
    return _text(found, _LONGEST_SUMMARY)


def _reschedule(found: Any) -> str:
    return _text(found, _LONGEST_RESCHEDULE)


def _odd(found: Any) -> str:
    return _text(found, _LONGEST_ODD)


def _session(found: Any) -> str:
    from . import names  # only where one is named

    if not names.is_session(_typed(found, str)):
        # Without the value: an executor prints this too, and does not know which secrets to mask in it.
        raise BadResult("cannot be told to a program: it is not of at most 128 letters, digits and ._:-")
    return str(found)


def _model(found: Any) -> str:
    from . import names  # only where one is named

    if not names.is_model(_typed(found, str)):
        raise BadResult("is not a model's name")
    return str(found)


def _tally(found: Any) -> int:
    if not shapes.is_count(found, shapes.MAX_TALLY):
        raise BadResult("is not a number that can be kept")
    return int(found)


def _denied(found: Any) -> list[str]:
    """The names of tools, each on one line: they come from a model."""
    listed = [one for one in _typed(found, list) if isinstance(one, str) and one.strip()]
    return [" ".join(one.split())[:_LONGEST_DENIED] for one in listed[:_MOST_DENIED]]


def _error_type(found: Any) -> str:
    if found not in _ERROR_TYPES:
        raise BadResult(f"is not one of: {', '.join(_ERROR_TYPES)}")
    return str(found)


def _instant(found: Any, now: datetime) -> datetime:
    text = _text(found, _LONGEST_INSTANT)
    try:
        naive = datetime.fromisoformat(text).tzinfo is None
        instant = instants.from_text(text)
    except (ValueError, OverflowError):
        raise BadResult("is not an ISO 8601 time") from None
    if naive:
        raise BadResult("has no offset")
    if instant > now + _LONGEST_WAIT:
        raise BadResult("is more than ten years ahead")
    return instant


def _usage(found: dict[str, Any], complaints: list[str]) -> Usage | None:
    """The usage that can be kept. A negative number would buy an agent more than its user allows."""
    given = {key: found[key] for key in _USAGE if found.get(key) is not None}
    kept = {key: one for key, one in given.items() if shapes.is_number(one) and one >= 0}
    complaints += [f"usage.{key} is not a number that can be kept" for key in given if key not in kept]
    return cast("Usage", kept) if kept or not given else None


def _artifacts(found: list[Any], complaints: list[str]) -> list[str] | None:
    if len(found) > _MOST_ARTIFACTS:
        raise BadResult(f"are more than {_MOST_ARTIFACTS}")
    kept: list[str] = []
    for number, one in enumerate(found):
        try:
            kept.append(_text(one, _LONGEST_ARTIFACT))
        except BadResult as error:
            complaints.append(f"artifacts[{number}] {error}")
    return kept if kept or not found else None
