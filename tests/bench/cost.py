"""What a command costs in stores of 0 to 1,000,000 tasks, drawn as an SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import measure
from ground import Ground
from measure import Sample

SIZES = (0, 10, 100, 1000, 10_000, 100_000, 1_000_000)
COLOURS = {
    "list": "#b5179e",
    "cancel": "#d97706",
    "wake, one due": "#2563eb",
    "schedule": "#15803d",
    "wake, nothing due": "#0e7490",
}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 440, 70, 600, 40, 380
LOWEST, HIGHEST = 1e-3, 100.0

Costs = Mapping[str, Mapping[int, float]]
"""Seconds by command and size."""


def plot(ground: Ground) -> str:
    """Measure and draw."""
    costs: dict[str, dict[int, float]] = {name: {} for name in COLOURS}
    for size in SIZES:
        for name, taken in _at_size(ground, size).items():
            costs[name][size] = taken
    return draw(costs)


def _at_size(ground: Ground, size: int) -> dict[str, float]:
    """Seconds in a store of ``size``: the least of a few, which others on the machine disturbed least."""
    place = ground.fresh(size)
    rounds = 3 if size == SIZES[-1] else 7
    busy: dict[str, Callable[[], Sample]] = {
        "cancel": partial(_cancelled, ground, place),
        "wake, one due": partial(ground.wake_with_one_due, place),
        "list": partial(ground.defer, place, "list", "--compact"),
    }
    found = measure.in_turn(rounds, busy)
    ground.make_idle(place)
    found |= measure.in_turn(rounds * 5, {"wake, nothing due": partial(ground.wake, place)})
    found |= measure.in_turn(rounds * 5, {"schedule": partial(ground.schedule, place)})
    (place / "deferred.jsonl").unlink()
    return {name: min(one.seconds for one in samples) for name, samples in found.items()}


def _cancelled(ground: Ground, place: Path) -> Sample:
    """`cancel` of a task that has just been scheduled."""
    ground.defer(place, "--when", "30m", "--summary", "to be cancelled", "--id", "mine", "--if-exists", "replace")
    return ground.defer(place, "cancel", "mine", "--compact")


# The drawing: both axes logarithmic, with a place of its own for 0 tasks


def _x(size: int) -> float:
    decades = math.log10(size) if size else 0
    return LEFT + (RIGHT - LEFT) * decades / math.log10(SIZES[-1])


def _y(taken: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * math.log10(taken / LOWEST) / math.log10(HIGHEST / LOWEST)


def draw(costs: Costs) -> str:
    """The plot as SVG."""
    body = "\n".join([*_axes(), *_lines(costs)])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"
  font-family="system-ui, sans-serif" font-size="13" fill="#64748b">
<title>Time a command takes, against the number of tasks in the store</title>
{body}
</svg>
"""


def _axes() -> Iterator[str]:
    for size in SIZES:
        label = f"{size:,}" if size else "0"
        yield f'<line x1="{_x(size):.0f}" y1="{TOP}" x2="{_x(size):.0f}" y2="{BOTTOM}" stroke="#94a3b8" opacity=".3"/>'
        yield f'<text x="{_x(size):.0f}" y="{BOTTOM + 20}" text-anchor="middle">{label}</text>'
    for exponent in range(-3, 3):
        height, label = _y(10.0**exponent), f"{10**exponent:g} s" if exponent >= 0 else f"{10 ** (exponent + 3)} ms"
        yield f'<line x1="{LEFT}" y1="{height:.0f}" x2="{RIGHT}" y2="{height:.0f}" stroke="#94a3b8" opacity=".3"/>'
        yield f'<text x="{LEFT - 8}" y="{height + 4:.0f}" text-anchor="end">{label}</text>'
    yield f'<text x="{(LEFT + RIGHT) / 2:.0f}" y="{BOTTOM + 42}" text-anchor="middle">tasks in the store</text>'


def _lines(costs: Costs) -> Iterator[str]:
    labels = _apart([(name, _y(taken[max(taken)])) for name, taken in costs.items()])
    for name, taken in costs.items():
        points = " ".join(f"{_x(size):.1f},{_y(cost):.1f}" for size, cost in taken.items())
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        for size, cost in taken.items():
            told = f"{name}, {size:,} tasks: {cost * 1000:.1f} ms"
            centre = f'cx="{_x(size):.1f}" cy="{_y(cost):.1f}"'
            yield f'<circle {centre} r="3" fill="{COLOURS[name]}"><title>{told}</title></circle>'
        yield f'<text x="{RIGHT + 10}" y="{labels[name] + 4:.0f}" fill="{COLOURS[name]}">{name}</text>'


def _apart(labels: list[tuple[str, float]]) -> dict[str, float]:
    """The labels' heights, moved so that none covers another."""
    placed: dict[str, float] = {}
    lowest = -math.inf
    for name, height in sorted(labels, key=lambda label: label[1]):
        lowest = placed[name] = max(height, lowest + 16)
    return placed
