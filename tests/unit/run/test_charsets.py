"""What programs print in a locale's charset is read as such; what we store and print is the same in every locale."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from defer.run import charsets
from support import SCRIPTS, v1_task

pytestmark = pytest.mark.programs

LATIN1 = "de_DE.ISO-8859-1"


@pytest.fixture(scope="session")
def german(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for LOCPATH that has the locale de_DE.ISO-8859-1."""
    directory = tmp_path_factory.mktemp("locales")
    try:
        command = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(directory / LATIN1)]
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs localedef and the sources of a locale, which are missing: {error}")
    return directory


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"LC_ALL": "a", "LC_CTYPE": "b", "LANG": "c"}, "a"),
        ({"LC_ALL": "", "LC_CTYPE": "b", "LANG": "c"}, "b"),
        ({"LC_MESSAGES": "a", "LANG": "c"}, "c"),
        ({}, ""),
    ],
)
def test_the_locale_is_the_one_that_counts(environment, name):
    assert charsets.locale_name(environment) == name


@pytest.mark.parametrize(
    ("raw", "locale", "text"),
    [
        (b"m\xf6glich", LATIN1, "möglich"),
        (b"m\xf6glich", "de_DE", "möglich"),
        (b"\xa4", "de_DE@euro", "€"),
        (b"\xa4\xb3\xa4\xf3", "ja_JP.eucJP", "こん"),
        (b"\xcf\xf0\xe8", "ru_RU.CP1251", "При"),
        ("möglich".encode(), LATIN1, "möglich"),
        ("möglich\n".encode() + b"m\xf6glich\n" + "möglich".encode(), LATIN1, "möglich\nmöglich\nmöglich"),
        (b"m\xf6glich", "C.UTF-8", "m\ufffdglich"),
        (b"m\xf6glich", "C", "m\ufffdglich"),
        (b"m\xf6glich", "POSIX", "m\ufffdglich"),
        (b"m\xf6glich", "", "m\ufffdglich"),
        (b"m\xf6glich", "xx_XX.none-such", "m\ufffdglich"),
        (b"m\xf6glich", "no/such\nlocale", "m\ufffdglich"),
    ],
)
def test_bytes_as_text(raw, locale, text):
    assert charsets.text(raw, locale) == text


def test_a_character_cut_in_two_by_our_limit_does_not_make_another_charset_of_the_line():
    assert charsets.text("möglich ☃".encode()[:-1], LATIN1, was_cut=True) == "möglich \ufffd"
    assert charsets.text(b"caf\xe9", LATIN1) == "café"


@pytest.mark.parametrize("entry", ["run-deferred.sh", "execute-task.sh"])
def test_what_an_executor_says_in_its_locale_is_stored_as_it_was_said(place, entry):
    body = r"printf 'nicht m\366glich\n'; printf 'fort f\374r immer\n' >&2; exit 1"
    task = place.schedule("now", "s", "--executor", place.executor(body))
    done = place.run(entry, input=json.dumps(task).encode(), env={"LC_ALL": LATIN1})
    said = place.archived()[0]["error"] if entry == "run-deferred.sh" else json.loads(done.stdout)["error"]
    assert said == "executor exited with 1: fort für immer"
    fine = place.schedule("now", "s", "--executor", place.executor(r"printf 'nicht m\366glich'", "fine"))["id"]
    place.wake(env={"LC_ALL": LATIN1})
    (filed,) = [one for one in place.archived() if one["id"] == fine]
    assert filed["result"]["output"] == "nicht möglich"


def test_a_message_of_a_real_locale(place, german):
    env = {"LC_ALL": LATIN1, "LOCPATH": str(german)}
    said = subprocess.run(["ls", "/none/such"], env={**place.env, **env}, capture_output=True).stderr
    if said.isascii():
        pytest.skip("needs ls to speak German, whose messages are not installed here")
    place.schedule("now", "s", "--executor", place.executor("exec ls /none/such"))
    place.wake(env=env)
    assert place.archived()[0]["error"] == f"executor exited with 2: {said.decode('iso-8859-1').strip()}"


