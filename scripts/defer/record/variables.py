"""The environment variables that come with a record."""

from __future__ import annotations

OF_ATTEMPT = frozenset(
    {
        *("DEFER_TASK_ID", "DEFER_RUN_ID", "DEFER_ATTEMPT", "DEFER_PROMPT_FILE", "DEFER_RESULT_FILE"),
        *("DEFER_SESSION_ID", "DEFER_SESSION_FORK", "DEFER_MODEL", "DEFER_AGENT", "DEFER_RESTRICTED"),
    }
)
"""What belongs to one attempt: only its own record sets it, or a task would continue another's conversation."""
