"""How the programs of the shipped agents are called without a person, with their prompt on standard input.

A session and a model come from a record, and an agent may have written them. So each is one word with its flag, or
stands behind the ``--`` after which nothing is an option. Checked with claude 2.1.197 and codex 0.169.0.
"""

from __future__ import annotations

from collections.abc import Callable


def _claude(model: str | None, session: str | None) -> list[str]:
    flags = ["-p", "--output-format", "json"]
    return [*flags, *([f"--model={model}"] if model else []), *([f"--resume={session}"] if session else [])]


def _codex(model: str | None, session: str | None) -> list[str]:
    # A task's folder need not be a Git repository, which Codex would otherwise insist on. Its flags stand in front.
    flags = ["exec", "--json", "--skip-git-repo-check", *([f"--model={model}"] if model else [])]
    return [*flags, *(["resume", "--", session, "-"] if session else ["-"])]


ARGUMENTS: dict[str, Callable[[str | None, str | None], list[str]]] = {"claude": _claude, "codex": _codex}
"""By agent, whose program has the same name: its arguments for a model and a session."""
