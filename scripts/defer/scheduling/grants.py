"""What a task's agent may do, as it is scheduled: understood now, or refused now, rather than as it is about to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defer.errors import BadInput
from defer.executors import profiles, registry

from . import demands

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.settings.config import Config

DEFAULT = "DEFER_PERMISSIONS"


def granted(one: Task, config: Config) -> Task:
    """The record with the permissions that it is to have.

    A shipped agent has the setting's where nothing else is said. What an executor that somebody wrote makes of its own
    is not looked at. Raises BadInput.
    """
    named = None if one.get("command") else one.get("executor") or config.executor
    default = config.get(DEFAULT)
    if registry.is_agent(named):
        if one.get("permissions") is not None:
            _must_be_clear(one["permissions"], "permissions")
        elif default:
            _must_be_clear(default, DEFAULT)
            one = {**one, "permissions": default}
    return one


def settled(one: Task, config: Config) -> Task:
    """The same, of a task that may have a condition or a check too. Raises BadInput."""
    demands.check(one, config)
    return granted(one, config)


def _must_be_clear(permissions: object, field: str) -> None:
    try:
        profiles.read(permissions)
    except profiles.Unusable as error:
        said = str(error)
        where = f"{DEFAULT}: " if field == DEFAULT else ""
        raise BadInput(f"{where}{said}", field=field) from None
