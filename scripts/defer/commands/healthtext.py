"""What `health` says to people: the state of the waker, what is wrong with each task, and how the window compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, TextIO

from defer import instants, visible
from defer import say as words
from defer.record import task
from defer.reports.findings import BLOCKED
from defer.reports.habits import span

from . import ids, output, tables
from .tables import Column

if TYPE_CHECKING:
    from defer.reports.findings import Finding
    from defer.reports.health import Health

_MOST_SAID = 500
_COLUMNS = (
    Column("", 0),
    Column("Window", 0, right=True),
    Column("Before", 0, right=True),
)


def show(found: Health, zone: tzinfo, out: TextIO, *, with_evidence: bool) -> None:
    """The report in sentences, and its totals as a table."""
    now = found.scene.now
    output.say(*_first_lines(found, zone), out=out)
    shown = ids.shown([one.task for one in found.findings], out)
    for one in found.findings:
        output.say("", out=out)
        _show(one, shown[one.task], zone, now, out, with_evidence=with_evidence)
    if found.more:
        output.say("", f"… and {found.more:,} more", out=out)
    for name, error in found.acknowledged.items():
        output.say("", f"Acknowledged: {visible.line(name)} fails: {visible.sentence(error, _MOST_SAID)}", out=out)
    output.say("", _window(found, zone), out=out)
    tables.show(_COLUMNS, list(_rows(found)), out)
    if found.worst is not None:
        share = f"{found.worst['failed']} of {found.worst['runs']} runs failed"
        output.say(f"Worst: {visible.line(found.worst['task'])}, {share}", out=out)


def _first_lines(found: Health, zone: tzinfo) -> Iterator[str]:
    scene, now = found.scene, found.scene.now
    if not scene.is_awake:
        last = "never" if scene.last_wake is None else words.moment(scene.last_wake, zone, now)
        yield f"Nothing wakes the store; the last wake: {last} (defer doctor)"
    elif scene.trouble:
        yield f"The last wake could not do its work: {visible.sentence(scene.trouble, _MOST_SAID)} (defer doctor)"
    ill = len({one.task for one in found.findings})
    tasks = f"{found.tasks:,} task{'' if found.tasks == 1 else 's'}"
    tasks += f" ({found.paused:,} paused)" if found.paused else ""
    if ill:
        yield f"{ill:,} task{' needs' if ill == 1 else 's need'} attention; {tasks} in the store."
    elif found.needs_attention:
        due = f"Due for more than two minutes: {found.stranded:,}; " if found.stranded else ""
        yield f"{due}{tasks} in the store."
    elif found.acknowledged:
        yield f"Nothing but what you know of needs attention; {tasks} in the store."
    else:
        yield f"All is well; {tasks} in the store."


def _show(one: Finding, name: str, zone: tzinfo, now: datetime, out: TextIO, *, with_evidence: bool) -> None:
    since = "" if one.since is None else f" (since {_moment(one.since, zone, now)})"
    rule = tables.painted(one.id, "bad", out)
    text = visible.sentence(f"{name} {one.what}{since}", _MOST_SAID)
    out.write(f"{rule}: {text}\n")
    # What blocks a task is outside: the command comes after that.
    output.say(f"  {'then' if one.id == BLOCKED else 'mend'}: {one.fix}", out=out)
    if with_evidence:
        output.say(*(f"  {name}: {said}" for name, said in _facts(one.evidence)), out=out)


def _facts(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in evidence.items():
        if value is not None and value != []:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield name.replace("_", " "), visible.sentence(shown, _MOST_SAID)


def _moment(text: str, zone: tzinfo, now: datetime) -> str:
    try:
        at = instants.from_text(text)
    except ValueError:
        return text
    return f"{words.local(at, zone):%a %d %b %H:%M}, {words.short(at, now)}"


def _window(found: Health, zone: tzinfo) -> str:
    start, end = words.local(found.window.start, zone), words.local(found.window.end, zone)
    changed = f" {start:%Z}" if start.utcoffset() != end.utcoffset() else ""
    return f"From {start:%a %d %b %H:%M}{changed} to {end:%a %d %b %H:%M} {end:%Z}, and as long before:"


def _rows(found: Health) -> Iterator[tuple[str, str, str]]:
    """The totals, each beside that of the window before."""
    both = found.window.as_json(), found.before.as_json()
    for name, say in _SAID.items():
        one, other = (say(totals) for totals in both)
        if (one, other) != ("", ""):
            yield name, one or "-", other or "-"
    counts = found.window.outcomes, found.before.outcomes
    for status in task.ENDED:
        if any(count[status] for count in counts):
            yield f"Ended {status}", f"{counts[0][status]:,}", f"{counts[1][status]:,}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _spread(found: Mapping[str, int | None], unit: int) -> str:
    """The median of something and what 95 % of it do not exceed."""
    if found["median"] is None or found["p95"] is None:
        return ""
    return f"{span(found['median'] * unit)} / {span(found['p95'] * unit)}"


def _tokens(found: Mapping[str, int]) -> str:
    return f"{found['input']:,} / {found['output']:,}" if any(found.values()) else ""


_SAID: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "Runs": lambda totals: f"{totals['runs']:,}",
    "Failed": lambda totals: f"{totals['failed']:,} ({_share(totals['failure_rate'])})" if totals["runs"] else "",
    "Took, median / 95 %": lambda totals: _spread(totals["duration_ms"], 1),
    "Late by, median / 95 %": lambda totals: _spread(totals["late_by_seconds"], 1000),
    "Tokens, in / out": lambda totals: _tokens(totals["tokens"]),
    "Cost": lambda totals: f"${totals['cost_usd']:,.2f}" if totals["cost_usd"] else "",
    "Log backing": lambda totals: _share(totals["log_backing"]),
}
