"""Tables of the older system, which kept raw JSON only: taken as they are, our columns appended, so that both may run.

Our columns are MATERIALIZED there, as defaults of their types: an INSERT without a column list does not count them and SELECT *
does not show them, so that the older system meets its table as it was; our writer names its columns, and its client sets
`insert_allow_materialized_columns`. https://clickhouse.com/docs/sql-reference/statements/create/table#materialized

A row of the older system has an empty `page_kind`: it is no version of ours for the look-up, the view, or `prune`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.ddl import Column, CreateTable, read_actions, read_column

NEVER_UPGRADED = frozenset({"pending_company"})  # theirs; we neither read nor write it
OLDER_SUFFIX = "_older"
CRAWL_TIMES = ("crawled_at", "crawl_time", "created_at", "create_time", "inserted_at", "insert_time", "updated_at", "update_time")
_ADD_COLUMN = re.compile(r"ADD\s+COLUMN\s+IF\s+NOT\s+EXISTS\s+", re.IGNORECASE)
COLUMNS_SQL = """
SELECT name, type, default_kind FROM system.columns
WHERE database = {database:String} AND table = {table:String} ORDER BY position"""
TABLE_SQL = """
SELECT engine, sorting_key, create_table_query FROM system.tables
WHERE database = {database:String} AND name = {table:String}"""


@dataclass(frozen=True, slots=True)
class ExistingTable:
    """A table as it is. columns: name -> (type, kind of default)."""

    name: str
    engine: str
    sorting_key: str
    sql: str
    columns: dict[str, tuple[str, str]]


def find_table(client: WarehouseClient, name: str) -> ExistingTable | None:
    """The table or view of this name, None where there is none."""
    parameters = {"database": client.database, "table": name}
    rows = client.query(TABLE_SQL, parameters).result_rows
    if not rows:
        return None
    ((engine, sorting_key, sql),) = rows
    columns = {column: (kind, default) for column, kind, default in client.query(COLUMNS_SQL, parameters).result_rows}
    return ExistingTable(name, engine, sorting_key, sql, columns)


def plan_upgrade(create: CreateTable, table: ExistingTable) -> list[str]:
    """The ALTERs that append what `table` lacks; [] where it lacks nothing, as a table that another process has just made.

    Raises StorageError naming what our rows cannot live with.
    """
    if table.name in NEVER_UPGRADED:
        return []
    _check_fits(create, table)
    time_column = _find_time(table)
    missing = [column for column in create.columns if column.name not in table.columns]
    if not missing:
        return []
    actions = [f"ADD COLUMN IF NOT EXISTS {_hide(column, time_column)}" for column in missing if not column.is_computed]
    key = create.sorting_key[0]
    kept = []
    if table.sorting_key.split(",")[0].strip() != key:  # the look-up would read the whole table
        actions.append(f"ADD INDEX IF NOT EXISTS jobdata_{key} {key} TYPE bloom_filter(0.001) GRANULARITY 1")
        kept.append(f"MATERIALIZE INDEX jobdata_{key}")
    statements = [*_add_computed(create, time_column), ", ".join(actions), *kept]
    return [f"ALTER TABLE {table.name} {statement}" for statement in statements if statement]


def _add_computed(create: CreateTable, time_column: str) -> list[str]:
    """First of all, so that an upgrade that broke off does it again: rows that are there would have another value each time.

    The table's indexes come with it.
    """
    computed = [column for column in create.columns if column.is_computed]
    if not computed:
        return []
    added = [f"ADD COLUMN IF NOT EXISTS {_hide(column, time_column)}" for column in computed]
    added += [f"ADD {extra.replace('INDEX ', 'INDEX IF NOT EXISTS ', 1)}" for extra in create.extras]
    return [", ".join(added), *(f"MATERIALIZE COLUMN {column.name}" for column in computed)]


def hide_columns(sql: str, table: ExistingTable) -> str:
    """An ALTER TABLE of ours as it is right for `table`: in one of the older system, columns that it adds are hidden, too."""
    if table.columns.get("page_kind", ("", ""))[1] != "MATERIALIZED":
        return sql
    actions = []
    for action in read_actions(sql):
        found = _ADD_COLUMN.match(action)
        actions.append(f"{found[0]}{_hide(read_column(action[found.end() :]), '')}" if found else action)
    return f"ALTER TABLE {table.name} {', '.join(actions)}"


def stands_in_the_way(table: ExistingTable, platforms: Sequence[str]) -> bool:
    """Whether what has the name of a view of ours is not ours: a table, or a view that joins no platform's view.

    platforms: those that ours joins, () for a view that joins none.
    """
    names = "|".join(platforms)
    return table.engine != "View" or (bool(names) and not re.search(rf"\.({names})_{table.name}\b", table.sql))


def _check_fits(create: CreateTable, table: ExistingTable) -> None:
    if table.engine == "Distributed":
        raise StorageError(f"warehouse: {table.name} is a Distributed table: set CLICKHOUSE_CLUSTER to its cluster")
    if re.sub(r"^(Replicated|Shared)", "", table.engine) != create.engine:  # others fold rows with equal keys: our versions
        wrong = [f"its engine is {table.engine}, not {create.engine}: it would not keep every version of a row"]
    else:
        wrong = [
            f"column {column.name} has no default, and ours is filled by the server"
            for column in create.columns
            if column.is_computed and table.columns.get(column.name, ("", "DEFAULT"))[1] not in ("DEFAULT", "MATERIALIZED")
        ]
        wrong += [
            f"column {column.name} is {f'{kind} ' if kind == 'ALIAS' else ''}{existing}, ours is {column.type}"
            for column in create.columns
            if column.name in table.columns
            for existing, kind in [table.columns[column.name]]
            if kind in ("ALIAS", "EPHEMERAL") or not _holds(existing, column.type)
        ]
    if wrong:
        raise StorageError(
            f"warehouse: the older system's table {table.name} cannot take our rows: {'; '.join(wrong)}. "
            f"RENAME TABLE {table.name} TO {table.name}{OLDER_SUFFIX}, and a new one is made"
        )


def _holds(existing: str, ours: str) -> bool:
    """Whether a column of the type `existing` takes all values of the type `ours`."""
    if "Nullable" in ours and "Nullable" not in existing:
        return False
    old, new = _strip(existing), _strip(ours)
    if new.startswith("DateTime"):
        return old.startswith("DateTime")
    number = re.compile(r"(UInt|Int|Float)(\d+)")
    if (a := number.fullmatch(old)) and (b := number.fullmatch(new)):
        return a[1] == b[1] and int(a[2]) >= int(b[2])
    return old == new


def _strip(type_name: str) -> str:
    while (bare := re.sub(r"\b(?:LowCardinality|Nullable)\(((?:[^()]|\([^()]*\))*)\)", r"\1", type_name)) != type_name:
        type_name = bare
    return type_name


def _find_time(table: ExistingTable) -> str:
    """The expression of when an old row was crawled, "" where its table does not tell."""
    for name in CRAWL_TIMES:
        kind = table.columns.get(name, ("", ""))[0]
        if _strip(kind).startswith("DateTime"):
            return f"toDateTime64({f'assumeNotNull({name})' if 'Nullable' in kind else name}, 3, 'UTC')"
    return ""


def _hide(column: Column, time_expression: str) -> str:
    """The column's definition, MATERIALIZED."""
    if re.match(r"(MATERIALIZED|ALIAS)\b", column.rest, re.IGNORECASE):
        return str(column)
    if re.match(r"DEFAULT\b", column.rest, re.IGNORECASE):
        return f"{column.name} {column.type} MATERIALIZED {column.rest[len('DEFAULT') :].lstrip()}"
    literal = column.type.replace("\\", "\\\\").replace("'", "\\'")
    value = time_expression if column.name == "crawled_at" and time_expression else f"defaultValueOfTypeName('{literal}')"
    return f"{column.name} {column.type} MATERIALIZED {value} {column.rest}".rstrip()
