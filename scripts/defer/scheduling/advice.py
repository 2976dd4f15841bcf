"""What somebody who has just scheduled a task should know."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from defer import paths, say
from defer.record import versions
from defer.record.codec import Task
from defer.settings.config import Config

if TYPE_CHECKING:
    from defer.store.interface import Markers

_ASLEEP_AFTER = timedelta(minutes=3)


def doubts(stored: Task, config: Config) -> list[str]:
    """What somebody who has just scheduled this should know: the program that it starts is missing, as of now."""
    what = versions.lacking(stored)
    if what:
        return [f"it {versions.complaint(what)} (upgrade Defer)"]
    command, named = stored.get("command"), stored.get("executor") or config.executor
    held = _of_nobody_held(stored, None if command else named)
    if not command and not named:
        costs = "nothing holds --max-cost: this task starts no agent" if stored.get("max_cost_usd") else None
        return list(filter(None, [held, costs]))
    from defer.executors import registry

    search_path = config.get("PATH") or os.defpath
    if command:
        directory = stored.get("workspace") or stored.get("cwd") or os.path.expanduser("~")
        found = registry.doubt_of_command(command[0], search_path, directory) if isinstance(command, list) else None
    else:
        found = registry.doubt(named, search_path, config.tasks_file) if named else None
        found = found or _of_login(stored, named, config) if named else None
    fails = [f"the task will fail as things stand: {found}"] if found else []
    begins_anew = None
    if (stored.get("execution") or {}).get("mode") == "callback":
        from . import callback

        begins_anew = callback.doubt(stored, config)
    if command or not named:
        return [*fails, *filter(None, [begins_anew, held])]
    if stored.get("max_cost_usd") and not registry.is_agent(named):
        fails.append(f"nothing holds --max-cost: {named} is not one of the shipped agents (it is told of the bound)")
    if (agent := registry.agent_of(named)) is not None:
        fails += _of_permissions(stored, agent, config) + _of_turns(stored, agent)
    in_dollars = config.budget_usd_per_day is not None or bool(stored.get("max_cost_usd"))
    in_tokens = config.budget_tokens_per_day is not None
    costs = registry.doubt_of_budget(named, in_dollars=in_dollars, in_tokens=in_tokens)
    return [*fails, *filter(None, [begins_anew, held, registry.doubt_of_group(named), costs])]


def _of_nobody_held(stored: Task, named: str | None) -> str | None:
    """That its permissions hold nobody, of a task that starts no agent of those that can be held to any."""
    if stored.get("permissions") is None:
        return None
    from defer.executors import registry

    if registry.is_agent(named):
        return None
    takes_them = named is not None and named not in registry.SHIPPED
    what = f"{named} is told of them, and does as it likes" if takes_them else "this task starts none"
    return f"permissions hold a shipped agent alone: {what}"


def _of_turns(stored: Task, agent: str) -> list[str]:
    """That its agent has no limit on turns, if it asks for one."""
    most = stored.get("max_turns")
    if not most:
        return []
    from defer.executors import registry
    from defer.executors.agents.base import Cannot, Wishes

    try:
        registry.agent(agent).start(Wishes(max_turns=most))
    except Cannot as error:
        return [f"the task will fail as things stand: {error}"]
    return []


def _of_permissions(stored: Task, agent: str, config: Config) -> list[str]:
    """What of its permissions its agent cannot be held to; and that it has none, of an agent that needs some."""
    from pathlib import Path

    from defer.executors import enforce, registry

    wanted = stored.get("permissions")
    if wanted is None:
        mend = "bound it with --permissions edit"
        unbounded = f"{agent} may run every command unless its own settings say otherwise ({mend})"
        return [unbounded] if registry.SHIPPED[agent].is_free else []
    where = stored.get("workspace") or stored.get("cwd") or "/"
    found = enforce.trouble(agent, wanted, Path(str(where)), config.environment)
    return [f"the task will fail as things stand: {found}"] if found else []


def _of_login(stored: Task, named: str, config: Config) -> str | None:
    """Why its agent is certainly not logged in; nothing where the task has variables of its own, which may do it."""
    from defer.executors import registry

    if stored.get("env") or not registry.is_agent(named):
        return None
    from defer.executors import preflight

    workspace = stored.get("workspace") or os.path.expanduser("~")
    return preflight.of_executor(named, workspace, config.get("PATH") or os.defpath, config.environment)


def doubts_of_each(stored: Iterable[Task], config: Config) -> Iterator[list[str]]:
    """The doubts of each; those that ask for the same share them."""
    known: dict[object, list[str]] = {}
    for one in stored:
        if one.get("command"):
            yield doubts(one, config)
            continue
        are_set = (bool(one.get(name)) for name in ("max_cost_usd", "max_turns", "env", "session_id"))
        texts = (str(one.get(name)) for name in ("executor", "workspace", "permissions", "execution"))
        names = versions.lacking(one), *are_set, *texts
        if names not in known:
            known[names] = doubts(one, config)
        yield known[names]


def warnings(markers: Markers, now: datetime) -> list[str]:
    """What somebody who has just scheduled should know: nothing wakes this store, or its wakes fail."""
    found = []
    last = markers.last_wake()
    mend = f"{command_name()} waker install"
    if last is None:
        found.append(f"nothing has ever woken this store ({mend}; just done? the first wake comes within a minute)")
    elif now - last > _ASLEEP_AFTER:
        found.append(f"nothing has woken this store for {say.distance(now - last)} ({mend})")
    trouble = markers.last_trouble()
    if trouble:
        found.append(f"the last wake could not do its work, so what is due waits: {trouble}")
    held = markers.last_held()
    if held:
        (first, why), more = next(iter(held.items())), len(held) - 1
        found.append(f"what is due is left alone: {first}: {why}" + (f", and {more} more like it" if more else ""))
    return found


def of_channels(config: Config) -> list[str]:
    """What is wrong with where notices and pings go: nobody may be there to see it when a wake finds out."""
    if config.get("DEFER_NOTIFY") in ("", "inbox") and not config.get("DEFER_PING_URL"):
        return []
    from defer.notices import troubles

    return troubles.said(config)


def appears(one: Task, config: Config) -> list[str] | None:
    """Where a task appears that has nothing to execute, since that is all that it does; None for any other."""
    if one.get("command") or one.get("executor") or config.executor:
        return None
    from defer.notices import places

    return [] if one.get("notify") == "never" else places.foreseen(config)


def command_name() -> str:
    """The name by which the user calls us: ``defer`` where it is installed, else the entry's path."""
    installed = any(os.access(f"{place}/defer", os.X_OK) for place in os.environ.get("PATH", "").split(":"))
    return "defer" if installed else str(paths.front())
