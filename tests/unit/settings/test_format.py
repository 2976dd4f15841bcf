"""The settings file: what Python makes of it, and that the shell of an idle wake never makes something else of it."""

import os
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.errors import BadInput
from defer.settings import config
from defer.settings import format as settings
from support import SCRIPTS

VALUES = {
    "A=1": "1",
    "export A=1": "1",
    "export   A=1": "1",
    "  A=1  ": "1",
    "A=": "",
    "A=''": "",
    "A='one two'": "one two",
    'A="one two"': "one two",
    'A="it\'s"': "it's",
    "A='say \"x\"'": 'say "x"',
    "A=one two": "one two",
    "A=one # comment": "one",
    "A='one' # comment": "one",
    "A=one#two": "one#two",
    "A='one # two'": "one # two",
    "A=$HOME/x": "$HOME/x",
    "A=$(touch owned)": "$(touch owned)",
    "A=`id`": "`id`",
    "A=a=b": "a=b",
    "A=grün ☃": "grün ☃",
    "\ufeffA=1": "1",
    "# c\n\nA=1\r\n": "1",
    "A=1\nA=2": "2",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_values(text, value):
    assert settings.parse(text, "f") == {"A": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A", "f:1: not a setting"),
        ("A=1\n\n=2", "f:3: not a setting"),
        ("1A=2", "f:1: not a setting"),
        ("A B=2", "f:1: not a setting"),
        ("unset A", "f:1: not a setting"),
        ("A='open", "f:1: the closing ' is missing"),
        ('A="a"b', "f:1: text after the closing quote"),
        ("A=a\0b", "f:1: a NUL byte"),
    ],
)
def test_what_is_no_setting_is_named_by_its_line(text, said):
    with pytest.raises(BadInput) as raised:
        settings.parse(text, "f")
    assert str(raised.value).startswith(said)
    assert raised.value.field == (None if "not a setting" in said else "A")


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """One bash that answers for many files: what it takes the tasks file for, or ``doubt``."""
    base = tmp_path_factory.mktemp("shell")
    script = f"""
        scripts={SCRIPTS}; . "$scripts/common.sh"
        while IFS= read -r DEFER_ENV_FILE; do
          (if tasks_file; then printf '%s\\0' "$REPLY"; else printf 'doubt\\0'; fi)
        done"""
    process = subprocess.Popen(
        ["/bin/bash", "-c", script], env={"HOME": "/h"}, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    number = 0

    def ask(text: str) -> str:
        nonlocal number
        number += 1
        file = base / f"settings{number}"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        process.stdin.write(f"{file}\n".encode())
        process.stdin.flush()
        answer = b""
        while not answer.endswith(b"\0"):
            answer += process.stdout.read(1)
        return answer[:-1].decode("utf-8", "surrogateescape"), str(file)

    yield ask
    process.stdin.close()
    process.stdout.close()
    process.wait()


def one_name(path: str) -> str:
    """A path without doubled slashes, which make no other file."""
    return re.sub("/+", "/", os.path.normpath(path))


class TestShellAndPython:
    """An idle wake reads the file in shell: it may give up, but what it finds must be what Python finds."""

    @staticmethod
    def python(file: str) -> str:
        try:
            loaded = config.load({"HOME": "/h", "DEFER_ENV_FILE": file})
            return str(loaded._directory("DEFER_TASKS_FILE", lambda: loaded.runtime_dir / "deferred.jsonl"))
        except BadInput:
            return "refused"

    LINES = (
        "DEFER_RUNTIME_DIR=/a/b",
        "export DEFER_RUNTIME_DIR='/a b'",
        'DEFER_TASKS_FILE="/x/y.jsonl"',
        "DEFER_RUNTIME_DIR=/a # c",
        "DEFER_RUNTIME_DIR=/a#b",
        "DEFER_RUNTIME_DIR=/a ",
        " DEFER_RUNTIME_DIR=/a",
        "export  DEFER_RUNTIME_DIR=/a",
        "DEFER_RUNTIME_DIR=",
        "DEFER_RUNTIME_DIR=''",
        "DEFER_RUNTIME_DIR=relative",
        "DEFER_RUNTIME_DIR=~/a",
        "DEFER_RUNTIME_DIR=/a/../b",
        "DEFER_RUNTIME_DIR=/a/",
        "DEFER_RUNTIME_DIR=//a",
        "DEFER_RUNTIME_DIR=/a\\b",
        "DEFER_RUNTIME_DIR='/a'b",
        "DEFER_RUNTIME_DIR='/a",
        "DEFER_RUNTIME_DIR=/a\r",
        "DEFER_RUNTIME_DIR=/$HOME",
        "#DEFER_RUNTIME_DIR=/c",
        "OTHER=DEFER_RUNTIME_DIR=/c",
        "MY_DEFER_RUNTIME_DIR=/c",
        "OTHER=1",
        "not a setting",
        "DEFER_RUNTIME_DIR=/second",
        "DEFER_RUNTIME_DIR =/c",
        "DEFER_RUNTIME_DIR=/grün",
        "\ufeffDEFER_RUNTIME_DIR=/c",
    )

    @given(st.lists(st.sampled_from(LINES), max_size=3), st.sampled_from(["\n", "\r\n"]), st.booleans())
    def test_never_differ(self, shell, lines, ending, ends):
        found, file = shell(ending.join(lines) + (ending if ends else ""))
        if found != "doubt":
            # A line that is not a setting makes Python refuse the whole file; the store is the same one.
            assert one_name(self.python(file)) in (one_name(found), "refused"), lines

    @given(st.sampled_from(["DEFER_RUNTIME_DIR", "DEFER_TASKS_FILE"]), st.text("/ab.'\"\\ #~$\t=-é", max_size=12))
    def test_never_differ_whatever_the_value(self, shell, name, value):
        found, file = shell(f"{name}={value}\n")
        if found != "doubt":
            assert one_name(self.python(file)) in (one_name(found), "refused")

    def test_agree_on_the_plain_cases(self, shell):
        for line in self.LINES[:3]:
            found, file = shell(line)
            assert found == self.python(file) != "doubt"
