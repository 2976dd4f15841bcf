"""Zone names: which are IANA's, and which zone people mean by an abbreviation."""

import re
from zoneinfo import ZoneInfo

from . import zonedata
from .reading import TimeExpressionError

#: Abbreviation to the zone most people mean by it; only ever suggested.
ABBREVIATIONS = {
    **dict.fromkeys(("est", "edt", "et", "eastern"), "America/New_York"),
    **dict.fromkeys(("cst", "cdt", "ct", "central"), "America/Chicago"),
    **dict.fromkeys(("mst", "mdt", "mt", "mountain"), "America/Denver"),
    **dict.fromkeys(("pst", "pdt", "pt", "pacific"), "America/Los_Angeles"),
    **dict.fromkeys(("akst", "akdt"), "America/Anchorage"),
    **dict.fromkeys(("cet", "cest", "mez", "mesz"), "Europe/Berlin"),
    **dict.fromkeys(("eet", "eest"), "Europe/Athens"),
    **dict.fromkeys(("aest", "aedt"), "Australia/Sydney"),
    **dict.fromkeys(("nzst", "nzdt"), "Pacific/Auckland"),
    **dict.fromkeys(("utc", "gmt", "z", "zulu"), "UTC"),
    **dict.fromkeys(("acst", "acdt"), "Australia/Adelaide"),
    "awst": "Australia/Perth",
    "bst": "Europe/London",
    "brt": "America/Sao_Paulo",
    "hkt": "Asia/Hong_Kong",
    "hst": "Pacific/Honolulu",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "met": "Europe/Berlin",
    "msk": "Europe/Moscow",
    "sast": "Africa/Johannesburg",
    "sgt": "Asia/Singapore",
    "wet": "Europe/Lisbon",
    "west": "Europe/Lisbon",
}
#: Zones only when written in capitals; in lower case they are words.
ALSO_WORDS = frozenset(
    ("et", "ct", "mt", "pt", "z", "ist", "eastern", "central", "mountain", "pacific", "wet", "west", "met")
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9][A-Za-z0-9_+-]{0,31}){0,2}", re.ASCII)
_NO_PLACES = frozenset(("posixrules", "localtime", "Factory", "leapseconds", "posix", "right", "SystemV"))


def _a_zone(flag: str, meant: "str | None") -> str:
    return f"try {flag} {meant}" if meant else f"a zone looks like {flag} Europe/Berlin"


def zone(name: str) -> ZoneInfo:
    """The IANA zone called ``name``; a path, a rule file or a guess is refused with a hint."""
    meant = ABBREVIATIONS.get(name.lower())
    error = TimeExpressionError(
        lambda called: f'"{name[:64]}" is not an IANA time zone ({_a_zone(called("tz"), meant)})'
    )
    if not _NAME.fullmatch(name) or name.partition("/")[0] in _NO_PLACES:
        raise error
    try:
        return zonedata.load(name)
    except (OSError, ValueError, KeyError):
        raise error from None


def zone_meant(text: str) -> str | None:
    """The zone to suggest where ``text`` starts with one: `EST`, `Europe/Berlin`, `Eastern Time`."""
    word = text.split(None, 1)[0].strip("()[],.;:") if text.strip() else ""
    if "/" in word and _NAME.fullmatch(word):
        try:
            return zone(word).key
        except TimeExpressionError:
            return None
    lowered = word.lower()
    spelled = lowered in ALSO_WORDS and not word.isupper()
    if lowered not in ABBREVIATIONS or (spelled and "time" not in text.lower().split()[1:2]):
        return _offset_zone(word)
    return ABBREVIATIONS[lowered]


def _offset_zone(word: str) -> str | None:
    """`UTC+2`, `GMT-05:00`: no zone of their own, but meant as one."""
    return "Europe/Berlin" if re.fullmatch(r"(?i:utc|gmt)[+-][0-9]{1,2}(?::?[0-9]{2})?", word) else None
