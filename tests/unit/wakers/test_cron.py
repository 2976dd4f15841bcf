"""The crontab line and the settings cron's runs need, with a `crontab` program that keeps a file.

What real cron makes of the line is shown in tests/e2e/test_cron.py.
"""

import os
import pwd
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

import machine as machines
from defer.errors import BadInput, Refused, StorageError
from defer.settings import edit
from defer.store.markers import Markers
from defer.wakers import choice, cron, cronenv, cronline, crontab, words

NOW = datetime(2026, 4, 8, 16, 45, tzinfo=UTC)


def setting(name: str, path: Path) -> str:
    """A line of a settings file, quoted as the path needs it."""
    return os.fsdecode(edit.line(name, str(path)))


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return machines.of(tmp_path, monkeypatch)


class TestInstall:
    def test_into_no_crontab_at_all(self, machine):
        result = machine.install()
        assert machine.tab.read_bytes() == machine.line
        assert result["change"] == "added"
        assert result["line"] + "\n" == machine.line.decode()

    def test_no_secret_goes_into_the_crontab_or_the_settings(self, machine):
        secret = {"GITHUB_TOKEN": "canary", "WORD": "canary", "DEFER_SECRETS": "WORD"}
        result = machine.install(**secret)
        assert "canary" not in f"{result}{machine.tab.read_text()}{machine.settings.read_text()}"
        assert "DEFER_SECRETS=WORD" in machine.settings.read_text()

    def test_twice_changes_nothing_the_second_time(self, machine):
        machine.install()
        before = machine.settings.stat()
        result = machine.install()
        assert (result["change"], result["settings_written"]) == ("unchanged", [])
        assert machine.tab.read_bytes() == machine.line
        assert machine.calls == ["-l", "-", "-l"]
        after = machine.settings.stat()
        assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
            before.st_ino,
            before.st_mtime_ns,
            before.st_ctime_ns,
        )

    @pytest.mark.parametrize(
        "others",
        [
            b"MAILTO=me@example.org\n0 9 * * 1 /bin/backup\n",
            b"# caf\xe9 \xff\n0 9 * * * echo \\% done%input\r\n\r\n\n\n@reboot  /x\n",
            b"#* * * * * /gone/scripts/run-deferred.sh # defer: wakes the tasks that are due\n",
            b"0 9 * * * /bin/mail # defer to Bob\n",
            b"* * * * * /elsewhere/run-deferred.sh >>/tmp/log 2>&1\n",
            b"* * * * * 'unbalanced run-deferred.sh # defer: x\n",
        ],
    )
    def test_other_lines_stay_byte_for_byte(self, machine, others):
        machine.tab.write_bytes(others)
        machine.install()
        assert machine.tab.read_bytes() == others + machine.line
        cron.uninstall(machine.runner)
        assert machine.tab.read_bytes() == others

    def test_a_missing_final_newline_is_mended(self, machine):
        machine.tab.write_bytes(b"0 9 * * 1 /bin/backup")
        machine.install()
        assert machine.tab.read_bytes() == b"0 9 * * 1 /bin/backup\n" + machine.line

    def test_a_stale_line_is_replaced_where_it_stands_and_doubles_go(self, machine):
        moved = b"* * * * * /gone/scripts/run-deferred.sh # defer: wakes the tasks that are due"
        old = b"*/5 * * * * %b # defer: an older text\r" % machine.in_crontab(machine.runner)
        machine.tab.write_bytes(b"A=1\n" + moved + b"\n0 9 * * 1 /bin/backup\n" + old + b"\n")
        result = machine.install()
        assert machine.tab.read_bytes() == b"A=1\n" + machine.line + b"0 9 * * 1 /bin/backup\n"
        assert result["change"] == "updated"
        assert result["replaced"] == [moved.decode(), old.decode()]

    def test_the_line_of_another_checkout_stays_and_is_told(self, machine, tmp_path):
        other = machine.checkout(tmp_path / "other")
        machine.install(runner=other)
        before = machine.tab.read_bytes()
        result = machine.install()
        assert machine.tab.read_bytes() == before + machine.line
        assert result["notes"] == [f"another line of the crontab wakes a runner too: {before.decode().strip()}"]

    def test_the_real_path_stands_in_the_line(self, machine, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(machine.runner.parent.parent)
        machine.install(runner=link / "scripts/run-deferred.sh")
        assert machine.tab.read_bytes() == machine.line

    @pytest.mark.parametrize("folder", ["two words", "it's", 'a "quoted" one', "100%", "%%", "$(reboot);&#", "ünï"])
    def test_the_shell_gets_back_the_path_that_cron_unescaped(self, machine, tmp_path, folder):
        runner = machine.checkout(tmp_path / folder)
        runner.write_text('#!/bin/sh\nprintf "%s" "$0" >"$OUT"\n')
        result = machine.install(runner=runner)
        fields, command = result["line"][:10], result["line"][10:]
        assert fields == "* * * * * "
        assert "%" not in command.replace("\\%", "")
        out = tmp_path / "out"
        subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], env={"OUT": str(out)}, check=True)
        assert out.read_text() == str(runner)
        assert machine.install(runner=runner)["change"] == "unchanged"
        assert cron.uninstall(runner) != []

    @pytest.mark.parametrize(
        "folder",
        [
            "new\nline",
            "back\\slash",
            "tab\there",
            "x" * 250 + "/" + "y" * 250 + "/" + "z" * 250 + "/" + "w" * 250,
        ],
    )
    def test_a_path_no_crontab_can_carry_is_refused_before_anything_is_written(self, machine, tmp_path, folder):
        runner = machine.checkout(tmp_path / folder)
        with pytest.raises(BadInput, match=r"cron cannot run a path|would have [0-9]+ bytes"):
            machine.install(runner=runner)
        assert not machine.tab.exists()
        assert not machine.settings.exists()

    def test_a_runner_that_cannot_run_is_refused(self, machine):
        machine.runner.unlink()
        with pytest.raises(Refused, match="there is nothing to wake"):
            machine.install()
        assert machine.calls == []


