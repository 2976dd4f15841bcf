"""Zone names: which are IANA's, and which zone people mean by an abbreviation."""

import re
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

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
    **dict.fromkeys(("ast", "adt"), "America/Halifax"),
    **dict.fromkeys(("nst", "ndt"), "America/St_Johns"),
    "npt": "Asia/Kathmandu",
    "pkt": "Asia/Karachi",
    "ict": "Asia/Bangkok",
    "wib": "Asia/Jakarta",
    "pht": "Asia/Manila",
    "myt": "Asia/Kuala_Lumpur",
    "idt": "Asia/Jerusalem",
    "trt": "Europe/Istanbul",
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
    """`UTC+2`, `GMT-05:00`: an offset, meant as a zone."""
    return offset_zone(word[3:]) if word[:3].lower() in ("utc", "gmt") else None


#: Offsets that are not whole hours, and a zone that always has them.
_ODD_OFFSETS = {
    "+0330": "Asia/Tehran",
    "+0430": "Asia/Kabul",
    "+0530": "Asia/Kolkata",
    "+0545": "Asia/Kathmandu",
    "+0630": "Asia/Yangon",
    "+0845": "Australia/Eucla",
    "+0930": "Australia/Darwin",
    "-0930": "Pacific/Marquesas",
}


def offset_zone(text: str) -> str | None:
    """A zone that always has the offset `+2`, `-0500` or `+05:30`; None where there is none.

    The sign of IANA's Etc/GMT zones is the other way round: Etc/GMT-2 is two hours ahead of UTC.
    """
    match = re.fullmatch(r"([+-])([0-9]{1,2}):?([0-9]{2})?", text, re.ASCII)
    if match is None:
        return None
    sign, hours, minutes = match[1], int(match[2]), match[3] or "00"
    if minutes != "00":
        return _ODD_OFFSETS.get(f"{sign}{hours:02}{minutes}")
    if not hours:
        return "UTC"
    return f"Etc/GMT{'-' if sign == '+' else '+'}{hours}" if hours <= (14 if sign == "+" else 12) else None


#: Countries and places that say their zone by another name than IANA's.
_PLACES = {
    "india": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "delhi": "Asia/Kolkata",
    "bangalore": "Asia/Kolkata",
    "uk": "Europe/London",
    "germany": "Europe/Berlin",
    "france": "Europe/Paris",
    "japan": "Asia/Tokyo",
    "china": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "nyc": "America/New_York",
    "sf": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "boston": "America/New_York",
}


@cache
def _cities() -> dict[str, str]:
    """Every zone of a continent or an ocean by its last name in small letters."""
    names = sorted(name for name in available_timezones() if name.partition("/")[0] in _REGIONS)
    return {name.rpartition("/")[2].replace("_", " ").lower(): name for name in names} | _PLACES


_REGIONS = frozenset(("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"))


def city_meant(text: str) -> str | None:
    """The zone to suggest where ``text`` starts with a city: `Berlin`, `New York time`, or `india time`.

    A name in small letters is one only before `time`.
    """
    words = re.findall(r"[A-Za-z]+", text[:48])[:3]
    for size in (2, 1):
        name, behind = words[:size], words[size : size + 1]
        named = len(name) == size and (all(word[0].isupper() for word in name) or behind == ["time"])
        if named and (place := _cities().get(" ".join(name).lower())):
            return place
    return None
