"""Steps that migrations are written with. Each does only what is still missing."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def table_settings(database: pw.Database, *, fake: bool = False) -> list[str]:
    """What follows CREATE TABLE (...): on MySQL an engine with transactions and a collation under which only equal text is equal.

    "Go", "go" and "Go " are three keywords. `utf8mb4_bin` would ignore the space at the end, and its exact counterparts have a
    name of their own on each of the two servers.
    """
    if fake or not isinstance(database, pw.MySQLDatabase):
        return []
    version = database.execute_sql("SELECT VERSION()").fetchone()[0]
    collation = "utf8mb4_nopad_bin" if "mariadb" in version.lower() else "utf8mb4_0900_bin"
    return ["ENGINE=InnoDB", "DEFAULT CHARACTER SET=utf8mb4", f"COLLATE={collation}"]


def add_table(migrator: Migrator, database: pw.Database, model: type[pw.Model]) -> None:
    """The table and its indexes. Not `migrator.create_model`: on MySQL that takes a table without its indexes for complete."""
    model._meta.database = database
    migrator.orm.add(model)
    migrator.run(_create_missing, database, model)


def _create_missing(database: pw.Database, model: type[pw.Model]) -> None:
    table = model._meta.table_name
    if not database.table_exists(table):
        model._schema.create_table(safe=False)
    present = {index.name for index in database.get_indexes(table)}
    for index in model._meta.fields_to_index():
        if index._name not in present:
            database.execute(index.safe(False))
