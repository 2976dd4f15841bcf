"""The store as an MCP client may see it: what came by MCP for one workspace, and what came of that.

A client is held to what an agent's attempt is held to (``scope``, ``restricted``). In the place of that attempt's task
stands what the person who starts the server allows: a workspace, permissions, an executor.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, cast

from defer.record import lineage
from defer.record.codec import Task
from defer.settings.config import Config

from . import inside, restricted, scope

if TYPE_CHECKING:
    from defer.record.lineage import Bounds
    from defer.record.types import TaskFields
    from defer.store.interface import Store


class Allowed(NamedTuple):
    """What a server's clients may have: a directory by its real path, a profile, an executor if one was named."""

    workspace: str
    permissions: str
    executor: str | None = None


def _stand_in(allowed: Allowed) -> Task:
    """What stands in the place of an attempt's own task."""
    return cast("Task", {"id": lineage.SERVED, "root": lineage.SERVED, **allowed._asdict()})


def mine(allowed: Allowed, config: Config) -> restricted.Own:
    """What a client is held to. Raises BadInput for permissions that cannot be read."""
    restricted.profile(allowed.permissions)
    return restricted.own(_stand_in(allowed), config)._replace(who="an MCP client", whose="its server")


class Served(scope.Scope):
    """The tasks of the clients of one workspace: as much of a ``Store`` as they need."""

    def __init__(self, store: Store, config: Config, allowed: Allowed) -> None:
        super().__init__(store, config)
        self._allowed = allowed
        self._own = _stand_in(allowed)
        self._ours: set[str] | None = None

    def _is_ours(self, one: Task) -> bool:
        place = one.get("workspace")
        is_here = isinstance(place, str) and restricted.is_inside(place, self._allowed.workspace)
        return one.get("root") == lineage.SERVED and is_here

    def _leads_here(self, task_id: str) -> bool:
        if self._ours is None:
            self._ours = {one["id"] for one in (*self.scan(), *self.ended_records())}
        return task_id in self._ours

    def _mine(self) -> restricted.Own:
        return mine(self._allowed, self._config)

    def _fields(self) -> TaskFields:
        return lineage.fields_by_mcp()

    def append(
        self, new: Sequence[Task], now: datetime, if_exists: str = "error", bounds: Bounds | None = None
    ) -> list[Task]:
        self._ours = None
        with inside.telling(self._store, self._config, now):
            return super().append(new, now, if_exists, bounds)


def of(store: Store, config: Config, allowed: Allowed) -> Store:
    """The store as the clients of a server may see it."""
    return cast("Store", Served(store, config, allowed))
