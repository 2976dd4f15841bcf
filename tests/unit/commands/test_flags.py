"""What is wrong with a flag is said of that flag, whether the parser finds it or what is done with it later."""

from __future__ import annotations

import pytest

from defer.client import Client
from defer.commands import change, flags, schedule
from defer.errors import BadInput
from support import Place

REFUSED: dict[str, tuple[str, str]] = {
    "--when": ("sometime", "when"),
    "--every": ("sometime", "every"),
    "--cron": ("61 * * * *", "cron"),
    "--tz": ("Mars/Base", "tz"),
    "--expires": ("soon", "expires"),
    "--count": ("0", "times"),
    "--until": ("sometime", "until"),
    "--jitter": ("some", "jitter"),
    "--catch-up": ("two", "catch_up"),
    "--overlap": ("two", "overlap"),
    "--summary": (" ", "summary"),
    "--intent": ("wish", "intent"),
    "--mode": ("odd", "mode"),
    "--prompt": ("a\0b", "prompt_template"),
    "--prompt-file": ("/no/such", "prompt_file"),
    "--aura-level": ("none", "aura_level"),
    "--retries": ("two", "max_retries"),
    "--context-json": ("{", "context_json"),
    "--project": ("a/b", "project"),
    "--key-point": ("a\0b", "key_points"),
    "--artifact": ("a\0b", "artifacts"),
    "--constraint": ("a\0b", "constraints"),
    "--timeout": ("soon", "timeout"),
    "--model": ("--yolo", "model"),
    "--max-cost": ("-1", "max_cost"),
    "--max-turns": ("0", "max_turns"),
    "--executor": ("nobody", "executor"),
    "--command": ("", "command"),
    "--workspace": ("/no/such", "workspace"),
    "--permissions": ("a\0b", "permissions"),
    "--allow": ("a\0b", "allow"),
    "--notify": ("nobody", "notify"),
    "--tag": ("a\0b", "tags"),
    "--id": ("../x", "id"),
    "--if-exists": ("perhaps", "if_exists"),
    "--concurrent": ("=yes", "concurrent"),
    "--leave-running": ("=yes", "leave_running"),
    "--worktree": ("=yes", "worktree"),
    "--no-worktree": ("=yes", "worktree"),
    "--if": ("", "condition"),
    "--check": ("", "check"),
    "--no-drift": ("=yes", "drift"),
    "--session": ("abc", "session"),
    "--reorient": ("=yes", "reorient"),
    "--dry-run": ("=yes", "dry_run"),
    "--compact": ("=yes", "compact"),
    "--json": ("=yes", "json"),
    "--table": ("=yes", "table"),
}
"""For each flag a value that it does not take, and the field that the error names."""
NOT_BAD_INPUT = {"--help", "--context-file"}
"""A CONTEXT.md that is not there is refused, with exit status 1."""


def test_there_is_a_value_for_each_flag() -> None:
    assert {*flags.schedule().flags()} == REFUSED.keys() | NOT_BAD_INPUT
    assert {*flags.edit().flags()} < REFUSED.keys() | NOT_BAD_INPUT


def argv_with(flag: str) -> list[str]:
    value, _ = REFUSED[flag]
    return [f"{flag}{value}"] if value.startswith("=") else [flag, value]


@pytest.mark.parametrize("flag", REFUSED)
def test_an_error_of_schedule_names_the_field(place: Place, flag: str) -> None:
    usual = {"--when": "every day at 9am", "--summary": "water the plants"}
    taken = {"--when", "--every", "--cron"} if flag in ("--every", "--cron") else {flag}
    argv = [word for name, value in usual.items() if name not in taken for word in (name, value)]
    with pytest.raises(BadInput) as caught:
        schedule.schedule(lambda: Client(place.env), [*argv, *argv_with(flag)])
    assert caught.value.field == REFUSED[flag][1]
    assert place.tasks() == {}


@pytest.mark.parametrize("flag", [flag for flag in flags.edit().flags() if flag in REFUSED])
def test_an_error_of_edit_names_the_field(place: Place, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = Client(place.env)
    schedule.schedule(lambda: client, ["every day at 9am water the plants", "--id", "job", "--compact"])
    before = place.task("job")
    with pytest.raises(BadInput) as caught:
        change.edit(lambda: client, ["job", *argv_with(flag)])
    assert caught.value.field == REFUSED[flag][1]
    assert place.task("job") == before


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (["sometime this is not a time"], "when"),
        (["30m"], "when"),
        (["30m", "x", "--when", "1h"], "when"),
        (["30m x", "--tz", "Mars/Base"], "tz"),
        (["1h x", "--count", "3"], "times"),
        (["--summary", "x"], "when"),
    ],
    ids=" ".join,
)
def test_an_error_of_a_line_names_the_field(place: Place, line: list[str], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        schedule.schedule(lambda: Client(place.env), line)
    assert caught.value.field == field
