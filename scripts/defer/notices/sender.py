"""What stands in the outbox, sent: the work of a process of its own, one at a time for each store.

What became of a notice is a line of the outbox, and changes nothing else. A sender that dies in between has sent some
of them twice at worst: each has a key, the same every time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from defer import fsio
from defer.errors import BadInput, StorageError, StoreBusy
from defer.record.variables import OF_ATTEMPT
from defer.settings.config import Config

from . import apart, outbox, payload, pings
from .apart import Done
from .box import AGAIN, GIVEN_UP, SENT, Delivery, Result
from .channels import addresses, ways
from .channels.addresses import Address
from .channels.undelivered import Undelivered
from .pings import Ping

if TYPE_CHECKING:
    from defer.store.interface import Store

    from .apart import Job

RETRY_SECONDS = (60.0, 300.0, 1800.0)
"""How long a notice that did not arrive waits for its next try: three more, then it is given up."""
_UNSETTLED_SECONDS = 300.0
"""How long notices wait where a setting cannot be read: somebody has to mend it."""
_PASSES = 20
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_NOTE_TRIES = 6
_UNNAMED = "DEFER_NOTIFY does not name it any more"

Clock = Callable[[], datetime]


def send(store: Store, config: Config, clock: Clock) -> list[Result]:
    """Send all that is to be sent by now, unless another process is at it; what was given up. Raises DeferError."""
    given_up: list[Result] = []
    failing: set[str] = set()
    for _ in range(_PASSES):
        # Whoever adds something while a pass ends finds the lock held and leaves it to us: so look again afterwards.
        due = _due(config, clock(), failing)
        if not due:
            break
        try:
            with _alone(config) as is_alone:
                came = _one_pass(store, config, clock, failing) if is_alone else []
        except _NotLockable as error:
            came = _in_vain(store, config, due, str(error), clock())
        if not came:
            break
        given_up += [one for one in came if one.status == GIVEN_UP]
        failing |= {one.channel for one in came if one.status != SENT}
    return given_up


def _due(config: Config, now: datetime, failing: Collection[str]) -> list[Delivery]:
    """What is to be sent by now to channels that have not failed a moment ago."""
    return [
        one for one in outbox.pending(config.notices_file) if outbox.is_time(one.at, now) and one.channel not in failing
    ]


@contextmanager
def _alone(config: Config) -> Iterator[bool]:
    """Hold what one sender of a store holds; False if another holds it."""
    lock = outbox.senders_lock(config.notices_file)
    with ExitStack() as stack:
        try:
            stack.enter_context(fsio.lock(lock, 0.0))
        except StoreBusy:
            yield False
        except StorageError as error:
            raise _NotLockable(str(error)) from error
        except OSError as error:
            raise _NotLockable(str(fsio.storage_error(error, lock))) from error
        else:
            yield True


class _NotLockable(Exception):
    """Whether another process sends cannot be told: its text says why."""


def _in_vain(store: Store, config: Config, due: Sequence[Delivery], why: str, now: datetime) -> list[Result]:
    """Note that nothing could be sent: it is heard of like any try that failed, and wakes stay idle meanwhile."""
    came = [_result(Done(one, config.masked(why)), now) for one in due]
    _note(store, config, came, now)
    return came


def _one_pass(store: Store, config: Config, clock: Clock, failing: Collection[str]) -> list[Result]:
    """Send what is due, and note it; what became of each that was tried."""
    due = _due(config, clock(), failing)
    with_output = _with_output(store, config, due, clock())
    # A disk without room for what becomes of them would have them sent again at every wake.
    _note(store, config, [Result(one.key, one.channel, AGAIN, one.tries, one.at) for one in due], clock())
    named, _ = addresses.read_what_can_be(config.get(addresses.SETTING))
    # A reminder goes to the desktop even where nothing is set.
    known = {addresses.DESKTOP: Address(addresses.DESKTOP, addresses.DESKTOP, ""), **{one.label: one for one in named}}
    rows: dict[str, list[Job]] = {}
    for one in due:
        rows.setdefault(one.channel, []).append(_job(one, known.get(one.channel), config, with_output=with_output))
    came: list[Result] = []
    for done in apart.do([*rows.values()], ways.SECONDS, config.masked):
        now = clock()
        results = [_result(one, now) for one in done]
        _note(store, config, results, now)
        came += results
    waiting = _behind(due, came)
    _note(store, config, waiting, clock())
    return came + waiting


def _with_output(store: Store, config: Config, due: Sequence[Delivery], now: datetime) -> bool:
    """Whether output may be told. Raises BadInput; what is due waits then without a try, and wakes stay idle."""
    try:
        return config.notify_output
    except BadInput as error:
        at = now + timedelta(seconds=_UNSETTLED_SECONDS)
        _note(store, config, [Result(one.key, one.channel, AGAIN, one.tries, at, str(error)) for one in due], now)
        raise


def _behind(due: Sequence[Delivery], came: Sequence[Result]) -> list[Result]:
    """What stood behind one that hung, and was not tried: it waits as long as that, and wakes stay idle meanwhile."""
    tried = {(one.key, one.channel) for one in came}
    last = {one.channel: one for one in came if one.status != SENT}
    return [
        Result(one.key, one.channel, AGAIN, one.tries, last[one.channel].at or one.at, last[one.channel].why)
        for one in due
        if (one.key, one.channel) not in tried and one.channel in last
    ]


def _job(one: Delivery, to: Address | None, config: Config, *, with_output: bool) -> Job:
    def do() -> None:
        if to is None:
            raise Undelivered(_UNNAMED)
        told = payload.of(one.notice, config.masked, with_output=with_output)
        _send_apart(to, told, around(config))

    return apart.Job(one, do)


def _send_apart(to: Address, told: Mapping[str, Any], about: ways.Around) -> None:
    """The same as ``ways.send``, in a process of its own: what names proxies is where libraries look for it."""
    _take_over(about)
    ways.send(to, told, about)


def _take_over(about: ways.Around) -> None:
    """Let libraries find proxies and certificates where they look for them: this process is for one row of jobs."""
    proxies = {name: value for name, value in about.environment.items() if name.lower().endswith("_proxy")}
    certificates = {name: about.environment[name] for name in _CERTIFICATES if name in about.environment}
    # Without a proxy in the environment macOS is asked for one, which a forked process may die of.
    none = {"no_proxy": "*"} if sys.platform == "darwin" and not proxies else {}
    os.environ.update({**proxies, **certificates, **none})


def around(config: Config) -> ways.Around:
    """What sending needs beside the notices."""
    state = fsio.stat(config.tasks_file.parent)
    variables = {name: value for name, value in config.environment.items() if name not in OF_ATTEMPT}
    return ways.Around(variables, 0 if state is None else state.st_uid)


def _result(done: Done, now: datetime) -> Result:
    """What became of a try, as a line of the outbox."""
    one: Delivery = done.about
    tries = one.tries + 1
    if done.why is None:
        return Result(one.key, one.channel, SENT, tries)
    if tries > len(RETRY_SECONDS):
        return Result(one.key, one.channel, GIVEN_UP, tries, None, done.why)
    wait = timedelta(seconds=max(RETRY_SECONDS[one.tries], done.after or 0.0))
    return Result(one.key, one.channel, AGAIN, tries, now + wait, done.why)


def _note(store: Store, config: Config, results: Sequence[Result], now: datetime) -> None:
    """Note what became of them. Others may hold the store's lock for long: what is not noted is sent again."""
    if not results:
        return
    for left in reversed(range(_NOTE_TRIES)):
        try:
            with store.alone():
                outbox.settled(config.notices_file, results, now)
            return
        except StoreBusy:
            if not left:
                raise


