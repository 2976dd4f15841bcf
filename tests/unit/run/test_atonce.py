"""What a wake finds around it that `run --wait` starts: what one of cron would find, and the same store."""

from __future__ import annotations

from pathlib import Path

from defer.run import atonce
from defer.wakers import cronenv


def test_only_what_cron_gives_and_our_settings_reach_the_wake(monkeypatch) -> None:
    monkeypatch.setattr(cronenv, "home", lambda: "/home/me")
    shell = {
        "HOME": "/home/me",
        "LOGNAME": "me",
        "PATH": "/opt/mine:/usr/bin",
        "LANG": "de_DE.UTF-8",
        "SECRET": "x",
        "DEFER_EXECUTOR": "claude",
        "DEFER_TASK_ID": "outer",
        "CLAUDECODE": "1",
        "TZ": "Asia/Tokyo",
    }
    assert atonce.wakes_environment(shell) == {
        "HOME": "/home/me",
        "LOGNAME": "me",
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "DEFER_EXECUTOR": "claude",
    }


def test_it_works_on_the_store_of_this_shell(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cronenv, "home", lambda: "/home/me")
    monkeypatch.chdir(tmp_path)
    found = atonce.wakes_environment({"HOME": "/elsewhere", "DEFER_ENV_FILE": "/etc/defer", "DEFER_LOG_DIR": "logs"})
    assert found["DEFER_RUNTIME_DIR"] == "/elsewhere/data/runtime"
    assert (found["DEFER_ENV_FILE"], found["DEFER_LOG_DIR"]) == ("/etc/defer", str(tmp_path / "logs"))
