"""Why a notice did not arrive."""

from __future__ import annotations


class Undelivered(Exception):
    """It was not taken. The text has no secret; ``after``: seconds that the receiver asks to be left alone for."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after
