"""Steps that migrations are written with. Each does only what is still missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def add_counts(migrator: Migrator, database: pw.Database, model: type[pw.Model], names: Sequence[str]) -> None:
    """Columns of whole numbers, 0 in the rows that are there already and for a writer that does not know them yet."""
    for name in names:
        model._meta.add_field(name, pw.IntegerField(default=0, constraints=[pw.SQL("DEFAULT 0")]))
    migrator.run(_add_missing, database, model._meta.table_name, names)


def add_fields(migrator: Migrator, database: pw.Database, model: type[pw.Model], fields: Mapping[str, pw.Field]) -> None:
    """Further columns; one that may not be NULL brings its default as a constraint."""
    for name, field in fields.items():
        model._meta.add_field(name, field)
    migrator.run(_add_missing_fields, database, model, list(fields))


def add_indexes(
    migrator: Migrator, database: pw.Database, model: type[pw.Model], indexes: Sequence[tuple[tuple[str, ...], bool]]
) -> None:
    """Further indexes of a table: (columns, unique) each."""
    model._meta.database = database
    model._meta.indexes = [*model._meta.indexes, *indexes]
    migrator.run(_create_missing, database, model)


def _add_missing(database: pw.Database, table: str, names: Sequence[str]) -> None:
    present = {column.name for column in database.get_columns(table)}
    for name in names:
        if name not in present:
            database.execute_sql(f"ALTER TABLE {table} ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0")


def _add_missing_fields(database: pw.Database, model: type[pw.Model], names: Sequence[str]) -> None:
    table = model._meta.table_name
    present = {column.name for column in database.get_columns(table)}
    for name in names:
        if name not in present:
            context = database.get_sql_context().literal("ALTER TABLE ").sql(pw.Entity(table)).literal(" ADD COLUMN ")
            database.execute_sql(*context.sql(model._meta.fields[name].ddl(context)).query())


def _create_missing(database: pw.Database, model: type[pw.Model]) -> None:
    table = model._meta.table_name
    if not database.table_exists(table):
        model._schema.create_table(safe=False)
    present = {index.name for index in database.get_indexes(table)}
    for index in model._meta.fields_to_index():
        if index._name not in present:
            database.execute(index.safe(False))
