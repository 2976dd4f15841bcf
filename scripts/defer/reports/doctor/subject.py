"""What the doctor looks at: one store, the settings of this shell, and what wakes of that store work with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from defer.errors import BadInput
from defer.settings.config import Config
from defer.wakers.standing import Standing

if TYPE_CHECKING:
    from defer.store.interface import Store


class Subject(NamedTuple):
    """``wake``: what a wake works with, or why its settings cannot be read.

    Where no line of the crontab wakes the store, wakes have the settings of this shell, as `run-deferred.sh --loop`
    has that is started here.
    """

    store: Store
    config: Config
    standing: Standing
    wake: Config | BadInput
    now: datetime

    @property
    def wakes_config(self) -> Config:
        """What a wake works with; this shell's settings where that cannot be told."""
        return self.config if isinstance(self.wake, BadInput) else self.wake


def subject(store: Store, config: Config, standing: Standing, now: datetime) -> Subject:
    """The same, with what wakes work with."""
    return Subject(store, config, standing, _of_wakes(config, standing), now)


def _of_wakes(config: Config, standing: Standing) -> Config | BadInput:
    waking = standing.waking()
    if not waking:
        return config
    try:
        return standing.config_of(waking[0])
    except BadInput as error:
        return error
