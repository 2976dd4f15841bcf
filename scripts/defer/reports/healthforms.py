"""The report of `health` for other programs: metrics, a document, and the payload of a Discord webhook.

- Metrics are in the text format of Prometheus (exposition format 0.0.4), as its own client reads it.
- The document is Markdown (CommonMark, with GitHub's tables).
- The payload keeps to the limits that Discord documents for a message: one embed with at most 25 fields, a title of 256
  characters, a description of 4096, a field's name of 256 and its value of 1024, a footer of 2048, and 6000 in all.

Text from tasks is shown in them, and nothing in it is obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from defer import instants, visible
from defer.record import task

from .findings import RULES, Finding
from .habits import median, rank, span

if TYPE_CHECKING:
    from .habits import Totals
    from .health import Health

TITLE, DESCRIPTION, NAME, VALUE, FOOTER, FIELDS, ALL = 256, 4096, 256, 1024, 2048, 25, 6000
"""Discord's limits, in characters; FIELDS is how many there may be."""
_RED, _GREEN = 0xC0392B, 0x27AE60
_MOST_ROWS = 200
_MOST_SAID, _ROOM_FOR_REST, _MOST_SENT = 300, 100, 10
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")


# Metrics


def prometheus(found: Health) -> Iterator[str]:
    """The lines of the metrics. Counters begin anew with each month (UTC), as those of a program that was restarted."""
    wake, counted = found.scene.last_wake, found.counted or found.window
    yield from _metric("defer_last_wake_timestamp_seconds", "gauge", "When a wake last looked at the store.")
    if wake is not None:
        yield f"defer_last_wake_timestamp_seconds {wake.timestamp():.0f}"
    name = "defer_task_last_success_timestamp_seconds"
    yield from _metric(name, "gauge", "When a task that recurs last succeeded.")
    for task_id, at in found.successes.items():
        yield f"{name}{_label('id', task_id)} {at.timestamp():.0f}"
    yield from _metric("defer_occurrences_total", "counter", "Occurrences that are over since the month began.")
    for status in task.ENDED:
        yield f"defer_occurrences_total{_label('outcome', status)} {counted.outcomes[status]}"
    yield from _durations(found.window, counted)
    yield from _metric("defer_findings", "gauge", "What `defer health` finds, by rule.")
    for rule in RULES:
        yield f"defer_findings{_label('rule', rule)} {sum(one.id == rule for one in found.findings)}"


def _durations(window: Totals, counted: Totals) -> Iterator[str]:
    name, ordered = "defer_run_duration_seconds", sorted(window.durations)
    yield from _metric(name, "summary", "How long attempts took: of the window; sum and count since the month began.")
    for share, value in (("0.5", median(ordered)), ("0.95", rank(ordered, 0.95))):
        if value is not None:
            yield f"{name}{_label('quantile', share)} {value / 1000:.3f}"
    yield f"{name}_sum {sum(counted.durations) / 1000:.3f}"
    yield f"{name}_count {len(counted.durations)}"


