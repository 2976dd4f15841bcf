"""Which values of variables are secret, and the forms in which programs print them.

The name tells: one of its words says that it is secret (``GITHUB_TOKEN``, ``apiKey``), or ``DEFER_SECRETS`` lists it.
Such a value counts whatever its length. Any other value that a user has set counts if it has at least eight bytes,
unless it is a number, a word such as ``true``, or a path: to mask these would make results unreadable and hide nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

SHORTEST = 8
"""The least bytes of a value that counts although its name says nothing."""
_MOST_LINES = 200
"""A longer value is not a key, and all output would have to be searched for each of its lines."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = re.compile(
    r"(?:.*(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIAL)"
    r"|(?:API|ACCESS|ACCOUNT|APP|AUTH|CLIENT|DEPLOY|ENCRYPTION|GPG|HOST|LICENSE|MASTER|PGP|PRIVATE|SECRET"
    r"|SERVICE|SESSION|SHARED|SIGNING|SSH|USER)?KEY"
    r"|(?:DB|FTP|MAIL|MY|PG|PROXY|ROOT|SMTP|SSH|SUDO|USER)?PASS"
    r"|(?:BASIC|HTTP|O|PROXY)?AUTH"
    r"|AUTHORI[SZ]ATION|PWD)S?",
).fullmatch
# These accompany a secret without being one; the value must be of the kind that the word says.
_MEASURES = frozenset(
    "MAX MIN LIMIT BUDGET COUNT NUM NUMBER SIZE LENGTH LEN BITS BYTES TTL TIMEOUT EXPIRY MS SECONDS MINUTES HOURS DAYS "
    "PORT RETRIES ROUNDS ITERATIONS".split()
)
_PLACES = frozenset("FILE FILES FILENAME PATH DIR DIRECTORY HOME SOCK SOCKET STORE".split())
_SWITCHES = frozenset("USE USES ENABLE ENABLED DISABLE DISABLED ALLOW ALLOWED REQUIRE REQUIRED SKIP NO IS HAS".split())
_KINDS = frozenset("TYPE KIND METHOD MODE SCHEME ALGORITHM FORMAT PROVIDER BACKEND".split())

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_SWITCH = re.compile(r"true|false|yes|no|on|off|null|none|nil|enabled|disabled|0|1", re.IGNORECASE).fullmatch
_WORD = re.compile(r"[A-Za-z]{1,12}[0-9]{0,5}").fullmatch
# Tokens may be full of slashes: a path begins like one, and has no character that paths hardly ever have.
_ONE_PATH = r"(?:(?:~|\.{1,2})(?:/[^\0\n:?=@]*)?|/[^\0\n:?=@]*)"
_PATH = re.compile(rf"{_ONE_PATH}(?::{_ONE_PATH})*").fullmatch


def says_secret(name: str, value: str) -> bool:
    """Whether the name of a variable says that its value is secret."""
    words = [word.upper() for word in _WORDS.findall(name)]
    if words == ["PWD"] or not any(map(_SECRET, words)):
        return False
    kinds = ((_MEASURES, _NUMBER), (_PLACES, _PATH), (_SWITCHES, _SWITCH), (_KINDS, _WORD))
    return not any(about.intersection(words) and is_of_the_kind(value) for about, is_of_the_kind in kinds)


def is_plain(value: str) -> bool:
    """Whether a value is a number, a switch or a path."""
    return any(is_of_the_kind(value) for is_of_the_kind in (_NUMBER, _SWITCH, _PATH))


def by_name(values: Mapping[str, str], listed: Collection[str]) -> Iterator[bytes]:
    """What to mask of an environment in which not all is a user's setting: the values with a secret's name."""
    for name, value in values.items():
        if name in listed or says_secret(name, value):
            yield from _forms(value)
            yield from _lines(value)


def of_settings(values: Mapping[str, str], listed: Collection[str]) -> Iterator[bytes]:
    """What to mask of variables that a user has set for executors."""
    for name, value in values.items():
        if name in listed or says_secret(name, value):
            yield from by_name({name: value}, listed)
        elif len(_bytes(value.strip())) >= SHORTEST and not is_plain(value.strip()):
            yield from _forms(value)


def of_urls(written: str) -> Iterator[bytes]:
    """What to mask of a setting that holds URLs: whoever knows them can write to us, or as us."""
    from . import urls

    for part in urls.secrets_of(written):
        yield from _forms(part)


def _forms(value: str) -> Iterator[bytes]:
    """The value, and how JSON and a terminal show it; also without the blanks around it, as a shell may pass it on."""
    bare = value.strip()
    lines = bare.replace("\r\n", "\n")
    for one in dict.fromkeys((bare, lines, lines.replace("\n", "\r\n"))) if bare else ():
        yield _bytes(one)
        # JSON spells a byte that is not UTF-8 as half of a surrogate pair, and reads it back like that.
        yield one.encode(errors="surrogatepass")
        yield from _in_json(one)


def _in_json(value: str) -> Iterator[bytes]:
    """The value as Python, JavaScript, PHP and Go write it between quotes."""
    for only_ascii in (True, False):
        written = json.dumps(value, ensure_ascii=only_ascii)[1:-1]
        yield _bytes(written)
        yield _bytes(written.replace("/", "\\/"))
        yield _bytes(re.sub(r"[<>&]", lambda found: f"\\u{ord(found[0]):04x}", written))
        yield _bytes(re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), written))


def _lines(value: str) -> Iterator[bytes]:
    """The lines of a key that has several, without its frame: a program may show them one by one."""
    lines = [line.strip() for line in value.splitlines()]
    for line in lines if 1 < len(lines) <= _MOST_LINES else ():
        if len(_bytes(line)) >= SHORTEST and not line.startswith("-----") and not is_plain(line):
            yield from _forms(line)


def _bytes(value: str) -> bytes:
    return value.encode(errors="surrogateescape")
