"""TTL of the tables whose rows stand alone, as RETENTION_DAYS says; what others hang on is pruned (`warehouse.retention`).

A table that RETENTION_DAYS does not name keeps the TTL it has: machines with different settings do not undo each other's.
"""

from __future__ import annotations

import re

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.cluster import local_name, on_cluster

TIME_COLUMNS = {"rejected_row": "rejected_at"}
ENGINES_SQL = """
SELECT name, engine_full FROM system.tables WHERE database = {database:String} AND name IN {names:Array(String)}"""


def plan_ttl(client: WarehouseClient) -> list[tuple[str, str]]:
    """(what changes, ALTER) of each table whose TTL is not as wanted. Changes nothing."""
    wanted = {name: days for name, days in client.config.retention_days.items() if name in TIME_COLUMNS}
    if not wanted:
        return []
    cluster = client.config.clickhouse_cluster
    local = {local_name(name, cluster): name for name in wanted}
    rows = client.query(ENGINES_SQL, {"database": client.database, "names": list(local)}).result_rows
    engines = {local[name]: engine for name, engine in rows}
    changes = []
    for name in sorted(engines):
        ttl = f"toDateTime({TIME_COLUMNS[name]}) + toIntervalDay({wanted[name]})" if wanted[name] else ""
        if ttl != read_ttl(engines[name]):
            table = f"{local_name(name, cluster)}{on_cluster(cluster)}"
            action = f"MODIFY TTL {ttl}" if ttl else "REMOVE TTL"
            kept = f"{wanted[name]} days" if ttl else "for ever"
            changes.append((f"retention: {name} is kept {kept}", f"ALTER TABLE {table} {action}"))
    return changes


def apply_ttl(client: WarehouseClient) -> list[str]:
    """Makes the TTLs as wanted; what changed, [] where nothing did."""
    changes = plan_ttl(client)
    for _, sql in changes:
        client.command(sql)
    return [what for what, _ in changes]


def read_ttl(engine: str) -> str:
    """The TTL in `system.tables.engine_full`, "" for none."""
    found = re.search(r"\bTTL (.*?)(?: SETTINGS |$)", engine)
    return found[1] if found else ""
