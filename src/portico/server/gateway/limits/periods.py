"""When the period of a limit begins and ends. UTC throughout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from portico.server.storage.limits import SubscriptionType


def end_of_period(kind: SubscriptionType, moment: datetime) -> datetime | None:
    """The first moment of the next day, week (Monday) or month; None for Freemium, which has no end."""
    start = start_of_period(kind, moment)
    if start is None:
        return None
    if kind == "Monthly":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=1 if kind == "Daily" else 7)


def start_of_period(kind: SubscriptionType, moment: datetime) -> datetime | None:
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match kind:
        case "Freemium":
            return None
        case "Daily":
            return midnight
        case "Weekly":
            return midnight - timedelta(days=midnight.weekday())
        case "Monthly":
            return midnight.replace(day=1)
