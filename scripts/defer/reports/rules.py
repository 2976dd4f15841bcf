"""The rules of `health` for how a task has been running: failing, late, slow, silent.

Each is a function of a record and of its task's habit; None where nothing is wrong. ``waiting`` has those for tasks
that do not run.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import instants, say
from defer.record import outcome, signature, task

from .findings import BLOCKED, EMPTY, FAILED, FAILING, LATE, SLOW, TIMED_OUT, UNLOGGED, Finding, command
from .habits import BEFORE, LAST, Failure, Habit, median, span, useful_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from defer.record.codec import Task

USUAL_LATENESS = 300.0
"""Seconds after which a run is late if its task does not say until when it is of use."""
_LATE_SHARE = 0.1
_SLOWER, _NEAR_LIMIT, _NOTICEABLE_MS = 3, 0.9, 1000
_FEWEST = 5
_BLOCKED = {outcome.PERMISSION_BLOCKED: 77, outcome.CONFIG_ERROR: 78}
_EXITED = re.compile(r"^executor exited with 7[78]: ")
_LONGEST_SAID = 200
_LONGEST_INTERIM = 160
_SENTENCE = r"[^.!?…]+[.!?…]*"
# What somebody says who is about to begin, greets or asks: `I'll check the logs now`, `On it!`, `Which branch?`
_INTERIM = (
    r"(?:(?:sure|okay|ok|of course|certainly|great|understood|got it|absolutely)[, —-]*)?"
    r"(?:(?:i'?m )?(?:on it|working on it|looking into it|getting started)|will do|one moment|got it|understood"
    r"|(?:i'?ll|i will|let me|i'?m going to|i am going to|i'?m about to|starting|let's) [^:]*"
    r"|(?:hello|hi|hey)\b[^:]*|[^:]*\?)[.!… ]*|(?:sure|of course|certainly|great|absolutely)[.!… ]+"
)
_pattern = cache(re.compile)


class Failing(NamedTuple):
    """The failures of a task that nothing has ended yet."""

    times: int
    since: str | None
    reason: str | None
    attempts: Sequence[Failure]
    """Those that are known, the latest first."""
    recurs: bool
    is_alike: bool | None = None
    """Whether all of them had one error; None where some are not known."""
    is_logged: bool = False
    """Whether the log of the latest can be read, here or elsewhere."""
    is_paused: bool = False
    is_by_hand: bool = False
    """Whether it is a copy that a person ran."""
    timeout: float = 0
    """The time limit of its attempts in seconds; 0 for none."""

    @property
    def error_type(self) -> str | None:
        """What kind the latest was."""
        return self.attempts[0].error_type if self.attempts else None

    @property
    def error(self) -> str | None:
        """What the latest said."""
        return (self.attempts[0].error if self.attempts else None) or self.reason

    @property
    def signature(self) -> str:
        """What tells its error from another one."""
        return signature.of(self.error)


def failing(task_id: str, failures: Failing) -> list[Finding]:
    """What is to be said of failures: that there are several in a row, what blocks it, or that it failed at all."""
    evidence = _evidence(failures)
    found = []
    if failures.times >= 2:
        how = {True: " with the same error", False: " with different errors", None: ""}[failures.is_alike]
        row = f"has failed {failures.times} times in a row{how}: {_said(failures.error)}"
        mend = command("log" if failures.is_logged else "show", task_id)
        found.append(_of(FAILING, task_id, failures, row, evidence, mend))
    if failures.error_type in _BLOCKED:
        lacks = "may not do its work" if failures.error_type == outcome.PERMISSION_BLOCKED else "cannot do its work"
        what = f"{lacks}: {_said(_EXITED.sub('', failures.error or ''))}"
        exit_code = _BLOCKED[failures.error_type]
        blocked = failures._replace(since=_began(failures))
        found.append(
            _of(BLOCKED, task_id, blocked, what, {**evidence, "exit_code": exit_code}, command("run", task_id))
        )
    return found or [_failed_once(task_id, failures, evidence)]


def _began(failures: Failing) -> str | None:
    """Since when the attempts have failed as the latest did: what failed before in another way is of the same row."""
    alike = list(takewhile(lambda one: one.error_type == failures.error_type, failures.attempts))
    return failures.since if len(alike) == len(failures.attempts) else instants.to_text(alike[-1].at)


def _failed_once(task_id: str, failures: Failing, evidence: dict[str, Any]) -> Finding:
    if failures.error_type == outcome.TIMEOUT_ERROR:
        what = f"ran into its time limit: {_said(failures.error)}"
        fix = _longer("edit" if failures.recurs else "run", task_id, failures.timeout)
        return _of(TIMED_OUT, task_id, failures, what, evidence, fix)
    return _of(FAILED, task_id, failures, f"failed: {_said(failures.error)}", evidence, command("run", task_id))


def _of(rule: str, task_id: str, failures: Failing, what: str, evidence: dict[str, Any], fix: str) -> Finding:
    how = " (paused)" if failures.is_paused else " (run by hand)" if failures.is_by_hand else ""
    return Finding(rule, task_id, failures.since, what + how, evidence, fix, failures.times)


def _evidence(failures: Failing) -> dict[str, Any]:
    known = failures.attempts
    return {
        "failures": failures.times,
        "error": _said(failures.error),
        "error_type": failures.error_type,
        "signatures": list(dict.fromkeys(one.signature for one in known)) or [failures.signature],
        "runs": [one.run_id for one in known if one.run_id],
    }


def _said(error: str | None) -> str:
    words = " ".join((error or "nothing was said").split())
    return words if len(words) <= _LONGEST_SAID else words[: _LONGEST_SAID - 1] + "…"


def lateness_allowed(one: Task) -> float:
    """How many seconds late a run of a recurring task may begin."""
    useful = useful_seconds(one)
    return USUAL_LATENESS if useful is None else float(useful)


def late(task_id: str, habit: Habit, allowed: float, slots: int | None = None) -> Finding | None:
    """Too many runs of the window began too late; ``slots`` where most of them waited for one of so many."""
    # What came too late to be of use was not run at all.
    too_late, all_of_them = habit.late + habit.expired, habit.runs + habit.expired
    if not too_late or too_late <= _LATE_SHARE * all_of_them:
        return None
    worst = f"; at worst {say.roughly(habit.worst_late)}" if habit.worst_late else ""
    what = f"came more than {say.roughly(int(allowed))} late in {too_late} of {all_of_them} cases{worst}"
    if all_of_them == 1 and habit.worst_late:
        what = f"came {say.roughly(habit.worst_late)} late"
    evidence = {
        "occurrences": all_of_them,
        "late": too_late,
        "worst_seconds": habit.worst_late or None,
        "allowed_seconds": allowed,
    }
    fix = command("doctor")
    if slots is not None:
        taken = f"all {slots} slots were" if slots > 1 else "the only slot was"
        what += f"; {taken} taken (DEFER_MAX_PARALLEL)"
        evidence["slots"], fix = slots, command("history", task_id)
    return Finding(LATE, task_id, None, what, evidence, fix, too_late / all_of_them)


def slow(task_id: str, habit: Habit, timeout: float) -> Finding | None:
    """The last runs took much longer than those before, or nearly as long as they may: ``timeout``, 0 for no limit."""
    last, before = median(habit.durations[:LAST]), median(habit.durations[LAST : LAST + BEFORE])
    if last is None:
        return None
    evidence = {"median_ms": last, "before_ms": before, "timeout_seconds": timeout or None}
    limit = timeout * 1000
    if limit and last >= _NEAR_LIMIT * limit:
        what = f"takes {span(last)}, nearly its time limit of {span(round(limit))}"
        return Finding(SLOW, task_id, None, what, evidence, _longer("edit", task_id, timeout), last / limit)
    enough = len(habit.durations) >= LAST + _FEWEST
    if before is None or not enough or last <= _SLOWER * before or last - before < _NOTICEABLE_MS:
        return None
    what = f"takes {span(last)} now, and took {span(before)} before"
    return Finding(SLOW, task_id, None, what, evidence, command("history", task_id), 0)


def _longer(act: str, task_id: str, timeout: float) -> str:
    """The command that gives a task, or one more run of it, twice the time."""
    return command(act, task_id, "--timeout", f"{max(1, round(2 * timeout))}s" if timeout else "none")


def unlogged(task_id: str, runs: Sequence[str]) -> Finding:
    """Runs of the window that had output, and whose log is gone."""
    many = f"{len(runs)} runs" if len(runs) > 1 else "a run"
    what = f"has lost the output of {many}, and not by pruning"
    fix = command("doctor", "--records")
    return Finding(UNLOGGED, task_id, None, what, {"runs": list(runs)}, fix, len(runs))


def is_prompt_task(one: Task) -> bool:
    """Whether somebody was to read a prompt and answer: not a command, which may well be silent, nor a reminder."""
    return not one.get("command") and (one.get("result") or {}).get("type") == "executor_output"


def empty(one: Task, is_there: Callable[[str], bool]) -> Finding | None:
    """A completed record of an agent that said nothing, or only that it was about to begin.

    ``is_there`` tells of a log, which may have been pruned, whether it can be read here.
    """
    if one["status"] != task.COMPLETED or not is_prompt_task(one):
        return None
    result = one.get("result") or {}
    said = (result.get("summary") or result.get("output") or "").strip()
    # What stands in the log alone was printed as an error.
    if not is_interim(said) if said else result.get("log_path"):
        return None
    what = f"completed, and said only: {_said(said)}" if said else "completed without a word: there is no output"
    name = one.get("copy_of") or one["id"]
    log = result.get("log_path")
    fix = command("log" if log and is_there(log) else "show", name)
    return Finding(EMPTY, name, one.get("completed_at"), what, {"output": said or None, "log": log}, fix)


def is_interim(said: str) -> bool:
    """Whether a text is no more than the promise to begin, a greeting or a question back."""
    text = said.strip().lower().replace("\u2019", "'")
    if len(text) > _LONGEST_INTERIM or "\n" in text:
        return False
    sentences = [one.strip() for one in _pattern(_SENTENCE).findall(text)]
    return bool(sentences) and all(_pattern(_INTERIM).fullmatch(one) for one in sentences)
