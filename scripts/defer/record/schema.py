"""Checks what comes from outside against ``references/task.schema.json`` (JSON Schema 2020-12)."""

from __future__ import annotations

import json
import math
from typing import Any

from defer.errors import BadInput
from defer.paths import REFERENCES

from . import codec

_MAX_DEPTH = codec.MAX_DEPTH - 10
PATH = REFERENCES / "task.schema.json"


def check(value: object, definition: str, source: str) -> None:
    """Hold ``value`` to ``#/$defs/<definition>``. Raises BadInput naming ``source`` and the place in it."""
    # Imported here: it costs more than all else that scheduling does.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    validator = Draft202012Validator({**schema, **schema["$defs"][definition], "required": []})
    error = best_match(validator.iter_errors(value))
    if error is not None:
        wanted = f"see references/task.schema.json, {definition}"
        raise BadInput(f"{source}: {error.json_path}: {_shortened(error.message)} ({wanted})")


def _shortened(message: str) -> str:
    return message if len(message) <= 200 else message[:199] + "…"


def finite(digits: str) -> float:
    """A number with a fraction or an exponent. Raises ValueError for one that a float cannot hold."""
    found = float(digits)
    if math.isinf(found):
        raise ValueError(f"{digits[:40]} is too large a number")
    return found


def parse_object(text: str, source: str) -> dict[str, Any]:
    """The JSON object in ``text``. Raises BadInput with line and column if it is not one."""
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=codec.refuse_constant, parse_float=finite)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadInput(f"{source} is not JSON: {error.msg} at {where} (quote the whole object for the shell)") from None
    except ValueError as error:
        raise BadInput(f"{source} is not JSON: {error} (correct that number)") from None
    except RecursionError:
        raise BadInput(f"{source} is nested too deeply (flatten it)") from None
    if codec.nests_deeper_than(_MAX_DEPTH, value):
        raise BadInput(f"{source} is nested too deeply: more than {_MAX_DEPTH} levels (flatten it)")
    if not isinstance(value, dict):
        raise BadInput(f'{source} is not a JSON object: {_shortened(text)} (write {{"summary": "…"}})')
    return value
