"""Storing what was planned: all of it in one write, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from defer.record import events
from defer.record.codec import Task
from defer.settings.config import Config
from defer.store.audit import AuditLog

from .plan import Plan

if TYPE_CHECKING:
    from defer.store.interface import Store


def add(
    store: Store, audit: AuditLog, config: Config, planned: Sequence[Plan], now: datetime, if_exists: str
) -> list[Task]:
    """Store planned tasks in one write; the records as they stand. Raises Refused for a taken id."""
    stored = put(store, config, [one.task for one in planned], now, if_exists)
    # A record that was there already and stays has its own context.
    new = [record for one, record in zip(planned, stored, strict=True) if is_new(record, one)]
    audit.tell(*(events.scheduled(record, now) for record in new))
    return stored


def put(store: Store, config: Config, new: Sequence[Task], now: datetime, if_exists: str = "error") -> list[Task]:
    """Store new records, each with what is known of who asked for it; bounded inside an attempt.

    Raises Refused, BeyondBound.
    """
    if config.is_in_attempt:
        from . import inside  # most is scheduled by a person

        return inside.put(store, config, new, now, if_exists)
    return store.append([{**one, "origin": "person"} for one in new], now, if_exists)


def is_new(stored: Task, planned: Plan) -> bool:
    """Whether this is the record that was planned, and not one that was there already and stays."""
    return stored.get("context") is planned.task["context"]
