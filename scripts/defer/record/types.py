"""The types of what a store holds, for the type checker: nothing at run time loads this module.

A field that this version does not know is kept beside these. ``shapes`` checks what comes from disk, so that a record
that was read has these types; what is missing or null is both "not there". ``references/task.schema.json`` has the
same fields.
"""

from __future__ import annotations

from typing import Any, Required, TypedDict


class Context(TypedDict, total=False):
    """What one must know. v1 took any JSON for its parts."""

    summary: Any
    key_points: Any
    artifacts: Any
    constraints: Any
    reoriented_from: Any


class Execution(TypedDict, total=False):
    """How the prompt is put."""

    mode: str | None
    prompt_template: str | None
    aura_level: str | None


class Reorient(TypedDict, total=False):
    """Where the context was taken from."""

    requested: Any
    project: Any
    explicit_context_file: Any


class Recurrence(TypedDict, total=False):
    """The rule of a recurring task, its bounds and its behaviour."""

    expression: Required[str]
    tz: Required[str]
    anchor: Required[str]
    count: int | None
    until: str | None
    jitter_seconds: int | None
    jitter_offset_seconds: int | None
    catch_up: str | None
    overlap: str | None
    expires_after_seconds: int | None
    fired: int | None


class Stretch(TypedDict, total=False):
    """Occurrences in a row that share one record."""

    first: Required[str]
    last: Required[str]
    count: Required[int]


class AfterAttempt(TypedDict, total=False):
    """What becomes of a task once its attempt is settled."""

    do: Required[str]
    reason: str | None
    until: str | None


class Held(TypedDict, total=False):
    """Until when a waiting task is not claimed."""

    until: Required[str]
    reason: str | None


class Last(TypedDict, total=False):
    """How the last occurrence ended."""

    outcome: Required[str]
    at: Required[str]
    reason: Required[str | None]
    failures: Required[int]
    since: str | None
    before: int | None


class Deferrals(TypedDict, total=False):
    """Attempts that an executor put off."""

    total: Required[int]
    in_a_row: Required[int]


class Noted(TypedDict, total=False):
    """An artifact as it was when a task was scheduled."""

    path: Required[str]
    size: int | None
    mtime_ns: int | None


class State(TypedDict, total=False):
    """What was noted of a workspace or a worktree, to tell later what has changed since."""

    at: str | None
    repository: str | None
    head: str | None
    branch: str | None
    artifacts: list[Noted] | None


class Drift(State, total=False):
    """The workspace when a task was scheduled; ``worktree``: the one that its last attempt has left."""

    off: bool | None
    worktree: State | None


class Source(TypedDict, total=False):
    """The task file a task was made from."""

    file: str | None
    digest: str | None
    workflow: str | None
    enabled: bool | None


class Worktree(TypedDict, total=False):
    """Where an attempt has worked, and the branch that its commits are on."""

    path: str | None
    branch: str | None


class Result(TypedDict, total=False):
    """What came of the latest attempt."""

    type: str | None
    prompt_path: str | None
    log_path: str | None
    output: str | None
    output_truncated: bool | None
    output_bytes: int | None
    summary: str | None
    artifacts: list[str] | None
    told: list[str] | None
    next_run_at: str | None
    retry_at: str | None
    result_file_error: str | None
    session_error: str | None
    conversation: str | None
    log_error: str | None
    worktree: Worktree | None


class Identity(TypedDict, total=False):
    """A process."""

    pid: Required[int]
    start: str | None
    boot: str | None
    pid_namespace: str | None
    wake: str | None


class RunUnderWay(TypedDict, total=False):
    """The attempt that is being made."""

    run_id: str | None
    host: str | None
    attempt: int | None
    occurrence: str | None
    started_at: str | None
    late_by_seconds: int | None
    deadline_at: str | None
    runner: Identity | None
    leader: Identity | None
    lease: str | None
    prompt: str | None
    log: str | None
    worktree: Worktree | None


class Usage(TypedDict, total=False):
    """What an attempt used up."""

    input_tokens: float | None
    cached_input_tokens: float | None
    output_tokens: float | None
    cost_usd: float | None


class Run(TypedDict, total=False):
    """An ended attempt."""

    run_id: str | None
    task_id: str | None
    attempt: int | None
    occurrence: str | None
    status: str | None
    started_at: str | None
    ended_at: Required[str]
    duration_ms: int | None
    exit_code: int | None
    error_type: str | None
    error: str | None
    late_by_seconds: int | None
    log: str | None
    log_bytes: int | None
    summary: str | None
    prompt: str | None
    usage: Usage | None
    session_id: str | None
    model: str | None
    tool_calls: int | None
    denied: list[str] | None
    env: list[str] | None
    host: str | None
    pid: int | None
    copy_of: str | None
    worktree: Worktree | None


class TaskFields(TypedDict, total=False):
    """What a task may lack."""

    created_at: str | None
    type: str | None
    intent: str | None
    context: Context | None
    execution: Execution | None
    attempts: int | None
    max_retries: int | None
    reorient_requested: bool | None
    reorient: Reorient | None
    started_at: str | None
    completed_at: str | None
    failed_at: str | None
    cancelled_at: str | None
    paused_at: str | None
    paused_until: str | None
    ready_at: str | None
    missed_at: str | None
    skipped_at: str | None
    cancel_reason: str | None
    last_attempt_at: str | None
    last_error: str | None
    error: str | None
    result: Result | None
    schema_version: int | None
    requires: list[str] | None
    held: Held | None
    last: Last | None
    tz: str | None
    when: str | None
    cwd: str | None
    occurrence: str | None
    timeout_seconds: float | None
    executor: str | None
    workspace: str | None
    concurrent: bool | None
    leave_running: bool | None
    tags: list[str] | None
    expires_at: str | None
    error_type: str | None
    session_id: str | None
    deferrals: Deferrals | None
    recurrence: Recurrence | None
    stretch: Stretch | None
    reason: str | None
    copy_of: str | None
    cancel_requested_at: str | None
    after_attempt: AfterAttempt | None
    cancel_occurrence: bool | None
    name: str | None
    description: str | None
    when_to_use: str | None
    command: str | list[str] | None
    env: list[str] | None
    env_file: str | None
    agent: str | None
    model: str | None
    sticky_session: bool | None
    permissions: Any
    condition: str | list[str] | None
    check: str | list[str] | None
    max_cost_usd: float | None
    max_turns: int | None
    worktree: bool | None
    origin: str | None
    parent: str | None
    root: str | None
    depth: int | None
    reschedules: int | None
    session_directory: str | None
    session_usage: Usage | None
    drift: Drift | None
    notify: str | None
    ping: str | None
    source: Source | None
    run: RunUnderWay | None
    ended: list[Task] | None
    ended_runs: list[Run] | None


class Task(TaskFields, total=False):
    """A task."""

    id: Required[str]
    run_at: Required[str]
    status: Required[str]


class Changes(TaskFields, total=False):
    """Fields of a task that change; None removes one, or says that there is nothing."""

    run_at: str
    status: str
