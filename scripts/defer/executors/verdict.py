"""What a coding agent's run came to, from what the agent said of it and its program's exit status."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from defer import instants
from defer.errors import EXIT_BUSY

from . import names as agentnames
from .quota import Exhausted, exhausted
from .report import Report

EXIT_MISCONFIGURED = 78
EMPTY_RUN = "EmptyRun"
_BUSY_STATUSES = {408, 425, 429, 500, 502, 503, 504, 529}
_HOPELESS_STATUSES = {400, 401, 402, 403, 404, 413, 422}
_NO_SESSION = "the next run begins a new conversation: what it calls its session is not an id"
_HOPELESS = re.compile(
    r"run /login|not logged in|invalid api key|codex login|missing environment variable|invalid auth method"
    r"|does not exist or you do not have access|prompt is too long|context.length|maximum context|context window"
    r"|not running in a trusted|untrusted (?:folder|workspace)|input must be provided|no prompt provided",
    re.IGNORECASE,
).search


class Verdict(NamedTuple):
    """What the executor prints, exits with, writes to ``DEFER_RESULT_FILE`` and says about that on stderr."""

    output: str
    exit_code: int
    error: str | None
    result: dict[str, Any]
    problems: tuple[str, ...] = ()


# status  the agent said                               exit status and error
# 0       "All green."                                 0
# 0       "All green.", denied: Bash                   0; the wake decides on `denied` in the result file
# 0       nothing                                      1: claude has said nothing (EmptyRun)
# 0       failure "Overloaded", HTTP status 529        75: Overloaded
# 1       "You've hit your limit · resets 3pm (UTC)"   75: the same, to be tried again at three
# 1       "Please run /login"                          78: the same
# 1       failure "model: x", HTTP status 404          78: the same
# 2       nothing, and "boom" on its standard error    2: boom
# 2       nothing                                      2: codex exited with 2
def judge(agent: str, report: Report, status: int, now: datetime, zone: ZoneInfo, was_told: bool = False) -> Verdict:
    """The verdict on a run of ``agent``, by what it said of it and the ``status`` that its program exited with.

    ``was_told``: we were told to end, and so was the program: if it has said nothing of that, neither do we.
    """
    result = known(report)
    if status != 0 or report.failure is not None:
        said = report.failure or report.output.strip() or report.complaint
        limit = _limit(report, said, now, zone)
        if limit and limit.back_at:
            result["retry_at"] = instants.to_text(limit.back_at)
        code = EXIT_BUSY if limit else EXIT_MISCONFIGURED if _is_hopeless(report, said) else status or 1
        error = said.strip() or (None if was_told else f"{agent} exited with {status}")
    elif _is_empty(report):
        code, error = 1, f"{agent} has said nothing, and called that a success"
        result["error_type"] = EMPTY_RUN
    else:
        code, error = 0, None
    return Verdict(
        "" if report.output.strip() == report.failure else report.output,
        code,
        # Such words come from a model: none of their lines may pass for our last one.
        error and " ".join(error.split())[:1000],
        result,
        (_NO_SESSION,) if report.session_id and "session_id" not in result else (),
    )


def known(report: Report) -> dict[str, Any]:
    """What a result file says of a run, also of one that is still under way."""
    found = {
        "session_id": report.session_id if agentnames.is_session(report.session_id) else None,
        "session_usage" if report.counts_conversation else "usage": report.usage,
        "model": report.model if agentnames.is_model(report.model) else None,
        "tool_calls": report.tool_calls or None,
        "denied": [" ".join(one.split())[:100] for one in report.denied] or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _limit(report: Report, said: str, now: datetime, zone: ZoneInfo) -> Exhausted | None:
    """Whether a limit or an overload of its service ended it, and until when."""
    if report.is_hopeless or report.status_is(_HOPELESS_STATUSES):
        return None
    found = exhausted(said, now, zone)
    back = datetime.fromtimestamp(report.back_at, UTC) if report.back_at else None
    if back and back > now:
        return Exhausted(back)
    return found or (Exhausted(None) if report.status_is(_BUSY_STATUSES) else None)


def _is_hopeless(report: Report, said: str) -> bool:
    """Whether it can never work by trying again."""
    return report.is_hopeless or report.status_is(_HOPELESS_STATUSES) or bool(_HOPELESS(said[:10_000]))


def _is_empty(report: Report) -> bool:
    return not report.output.strip() and not report.denied
