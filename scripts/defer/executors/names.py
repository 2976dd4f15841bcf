"""What a task may call a session, a model and an agent: such names stand on the command line of an agent's program.

They come from task files, from records and from what an agent itself wrote. One that begins with ``-`` would be an
option there, and could take away every bound that its user has set. So a name has to match a strict pattern where it
enters and again where it is used. ``references/task-file.schema.json`` has the same patterns; a test holds them equal.
"""

from __future__ import annotations

import re

SESSION = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
# Such as anthropic/claude-opus-4:beta, claude-opus-4-1[1m], @cf/meta/llama-3, gpt-5(high), arn:aws:bedrock:…
MODEL = r"(?!.*\.\.)[A-Za-z0-9@][A-Za-z0-9@._:/+~,=()\[\]-]{0,199}"
AGENT = r"(?!.*\.\.)[A-Za-z0-9@][A-Za-z0-9@._:/+-]{0,127}"

_SESSION, _MODEL, _AGENT = (re.compile(pattern).fullmatch for pattern in (SESSION, MODEL, AGENT))


def is_session(found: object) -> bool:
    """Whether this can be told to a program as a session's id."""
    return isinstance(found, str) and _SESSION(found) is not None


def is_model(found: object) -> bool:
    """Whether this can be told to a program as a model's name."""
    return isinstance(found, str) and _MODEL(found) is not None


def is_agent(found: object) -> bool:
    """Whether this can be told to a program as an agent's name."""
    return isinstance(found, str) and _AGENT(found) is not None
