"""The system's time zone where its usual file does not tell it."""

from __future__ import annotations

from defer.errors import BadInput


def of_system() -> str:
    """The IANA name of the system's zone. Raises BadInput."""
    import tzlocal

    try:
        return tzlocal.get_localzone_name() or "UTC"
    except Exception as error:
        what = f"the system's time zone is unclear: {error} (set DEFER_TIMEZONE)"
        raise BadInput(what, field="DEFER_TIMEZONE") from None


def named_by(written: str) -> str:
    """The name in a value of TZ, which may have a colon or the path of a zone file in front (POSIX.1 8.3: empty is
    UTC).
    """
    return written.removeprefix(":").rpartition("/zoneinfo/")[2] or "UTC"


def of_tz(written: str) -> str:
    """The IANA zone that TZ names; a rule such as ``CET-1CEST`` is not one. Raises BadInput."""
    from defer import timeparse

    try:
        return timeparse.zone(named_by(written)).key
    except timeparse.TimeExpressionError:
        what = f"TZ is not an IANA zone: {written} (set DEFER_TIMEZONE, e.g. Europe/Berlin)"
        raise BadInput(what, field="TZ") from None
