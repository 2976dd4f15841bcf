"""What a program asked, whichever API it speaks, and what the model answers."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

USAGE = {"input": 1200, "output": 34}
"""The tokens that each answer costs."""
RUN = re.compile(r"^(?:> )?RUN: (.+)$", re.MULTILINE)
USE = re.compile(r"^(?:> )?USE: (\S+) (.+)$", re.MULTILINE)
SHELLS = ("Bash", "bash", "shell_command", "exec_command", "shell", "local_shell", "run_shell_command")
WRITERS = ("Write", "write", "write_file", "create", "apply_patch")
FIRST_TOOL = "echo stub > stub-was-here.txt && echo made-it"
_CALLS = ("tool", "stall")
ROUTE = '{"reasoning": "stub", "model_choice": "flash", "complexity_reasoning": "stub", "complexity_score": 1}'


class Scenario(NamedTuple):
    """What a cell is answered."""

    name: str
    argument: str = ""

    @property
    def seconds(self) -> float:
        """How long it is silent."""
        return float(self.argument) if self.name in ("slow", "hang") and self.argument else 600.0


class Turn(NamedTuple):
    """What the program asked.

    ``user``: the last thing a person said; ``all_user``: everything, to see what hooks put in. ``tools``: name to JSON
    schema of its arguments. ``results``: what tools said since then. ``wants_json``: Gemini's router asks a small
    model, in JSON, which model is to answer.
    """

    system: str
    user: str
    all_user: str
    tools: dict[str, dict[str, Any]]
    results: list[str]
    model: str
    stream: bool
    wants_json: bool = False


class Reply(NamedTuple):
    """A text, or a tool to be called."""

    text: str = ""
    tool: str = ""
    arguments: dict[str, Any] | None = None


def decide(turn: Turn, scenario: Scenario) -> Reply:
    """The answer of a model that does as the scenario, or a ``RUN:`` line, says."""
    if call := _call(turn, scenario):
        return call
    if turn.wants_json:
        return Reply(ROUTE)
    if turn.results:
        return Reply("Done: " + turn.results[-1].strip()[:400])
    return Reply((scenario.argument if scenario.name == "answer" else "") or "Stub answer.")


def _call(turn: Turn, scenario: Scenario) -> Reply | None:
    uses = USE.findall(turn.user)
    if len(turn.results) < len(uses) and not turn.wants_json:
        name, arguments = uses[len(turn.results)]
        return Reply(tool=name, arguments=json.loads(arguments))
    asked = RUN.search(turn.user)
    command = asked[1] if asked else (scenario.argument if scenario.name in _CALLS else "") or FIRST_TOOL
    if scenario.name == "loop":
        return _shell_call(turn, command)
    if turn.results:
        return None
    if asked or scenario.name in _CALLS:
        return _shell_call(turn, command)
    return _write_call(turn, scenario.argument or "stub-was-written.txt") if scenario.name == "write" else None


def _shell_call(turn: Turn, command: str) -> Reply | None:
    name = next((name for name in SHELLS if name in turn.tools), None)
    if name is None:
        return None
    wanted = turn.tools[name].get("properties", {})
    key = next((key for key in ("command", "cmd") if key in wanted), "command")
    words: Any = ["bash", "-lc", command] if wanted.get(key, {}).get("type") == "array" else command
    further = {"description": "Run a command", "is_background": False}
    return Reply(
        tool=name, arguments={key: words, **{name: value for name, value in further.items() if name in wanted}}
    )


def _write_call(turn: Turn, path: str) -> Reply | None:
    name = next((name for name in WRITERS if name in turn.tools), None)
    if name is None:
        return None
    wanted = turn.tools[name].get("properties", {})
    if name == "apply_patch":
        patch = f"*** Begin Patch\n*** Add File: {path}\n+stub\n*** End Patch\n"
        return Reply(tool=name, arguments={next(iter(wanted), "input"): patch})
    at = next((key for key in ("file_path", "filePath", "path") if key in wanted), "file_path")
    text = next((key for key in ("content", "file_text", "contents") if key in wanted), "content")
    return Reply(tool=name, arguments={at: path, text: "stub\n"})