def _metric(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _label(name: str, value: str) -> str:
    shown = visible.line(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'{{{name}="{shown}"}}'


# A document


def markdown(found: Health) -> Iterator[str]:
    """The lines of the document."""
    yield "# " + escaped(headline(found))
    yield ""
    if not found.is_woken:
        yield f"**{escaped(unwoken(found))}**"
        yield ""
    if found.findings:
        yield "| task | rule | what | mend |"
        yield "|---|---|---|---|"
        for one in found.findings[:_MOST_ROWS]:
            yield f"| {escaped(one.task)} | {one.id} | {escaped(one.what)} | {_code(one.fix)} |"
        yield ""
    left = found.more + max(0, len(found.findings) - _MOST_ROWS)
    if left:
        yield f"… and {left:,} more"
        yield ""
    yield f"- Since {instants.to_text(found.window.start)}: {escaped(sentence(found.window))}"
    yield f"- As long before: {escaped(sentence(found.before))}"
    yield f"- {escaped(found.host)}, {instants.to_text(found.scene.now)}"


def escaped(text: object) -> str:
    """Text on one line in which nothing is Markdown."""
    return _MARKS.sub(r"\\\1", visible.sentence(text, _MOST_SAID))


def _code(text: str) -> str:
    """Text as code; a bar would end the cell of a table even there."""
    shown = visible.line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if "`" in shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|")


# In sentences


def headline(found: Health) -> str:
    """What is the matter, in a few words."""
    ill = len({one.task for one in found.findings})
    if ill:
        return f"{ill:,} {'task needs' if ill == 1 else 'tasks need'} attention"
    if found.needs_attention:
        return unwoken(found)
    return "Nothing but what is known needs attention" if found.acknowledged else "All is well"


def unwoken(found: Health) -> str:
    """That nothing wakes the store, and since when; or what keeps the wakes from their work."""
    wake = found.scene.last_wake
    if found.scene.is_awake:
        return f"The last wake could not do its work: {found.scene.trouble}"
    return f"Nothing wakes the store; the last wake: {'never' if wake is None else instants.to_text(wake)}"


def sentence(totals: Totals) -> str:
    """The totals of a window."""
    told: Mapping[str, Any] = totals.as_json()
    if not totals.runs:
        return "nothing ran"
    parts = [f"{totals.runs:,} run{'' if totals.runs == 1 else 's'}", f"{totals.failed:,} failed"]
    parts[1] += f" ({told['failure_rate']:.1%})" if totals.failed else ""
    if (middle := told["duration_ms"]["median"]) is not None:
        parts.append(f"{span(middle)} in the median, {span(told['duration_ms']['p95'])} at 95 %")
    if told["cost_usd"]:
        parts.append(f"${told['cost_usd']:,.2f}")
    return ", ".join(parts)


def letter(found: Health) -> tuple[str, str]:
    """The report as somebody reads it who is sent it: one line, and some more."""
    lines = [f"{one.id}: {one.task} {one.what} ({one.fix})" for one in found.findings[:_MOST_SENT]]
    left = len(found.findings) - len(lines) + found.more
    lines += [f"… and {left:,} more"] if left else []
    lines += [] if found.is_woken else [unwoken(found)]
    lines += [f"Since {instants.to_text(found.window.start)}: {sentence(found.window)}"]
    lines += [f"As long before: {sentence(found.before)}"]
    return headline(found), "\n".join(visible.sentence(line, _MOST_SAID) for line in lines)


# Discord


def discord(found: Health) -> dict[str, Any]:
    """The payload of a webhook: one embed, in whose footer are host, time and the window before. It mentions nobody."""
    at = instants.to_text(found.scene.now)
    footer = f"{visible.sentence(found.host, 100)} · {at} · before: {sentence(found.before)}"
    embed: dict[str, Any] = {
        "title": cut(headline(found), TITLE),
        "color": _RED if found.needs_attention else _GREEN,
        "timestamp": at,
        "footer": {"text": cut(footer, FOOTER)},
    }
    told = f"Since {instants.to_text(found.window.start)}: {sentence(found.window)}."
    told += "" if found.is_woken else f"\n{visible.sentence(unwoken(found), _MOST_SAID)}."
    room = ALL - length(embed["title"]) - length(embed["footer"]["text"]) - length(told) - _ROOM_FOR_REST
    fields = list(_fields(found.findings, room))
    left = len(found.findings) - len(fields) + found.more
    told += f"\n… and {left:,} more: defer health" if left else ""
    embed["description"] = cut(told, DESCRIPTION)
    if fields:
        embed["fields"] = fields
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _fields(findings: list[Finding], room: int) -> Iterator[dict[str, str]]:
    for one in findings[:FIELDS]:
        name = cut(f"{one.id}: {escaped(one.task)}", NAME)
        mend = f"\n{_code(one.fix)}"
        value = cut(escaped(one.what), VALUE - length(mend)) + mend if length(mend) < VALUE // 2 else escaped(one.what)
        room -= length(name) + length(value)
        if room < 0:
            return
        yield {"name": name, "value": cut(value, VALUE)}


def length(text: str) -> int:
    """How long Discord takes a text to be: in UTF-16, where an emoji counts twice."""
    return len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, most: int) -> str:
    """Text of at most that length; what is cut ends in ``…``."""
    if length(text) <= most:
        return text
    kept = text.encode("utf-16-le", "replace")[: 2 * (most - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip("\\") + "…"
