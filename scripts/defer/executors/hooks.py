"""What the hooks of each agent's program tell, and in which form they take an answer.

Apart from ``registry``, whose answers the beginning of a session need not wait for.
"""

from __future__ import annotations

from typing import NamedTuple

NESTED, PLAIN, TEXT = "hookSpecificOutput.additionalContext", "additionalContext", "text"
"""The forms of an answer: where in a JSON object its text stands, or that text alone."""
START, PROMPT = "SessionStart", "UserPromptSubmit"


class Hook(NamedTuple):
    """One agent's.

    ``form``: of an answer. ``event``: the one that a nested answer names. ``tells_id``: whether the agent tells the
    commands it runs which conversation they are in: scheduling notes it then, where that matters. ``tells_limits``:
    whether a hook hears that a turn has ended at a usage limit, and when that is over.
    """

    form: str = NESTED
    event: str = START
    tells_id: bool = False
    tells_limits: bool = False


AGENTS = {
    "claude": Hook(tells_id=True, tells_limits=True),
    "codex": Hook(tells_id=True),
    "gemini": Hook(),
    "opencode": Hook(form=TEXT),
    "copilot": Hook(form=PLAIN, tells_id=True),
    "qwen": Hook(event=PROMPT),
}
ANY = "text"
"""In the place of an agent's name: any other program, which is given text."""
OLDER = {"claude-code": "claude", "gemini-cli": "gemini"}
"""What some of them were called, still understood."""


def of(agent: str) -> Hook:
    """The hook of an agent, or of any other program."""
    return AGENTS.get(agent) or Hook(form=TEXT)
