"""The tables as queries see them. How they came about is in `migrations/`; a test keeps both the same.

Names and meanings of the columns are those of `backend.base.RunRecord`, `coverage.Coverage` and `jobdata_scrapy.leases`.
"""

from __future__ import annotations

import peewee as pw

from jobdata_scrapy.db.fields import JsonField, LongTextField, UtcDateTimeField
from jobdata_scrapy.db.pool_models import Anomaly, Budget, ExitPoint, ExitUse, SiteLock, Token


class CrawlRun(pw.Model):
    """One run of one spider."""

    run_id = pw.CharField(64, primary_key=True)
    platform = pw.CharField(32)
    arguments = JsonField()
    state = pw.CharField(16)
    finish_reason = pw.CharField(64)
    exit_code = pw.IntegerField(null=True)
    started_at = UtcDateTimeField()
    finished_at = UtcDateTimeField(null=True)
    node = pw.CharField(255)
    job = pw.CharField(64)
    summary = JsonField()

    class Meta:
        table_name = "crawl_run"
        indexes = ((("started_at",), False), (("platform", "started_at"), False))


class CoverageLine(pw.Model):
    """One line of the ledger: (platform, keyword, city, round). run_id is no foreign key: a round outlives its run's record."""

    id = pw.AutoField()
    platform = pw.CharField(32)
    keyword = pw.CharField(255)
    city = pw.CharField(64)
    round = pw.CharField(80)
    run_id = pw.CharField(64, index=True)
    total = pw.IntegerField(null=True)
    cap = pw.IntegerField(null=True)
    pages_asked = pw.IntegerField()
    pages_ok = pw.IntegerField()
    seen = pw.IntegerField()
    new = pw.IntegerField()
    changed = pw.IntegerField()
    unchanged = pw.IntegerField()
    repeated = pw.IntegerField()
    rejected = pw.IntegerField()
    spooled = pw.IntegerField()
    distinct = pw.IntegerField()
    stored = pw.IntegerField(null=True)
    seconds = pw.DoubleField()
    uncovered_parts = LongTextField()
    state = pw.CharField(16)
    stop_reason = pw.CharField(64)
    updated_at = UtcDateTimeField()
    replayed_new = pw.IntegerField(default=0, constraints=[pw.SQL("DEFAULT 0")])
    replayed_changed = pw.IntegerField(default=0, constraints=[pw.SQL("DEFAULT 0")])
    replayed_unchanged = pw.IntegerField(default=0, constraints=[pw.SQL("DEFAULT 0")])
    replayed_rejected = pw.IntegerField(default=0, constraints=[pw.SQL("DEFAULT 0")])

    class Meta:
        table_name = "coverage"
        indexes = (
            (("platform", "keyword", "city", "round"), True),
            (("platform", "keyword", "city", "updated_at"), False),
            (("updated_at",), False),
        )


class Keyword(pw.Model):
    """One search that is to be covered, again and again where it has an interval. How it moves: `keyword_states`.

    attempts: leases in a row that came to nothing, the one under way included; moved: whether this one reported more pages than
    the round had before (pages_before).

    queue_key: site and place in its queue, the smaller the sooner; NULL while it must not be leased. wake_at: when it is to be
    looked at again (its lease has run out, its back-off is over, it is due), NULL where time alone changes nothing. So a lease
    reads one row of one index, and waking reads one range of another, however many keywords there are. (The site stands in
    queue_key because of MariaDB: with two columns it took the first alone and read on past all that are NULL in the second.)
    """

    id = pw.AutoField()
    platform = pw.CharField(32)
    keyword = pw.CharField(255)
    city = pw.CharField(64)
    state = pw.CharField(16)
    last_state = pw.CharField(16)
    paused = pw.BooleanField()
    priority = pw.IntegerField()
    interval = pw.CharField(64)
    due_at = UtcDateTimeField(null=True)
    round = pw.CharField(80)
    round_at = UtcDateTimeField(null=True)
    plan = LongTextField()
    attempts = pw.IntegerField()
    pages_before = pw.IntegerField()
    moved = pw.BooleanField()
    not_before = UtcDateTimeField(null=True)
    owner = pw.CharField(64, null=True, index=True)
    node = pw.CharField(255)
    job = pw.CharField(64)
    released_by = pw.CharField(64)
    lease_until = UtcDateTimeField(null=True)
    last_error = pw.CharField(500)
    queue_key = pw.CharField(40, null=True)
    queued_at = UtcDateTimeField()
    wake_at = UtcDateTimeField(null=True)
    created_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()

    class Meta:
        table_name = "keyword"
        indexes = (
            (("platform", "keyword", "city"), True),
            (("queue_key", "queued_at"), False),
            (("platform", "wake_at"), False),
        )


class SpoolUnit(pw.Model):
    """One list page that went through the spool: counted in its round's line, written from the spool, or both. See `spool_units`.

    new, changed, unchanged, rejected: what its postings turned out to be, once written.
    """

    unit = pw.CharField(32, primary_key=True)
    round = pw.CharField(80, index=True)
    state = pw.CharField(16)
    new = pw.IntegerField()
    changed = pw.IntegerField()
    unchanged = pw.IntegerField()
    rejected = pw.IntegerField()
    updated_at = UtcDateTimeField(index=True)

    class Meta:
        table_name = "spool_unit"


MODELS: tuple[type[pw.Model], ...] = (
    CrawlRun,
    CoverageLine,
    Keyword,
    Token,
    ExitPoint,
    ExitUse,
    SiteLock,
    Anomaly,
    Budget,
    SpoolUnit,
)
