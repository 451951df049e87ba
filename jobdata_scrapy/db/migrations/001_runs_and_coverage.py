"""crawl_run and coverage."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.fields import JsonField, LongTextField, UtcDateTimeField
from jobdata_scrapy.db.schema_steps import add_table, table_settings


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    settings = table_settings(database, fake=fake)

    class CrawlRun(pw.Model):
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
            table_settings = settings
            indexes = ((("started_at",), False), (("platform", "started_at"), False))

    class CoverageLine(pw.Model):
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

        class Meta:
            table_name = "coverage"
            table_settings = settings
            indexes = ((("platform", "keyword", "city", "round"), True), (("platform", "keyword", "city", "updated_at"), False))

    add_table(migrator, database, CrawlRun)
    add_table(migrator, database, CoverageLine)


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.remove_model("coverage", cascade=False)
    migrator.remove_model("crawl_run", cascade=False)
