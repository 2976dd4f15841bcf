"""Whether something will wake a store by itself: a line, a unit, a runner that goes on.

A wake leaves no word of who made it, since one with nothing to do may cost next to nothing. So whoever wants to know
looks at what is there to make the next one.
"""

from __future__ import annotations

from typing import NamedTuple

from defer.settings.config import Config

from . import managers, runners, stable, standing
from .runners import Runner
from .standing import Standing


class Watch(NamedTuple):
    """``is_seen``: there is such a thing. ``gone``: the runner that one of them calls, where that is not there."""

    is_seen: bool
    gone: str | None


def watch(config: Config) -> Watch:
    """The same of the store of ``config``, by the crontab, the units and the processes as they are now."""
    stands = standing.look(stable.runner())
    return Watch(is_seen(stands, config), gone(stands, config))


def is_seen(stands: Standing, config: Config) -> bool:
    """Whether a line, a unit or a runner that goes on will wake the store of ``config``, for all that is known."""
    store = str(config.tasks_file)
    called = (one for one in (*stands.ours, *stands.others) if stands.state(one) != managers.STOPPED)
    return any(stands.store_of(one) == store for one in called) or bool(looping(stands, config))


def gone(stands: Standing, config: Config) -> str | None:
    """The runner that a line or a unit for this store calls, where that is not there any more."""
    store = str(config.tasks_file)
    return next((one.runner for one in stands.dead if stands.store_of(one) == store), None)


def looping(stands: Standing, config: Config) -> list[Runner]:
    """The runners at work on the store of ``config`` that go on by themselves."""
    store = str(config.tasks_file)
    return [one for one in runners.at_work() if one.is_loop and stands.store_of_runner(one) == store]