def test_the_runner_of_an_environment_is_one(machine):
    line = b"* * * * * /opt/tools/bin/run-deferred # defer: wakes the tasks that are due"
    (entry,) = cronline.entries(line + b"\n* * * * * /opt/tools/bin/run-deferred-backup\n")
    assert (entry.runner, entry.marked) == ("/opt/tools/bin/run-deferred", True)
    machine.tab.write_bytes(line + b"\n")
    assert machine.install()["replaced"] == [line.decode()]


class TestUninstall:
    def test_takes_the_crontab_away_that_install_made(self, machine):
        machine.install()
        assert cron.uninstall(machine.runner) == [machine.line.decode().strip()]
        assert not machine.tab.exists()

    def test_without_a_line_writes_nothing(self, machine):
        machine.tab.write_bytes(b"0 9 * * 1 /bin/backup")
        assert cron.uninstall(machine.runner) == []
        assert machine.calls == ["-l"]
        assert machine.tab.read_bytes() == b"0 9 * * 1 /bin/backup"

    def test_works_when_the_checkout_is_gone(self, machine):
        machine.install()
        machine.runner.unlink()
        cron.uninstall(machine.runner)
        assert not machine.tab.exists()


class TestNoCron:
    def test_no_crontab_program(self, machine, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Refused, match=r"there is no cron here: no `crontab` program on PATH \(install cron, try"):
            machine.install()
        assert not machine.settings.exists()

    def test_refused_by_cron_allow(self, machine):
        machine.tab.with_name("tab.says").write_text(
            "You (eve) are not allowed to use this program (crontab)\nSee crontab(1) for more information\n"
        )
        with pytest.raises(Refused, match=r"cron is closed to this user: You \(eve\) are not allowed"):
            machine.install()
        assert not machine.settings.exists()

    def test_any_other_failure_is_passed_on_and_never_taken_for_an_empty_crontab(self, machine):
        machine.tab.with_name("tab.says").write_text("/var/spool/cron: Input/output\nerror\n")
        with pytest.raises(Refused, match="`crontab` refused: /var/spool/cron: Input/output error"):
            machine.install()

    def test_busybox_says_it_its_own_way(self, machine):
        machine.program(
            "crontab",
            '#!/bin/sh\n[ "$1" = - ] && exec /bin/cat >"$TAB"\n'
            "echo \"crontab: can't open 'me': No such file or directory\" >&2\nexit 1\n",
        )
        machine.install()
        assert machine.tab.read_bytes() == machine.line

    def test_a_crontab_that_will_not_be_written(self, machine):
        machine.program("crontab", '#!/bin/sh\n[ "$1" = -l ] || { echo "bad minute" >&2; exit 1; }\n')
        with pytest.raises(Refused, match="`crontab` refused: bad minute"):
            machine.install()

    def test_a_program_that_is_none(self, machine):
        machine.program("crontab", "no interpreter named")
        with pytest.raises(Refused, match="`crontab` cannot be run: Exec format error"):
            machine.install()


