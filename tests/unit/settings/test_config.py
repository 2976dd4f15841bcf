"""Environment over settings file over defaults."""

from pathlib import Path

import pytest

from defer import homedir, paths
from defer.errors import BadInput
from defer.settings import config
from defer.settings.config import Config


def loaded(tmp_path, text: str, **environ: str) -> Config:
    file = tmp_path / "settings"
    file.write_text(text)
    return config.load({"HOME": "/h", "DEFER_ENV_FILE": str(file), **environ})


def test_a_variable_that_is_set_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    both = loaded(tmp_path, "DEFER_MAX_PARALLEL=2\nDEFER_RUNTIME_DIR=/file\n", DEFER_RUNTIME_DIR="/env")
    assert (both.max_parallel, both.runtime_dir, both.timeout_seconds) == (2, Path("/env"), 3600)


def test_path_of_the_file_replaces_crons(tmp_path):
    assert loaded(tmp_path, "PATH=/mine\n", PATH="/usr/bin").environment["PATH"] == "/mine"
    assert loaded(tmp_path, "A=1\n", PATH="/usr/bin").environment["PATH"] == "/usr/bin"


def test_every_name_in_the_file_reaches_executors_and_is_secret_unless_a_setting(tmp_path):
    found = loaded(tmp_path, "WORD=s3cr3t-value\nDEFER_MAX_PARALLEL=2\nPATH=/mine\n")
    assert found.environment["WORD"] == "s3cr3t-value"
    assert found.secrets == [b"s3cr3t-value"]


def test_a_name_in_the_file_and_in_the_environment_has_two_values_to_mask(tmp_path):
    environment = {"TOKEN": "new", "WORD": "of-the-environment", "OTHER": "other-value"}
    found = loaded(tmp_path, "TOKEN=old\nWORD=of-the-file\n", **environment)
    assert set(found.secrets) == {b"old", b"new", b"of-the-file", b"of-the-environment"}


@pytest.mark.parametrize("listed", ["WORD,OTHER", "WORD OTHER", " WORD, ,OTHER,", "WORD\tOTHER DEFER_TIMEZONE PATH"])
def test_what_defer_secrets_lists_is_masked_whatever_it_is(tmp_path, listed):
    found = loaded(tmp_path, f"WORD=true\nDEFER_SECRETS='{listed}'\n", OTHER="/a/b", MORE="1")
    assert {b"true", b"/a/b"} <= set(found.secrets)
    assert b"1" not in found.secrets
    assert listed.encode() not in found.secrets


@pytest.mark.parametrize("listed", ["TOKEN ghp-s3cr3t", "TOKEN,a=b", "TOKEN,1"])
def test_a_value_among_the_names_that_are_secret_is_refused_and_not_shown(tmp_path, listed):
    with pytest.raises(BadInput) as refused:
        loaded(tmp_path, f"DEFER_SECRETS='{listed}'\n").check()
    said = "DEFER_SECRETS: word 2 is not the name of a variable (list names, not values)"
    assert str(refused.value) == said
    assert refused.value.field == "DEFER_SECRETS"


def test_the_file_is_the_first_that_exists(tmp_path):
    assert homedir.settings_path({"HOME": str(tmp_path)}) in (None, paths.SETTINGS)
    user = tmp_path / ".config" / "defer" / "env"
    user.parent.mkdir(parents=True)
    user.touch()
    assert homedir.settings_path({"HOME": str(tmp_path)}) == user
    assert homedir.settings_path({"HOME": str(tmp_path), "DEFER_ENV_FILE": "/x"}) == Path("/x")


