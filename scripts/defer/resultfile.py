"""What an executor may say in ``DEFER_RESULT_FILE``: one JSON object, every key optional."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from . import instants, shapes

LIMIT_BYTES = 64 << 10
_LONGEST_WAIT = timedelta(days=3653)
_USAGE = ("input_tokens", "output_tokens", "cost_usd")


class BadResult(ValueError):
    """The file is not what the executor contract says; the text says how."""


class Result(NamedTuple):
    """The keys that were given. ``reschedule`` is a time expression, read by the caller."""

    summary: str | None = None
    retry_at: datetime | None = None
    reschedule: str | None = None
    session_id: str | None = None
    usage: dict[str, Any] | None = None
    artifacts: list[str] | None = None


def parse(raw: bytes, now: datetime) -> Result:
    """Read the file's bytes. Raises BadResult for anything but an object of the documented keys' types."""
    if not raw.strip():
        return Result()
    if len(raw) > LIMIT_BYTES:
        raise BadResult(f"it is larger than {LIMIT_BYTES} bytes")
    try:
        value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadResult(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadResult("it is not a JSON object")
    return Result(
        summary=_typed(value, "summary", str),
        retry_at=_instant(_typed(value, "retry_at", str), now),
        reschedule=_typed(value, "reschedule", str),
        session_id=_session(_typed(value, "session_id", str)),
        usage=_usage(_typed(value, "usage", dict)),
        artifacts=_texts(_typed(value, "artifacts", list)),
    )


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _typed(value: dict[str, Any], key: str, kind: type) -> Any:
    found = value.get(key)
    if found is not None and not isinstance(found, kind):
        raise BadResult(f"{key} is not a {'text' if kind is str else kind.__name__}")
    return found


def _instant(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        naive = datetime.fromisoformat(text).tzinfo is None
        instant = instants.from_text(text)
    except (ValueError, OverflowError):
        raise BadResult("retry_at is not an ISO 8601 time") from None
    if naive:
        raise BadResult("retry_at has no offset")
    if instant > now + _LONGEST_WAIT:
        raise BadResult("retry_at is more than ten years ahead")
    return instant


def _usage(found: dict[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    for key in _USAGE:
        if not shapes.is_number(found.get(key, 0)):
            raise BadResult(f"usage.{key} is not a number that can be kept")
    return {key: found[key] for key in _USAGE if key in found}


def _session(found: str | None) -> str | None:
    """The next run is told of it by a variable, which holds neither NUL nor half of a surrogate pair."""
    if found is not None and ("\0" in found or any("\ud800" <= char <= "\udfff" for char in found)):
        raise BadResult("session_id is none that an executor could be told")
    return found


def _texts(found: list[Any] | None) -> list[str] | None:
    if found is not None and not all(isinstance(item, str) for item in found):
        raise BadResult("artifacts holds something that is not a text")
    return found
