"""site_lock, anomaly_event and budget."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.fields import JsonField, UtcDateTimeField
from jobdata_scrapy.db.schema_steps import add_table, table_settings


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    settings = table_settings(database, fake=fake)

    class SiteLock(pw.Model):
        id = pw.AutoField()
        key = pw.CharField(320, unique=True)
        is_open = pw.BooleanField()
        reason = pw.CharField(255)
        opened_at = UtcDateTimeField()
        open_until = UtcDateTimeField()
        trips = pw.IntegerField()
        probe_owner = pw.CharField(64, null=True)
        probe_until = UtcDateTimeField(null=True)
        updated_at = UtcDateTimeField()

        class Meta:
            table_name = "site_lock"
            table_settings = settings

    class Anomaly(pw.Model):
        id = pw.CharField(32, primary_key=True)
        platform = pw.CharField(32)
        verdict = pw.CharField(32)
        reason = pw.CharField(255)
        at = UtcDateTimeField()
        exit_name = pw.CharField(255)
        token_name = pw.CharField(64)
        keyword = pw.CharField(255)
        city = pw.CharField(64)
        run_id = pw.CharField(64)
        seen = JsonField()

        class Meta:
            table_name = "anomaly_event"
            table_settings = settings
            indexes = ((("platform", "at"), False),)

    class Budget(pw.Model):
        id = pw.AutoField()
        platform = pw.CharField(32)
        day = pw.CharField(10)
        spent = pw.IntegerField()

        class Meta:
            table_name = "budget"
            table_settings = settings
            indexes = ((("platform", "day"), True),)

    add_table(migrator, database, SiteLock)
    add_table(migrator, database, Anomaly)
    add_table(migrator, database, Budget)


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.remove_model("budget", cascade=False)
    migrator.remove_model("anomaly_event", cascade=False)
    migrator.remove_model("site_lock", cascade=False)
