"""coverage.replayed_* and spool_unit."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.fields import UtcDateTimeField
from jobdata_scrapy.db.schema_steps import add_counts, add_table, table_settings

COUNTS = ("replayed_new", "replayed_changed", "replayed_unchanged", "replayed_rejected")


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    settings = table_settings(database, fake=fake)

    class SpoolUnit(pw.Model):
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
            table_settings = settings

    add_counts(migrator, database, migrator.orm["coverage"], COUNTS)
    add_table(migrator, database, SpoolUnit)


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.remove_model("spool_unit", cascade=False)
    migrator.remove_fields("coverage", *COUNTS)
