"""What walls show in a zone, as instants in UTC; the ground that days, clocks and recurrences stand on."""

from datetime import UTC, datetime, timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def wall_to_utc(naive: datetime, tz: "ZoneInfo") -> datetime:
    """The first instant walls show ``naive``; in a gap, as much later as the gap is long."""
    return naive.replace(tzinfo=tz).astimezone(UTC)
