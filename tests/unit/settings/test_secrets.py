"""Which values are secret: by their name, or as a setting of the user's that is more than a word or a number."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.settings import secrets
from defer.settings.masking import Masker

SAYS_SECRET = """
TOKEN KEY SECRET PASSWORD PASS CREDENTIAL AUTH TOKENS KEYS SECRETS PASSWORDS CREDENTIALS
token apiKey ApiKey api_key MY_API_KEY APIKEY GITHUB_TOKEN GITHUBTOKEN TOKEN2 AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID
PGPASSWORD SSHPASS MYSQL_PWD DB_PASS RESTIC_PASSWORD BORG_PASSPHRASE PASSWD OAUTH OAUTH2 AUTHORIZATION HTTP_AUTH
NPM_CONFIG__AUTH _AUTH PROXY_AUTHORIZATION CLIENT_SECRET DJANGO_SECRET_KEY SECRETKEY CLAUDE_CODE_SESSION_ACCESS_TOKEN
""".split()
SAYS_NOTHING = """
MONKEY KEYBOARD_LAYOUT AUTHOR GIT_AUTHOR_NAME COMPASS BYPASS_CACHE TOKENIZERS_PARALLELISM TURKEY KEYRING AUTHORITY
XAUTHORITY SECRETARY PASSENGER PATH PWD OLDPWD HOME TELEMETRY REGION LANG USER HOSTNAME PASSIVE KEYNOTE TOKENIZER
""".split()


@pytest.mark.parametrize("name", SAYS_SECRET)
def test_a_word_of_the_name_says_secret(name):
    assert secrets.says_secret(name, "x")
    assert secrets.says_secret(name.swapcase() if "_" in name else name.lower(), "x")


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_a_name_that_only_looks_alike(name):
    assert not secrets.says_secret(name, "x")
    assert not secrets.says_secret(name.lower(), "x")


@pytest.mark.parametrize(
    ("name", "goes_with", "secret"),
    [
        ("MAX_TOKENS", "4096", "s3cr3t"),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "32000", "s3cr3t"),
        ("MAX_THINKING_TOKENS", "0", "s3cr3t"),
        ("TOKEN_TTL", "3600", "36x"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1", "s3cr3t"),
        ("PASSWORD_FILE", "/run/secrets/db", "s3cr3t"),
        ("AUTH_ENABLED", "true", "truth"),
        ("NO_AUTH", "1", "2"),
        ("AUTH_TYPE", "none", "no-ne-1"),
        ("KEY_TYPE", "ed25519", "ed25519abc"),
    ],
)
def test_what_goes_with_a_secret_is_none_where_name_and_value_agree(name, goes_with, secret):
    assert not secrets.says_secret(name, goes_with)
    assert secrets.says_secret(name, secret)


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [
        *((number, True) for number in ("0", "12345678", "-1.5", "+3.", ".5", "1e10", "1E-7")),
        *((switch, True) for switch in ("true", "FALSE", "Yes", "no", "on", "off", "null", "none", "disabled")),
        *((path, True) for path in ("/", "~", ".", "..", "/a/b", "./a", "../a", "~/x y", "/usr/bin:/bin", "/a:~/b:.")),
        *((text, False) for text in ("", "a/b", "1.2.3", "12 34", "0x1f", "true!", "/a\n", "12\n", "true\n")),
        *(
            (text, False)
            for text in ("https://x/y", "/a?key=b", "/a/b=", "a:/b", "/me:pass@host", "wJalrXU/K7MDENG/bPx")
        ),
    ],
)
def test_plain_values(value, is_plain):
    assert secrets.is_plain(value) is is_plain


@pytest.mark.parametrize("start", ["1", "/a", "a", "T", "-"])
def test_a_value_as_long_as_can_be_is_looked_at_once(start):
    """Not once for each of its beginnings: that would take minutes."""
    assert not secrets.is_plain(start * 60_000 + "=")
    assert not secrets.says_secret(start * 60_000 + "=", start * 60_000 + "=")


def masked(text, *settings, listed=()):
    return Masker(secrets.of_settings(dict(settings), listed)).text(text)


@pytest.mark.parametrize("value", ["1", "ab", "true", "12345678", "/etc/x", "s3cr3t"])
def test_a_secret_by_name_is_masked_whatever_it_is(value):
    assert masked(f"is {value}.", ("TOKEN", value)) == "is [masked]."
    assert masked(f"is {value}.", ("PLAIN", value), listed=["PLAIN"]) == "is [masked]."


@pytest.mark.parametrize("value", ["prod", "1234567", "sevenby", "true", "12345678", "/etc/passwd", "disabled"])
def test_another_setting_is_not_masked_where_it_is_short_or_plain(value):
    assert masked(f'{{"ok": true, "at": "{value}"}}', ("REGION", value)) == f'{{"ok": true, "at": "{value}"}}'


def test_another_setting_is_masked_from_eight_bytes_on():
    assert masked("abcdefgh éééé", ("A", "abcdefgh"), ("B", "éééé")) == "[masked] [masked]"


@pytest.mark.parametrize("blank", ["", " ", "\t", "\n"])
def test_a_blank_value_is_none(blank):
    assert masked("a b\n\tc", ("TOKEN", blank)) == "a b\n\tc"


def test_blanks_around_a_value_do_not_count():
    assert masked("a pad a, x1y2 ", ("WORD", "a           "), ("TOKEN", " x1y2 ")) == "a pad a, [masked] "


def test_a_key_of_several_lines_is_not_looked_for_in_more_forms_than_it_has():
    """They go to the keeper in one message."""
    forms = set(secrets.of_settings({"DEPLOY_KEY": "\n".join(["MIIEvQIBADANBgkqh/kiG9w0BAQEFAASC"] * 90)}, ()))
    assert len(forms) == 8


def test_of_an_environment_only_names_count():
    values = {"GH_TOKEN": "abc", "WORD": "long-enough-to-count", "X": "1"}
    assert set(secrets.by_name(values, ["X"])) == {b"abc", b"1"}


ODD = 'a"b\\c/d\té<&>'


@pytest.mark.parametrize("name", ["TOKEN", "WORD"])
@pytest.mark.parametrize(
    "shown",
    [
        ODD,
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        json.dumps(ODD).replace("\\u00e9", "\\u00E9"),
        json.dumps(ODD, ensure_ascii=False).replace("/", "\\/"),
        json.dumps(ODD, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026").replace(">", "\\u003e"),
    ],
)
def test_a_secret_as_json_spells_it(name, shown):
    assert ODD in (shown, json.loads(shown) if shown[0] == '"' else None)
    assert masked(f"x {shown} y", (name, ODD)) in ("x [masked] y", 'x "[masked]" y')


KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n12345678\nshort\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "shown", [KEY, KEY.replace("\n", "\r\n"), KEY.strip(), json.dumps(KEY), json.dumps(KEY.strip())]
)
def test_a_key_of_several_lines_as_a_whole(shown):
    hidden = masked(f"x {shown} y", ("DEPLOY_KEY", KEY))
    assert re.fullmatch(r'x "?\[masked\](\\n|\r?\n)?"? y', hidden)


def test_a_key_of_several_lines_line_by_line():
    """A log's prefix on each line, or the last lines of a file."""
    shown = "\n".join(f"| {line}" for line in KEY.splitlines())
    frame = "| -----BEGIN KEY-----\n| [masked]\n| [masked]\n| 12345678\n| short\n| -----END KEY-----"
    assert masked(shown, ("DEPLOY_KEY", KEY)) == frame


def test_lines_of_a_long_text_are_not_secrets_of_their_own():
    lines = [f"line {number} of it" for number in range(201)]
    assert masked("line 7 of it", ("SECRET", "\n".join(lines))) == "line 7 of it"
    assert masked("line 7 of it", ("SECRET", "\n".join(lines[1:]))) == "[masked]"


def test_lines_of_another_setting_are_not_secrets_of_their_own():
    assert masked("first line of it", ("MOTD", "first line of it\nsecond line of it")) == "first line of it"


def test_bytes_that_are_no_utf8():
    assert b"\xff\xfe" in set(secrets.by_name({"TOKEN": "\udcff\udcfe"}, ()))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_json_of_any_secret_is_masked(value):
    for only_ascii in (True, False):
        hidden = masked(json.dumps({"x": value}, ensure_ascii=only_ascii), ("TOKEN", value))
        assert not value.strip() or value.strip() not in hidden.replace("[masked]", "").replace('{"x": "', "").replace(
            '"}', ""
        )