def outputs(place, locale: dict[str, str]) -> list[tuple[int, bytes, bytes]]:
    """What a row of commands prints, good and bad, with words beyond ASCII."""
    here = place.base / "Häfen"
    here.mkdir(exist_ok=True)
    (here / "CONTEXT.md").write_text("Gezeiten – für Häfen\n")
    (here / "not a file").mkdir(exist_ok=True)
    python = [sys.executable, "-S"]
    commands: list[list[str | Path]] = [
        [SCRIPTS / "schedule-task.sh", "--dry-run", "--id", "a", "--when", "1h", "--summary", "Grüße ☃", "--compact"],
        [SCRIPTS / "schedule-task.sh", "1h", "s", "--prompt-file", here / "keine"],
        [SCRIPTS / "schedule-task.sh", "1h", "s", "--prompt-file", here / "not a file"],
        [SCRIPTS / "schedule-task.sh", "show", "Grüße"],
        [SCRIPTS / "schedule-task.sh", "sync", here / "keine"],
        [sys.executable, SCRIPTS / "time_utils.py", "normalize", "übermorgen ☃"],
        [sys.executable, SCRIPTS / "time_utils.py", "describe", "every 2h", "--now", "2026-11-20T15:00Z"],
        [*python, SCRIPTS / "reorient_snapshot.py", "--context-file", here / "CONTEXT.md"],
        [*python, SCRIPTS / "reorient_snapshot.py", "--project", "☃"],
        [*python, SCRIPTS / "reorient_snapshot.py", "--context-file", here / "not a file", "--project", "a/ö"],
    ]
    env = {**place.env, **locale}
    done = [subprocess.run(command, env=env, cwd=here, capture_output=True) for command in commands]
    return [(one.returncode, *(_steady(text) for text in (one.stdout, one.stderr))) for one in done]


def _steady(text: bytes) -> bytes:
    """What does not depend on the moment."""
    return text.partition(b'"created_at"')[0] if text.startswith(b'{"id"') else text


@pytest.mark.parametrize("locale", ["C", "POSIX", LATIN1])
def test_nothing_we_print_depends_on_the_locale(place, request, locale):
    path = {"LOCPATH": str(request.getfixturevalue("german"))} if locale == LATIN1 else {}
    wanted = outputs(place, {"LC_ALL": "C.UTF-8"})
    assert outputs(place, {"LC_ALL": locale, "LANGUAGE": "de", **path}) == wanted
    assert all(b"Traceback" not in err for _, _, err in wanted)
    assert b"Gezeiten \xe2\x80\x93 f\xc3\xbcr H\xc3\xa4fen" in wanted[7][1]


def test_nothing_we_store_depends_on_the_locale(place, german):
    """The system's own message, of an executor that cannot be started, by a wake in that locale."""
    path = place.base / "leer"
    path.write_bytes(b"\x7fELF nothing more")
    path.chmod(0o755)
    place.schedule("now", "Grüße ☃", "--id", "a", "--executor", str(path))
    place.schedule("now", "s", "--id", "b", "--executor", "/bin/true", "--workspace", str(place.home))
    place.home.rename(place.base / "moved")
    env = {"LC_ALL": LATIN1, "LANGUAGE": "de", "LOCPATH": str(german)}
    place.wake(env=env, cwd=place.base)
    ended = {one["id"]: one for one in place.archived()}
    assert "No such file or directory" in ended["b"]["error"]
    assert ended["a"]["context"]["summary"] == "Grüße ☃"
    everything = b"".join(file.read_bytes() for file in place.files() if file.is_file())
    assert "\ufffd".encode() not in everything
    assert b"\\ufffd" not in everything


def test_a_path_that_is_not_utf8_is_escaped_as_json_escapes_it(tmp_path):
    here = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(here)
    with open(here + b"/CONTEXT.md", "w") as file:
        file.write("hello\n")
    done = subprocess.run([sys.executable, SCRIPTS / "reorient_snapshot.py"], cwd=here, capture_output=True, check=True)
    assert json.loads(done.stdout)["reoriented_from"] == os.fsdecode(here) + "/CONTEXT.md"


@pytest.mark.parametrize(
    ("locale", "encoded"),
    [(LATIN1, [b"gr\xfcn"]), ("de_DE.UTF-8", []), ("", []), ("C", []), ("C.hex", []), ("de_DE.nonsense", [])],
)
def test_texts_in_another_charset_than_they_are_in(locale, encoded):
    assert charsets.encoded(["grün".encode(), b"green", "grün ☃".encode(), b"\xfc"], locale) == encoded


def test_a_secret_is_masked_in_the_charset_that_the_record_is_read_in(place):
    file = place.home / "settings"
    file.write_text("TOKEN=grün\n")
    place.write_store({**v1_task("a"), "executor": place.executor(r"printf 'caf\351 gr\374n'")})
    place.wake(env={"DEFER_ENV_FILE": str(file), "LC_ALL": LATIN1})
    assert place.archived()[0]["result"]["output"] == "café [masked]"
    assert b"gr\xfcn" not in place.attempt_log(place.runs()[0])
