"""What a coding agent's run came to, from what the agent said of it and its program's exit status."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from defer import instants
from defer.errors import EXIT_BUSY

from . import names as agentnames
from .quota import Exhausted, exhausted
from .report import Report

EXIT_BLOCKED = 77
EXIT_MISCONFIGURED = 78
_BUSY_STATUSES = {429, 529}
_LOGIN_STATUSES = {401, 403}
_NO_SESSION = "the next run begins a new conversation: what it calls its session is not an id"
_LOGIN_WORDS = ("run /login", "invalid api key", "not logged in", "codex login")


class Verdict(NamedTuple):
    """What the executor prints, exits with, writes to ``DEFER_RESULT_FILE`` and says about that on stderr."""

    output: str
    exit_code: int
    error: str | None
    result: dict[str, Any]
    problems: tuple[str, ...] = ()


# status  the agent said                               exit status and error
# 0       "All green."                                 0
# 0       "All green.", denied: Bash                   77: permission denied for Bash (…)
# 0       failure "Overloaded", HTTP status 529        75: Overloaded
# 1       "You've hit your limit · resets 3pm (UTC)"   75: the same, to be tried again at three
# 1       "Please run /login"                          78: the same
# 2       nothing                                      2: codex exited with 2
def judge(agent: str, report: Report, status: int, now: datetime, zone: ZoneInfo) -> Verdict:
    """The verdict on a run of ``agent``, by what it said of it and the ``status`` that its program exited with."""
    session = report.session_id if agentnames.is_session(report.session_id) else None
    result: dict[str, Any] = {"session_id": session, "usage": report.usage}
    if status != 0 or report.failure is not None:
        said = report.failure or report.output
        limit = exhausted(said, now, zone) or (Exhausted(None) if report.http_status in _BUSY_STATUSES else None)
        if limit and limit.back_at:
            result["retry_at"] = instants.to_text(limit.back_at)
        code = EXIT_BUSY if limit else EXIT_MISCONFIGURED if _needs_login(report, said) else status or 1
        error = said.strip() or f"{agent} exited with {status}"
    elif report.denied:
        code, error = EXIT_BLOCKED, f"permission denied for {', '.join(report.denied)} (allow it in {agent}'s settings)"
    else:
        code, error = 0, None
    return Verdict(
        report.output,
        code,
        # The names of tools come from a model: none of their lines may pass for our last one.
        error and " ".join(error.split())[:1000],
        {k: v for k, v in result.items() if v is not None},
        (_NO_SESSION,) if report.session_id and not session else (),
    )


def _needs_login(report: Report, said: str) -> bool:
    return report.http_status in _LOGIN_STATUSES or any(words in said.lower() for words in _LOGIN_WORDS)
