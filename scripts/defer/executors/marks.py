"""What coding agents mark their environment with, including agents that we do not start.

A program sets these variables for the commands it runs, to say "you are inside this session of mine". An agent that
finds them refuses to start, keeps no transcript, takes itself for sandboxed, or talks to the outer session's window.
The real programs' shell tools showed most of the first six rows in their environment; the rest is from documentation.
Not here: what a person configures an agent with (CLAUDE_CONFIG_DIR, CODEX_HOME, GEMINI_API_KEY …), and AGENT, which
some set to their name and people use for their own.
"""

from __future__ import annotations

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
OF_SESSIONS = frozenset(name for names in _MARKS.values() for name in names)
"""The variables that show that a coding agent's session is around us."""
OF_CONVERSATIONS = {
    "CLAUDE_CODE_SESSION_ID": "claude",
    "CODEX_THREAD_ID": "codex",
    "COPILOT_AGENT_SESSION_ID": "copilot",
}
"""The variables that tell the id of the conversation, as the real programs' shell tools had them. Gemini and opencode
tell none."""
