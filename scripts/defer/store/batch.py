"""Records that a wake changes and claims together, each with its line: they are one write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from defer.errors import NoSuchTask, NotStorable
from defer.record import codec
from defer.record.codec import Task

if TYPE_CHECKING:
    from .interface import Change, Choose, Report


class Batch:
    """Built from the ``hot`` records; ``find`` is asked for others, all that are wanted at once. ``report`` is told of
    what cannot be claimed."""

    def __init__(self, hot: Iterable[Task], find: Callable[[set[str]], Mapping[str, Task]], report: Report) -> None:
        self._hot = {one["id"]: one for one in hot}
        self._find, self._report = find, report
        self.records: list[Task] = []
        self.lines: list[bytes] = []

    def change(self, changes: Mapping[str, Change]) -> dict[str, Task | Exception]:
        """Change the record of each id; as it is then, or why it could not be changed, which keeps no other back."""
        changed: dict[str, Task | Exception] = {}
        for task_id, change in changes.items():
            try:
                changed[task_id] = self._changed(task_id, change)
            except Exception as error:  # of whatever kind: the outcomes of others must not be lost with it
                changed[task_id] = error
        return changed

    def _changed(self, task_id: str, change: Change) -> Task:
        current = self._known(task_id)
        if current is None:
            raise NoSuchTask(task_id)
        changed = change(current)
        if changed is not current:
            self._add(changed, codec.changed_line(changed))
        return changed

    def _known(self, task_id: str) -> Task | None:
        return self._hot.get(task_id) or self._find({task_id}).get(task_id)

    def _add(self, record: Task, line: bytes) -> None:
        self._hot[record["id"]] = record
        self.records.append(record)
        self.lines.append(line)

    def claim(self, choose: Choose, concerns_claim: Callable[[Task], bool]) -> list[Task]:
        """What ``choose`` changes among those that concern a claim, as far as it can be stored.

        A copy is claimed with the conversation of its original as that is within this write.
        """
        concerned = [one for one in self._hot.values() if concerns_claim(one)]
        chosen = choose(self._in_conversations(concerned))
        return [one for one in chosen if self._is_claimed(one)]

    def _in_conversations(self, concerned: list[Task]) -> list[Task]:
        if not any(one.get("copy_of") and one.get("sticky_session") for one in concerned):
            return concerned
        from defer.record import conversation  # few tasks continue one

        named = {name for name in map(conversation.original_of, concerned) if name is not None}
        known = {**self._find(named - self._hot.keys()), **self._hot}
        return [conversation.continued(one, known.get) for one in concerned]

    def _is_claimed(self, chosen: Task) -> bool:
        """Whether it fits the store, with room for its outcome: one that does not must not keep others waiting."""
        try:
            line = codec.changed_line(chosen)
        except NotStorable as error:
            self._report("claim_failed", id=chosen["id"], error=error)
            return False
        if len(line) > codec.MAX_CLAIM_BYTES:
            why = f"its record has {len(line)} bytes of at most {codec.MAX_CLAIM_BYTES} (is the archive writable?)"
            self._report("claim_failed", id=chosen["id"], error=why)
            return False
        self._add(chosen, line)
        return True
