"""How the tasks of a store are doing: what is wrong, and totals of a window beside the one before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import instants

if TYPE_CHECKING:
    from .findings import Finding
    from .habits import Totals
    from .waiting import Scene


class Health(NamedTuple):
    """What was found as of ``scene.now``; ``more`` findings are only counted.

    ``acknowledged``: tasks whose failures a person knows of, each with the error. ``paused``: how many of ``tasks``
    wait for a person. ``stranded``: how many tasks have been due for a while. For metrics alone: ``successes``, when
    each task that recurs last succeeded, and ``counted``, what has ended since the month began (UTC).
    """

    host: str
    scene: Scene
    tasks: int
    paused: int
    stranded: int
    findings: list[Finding]
    more: int
    acknowledged: dict[str, str]
    window: Totals
    before: Totals
    worst: dict[str, Any] | None
    successes: dict[str, datetime]
    counted: Totals | None

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look: something is wrong with a task, or tasks wait for wakes that do not work."""
        return bool(self.findings) or bool(self.tasks > self.paused and not self.is_woken)

    @property
    def is_woken(self) -> bool:
        """Whether wakes come and do their work."""
        return self.scene.is_awake and not self.scene.trouble

    def as_json(self) -> dict[str, Any]:
        """The report for programs, as ``references/health.schema.json`` describes it."""
        scene = self.scene
        return {
            "at": instants.to_text(scene.now),
            "host": self.host,
            "attention": self.needs_attention,
            "waker": {
                "awake": scene.is_awake,
                "last_wake": None if scene.last_wake is None else instants.to_text(scene.last_wake),
                "trouble": scene.trouble,
                "gone": scene.gone,
            },
            "tasks": self.tasks,
            "stranded": self.stranded,
            "findings": [one.as_json() for one in self.findings],
            "more": self.more,
            "acknowledged": [{"task": name, "error": error} for name, error in self.acknowledged.items()],
            "window": {**self.window.as_json(), "worst": self.worst},
            "before": self.before.as_json(),
        }
