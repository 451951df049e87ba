"""keyword."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.fields import LongTextField, UtcDateTimeField
from jobdata_scrapy.db.schema_steps import add_table, table_settings


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    settings = table_settings(database, fake=fake)

    class Keyword(pw.Model):
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
            table_settings = settings
            indexes = (
                (("platform", "keyword", "city"), True),
                (("queue_key", "queued_at"), False),
                (("platform", "wake_at"), False),
            )

    add_table(migrator, database, Keyword)


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.remove_model("keyword", cascade=False)
