"""How much the attempts of each chain have added: counted and bounded under the store's lock.

How many of a chain wait is counted in the store. How many were added in a day (UTC, which no variable changes) is
counted beside it, in ``.<name>.chains``: an object with that ``day`` and, for each of its ``roots``, a number. It is
written before the tasks are: a crash between the two counts too many, never too few.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from defer import fsio
from defer.record import codec, lineage
from defer.record.codec import Task
from defer.record.lineage import Bounds

_LIMIT_BYTES = 1 << 22
_MARK = b'"root"'


def admit(
    tasks_file: Path, new: Sequence[Task], known: Callable[[], Iterable[bytes]], now: datetime, to: Bounds
) -> None:
    """Count the new tasks that attempts have scheduled. Raises BeyondBound, and then nothing is counted.

    ``known``: the JSON of all that waits, a line each. The caller holds the store's lock.
    """
    chained = [one for one in new if one.get("root")]
    if not chained:
        return
    for one in chained:
        lineage.check_depth(one, to)
    waiting = _waiting(known(), {str(one["root"]) for one in chained})
    file, today = tasks_file.with_name(f".{tasks_file.name}.chains"), now.astimezone(UTC).date().isoformat()
    added = _read(file, today)
    for one in chained:
        root = str(one["root"])
        waiting[root] += 1
        added[root] += 1
        lineage.check_waiting(one, waiting[root], to)
        lineage.check_day(one, added[root], to)
    fsio.replace(file, [json.dumps({"day": today, "roots": added}, separators=(",", ":")).encode() + b"\n"])


def _waiting(lines: Iterable[bytes], roots: set[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in lines:
        # Most tasks were scheduled by a person: their lines need not be read.
        if _MARK in line:
            one = codec.decode(line)
            root = one.get("root")
            if root in roots and lineage.is_waiting(one):
                found[str(root)] += 1
    return found


def _read(file: Path, today: str) -> Counter[str]:
    """What was counted today; nothing where the file is of another day, or somebody has spoilt it."""
    try:
        said = json.loads(fsio.read_bounded(file, _LIMIT_BYTES) or b"{}")
        counts = said["roots"] if said["day"] == today else {}
        return Counter({str(root): int(count) for root, count in counts.items()})
    except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError):
        return Counter()
