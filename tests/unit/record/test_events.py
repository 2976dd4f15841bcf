"""Events: what the audit log is told of each, and that each is made in one place."""

import ast

import pytest

from defer.record import events
from defer.store import audit
from support import NOW, SCRIPTS, v1_task

EXECUTING = v1_task("a", status="executing", attempts=2, run={"run_id": "run_1"}, after_attempt={"do": "pause"})
SKIPPED = v1_task("a", status="skipped", reason="missed", stretch={"first": "x", "last": "y", "count": 3})


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.scheduled(v1_task("a", when="1h"), NOW), "scheduled id=a run_at=2026-04-08T16:45:00Z when=1h"),
        (events.scheduled(v1_task("a"), NOW), "scheduled id=a run_at=2026-04-08T16:45:00Z"),
        (events.changed(v1_task("a"), "paused", NOW), "paused id=a run_at=2026-04-08T16:45:00Z"),
        (events.run_requested(v1_task("a"), v1_task("b"), NOW), "run_requested id=a copy=b"),
        (events.cancelled("a", "no longer", NOW), 'cancelled id=a reason="no longer"'),
        (events.cancel_requested(EXECUTING, None, NOW, occurrence_only=False), "cancel_requested id=a"),
        (
            events.cancel_requested(EXECUTING, "x", NOW, occurrence_only=True),
            "cancel_requested id=a reason=x occurrence_only=True",
        ),
        (events.cancel_requested(v1_task("a"), None, NOW, occurrence_only=False), "cancelled id=a"),
        (events.cancel_requested(v1_task("a"), None, NOW, occurrence_only=True), "occurrence_cancelled id=a"),
        (events.released("a", "run_1", "nobody", NOW), "released id=a run=run_1 held_by=nobody"),
        (events.synced(EXECUTING, None, "f", NOW), "after_attempt id=a do=pause file=f"),
        (events.synced(v1_task("a"), None, "f", NOW), "edited id=a file=f run_at=2026-04-08T16:45:00Z"),
        (events.synced(v1_task("a"), "r", "f", NOW), "cancelled id=a reason=r file=f run_at=2026-04-08T16:45:00Z"),
        (events.started(EXECUTING, NOW), "started id=a run=run_1 attempt=2"),
        (
            events.retry_scheduled(v1_task("a", attempts=1), "why", NOW),
            "retry_scheduled id=a attempt=1 error=why run_at=2026-04-08T16:45:00Z",
        ),
        (events.ended(v1_task("a", status="failed", error="why"), NOW), "failed id=a attempt=0 error=why"),
        (events.next_occurrence(v1_task("a"), NOW), "next_occurrence id=a run_at=2026-04-08T16:45:00Z"),
        (events.archived(v1_task("a", status="completed"), NOW), "archived id=a status=completed"),
        (events.archived(SKIPPED, NOW), "archived id=a status=skipped reason=missed count=3"),
        (events.of_run("put_back", "a", "run_1", NOW, error="why"), "put_back id=a run=run_1 error=why"),
        (events.failing("claim_failed", None, OSError("why"), NOW), "claim_failed error=why"),
        (events.met("held", {"id": "a", "reason": "why"}, NOW), "held id=a reason=why"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_is_a_line_of_the_audit_log(event, line):
    assert audit.line(event) == f"2026-04-08T16:45:00Z {line}\n"


def made_elsewhere() -> list[str]:
    """Modules that make an event without a function of ``events``."""
    found = []
    for path in SCRIPTS.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        if path.stem != "events" and any(getattr(call.func, "id", None) == "Event" for call in calls):
            found.append(str(path))
    return found


def test_they_are_made_in_one_place():
    assert made_elsewhere() == []
