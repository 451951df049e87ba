"""How often a keyword is crawled again: "daily", "30m", "6h", "7d", or a five-field cron expression. Pure; days are Beijing's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.normalize.published import BEIJING

ONCE = "once"
DAILY = "daily"
ALLOWED = "once, daily, a number with m, h or d (30m, 6h, 7d; at most 366d), or a cron expression of five fields (0 2 * * 1-5)"
MAX_INTERVAL = timedelta(days=366)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"([1-9][0-9]{0,6})([mhd])")
# What every cron knows; croniter would also take `r` (a random minute) and `h`, which mean something else at every look.
_CRON = re.compile(r"(?:[\d*/,-]|sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+")
MAX_LENGTH = 64


def read_interval(text: str) -> str:
    """The interval as it is kept: "" for "once". Raises ArgumentError naming the value and what is allowed."""
    interval = " ".join(text.split()).lower()
    if interval in ("", ONCE):
        return ""
    try:
        next_due(interval, datetime.now(UTC))
    except (ValueError, OverflowError):
        raise ArgumentError(f"interval: {text!r} is not allowed; allowed: {ALLOWED}") from None
    return interval


def next_due(interval: str, since: datetime) -> datetime | None:
    """When a keyword whose round began at `since` is due again (UTC); None for "" (once). Raises ValueError.

    `daily` is the next Beijing midnight, so that each Beijing day has its round; cron expressions are read in Beijing time.
    """
    if not interval:
        return None
    if interval == DAILY:
        return next_midnight(since)
    if wait := read_span(interval):
        if wait > MAX_INTERVAL:
            raise ValueError(f"{interval} is longer than {MAX_INTERVAL.days} days")
        return since + wait
    return _next_cron(interval, since)


def read_span(text: str) -> timedelta | None:
    """The time that `30m`, `6h` or `7d` says, None for anything else."""
    span = _SPAN.fullmatch(text)
    return timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else None


def next_midnight(moment: datetime) -> datetime:
    """The beginning of the Beijing day after that of `moment`, as UTC."""
    local = moment.astimezone(BEIJING) + timedelta(days=1)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _next_cron(expression: str, since: datetime) -> datetime:
    fields = expression.split()
    if len(fields) != 5 or len(expression) > MAX_LENGTH or not all(_CRON.fullmatch(field) for field in fields):
        raise ValueError(f"{expression!r} is no cron expression of five fields")
    try:
        due: datetime = croniter(expression, since.astimezone(BEIJING)).get_next(datetime)
    except CroniterError as error:  # also for a day that never comes: 0 0 30 2 *
        raise ValueError(str(error)) from None
    return due.astimezone(UTC)
