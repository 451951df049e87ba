"""An index on coverage.updated_at: what has ended since a moment is asked at the end of every round."""

import peewee as pw
from peewee_migrate import Migrator

from jobdata_scrapy.db.schema_steps import add_indexes

INDEXES = ((("updated_at",), False),)


def migrate(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    add_indexes(migrator, database, migrator.orm["coverage"], INDEXES)


def rollback(migrator: Migrator, database: pw.Database, *, fake: bool = False) -> None:
    migrator.drop_index("coverage", "updated_at")
