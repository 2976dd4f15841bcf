"""When a wake that has attempts under way looks around: for what is due, and for what other runners have left."""

from __future__ import annotations

import time

_SECOND = 1.0


class Pace:
    """The moments of the next looks, on the monotonic clock.

    ``every``: seconds between two looks; ``to_the_second``: what is due is looked for each second.
    """

    def __init__(self, every: float, *, to_the_second: bool) -> None:
        self._every, self._claim_every = every, min(every, _SECOND) if to_the_second else every
        self._claim_at = self._recover_at = self._held_until = 0.0

    def may_claim(self) -> bool:
        """Whether nothing holds claims up."""
        return time.monotonic() >= self._held_until

    def is_time_to_claim(self) -> bool:
        """Whether to look for what is due; the next look is a step later."""
        if not self.may_claim() or time.monotonic() < self._claim_at:
            return False
        self.has_claimed()
        return True

    def has_claimed(self) -> None:
        """What is due has been looked for."""
        self._claim_at = time.monotonic() + self._claim_every

    def claim_at_once(self) -> None:
        """There may be something to claim, or a slot for it."""
        self._claim_at = 0.0

    def hold(self) -> None:
        """Claim nothing for a step: the system lacks what starting takes."""
        self._held_until = time.monotonic() + self._every

    def is_time_to_recover(self) -> bool:
        """Whether to look for attempts whose runner died; the next look is a step later."""
        if time.monotonic() < self._recover_at:
            return False
        self._recover_at = time.monotonic() + self._every
        return True

    def next_looks(self) -> list[float]:
        """When there may be something to claim, or to recover."""
        return [max(self._claim_at, self._held_until), self._recover_at]


class Never(Pace):
    """The pace of a runner that makes one attempt and looks for nothing else."""

    def may_claim(self) -> bool:
        return False

    def is_time_to_recover(self) -> bool:
        return False

    def next_looks(self) -> list[float]:
        return []