@pytest.mark.parametrize("kind", ["missing", "directory", "too large"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, kind):
    file = tmp_path / "settings"
    if kind == "directory":
        file.mkdir()
    elif kind == "too large":
        file.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(BadInput, match=str(file)) as refused:
        config.load({"HOME": "/h", "DEFER_ENV_FILE": str(file)})
    assert refused.value.field == "DEFER_ENV_FILE"


def test_bytes_that_are_no_utf8_pass_through_to_executors(tmp_path):
    file = tmp_path / "settings"
    file.write_bytes(b"TOKEN=\xff\xfe\xfd\xfc\n")
    found = config.load({"HOME": "/h", "DEFER_ENV_FILE": str(file)})
    assert found.environment["TOKEN"].encode("utf-8", "surrogateescape") == b"\xff\xfe\xfd\xfc"
    assert b"\xff\xfe\xfd\xfc" in found.secrets


def test_where_everything_lies_by_default():
    found = Config({"HOME": "/h"}, {}, None)
    assert found.tasks_file == Path("/h/data/runtime/deferred.jsonl")
    assert found.archive_dir == Path("/h/data/runtime/archive")
    assert found.log_file == Path("/h/data/runtime/logs/deferred.log")
    assert found.runs_dir == Path("/h/data/runtime/runs")


def test_an_empty_variable_counts_as_not_set():
    assert Config({"HOME": "/h", "DEFER_RUNTIME_DIR": "", "DEFER_MAX_PARALLEL": ""}, {}, None).max_parallel == 4


def test_a_tilde_that_nothing_expanded_is_refused():
    with pytest.raises(BadInput, match="DEFER_RUNTIME_DIR starts with a tilde") as refused:
        _ = Config({"HOME": "/h", "DEFER_RUNTIME_DIR": "~/x"}, {}, None).runtime_dir
    assert refused.value.field == "DEFER_RUNTIME_DIR"


@pytest.mark.parametrize("written", ["x", "-1", "nan", "inf", "1e10", "0x10", " ", "1 2"])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("DEFER_TIMEOUT_SECONDS", lambda one: one.timeout_seconds),
        ("DEFER_KILL_GRACE_SECONDS", lambda one: one.kill_grace_seconds),
        ("DEFER_LOCK_TIMEOUT_SECONDS", lambda one: one.lock_timeout_seconds),
        ("DEFER_OUTPUT_LIMIT_BYTES", lambda one: one.output_limit_bytes),
        ("DEFER_MAX_PARALLEL", lambda one: one.max_parallel),
        ("DEFER_RETRY_DELAY_SECONDS", lambda one: one.backoff),
        ("DEFER_RETRY_BACKOFF", lambda one: one.backoff),
        ("DEFER_RETRY_MAX_DELAY_SECONDS", lambda one: one.backoff),
    ],
)
def test_a_number_that_is_none_is_named(name, read, written):
    with pytest.raises(BadInput, match=f"{name} must be ") as refused:
        read(Config({"HOME": "/h", name: written}, {}, None))
    assert refused.value.field == name


@pytest.mark.parametrize("zone", ["Mars/Olympus", "EST5EDT4", "../../etc/passwd", "/etc/localtime", "utc\n", "+02:00"])
def test_a_zone_that_does_not_exist_is_an_error(zone):
    with pytest.raises(BadInput) as refused:
        Config({"HOME": "/h", "DEFER_TIMEZONE": zone}, {}, None).timezone()
    assert refused.value.field == "DEFER_TIMEZONE"
    with pytest.raises(BadInput):
        Config({"HOME": "/h", "DEFER_TIMEZONE": zone}, {}, None).zone_name()
    with pytest.raises(BadInput):
        Config({"HOME": "/h"}, {}, None).zone_name(zone)


ODD_ZONES = ["", "UTC", "Etc/UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "GMT", "Europe", "Europe/", "Nowhere"]
ODD_ZONES += ["Europe//Berlin", "Europe/./Berlin", "Europe/../Europe/Berlin", "posix/Europe/Berlin", "Europe/Berlin\0"]
ODD_ZONES += ["europe/berlin", "Europe/Berlín", "US/Eastern", "right/UTC", "posixrules", ":Europe/Berlin"]


@pytest.mark.parametrize("variable", ["DEFER_TIMEZONE", "TZ"])
@pytest.mark.parametrize("zone", ODD_ZONES)
def test_the_name_of_a_zone_is_that_of_the_zone_itself(variable, zone):
    """It is found without reading the zone, and what cannot be one is the same error."""

    def told(read):
        try:
            return read(Config({"HOME": "/h", variable: zone}, {}, None))
        except BadInput as error:
            return str(error), error.field

    assert told(Config.zone_name) == told(lambda config: config.timezone().key)


@pytest.mark.parametrize("name", ["DEFER_NOTIFY", "DEFER_PING_URL"])
@pytest.mark.parametrize("where", ["file", "environment"])
def test_urls_of_notices_and_pings_are_secret_wherever_they_are_set(tmp_path, name, where):
    url = "https://hc-ping.com/5f8a2c1e-0000-4000-8000-c0ffee123456"
    config = loaded(tmp_path, f"{name}={url}\n") if where == "file" else loaded(tmp_path, "", **{name: url})
    assert config.masked(f"curl {url} and 5f8a2c1e-0000-4000-8000-c0ffee123456") == "curl [masked] and [masked]"
    assert config.masked("hc-ping.com") == "hc-ping.com"
    assert config.file_tells_secrets is (where == "file")


def test_what_is_not_a_url_of_them_is_not_masked(tmp_path):
    config = loaded(tmp_path, "DEFER_NOTIFY=inbox;desktop;command:/usr/local/bin/tell-me\n")
    assert config.masked("inbox desktop /usr/local/bin/tell-me") == "inbox desktop /usr/local/bin/tell-me"
    assert not config.file_tells_secrets
