"""How each of the four APIs says no."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .answered import ANTHROPIC, GEMINI, Api
from .turn import Scenario


class Refusal(NamedTuple):
    """A failing answer: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: Any


class _Row(NamedTuple):
    status: int
    anthropic: str
    openai: str
    google: str
    message: str


_TOO_LONG = "prompt is too long: 250000 tokens > 200000 maximum"
_NO_CREDIT = "You exceeded your current quota, please check your plan and billing details."
_EXHAUSTED = "RESOURCE_EXHAUSTED"
ROWS = {
    # scenario: HTTP status, the name that Anthropic, OpenAI and Google have for it, message
    "rate": _Row(429, "rate_limit_error", "rate_limit_exceeded", _EXHAUSTED, "Rate limit reached for requests"),
    "usage": _Row(429, "rate_limit_error", "usage_limit_reached", _EXHAUSTED, "The usage limit has been reached"),
    "quota": _Row(429, "rate_limit_error", "insufficient_quota", _EXHAUSTED, _NO_CREDIT),
    "auth": _Row(401, "authentication_error", "invalid_api_key", "UNAUTHENTICATED", "invalid x-api-key"),
    "forbidden": _Row(403, "permission_error", "permission_denied", "PERMISSION_DENIED", "Your key may not use this"),
    "overload": _Row(529, "overloaded_error", "server_error", "UNAVAILABLE", "Overloaded"),
    "broken": _Row(500, "api_error", "server_error", "INTERNAL", "Internal server error"),
    "nomodel": _Row(404, "not_found_error", "model_not_found", "NOT_FOUND", "model: {model}"),
    "context": _Row(400, "invalid_request_error", "context_length_exceeded", "INVALID_ARGUMENT", _TOO_LONG),
}
_OPENAI_WORDS = {
    "auth": "Incorrect API key provided: fake.",
    "nomodel": "The model `{model}` does not exist or you do not have access to it.",
}


def refusal(api: Api, scenario: Scenario, model: str) -> Refusal | None:
    """What a failing scenario answers in the shape that this API's service has; None if it does not fail."""
    row = ROWS.get(scenario.name)
    if row is None:
        return None
    row = row._replace(message=row.message.format(model=model))
    wait = scenario.argument or ("7200" if scenario.name == "usage" else "")
    if api is ANTHROPIC:
        return _anthropic(row, scenario.name, wait)
    return _gemini(row, scenario.name, wait) if api is GEMINI else _openai(row, scenario.name, wait, model)


def _retry_after(name: str, wait: str) -> dict[str, str]:
    return {"retry-after": wait} if name == "rate" and wait else {}


def _anthropic(row: _Row, name: str, wait: str) -> Refusal:
    headers = _retry_after(name, wait)
    if name == "usage":
        reset = str(int(time.time()) + int(wait))
        limited = {"status": "rejected", "reset": reset, "representative-claim": "five_hour"}
        limited |= {"5h-status": "rejected", "5h-reset": reset}
        headers = {f"anthropic-ratelimit-unified-{key}": value for key, value in limited.items()}
        headers["retry-after"] = wait
    error = {"type": row.anthropic, "message": row.message}
    return Refusal(row.status, headers, {"type": "error", "error": error, "request_id": "req_stub"})


def _gemini(row: _Row, name: str, wait: str) -> Refusal:
    status = 503 if row.status == 529 else row.status
    error: dict[str, Any] = {"code": status, "message": row.message, "status": row.google}
    if name in ("rate", "usage"):
        per = "PerDay" if name == "usage" else "PerMinute"
        violated = {"quotaId": f"GenerateRequests{per}PerProjectPerModel", "quotaMetric": "x"}
        details: list[Any] = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violated]}]
        if wait:
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait}s"})
        later = f" Please retry in {wait}s." if wait else ""
        error |= {"message": f"You exceeded your current quota.{later}", "details": details}
    return Refusal(status, _retry_after(name, wait), {"error": error})


def _openai(row: _Row, name: str, wait: str, model: str) -> Refusal:
    kind = "invalid_request_error" if name == "auth" else row.openai
    message = _OPENAI_WORDS.get(name, row.message).format(model=model)
    error: dict[str, Any] = {"message": message, "type": kind, "param": None, "code": row.openai}
    if name == "usage":
        error |= {"plan_type": "plus", "resets_at": int(time.time()) + int(wait), "resets_in_seconds": int(wait)}
    return Refusal(503 if row.status == 529 else row.status, _retry_after(name, wait), {"error": error})
