"""Every variable that Defer reads, with its default.

A test holds ``.env.example`` and the table of ``docs/settings.md`` equal to it.
"""

from __future__ import annotations

VARIABLES: dict[str, str] = {
    "DEFER_RUNTIME_DIR": "~/data/runtime",
    "DEFER_TASKS_FILE": "$DEFER_RUNTIME_DIR/deferred.jsonl",
    "DEFER_ARCHIVE_DIR": "$DEFER_RUNTIME_DIR/archive",
    "DEFER_LOG_DIR": "$DEFER_RUNTIME_DIR/logs",
    "DEFER_LOG_FILE": "$DEFER_LOG_DIR/deferred.log",
    "DEFER_TASKS_LOCK_DIR": "$DEFER_RUNTIME_DIR/.deferred-tasks.lock",
    "DEFER_TASKS_DIR": "~/.config/defer/tasks",
    "DEFER_TIMEZONE": "",
    "DEFER_EXECUTOR": "",
    "DEFER_PERMISSIONS": "",
    "DEFER_CONTEXT_FILE": "",
    "DEFER_RETRY_DELAY_SECONDS": "60",
    "DEFER_RETRY_BACKOFF": "2",
    "DEFER_RETRY_MAX_DELAY_SECONDS": "3600",
    "DEFER_TIMEOUT_SECONDS": "3600",
    "DEFER_KILL_GRACE_SECONDS": "10",
    "DEFER_MAX_PARALLEL": "4",
    "DEFER_OUTPUT_LIMIT_BYTES": "1048576",
    "DEFER_LOCK_TIMEOUT_SECONDS": "10",
    "DEFER_NOTIFY": "inbox",
    "DEFER_NOTIFY_OUTPUT": "0",
    "DEFER_NOTIFY_COOLDOWN": "3600",
    "DEFER_BUDGET_USD_PER_DAY": "",
    "DEFER_BUDGET_TOKENS_PER_DAY": "",
    "DEFER_PAUSE_AFTER": "",
    "DEFER_PING_URL": "",
    "DEFER_KEEP_DAYS": "",
    "DEFER_TRUST_AGENTS": "0",
    "DEFER_MAX_DEPTH": "5",
    "DEFER_MAX_WAITING_PER_ROOT": "20",
    "DEFER_MAX_PER_DAY_PER_ROOT": "100",
    "DEFER_MAX_RESCHEDULES": "50",
    "DEFER_RESUME_LIMIT": "3",
    "DEFER_SECRETS": "",
    "DEFER_ENV_FILE": "",
}
