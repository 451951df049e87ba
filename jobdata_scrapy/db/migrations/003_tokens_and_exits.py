"""token, exit and exit_lease."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.fields import LongTextField, UtcDateTimeField
from jobdata_scrapy.db.schema_steps import add_table, table_settings


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    settings = table_settings(database, fake=fake)

    class Token(pw.Model):
        id = pw.AutoField()
        platform = pw.CharField(32)
        name = pw.CharField(64)
        value = LongTextField()
        state = pw.CharField(16)
        reason = pw.CharField(255)
        expires_at = UtcDateTimeField(null=True)
        last_used = UtcDateTimeField(null=True)
        failures = pw.IntegerField()
        owner = pw.CharField(64, null=True)
        node = pw.CharField(255)
        lease_until = UtcDateTimeField(null=True)
        exit_name = pw.CharField(255)
        created_at = UtcDateTimeField()
        updated_at = UtcDateTimeField()

        class Meta:
            table_name = "token"
            table_settings = settings
            indexes = ((("platform", "name"), True),)

    class ExitPoint(pw.Model):
        id = pw.AutoField()
        name = pw.CharField(255)
        source = pw.CharField(128)
        proxy_url = LongTextField(null=True)
        encrypted = pw.BooleanField()
        active = pw.BooleanField()
        created_at = UtcDateTimeField()
        updated_at = UtcDateTimeField()

        class Meta:
            table_name = "exit"
            table_settings = settings
            indexes = ((("name", "source"), True),)

    class ExitUse(pw.Model):
        id = pw.AutoField()
        platform = pw.CharField(32)
        exit_name = pw.CharField(255)
        owner = pw.CharField(64, null=True)
        node = pw.CharField(255)
        lease_until = UtcDateTimeField(null=True)
        last_end = UtcDateTimeField(null=True)
        slowness = pw.DoubleField()
        score = pw.DoubleField()
        cool_until = UtcDateTimeField(null=True)
        cool_count = pw.IntegerField()
        cool_reason = pw.CharField(255)
        updated_at = UtcDateTimeField()

        class Meta:
            table_name = "exit_lease"
            table_settings = settings
            indexes = ((("platform", "exit_name"), True),)

    add_table(migrator, database, Token)
    add_table(migrator, database, ExitPoint)
    add_table(migrator, database, ExitUse)


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.remove_model("exit_lease", cascade=False)
    migrator.remove_model("exit", cascade=False)
    migrator.remove_model("token", cascade=False)
