"""What a coding agent said of its run, and tools to read JSON of any shape."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from defer.record import shapes

_CACHED = ("cached_input_tokens", "cache_read_input_tokens")


class Report(NamedTuple):
    """What the agent said of its run. ``failure`` is its own word for why it failed, None if it did not.

    ``counts_conversation``: ``usage`` is that of its conversation from the beginning. ``back_at``: when its quota is
    back, in seconds since 1970. ``complaint``: the last line of its standard error. ``is_hopeless``: it reached a limit
    of the task's own, and would again. ``retrying``: what kept it from its service when it was last heard.
    """

    output: str
    failure: str | None = None
    denied: tuple[str, ...] = ()
    http_status: int | None = None
    session_id: str | None = None
    usage: dict[str, float] | None = None
    counts_conversation: bool = False
    model: str | None = None
    tool_calls: int | None = None
    back_at: float | None = None
    complaint: str = ""
    is_session_gone: bool = False
    is_hopeless: bool = False
    retrying: str | None = None

    def status_is(self, one_of: Container[int]) -> bool:
        """Whether its service answered with one of these HTTP statuses."""
        return self.http_status is not None and self.http_status in one_of


def usage(said: object, cost: object) -> dict[str, float] | None:
    """The tokens and the cost of a run, as far as they are numbers that can be kept; None where nothing was said.

    Cached tokens are part of ``input_tokens``, as in OpenTelemetry's ``gen_ai.usage.input_tokens``. Claude Code counts
    those apart from the rest, Codex among them.
    """
    counts = said if isinstance(said, dict) else {}
    into = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    cached = next((counts[name] for name in _CACHED if name in counts), None)
    found = {
        "input_tokens": sum(_count(counts.get(name)) for name in into),
        **({} if cached is None else {"cached_input_tokens": _count(cached)}),
        "output_tokens": _count(counts.get("output_tokens")),
        **({"cost_usd": float(cost)} if shapes.is_number(cost) and isinstance(cost, int | float) else {}),
    }
    kept = {name: value for name, value in found.items() if shapes.is_number(value) and value >= 0}
    return kept if counts or cost else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and shapes.is_count(value, shapes.MAX_TALLY) else 0


def text(value: object) -> str:
    """A text without the white space around it; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""
