"""The daily page budget of a site, shared by all processes. Days are Beijing's."""

from __future__ import annotations

from datetime import UTC, datetime

import peewee as pw

from jobdata_scrapy.db.pool_models import Budget
from jobdata_scrapy.db.transaction import reading, writing
from jobdata_scrapy.normalize.published import BEIJING


@writing
def spend_page(database: pw.Database, platform: str, limit: int, *, now: datetime | None = None) -> bool:
    """Takes one page from today's budget; False when `limit` pages are spent. 0 is no limit; pages are counted all the same."""
    today = _is_today(platform, now)
    allowed = today & (Budget.spent < limit) if limit else today
    more = Budget.update(spent=Budget.spent + 1).where(allowed)
    if more.execute(database):
        return True
    day = _beijing_day(now)
    Budget.insert(platform=platform, day=day, spent=0).on_conflict_ignore().execute(database)
    return bool(more.execute(database))


@reading
def spent_pages(database: pw.Database, platform: str, *, now: datetime | None = None) -> int:
    """Pages of today's budget that are spent."""
    row = Budget.select().where(_is_today(platform, now)).first(database)
    return 0 if row is None else int(row.spent)


def _is_today(platform: str, now: datetime | None) -> pw.Expression:
    return (Budget.platform == platform) & (Budget.day == _beijing_day(now))


def _beijing_day(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).astimezone(BEIJING).date().isoformat()
