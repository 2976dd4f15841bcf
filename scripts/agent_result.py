#!/usr/bin/env python3
"""Say what a coding agent's run came to: for the shipped executors, which are shell and read no JSON.

Usage: agent_result.py claude|codex STATUS <WHAT-IT-PRINTED
       agent_result.py summary <TASK-JSON

The first prints the agent's last words, writes session, usage and a time to try again to
DEFER_RESULT_FILE, and exits as an executor should (references/executor-contract.md). The second
prints the task's summary on one line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
if __name__ == "__main__":
    os.umask(os.umask(0o077) | 0o002)  # whoever can write to our byte code can make us run theirs

from defer import agentresult, config, instants
from defer.errors import EXIT_BAD_INPUT, DeferError

_RESULT_LIMIT = 64 << 10


def _say(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def _heard() -> str:
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def _summary() -> int:
    try:
        task: Any = json.loads(_heard())
        summary = task["context"]["summary"]
    except (ValueError, KeyError, TypeError):
        summary = None
    _say(" ".join(str(summary or "(no summary)").split()) + "\n")
    return 0


def _add_to(result_file: str, result: dict[str, Any]) -> None:
    """Put ``result`` beside what the agent itself may have written there, which stays."""
    try:
        with open(result_file, encoding="utf-8-sig") as file:
            written = json.loads(file.read(_RESULT_LIMIT))
    except FileNotFoundError:
        written = {}
    except (OSError, ValueError):
        return  # not for us to mend; the runner reports it
    if isinstance(written, dict) and result.keys() - written.keys():
        with open(os.open(result_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({**result, **written}, file)


def _judge(agent: str, status: str) -> int:
    try:
        zone = config.load().timezone()
    except DeferError:
        zone = config.load({}).timezone("UTC")
    verdict = agentresult.judge(agent, _heard(), int(status), instants.now(), zone)
    if verdict.output:
        _say(verdict.output.rstrip("\n") + "\n")
    result_file = os.environ.get("DEFER_RESULT_FILE")
    if result_file:
        _add_to(result_file, verdict.result)
    if verdict.error:
        print(f"{agent}: {verdict.error}", file=sys.stderr)
    return verdict.exit_code


def main(argv: list[str]) -> int:
    match argv:
        case ["summary"]:
            return _summary()
        case [agent, status] if agent in agentresult.READERS and status.isdigit():
            return _judge(agent, status)
    print("usage: agent_result.py claude|codex STATUS, or agent_result.py summary", file=sys.stderr)
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
