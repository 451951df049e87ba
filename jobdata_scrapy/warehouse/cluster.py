"""The same schema on a cluster, from the same files: `<name>_local` on each shard, replicated, and a Distributed table over them.

https://clickhouse.com/docs/engines/table-engines/special/distributed,
https://clickhouse.com/docs/engines/table-engines/mergetree-family/replication
"""

from __future__ import annotations

import re

from jobdata_scrapy.warehouse.ddl import CreateTable, altered_table, read_actions, read_create_table, strip_comments

LOCAL = "_local"
# Named by database and table, not by {uuid}: a replica that is added later and given the same DDL joins those that are there.
REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
EVERY_NODE = "'/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}'"
# What the analytics derives: small, written in parts that are there as a whole or not at all, dropped by partition; and the
# rounds that every posting's lifecycle is joined with.
WHOLE_ON_EVERY_NODE = frozenset(
    {"job_latest", "job_change", "job_cube", "job_stage", "crawl_round", "lifecycle_rule", "sighting_prune"}
)
SHARDED_BY = ("job_id", "company_id")  # a posting's versions and sightings are on one shard
CREATE_VIEW = re.compile(r"CREATE\s+OR\s+REPLACE\s+VIEW\s+(\w+)", re.IGNORECASE)
_COLUMN_ACTION = re.compile(r"(ADD|DROP|MODIFY|RENAME)\s+COLUMN\b", re.IGNORECASE)
_WINDOW = re.compile(r"\bnon_replicated_deduplication_window\b")


def render_for_cluster(sql: str, cluster: str, database: str) -> list[str]:
    """The statements that do on the cluster what `sql` does on one server; with cluster "" `sql` itself.

    Raises ValueError for a kind of statement that is not known: it must be made for both.
    """
    if not cluster:
        return [sql]
    if create := read_create_table(sql):
        return _render_table(create, cluster, database)
    text = strip_comments(sql)
    if found := CREATE_VIEW.match(text):
        return [f"{found[0]} ON CLUSTER '{cluster}'{text[found.end() :]}"]
    if table := altered_table(text):
        return _render_alter(table, read_actions(text), cluster)
    raise ValueError(f"no way known to run this on a cluster: {text[:80]!r}")


def render_on_every_node(sql: str, cluster: str) -> str:
    """A small CREATE TABLE whose rows every node of the cluster has as a whole; with cluster "" `sql` itself."""
    create = read_create_table(sql) if cluster else None
    return sql if create is None else _create_replicated(create, create.name, cluster, EVERY_NODE)


def local_name(table: str, cluster: str) -> str:
    """The table that keeps the rows: mutations, TTL and part sizes are its own."""
    return f"{table}{LOCAL}" if cluster else table


def on_cluster(cluster: str) -> str:
    """What follows the name in DDL."""
    return f" ON CLUSTER '{cluster}'" if cluster else ""


def _render_table(create: CreateTable, cluster: str, database: str) -> list[str]:
    if not create.engine.endswith("MergeTree") or create.engine.startswith("Replicated"):
        raise ValueError(f"table {create.name}: engine {create.engine} is not known on a cluster")
    if create.name in WHOLE_ON_EVERY_NODE:
        return [_create_replicated(create, create.name, cluster, EVERY_NODE)]
    local = f"{create.name}{LOCAL}"
    distributed = (
        f"CREATE TABLE IF NOT EXISTS {create.name} ON CLUSTER '{cluster}' AS {database}.{local}\n"
        f"ENGINE = Distributed('{cluster}', '{database}', '{local}', {sharding_key(create)})"
    )
    return [_create_replicated(create, local, cluster, REPLICA), distributed]


def _render_alter(table: str, actions: list[str], cluster: str) -> list[str]:
    """All of it for the rows' own table; of the Distributed one the columns."""
    changes = {f"{table}{LOCAL}": actions, table: [action for action in actions if _COLUMN_ACTION.match(action)]}
    if table in WHOLE_ON_EVERY_NODE:
        changes = {table: actions}
    return [f"ALTER TABLE {name} ON CLUSTER '{cluster}' {', '.join(these)}" for name, these in changes.items() if these]


def sharding_key(create: CreateTable) -> str:
    """What decides on the shard: the posting, else the company, else the sorting key, so that equal rows meet."""
    by_id = next((name for name in SHARDED_BY if name in create.column_names), "")
    columns = by_id or ", ".join(create.sorting_key)
    return f"cityHash64({columns})" if columns else "rand()"


def _create_replicated(create: CreateTable, name: str, cluster: str, replica: str) -> str:
    arguments = f"{replica}, {create.arguments}" if create.arguments else replica
    return (
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{cluster}'\n(\n    {create.body}\n)\n"
        f"ENGINE = Replicated{create.engine}({arguments})\n{_WINDOW.sub('replicated_deduplication_window', create.tail)}"
    )
