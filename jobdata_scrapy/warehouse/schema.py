"""Makes and upgrades the tables: `schema/NNN_name[.platform|.view].sql`, each applied once and recorded in `schema_version`.

`.platform` files are made once a platform (`${platform}`); `.view` files hold the SELECT of one platform, joined by UNION ALL
over all platforms and made anew when a platform is added. Every statement may run twice, so that several processes may apply
the schema at the same moment. A file holds one statement, written for one server: `warehouse.cluster` makes it one for a cluster,
and where the older system has a table of that name, `warehouse.legacy` one that upgrades it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from string import Template

from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.cluster import CREATE_VIEW, on_cluster, render_for_cluster, render_on_every_node
from jobdata_scrapy.warehouse.ddl import altered_table, read_create_table, strip_comments
from jobdata_scrapy.warehouse.legacy import OLDER_SUFFIX, find_table, hide_columns, plan_upgrade, stands_in_the_way
from jobdata_scrapy.warehouse.ttl import apply_ttl, plan_ttl

logger = logging.getLogger(__name__)
PLATFORMS = ("boss", "qcwy", "zhilian")  # always there; a further site's tables are made at its first page
PLATFORM_NAME = re.compile(r"[a-z][a-z0-9_]*")
NOT_THERE, ALREADY_THERE = 60, 57
VERSION_TABLE = """
CREATE TABLE IF NOT EXISTS schema_version (version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'))
ENGINE = ReplacingMergeTree ORDER BY (version, name)"""
TABLES_SQL = "SELECT name FROM system.tables WHERE database = {database:String}"
CLUSTER_SQL = """
SELECT countIf(cluster = {cluster:String}), countIf(cluster = {cluster:String} AND internal_replication = 0 AND replica_num > 1),
    arrayStringConcat(arraySort(groupUniqArray(cluster)), ', ') FROM system.clusters"""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement to apply. name: `001_job/boss`, as `schema_version` keeps it."""

    version: int
    name: str
    sql: str

    @property
    def view(self) -> str:
        """The name of the view it makes, "" for anything else."""
        found = CREATE_VIEW.match(strip_comments(self.sql))
        return found[1] if found else ""

    @property
    def joins(self) -> tuple[str, ...]:
        """The platforms whose views it joins, () for anything else."""
        return tuple(self.name.removesuffix(".view").partition("/")[2].split("+")) if self.name.endswith(".view") else ()


def apply_schema(client: WarehouseClient, platforms: Iterable[str] = PLATFORMS) -> list[str]:
    """What a run does first: `migrate`, or only a check where RUN_MIGRATIONS_ON_STARTUP is off; the names of the steps applied.

    Raises StorageError when the schema is behind and may not be changed, or when a table of the older system cannot be upgraded.
    """
    if client.config.run_migrations_on_startup:
        return migrate(client, platforms)
    if missing := pending_steps(client, platforms):
        names = ", ".join(step.name for step in missing[:3]) + (" ..." if len(missing) > 3 else "")
        raise StorageError(
            f"warehouse: the schema is behind ({len(missing)} steps: {names}) and RUN_MIGRATIONS_ON_STARTUP is false: "
            "run `scrapy warehouse migrate`"
        )
    return []


def migrate(client: WarehouseClient, platforms: Iterable[str] = PLATFORMS) -> list[str]:
    """Makes what is missing for `platforms` and those made before; the names of the steps applied, [] when all is up to date."""
    applied = read_applied(client)
    cluster = client.config.clickhouse_cluster
    missing = _not_applied(applied, platforms)
    if missing:
        _check_cluster(client, cluster)
        existing = table_names(client)
        client.command(render_on_every_node(VERSION_TABLE, cluster))
        _apply(client, missing, existing, applied)
    return [*(step.name for step in missing), *apply_ttl(client)]


def _apply(client: WarehouseClient, steps: list[Step], existing: set[str], applied: set[str]) -> None:
    """Applies the steps in order; those that could be applied are recorded, also when a later one fails."""
    done: list[Step] = []
    try:
        for step in steps:
            for sql in plan_statements(client, step, existing, applied):
                _command(client, sql)
            done.append(step)
    finally:
        if done:
            rows = ", ".join(f"({step.version}, '{step.name}')" for step in done)
            client.command(f"INSERT INTO schema_version (version, name) VALUES {rows}")  # noqa: S608


def pending_steps(client: WarehouseClient, platforms: Iterable[str] = PLATFORMS) -> list[Step]:
    """What `migrate` would apply. Changes nothing."""
    return _not_applied(read_applied(client), platforms)


def describe_plan(client: WarehouseClient, platforms: Iterable[str] = PLATFORMS) -> list[str]:
    """What `migrate` would do, a line a step; changes nothing. Raises StorageError for a table that cannot be upgraded."""
    applied, existing = read_applied(client), table_names(client)
    lines = []
    for step in _not_applied(applied, platforms):
        statements = plan_statements(client, step, existing, applied)
        added = sum(sql.count("ADD COLUMN IF NOT EXISTS") for sql in statements)
        create = read_create_table(step.sql)
        note = f": adds {added} columns to {create.name}, a table of the older system" if create and added else ""
        lines.append(f"{step.name}{note}")
    return [*lines, *(what for what, _ in plan_ttl(client))]


def plan_statements(client: WarehouseClient, step: Step, existing: set[str], applied: Iterable[str]) -> list[str]:
    """The statements that apply `step` where there are the tables `existing` and the steps `applied`.

    Raises StorageError for a table that cannot be upgraded.
    """
    cluster, database = client.config.clickhouse_cluster, client.database
    create = read_create_table(step.sql)
    name = create.name if create else step.view or altered_table(step.sql)
    table = find_table(client, name) if name in existing else None
    if table and not cluster and not step.view:
        return plan_upgrade(create, table) if create else [hide_columns(step.sql, table)]
    if create and table and table.engine != "Distributed":
        raise StorageError(
            f"warehouse: {table.name} is a {table.engine}, made without CLICKHOUSE_CLUSTER: "
            "give the cluster a CLICKHOUSE_DB of its own"
        )
    statements = render_for_cluster(step.sql, cluster, database)
    made = {_object_name(name) for name in applied if name.endswith(".view")}
    if step.view and table and step.view not in made and stands_in_the_way(table, step.joins):
        older = f"{step.view}{OLDER_SUFFIX}"
        logger.info("warehouse: the older system's %s is kept as %s", step.view, older)
        statements.insert(0, f"RENAME TABLE {step.view} TO {older}{on_cluster(cluster)}")
    return statements


def schema_version(client: WarehouseClient) -> int:
    """The highest version applied, 0 for a database without our tables."""
    if "schema_version" not in table_names(client):
        return 0
    return int(client.command("SELECT max(version) FROM schema_version"))


def table_names(client: WarehouseClient) -> set[str]:
    """The tables and views of the database."""
    return {name for (name,) in client.query(TABLES_SQL, {"database": client.database}).result_rows}


def read_applied(client: WarehouseClient) -> set[str]:
    """The names of the steps applied."""
    if "schema_version" not in table_names(client):
        return set()
    return {name for (name,) in client.query("SELECT name FROM schema_version").result_rows}


def platforms_of(applied: Iterable[str]) -> set[str]:
    """The platforms that have tables, read from the names of the steps applied."""
    return {name.partition("/")[2] for name in applied if "/" in name and not name.endswith(".view")}


def plan_steps(platforms: Iterable[str]) -> Iterator[Step]:
    """All steps in order. Raises ValueError for a name that cannot be part of a table's."""
    names = sorted(set(platforms))
    if wrong := next((name for name in names if not PLATFORM_NAME.fullmatch(name)), None):
        raise ValueError(f"platform {wrong!r}: only a-z, 0-9 and _, beginning with a letter")
    for file_name, text in read_files():
        stem, _, kind = file_name.removesuffix(".sql").partition(".")
        version = int(stem.partition("_")[0])
        rendered = {name: Template(text).substitute(platform=name) for name in names}
        if kind == "platform":
            yield from (Step(version, f"{stem}/{name}", sql) for name, sql in rendered.items())
        elif kind == "view" and names:
            head = f"CREATE OR REPLACE VIEW {_object_name(stem)} AS\n"
            yield Step(version, f"{stem}/{'+'.join(names)}.view", head + "\nUNION ALL\n".join(rendered.values()))
        elif not kind:
            yield Step(version, stem, text)


def read_files() -> list[tuple[str, str]]:
    """(file name, text) of the schema files, in order."""
    folder = resources.files("jobdata_scrapy.warehouse") / "schema"
    return sorted((file.name, file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql"))


def _not_applied(applied: set[str], platforms: Iterable[str]) -> list[Step]:
    return [step for step in plan_steps(set(platforms) | platforms_of(applied)) if step.name not in applied]


def _object_name(step_name: str) -> str:
    return step_name.partition("/")[0].partition("_")[2]


def _check_cluster(client: WarehouseClient, cluster: str) -> None:
    if not cluster:
        return
    ((nodes, unreplicated, known),) = client.query(CLUSTER_SQL, {"cluster": cluster}).result_rows
    if not nodes:
        known = known or "none"
        raise StorageError(f"CLICKHOUSE_CLUSTER {cluster!r} is not in system.clusters of {client.where}; known: {known}")
    if unreplicated:
        raise StorageError(
            f"CLICKHOUSE_CLUSTER {cluster!r} has replicas without internal_replication: "
            "each row would be written twice (docs/deploy.md)"
        )


def _command(client: WarehouseClient, sql: str) -> None:
    try:
        client.command(sql)
    except DatabaseError as error:
        # two processes keep the older view at the same moment: the second one finds it kept
        if not (sql.startswith("RENAME ") and error.code in (NOT_THERE, ALREADY_THERE)):
            raise
