"""Time zones by their IANA names; apart from the timetable, because looking them up reads the zone database."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def find_zone(name: str | None) -> tzinfo | None:
    """The zone of a name (None or empty: UTC), or None if there is no such zone."""
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
