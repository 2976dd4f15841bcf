"""Claude Code: how its program is called without a person, and how its output reads.

The shape is that of ``claude -p --output-format json``, one ``result`` object, as its documentation has it. Checked
with claude 2.1.197.
"""

from __future__ import annotations

from . import report
from .report import Report


def arguments(model: str | None, session: str | None) -> list[str]:
    """What the program is called with; each word from outside is one with its flag, so that it is not an option."""
    flags = ["-p", "--output-format", "json"]
    return [*flags, *([f"--model={model}"] if model else []), *([f"--resume={session}"] if session else [])]


def read(printed: str) -> Report:
    """What the agent said of its run, from all that the program printed."""
    value = report.loads(printed)
    # With --verbose the whole conversation comes as an array, the result last.
    final = value[-1] if isinstance(value, list) and value else value
    if not isinstance(final, dict) or final.get("type") != "result":
        return Report(printed)
    said = report.text(final.get("result"))
    errors = final.get("errors")
    failed = bool(final.get("is_error"))
    reasons = "; ".join(map(report.text, errors)) if isinstance(errors, list) else ""
    return Report(
        said,
        failure=(said or reasons or report.text(final.get("subtype"))) if failed else None,
        denied=_denied(final.get("permission_denials")),
        http_status=_number(final.get("api_error_status")),
        session_id=report.text(final.get("session_id")) or None,
        usage=report.usage(final.get("usage"), final.get("total_cost_usd")),
    )


def _denied(denials: object) -> tuple[str, ...]:
    listed = [one for one in denials if isinstance(one, dict)] if isinstance(denials, list) else []
    return tuple(dict.fromkeys(filter(None, (report.text(one.get("tool_name")) for one in listed))))


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