class TestSettings:
    def test_path_goes_into_a_new_private_file(self, machine):
        old = os.umask(0)
        try:
            result = machine.install(path="/opt/two words/bin:/usr/bin")
        finally:
            os.umask(old)
        assert machine.settings.read_bytes() == b"PATH='/opt/two words/bin:/usr/bin'\n"
        assert machine.settings.stat().st_mode & 0o777 == 0o600
        assert machine.settings.parent.stat().st_mode & 0o777 == 0o700
        assert result["settings_written"] == ["PATH"]

    def test_only_its_line_changes_in_one_that_is_there(self, machine):
        machine.settings.parent.mkdir(parents=True)
        before = b"# caf\xe9\r\n TOKEN=s3cret\n\n  export PATH=/old\r\nPATHS=/x\n#PATH=/y\nLAST='no newline'"
        machine.settings.write_bytes(before)
        result = machine.install(path="/new")
        assert machine.settings.read_bytes() == before.replace(b"export PATH=/old", b"export PATH=/new")
        assert result["settings_changed"] == ["PATH"]
        assert machine.settings.stat().st_mode & 0o777 == 0o600

    def test_a_file_others_could_read_becomes_private_even_if_nothing_changes(self, machine):
        machine.install()
        machine.settings.chmod(0o644)
        machine.install()
        assert machine.settings.stat().st_mode & 0o777 == 0o600

    def test_a_symbolic_link_stays_one(self, machine, tmp_path):
        real = tmp_path / "dotfiles" / "env"
        real.parent.mkdir()
        real.write_bytes(b"A=1\n")
        machine.settings.parent.mkdir(parents=True)
        machine.settings.symlink_to(real)
        machine.install()
        assert machine.settings.is_symlink()
        assert real.read_bytes() == b"A=1\nPATH=/usr/bin:/bin\n"

    def test_exported_settings_go_along_so_that_cron_wakes_the_same_store(self, machine, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = machine.install(
            DEFER_RUNTIME_DIR="rel/store",
            DEFER_TIMEZONE="Europe/Berlin",
            DEFER_EXECUTOR="claude",
            DEFER_MAX_PARALLEL="",
            DEFER_TASK_ID="task_1",
            DEFER_ENV_FILE="/x",
            API_KEY="s3cret",
        )
        assert machine.settings.read_text() == (
            "PATH=/usr/bin:/bin\nDEFER_EXECUTOR=claude\n"
            f"{setting('DEFER_RUNTIME_DIR', tmp_path / 'rel/store')}\nDEFER_TIMEZONE=Europe/Berlin\n"
        )
        assert result["settings_written"] == ["PATH", "DEFER_EXECUTOR", "DEFER_RUNTIME_DIR", "DEFER_TIMEZONE"]

    def test_an_exported_setting_replaces_another_one_and_that_is_told(self, machine):
        machine.settings.parent.mkdir(parents=True)
        machine.settings.write_text("DEFER_RUNTIME_DIR=/a\n")
        result = machine.install(DEFER_RUNTIME_DIR="/b")
        assert machine.settings.read_text() == "DEFER_RUNTIME_DIR=/b\nPATH=/usr/bin:/bin\n"
        assert "these had another value before: DEFER_RUNTIME_DIR" in words.describe(result)

    def test_a_settings_file_that_is_broken_is_refused_and_left(self, machine):
        machine.settings.parent.mkdir(parents=True)
        machine.settings.write_text("A=1\nwhat is this\n")
        with pytest.raises(BadInput, match=r"env:2: not a setting"):
            machine.install()
        assert machine.settings.read_text() == "A=1\nwhat is this\n"
        assert not machine.tab.exists()

    def test_a_path_with_a_newline_is_refused(self, machine):
        with pytest.raises(BadInput, match="PATH cannot be written to a settings file"):
            machine.install(path="/a\nDEFER_EXECUTOR=/evil")
        assert not machine.tab.exists()

    def test_a_file_where_a_directory_must_be_is_an_io_error(self, machine):
        (machine.home / ".config").write_text("")
        with pytest.raises(StorageError, match="a part of the path is a file"):
            machine.install()
        assert not machine.tab.exists()

    @pytest.mark.parametrize(
        "value",
        ["", "/a:/b", "two words", "it's", 'a "b"', "a #b", "#", "$HOME", "a\\b'c", "~/x", "ü", " lead"],
    )
    def test_whatever_is_written_reads_back(self, value, tmp_path):
        content = edit.with_values(b"A=0\n", {"NAME": value})
        assert edit.values(content, tmp_path) == {"A": "0", "NAME": value}

    def test_a_value_no_line_can_carry_is_refused(self):
        with pytest.raises(BadInput, match="take its quotes or newlines out"):
            edit.line("NAME", "'\" #")


class TestWhatCronFinds:
    """cron knows neither XDG directories nor this shell's HOME: the line names what it would miss."""

    def env_file(self, machine) -> str | None:
        return cronline.entries(machine.tab.read_bytes())[0].variables.get("DEFER_ENV_FILE")

    def test_the_file_at_its_usual_place_needs_no_name(self, machine):
        machine.install()
        assert self.env_file(machine) is None

    def test_a_file_elsewhere_is_named(self, machine, tmp_path):
        settings = tmp_path / "my config" / "defer" / "env"
        result = machine.install(settings=settings)
        assert self.env_file(machine) == str(settings)
        words = machine.in_crontab(settings), machine.in_crontab(machine.runner)
        assert b"DEFER_ENV_FILE=%b %b" % words in os.fsencode(result["line"])
        assert machine.install(settings=settings)["change"] == "unchanged"

    def test_the_one_beside_scripts_is_found_unless_the_users_own_is_there(self, machine, monkeypatch):
        root = machine.runner.parent.parent
        monkeypatch.setattr("defer.paths.SETTINGS", root / ".env")
        machine.install(settings=root / ".env")
        assert self.env_file(machine) is None
        machine.settings.parent.mkdir(parents=True)
        machine.settings.write_text("")
        machine.install(settings=root / ".env")
        assert self.env_file(machine) == str(root / ".env")

    def test_a_crontab_that_sets_the_directory_itself_is_believed(self, machine, tmp_path):
        machine.tab.write_text(f'XDG_CONFIG_HOME = "{tmp_path}/xdg"\n')
        machine.install(settings=tmp_path / "xdg/defer/env")
        assert self.env_file(machine) is None
        machine.install()
        assert self.env_file(machine) == str(machine.settings)

    def test_another_home_than_crons_keeps_its_store_and_settings(self, machine, tmp_path):
        other = tmp_path / "sudo"
        result = machine.install(settings=other / ".config/defer/env", HOME=str(other))
        assert self.env_file(machine) == f"{other}/.config/defer/env"
        assert (other / ".config/defer/env").read_text() == (
            f"PATH=/usr/bin:/bin\n{setting('DEFER_RUNTIME_DIR', other / 'data/runtime')}\n"
        )
        assert result["notes"] == [f"wakes have HOME={machine.home}, this shell has HOME={other}"]

    def test_a_setting_in_the_crontab_itself_is_told(self, machine):
        machine.tab.write_text("DEFER_RUNTIME_DIR=/other\n")
        note = "the crontab itself sets DEFER_RUNTIME_DIR=/other: that wins over the settings file"
        assert machine.install()["notes"] == [note]

    @pytest.mark.parametrize("here", [True, False])
    def test_an_environment_that_cron_would_not_find_is_named(self, machine, monkeypatch, tmp_path, here):
        data = machine.home / ".local/share" if here else tmp_path / "data"
        monkeypatch.setattr("sys.executable", str(data / "defer/venv-0123456789abcdef/bin/python"))
        machine.install()
        variables = cronline.entries(machine.tab.read_bytes())[0].variables
        assert variables == ({} if here else {"XDG_DATA_HOME": str(data)})

    def test_the_home_of_cron_is_the_password_databases(self, monkeypatch):
        monkeypatch.setenv("HOME", "/nowhere")
        assert cronenv.home() == pwd.getpwuid(os.getuid()).pw_dir


class TestStatus:
    def status(self, machine, **changes) -> dict:
        return choice.status(machine.runner, Markers(machine.home / "deferred.jsonl"), NOW, **changes)

    def test_before_anything(self, machine, monkeypatch):
        monkeypatch.setattr(crontab, "daemon_state", lambda: "cannot tell")
        assert self.status(machine) == {
            "action": "status",
            "installed": False,
            "wakers": [],
            "units": [],
            "line": None,
            "other_lines": [],
            "dead_lines": [],
            "crontab_error": None,
            "daemon": "cannot tell",
            "last_wake": None,
            "seconds_since_wake": None,
            "trouble": None,
            "settings_file": None,
            "notes": [],
        }

    def test_with_everything(self, machine):
        machine.install()
        beat, trouble = (machine.home / f".deferred.jsonl.{kind}" for kind in ("heartbeat", "trouble"))
        beat.touch()
        os.utime(beat, (NOW.timestamp() - 3700, NOW.timestamp() - 3700))
        trouble.write_text("2026-04-08T15:43:20Z the disk is full\n")
        result = self.status(machine, settings_file=machine.settings)
        assert result["installed"] is True
        assert result["last_wake"] == "2026-04-08T15:43:20Z"
        assert result["seconds_since_wake"] == 3700
        assert result["trouble"] == "2026-04-08T15:43:20Z the disk is full"
        assert result["settings_file"] == str(machine.settings)
        assert result["notes"] == []
        lines = words.describe({**result, "daemon": "running"})
        assert lines == [
            f"crontab line: {machine.line.decode().strip()}",
            "cron daemon: running",
            "last wake: 61 min ago (2026-04-08T15:43:20Z)",
            "the last wake could not do its work: 2026-04-08T15:43:20Z the disk is full",
            f"settings for wakes: {machine.settings}",
        ]

    def test_a_home_that_cannot_be_looked_into_is_survived(self, machine, monkeypatch):
        def refuse(path):
            raise PermissionError(13, "Permission denied", str(path))

        machine.tab.write_text("HOME=/locked\n")
        monkeypatch.setattr(Path, "is_file", refuse)
        assert self.status(machine)["settings_file"] is None

    def test_a_heartbeat_of_the_future_is_now(self, machine):
        beat = machine.home / ".deferred.jsonl.heartbeat"
        beat.touch()
        os.utime(beat, (NOW.timestamp() + 60, NOW.timestamp() + 60))
        assert self.status(machine)["seconds_since_wake"] == 0

    def test_settings_that_cron_does_not_read_are_told(self, machine, tmp_path):
        machine.install()
        (note,) = self.status(machine, settings_file=tmp_path)["notes"]
        reads = f"wakes read {machine.settings}, this shell reads {tmp_path}"
        assert note == f"{reads}: run `defer waker install` again"

    def test_a_line_written_by_hand_is_shown(self, machine):
        other = os.fsdecode(machine.in_crontab(machine.checkout(machine.home / "other")))
        line = f"* * * * * {other} >/dev/null 2>&1"
        machine.tab.write_text(f"{line}\n")
        result = self.status(machine)
        assert result["installed"] is False
        assert (result["other_lines"], result["dead_lines"]) == ([line], [])

    def test_a_line_whose_checkout_has_moved_is_not_said_to_wake_anything(self, machine):
        machine.install()
        moved = machine.runner.parent.parent.rename(machine.home / "moved") / "scripts" / "run-deferred.sh"
        result = choice.status(moved, Markers(machine.home / "deferred.jsonl"), NOW)
        line = machine.line.decode().strip()
        assert (result["installed"], result["other_lines"], result["dead_lines"]) == (False, [], [line])
        said = words.describe(result)
        assert f"a line that wakes nothing, since its program is gone: {line}" in said
        assert not [one for one in said if one.startswith("another line wakes a runner")]

    def test_without_cron_it_says_so_and_goes_on(self, machine, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        result = self.status(machine)
        assert result["crontab_error"].startswith("there is no cron here")
        assert words.describe(result)[0].startswith("crontab line: there is no cron here")


class TestDaemon:
    def proc(self, base: Path, **processes: str) -> Path:
        for number, (name, cmdline) in enumerate(processes.items(), 1):
            (base / str(number)).mkdir(parents=True)
            (base / str(number) / "comm").write_text(name + "\n")
            (base / str(number) / "cmdline").write_text(cmdline)
        return base

    @pytest.mark.parametrize("name", ["cron", "crond"])
    def test_running(self, tmp_path, name):
        assert crontab.daemon_state(self.proc(tmp_path, init="init", **{name: "x"})) == "running"

    def test_not_running(self, tmp_path):
        assert crontab.daemon_state(self.proc(tmp_path, init="init", crontab="x")) == "not running"

    def test_a_dead_one_nobody_collected_is_not_running(self, tmp_path):
        assert crontab.daemon_state(self.proc(tmp_path, init="init", cron="")) == "not running"

    def test_where_others_processes_are_hidden_nobody_can_tell(self, tmp_path):
        assert crontab.daemon_state(tmp_path) == "cannot tell"

    def test_elsewhere_ps_is_asked(self, monkeypatch, machine):
        monkeypatch.setattr("sys.platform", "darwin")
        machine.program("ps", '#!/bin/sh\n[ "$*" = "-A -o comm=" ] && echo /usr/sbin/cron\n')
        assert crontab.daemon_state() == "running"
        machine.program("ps", "#!/bin/sh\necho /sbin/launchd\n")
        assert crontab.daemon_state() == "not running"
        machine.program("ps", "#!/bin/sh\nexit 1\n")
        assert crontab.daemon_state() == "cannot tell"


def test_describe_install_and_uninstall(machine, monkeypatch):
    monkeypatch.setattr(crontab, "daemon_state", lambda: "not running")
    line = machine.line.decode().strip()
    advice = "(nothing wakes without one: start it, or keep `run-deferred.sh --loop` running)"
    assert words.describe(machine.install()) == [
        f"crontab line added: {line}",
        f"settings for wakes: {machine.settings}: PATH written",
        f"cron daemon: not running {advice}",
    ]
    assert words.describe(choice.uninstall("cron", machine.runner)) == [f"removed: {line}"]
    assert words.describe(choice.uninstall("cron", machine.runner)) == ["nothing of ours was there to remove"]