def ping_all(pinged: Sequence[tuple[str, str]], config: Config) -> list[tuple[Ping, str | None]]:
    """Ping these URLs, each with how; what became of each. Those of one host are pinged in order."""
    rows: dict[str, list[Job]] = {}
    for url, how in pinged:
        ping = Ping(url, how)
        rows.setdefault(ping.label, []).append(apart.Job(ping, partial(_ping_apart, ping, around(config))))
    return [(one.about, one.why) for done in apart.do([*rows.values()], ways.SECONDS, config.masked) for one in done]


def _ping_apart(ping: Ping, about: ways.Around) -> None:
    try:
        pings.check(ping.url)
    except BadInput as error:
        raise Undelivered(str(error)) from None
    _take_over(about)
    ways.ping(ping.address)


def tell_all(told: Mapping[str, Any], config: Config) -> list[tuple[str, str | None]]:
    """Send this to every channel but the inbox now; the label of each, and why it did not arrive, or None.

    ``told`` has the fields of ``payload.of``. Raises BadInput for a setting that cannot be read.
    """
    to = [one for one in addresses.read(config.get(addresses.SETTING)) if one.kind != addresses.INBOX]
    rows = [[apart.Job(one.label, partial(_send_apart, one, told, around(config)))] for one in to]
    came = {one.about: one.why for done in apart.do(rows, ways.SECONDS, config.masked) for one in done}
    return [(one.label, came.get(one.label)) for one in to]
