"""Values as ClickHouse writes them: the one home of quoting and of times in SQL."""

from __future__ import annotations

from datetime import UTC, datetime


def quoted(text: str) -> str:
    """`text` as a string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def time_text(moment: datetime) -> str:
    """`moment` as text in UTC, to the millisecond, as a DateTime64(3) is read and written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def time_sql(moment: datetime) -> str:
    """`moment` as an expression, to the millisecond."""
    return f"toDateTime64('{time_text(moment)}', 3, 'UTC')"


def in_utc(moment: datetime) -> datetime:
    """A time that the driver gave: those of a UTC column come without a zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def midnight(moment: datetime) -> datetime:
    """The beginning of the UTC day that `moment` lies in."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
