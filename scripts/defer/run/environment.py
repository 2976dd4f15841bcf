"""What an attempt finds around it that is not its task's: the caller's umask and environment.

Not all of the caller's environment is the executor's business. A wake may be called from within an
attempt, or from the shell of a coding agent, and both have marked their environment with what holds
for them alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from defer.wakers import searchpath

callers_umask = -1
"""The umask of whoever called this process, for executors: ours is 077. -1 is the process's own."""

ATTEMPT = frozenset(
    {
        *("DEFER_TASK_ID", "DEFER_RUN_ID", "DEFER_ATTEMPT", "DEFER_PROMPT_FILE", "DEFER_RESULT_FILE"),
        *("DEFER_SESSION_ID", "DEFER_MODEL", "DEFER_AGENT"),
    }
)
"""What belongs to one attempt: from nowhere but its own record, or a task would go on with another's conversation."""

# Names that a program sets for the commands it runs, and that say "you are inside of this session of mine". An agent
# that finds them refuses to start, keeps no transcript, takes itself for sandboxed, or talks to the outer session's
# window. Most of the first six rows were seen in the environment of the real programs' shell tools, the rest is from
# documentation. Not here: what a person configures an agent with (CLAUDE_CONFIG_DIR, CODEX_HOME, GEMINI_API_KEY …),
# and AGENT, which some set to their name and people use for their own.
_MARKS = {
    "claude": (
        *("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_EXECPATH", "CLAUDE_CODE_SSE_PORT", "CLAUDE_PID"),
        *("CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_PARENT_SESSION_ID", "CLAUDE_CODE_REMOTE_SESSION_ID"),
        *("CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_SESSION_ACCESS_TOKEN", "CLAUDE_CODE_MESSAGING_SOCKET"),
        *("CLAUDE_CODE_IS_COWORK", "CLAUDE_AGENT_SDK_VERSION", "CLAUDE_EFFORT", "CLAUDE_ENV_FILE"),
        *("CLAUDE_PROJECT_DIR", "CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA"),
    ),
    "codex": (
        *("CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_THREAD_ID", "CODEX_SESSION_ID"),
        *("CODEX_TOOL_CALL_ID", "CODEX_CI", "CODEX_SHELL", "CODEX_INTERNAL_ORIGINATOR_OVERRIDE", "CODEX_VERSION"),
        *("CODEX_MANAGED_BY_NPM", "CODEX_MANAGED_BY_BUN", "CODEX_MANAGED_PACKAGE_ROOT"),
    ),
    "gemini": (
        *("GEMINI_CLI", "GEMINI_CLI_NO_RELAUNCH", "GEMINI_CLI_IDE_PID", "GEMINI_CLI_IDE_SERVER_PORT"),
        *("GEMINI_CLI_IDE_AUTH_TOKEN", "GEMINI_CLI_IDE_WORKSPACE_PATH"),
    ),
    "qwen": (*("QWEN_CODE", "QWEN_CODE_NO_RELAUNCH", "QWEN_CODE_IDE_SERVER_PORT", "QWEN_CODE_IDE_WORKSPACE_PATH"),),
    "opencode": (
        *("OPENCODE", "OPENCODE_PID", "OPENCODE_RUN_ID", "OPENCODE_PROCESS_ROLE", "OPENCODE_CALLER", "OPENCODE_CLIENT"),
    ),
    "copilot": (
        *("COPILOT_CLI", "COPILOT_AGENT_SESSION_ID", "COPILOT_CLI_BINARY_VERSION", "COPILOT_CLI_RESOLVED_DIST_DIR"),
        *("COPILOT_LOADER_PID", "COPILOT_RUN_APP"),
    ),
    "others": (
        *("AI_AGENT", "AGENT_SESSION_ID", "AGENT_THREAD_ID", "AMP_CURRENT_THREAD_ID", "ANTIGRAVITY_AGENT"),
        *("AUGMENT_AGENT", "CLINE_ACTIVE", "CRUSH", "CURSOR_AGENT", "CURSOR_TRACE_ID", "GOOSE_TERMINAL"),
        *("PI_CODING_AGENT",),
    ),
}
AGENT_SESSION = frozenset(name for names in _MARKS.values() for name in names)
"""What marks a coding agent's session around us."""


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, with the settings file's, as far as it is an executor's business.

    Of PATH the full paths: what it starts must not depend on the repository that it works in.
    """
    passed = {name: value for name, value in environment.items() if name not in ATTEMPT and name not in AGENT_SESSION}
    if "PATH" in passed:
        passed["PATH"] = searchpath.anchored(passed["PATH"])
    return passed


def of_attempt(environment: Mapping[str, str], tasks_own: Mapping[str, str]) -> dict[str, str]:
    """The same under the variables of a task's file: a mark that its user writes there is meant."""
    return {**passed_on(environment), **{name: value for name, value in tasks_own.items() if name not in ATTEMPT}}


def too_large(argv: Sequence[str], environment: Mapping[str, str], origin: Callable[[str], str]) -> str:
    """Why the system starts nothing with so much (E2BIG): the total, and the largest part by name, never its value."""
    sizes = {name: len(os.fsencode(f"{name}={value}")) for name, value in environment.items()}
    total = sum(sizes.values()) + sum(len(os.fsencode(word)) for word in argv)
    name = max(sizes, key=sizes.__getitem__)
    part, size = f"{name} from {origin(name)}", sizes[name]
    word = max(len(os.fsencode(word)) for word in argv)
    if word > size:
        part, size = "the command", word
    what = f"the system starts no program with so much: {total} bytes of environment and command"
    return f"{what}, the largest part is {part}: {size} bytes (put it into a file and name that)"
