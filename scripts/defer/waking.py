"""The faces of `run-deferred.sh` and `execute-task.sh`."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from . import arguments, codec, executor, instants, outcome, render, task
from .client import Client
from .errors import EXIT_OK, EXIT_REFUSED, BadInput, DeferError
from .executor import Attempt, Misconfigured, Paths
from .runner import Runner

if TYPE_CHECKING:
    from .outcome import Outcome


Connect: TypeAlias = Callable[[], Client]


def wake(connect: Connect, argv: list[str]) -> int:
    """Wake once, or again and again; 0 whatever the attempts came to."""
    args = arguments.wake().parse(argv)
    if args.loop is None:
        _wake_once(connect, None, args.json)
        return EXIT_OK
    while not _wake_in_loop(connect, args.loop, args.json):
        time.sleep(args.loop)
    return EXIT_OK


def _wake_in_loop(connect: Connect, loop: float, as_json: bool) -> bool:
    """One wake of many; whether it was told to stop. What fails today may work the next time."""
    try:
        return _wake_once(connect, loop, as_json)
    except (DeferError, OSError) as error:
        render.warn(str(error))
        return False


def _wake_once(connect: Connect, loop: float | None, as_json: bool) -> bool:
    """One wake; whether it was told to stop. A failure is left where `schedule` finds it, and raised."""
    client = connect()
    markers = client.store.markers
    markers.beat()
    runner = Runner(client.store, client.config, client.audit, client.clock, loop or 60.0)
    try:
        runner.wake()
    except Exception as error:
        markers.set_trouble(client.clock(), str(error))
        client.audit.note(client.clock(), "wake_failed", error=error)
        raise
    markers.clear_trouble()
    if as_json:
        print(render.to_json(runner.counts, compact=True), flush=True)
    return runner.was_stopped


def archive(connect: Connect, argv: list[str]) -> int:
    """File what has ended, apart from any wake."""
    args = arguments.archive().parse(argv)
    client = connect()
    now = client.clock()
    filed = client.store.archive(now)
    for one in filed:
        client.audit.note(now, "archived", one["id"], status=one["status"])
    if args.json:
        print(render.to_json({"archived": [one["id"] for one in filed]}, compact=True))
    return EXIT_OK


def attempt(connect: Connect, argv: list[str]) -> int:
    """One attempt of the task on standard input, apart from any store; prints its result as v1 did.

    The exit status is the executor's; 1 where it has none (a timeout, a signal).
    """
    arguments.attempt().parse(argv)
    settings = connect().config
    one = _read_task(sys.stdin.buffer)
    now = instants.now()
    one = task.claim(one, now, {"run_id": f"run_{now:%Y%m%dT%H%M%SZ}_{os.urandom(4).hex()}"})
    paths = Paths.of(settings.log_dir, one["id"], one["run"]["run_id"])
    executor.write_prompt(one, paths)
    try:
        command = executor.command_line(one, settings)
        ended = executor.prompt_prepared(paths) if command is None else _run(Attempt(one, settings, command))
    except Misconfigured as error:
        ended = executor.misconfigured(error, paths)
    except (ValueError, TypeError) as error:
        # A record from anywhere: a text in it may be none that a process can be told.
        ended = executor.not_started(error, outcome.CONFIG_ERROR)
    return _print_result(ended)


def _read_task(stream: BinaryIO) -> codec.Task:
    raw = stream.read(codec.MAX_TASK_BYTES + 1)
    if len(raw) > codec.MAX_TASK_BYTES:
        raise BadInput(f"the task on standard input is larger than {codec.MAX_TASK_BYTES} bytes")
    try:
        one = codec.decode(raw)
    except codec.BadLine as error:
        raise BadInput(f"no task on standard input: {error} (pipe one line of deferred.jsonl)") from None
    if codec.is_filed(one):
        raise BadInput(f"no task on standard input: {one['id']} is filed (pipe its line of the archive)")
    return one


def _run(running: Attempt) -> Outcome:
    """Drive one attempt to its end."""
    # The executor is in a session of its own: a terminal's Ctrl-C does not reach it unless we pass it on.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: running.end(outcome.RUNNER_STOPPED))
    running.release()
    readable = {running.leader.stdout: "stdout", running.leader.stderr: "stderr"}
    while not running.has_ended():
        stdin = running.leader.stdin_fd
        ready, writable, _ = select.select(list(readable), [stdin] if stdin is not None else [], [], 0.05)
        for pipe in ready:
            if not running.read(readable[pipe]):
                del readable[pipe]
        if writable:
            running.leader.feed()
        running.enforce(time.monotonic())
    return running.finish(instants.now())


def _print_result(ended: Outcome) -> int:
    if ended.status == outcome.OK:
        print(render.to_json(ended.result, compact=True))
        return EXIT_OK
    result = {**(ended.result or {}), "type": "executor_failed", "error": ended.error, "error_type": ended.error_type}
    print(render.to_json(result, compact=True))
    render.warn(ended.error or "the attempt failed")
    return ended.exit_code if ended.exit_code is not None and ended.exit_code > 0 else EXIT_REFUSED
