"""exit.node and exit_lease.not_before. What a source named for all nodes at once is retired: each node names its own now."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.fields import UtcDateTimeField
from jobdata_scrapy.db.schema_steps import add_fields

SOURCES = ("settings", "file", "provider")


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    node = pw.CharField(255, default="", constraints=[pw.SQL("DEFAULT ''")])
    add_fields(migrator, database, migrator.orm["exit"], {"node": node})
    add_fields(migrator, database, migrator.orm["exit_lease"], {"not_before": UtcDateTimeField(null=True)})
    exits = migrator.orm["exit"]
    migrator.run(lambda: exits.update(active=False).where(exits.source.in_(SOURCES)).execute(database))


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.remove_fields("exit_lease", "not_before")
    migrator.remove_fields("exit", "node")
