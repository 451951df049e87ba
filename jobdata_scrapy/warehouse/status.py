"""What runs where: the facts behind `scrapy warehouse status`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jobdata_scrapy.config import Config
from jobdata_scrapy.warehouse.client import ATTEMPTS, WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import pending_steps, schema_version
from jobdata_scrapy.warehouse.ttl import plan_ttl

TABLES_SQL = """
SELECT name, engine, total_rows, total_bytes FROM system.tables
WHERE database = {database:String} AND NOT startsWith(name, '.') ORDER BY name"""


@dataclass(frozen=True, slots=True)
class TableSize:
    """One table; rows and bytes (on disk) are None for a view."""

    name: str
    engine: str
    rows: int | None
    size: int | None


@dataclass(slots=True)
class WarehouseStatus:
    """kind: embedded | server; started: False when there is no store yet (then the rest is empty); pid: of the local server.

    pending: what `scrapy warehouse migrate` would apply.
    """

    kind: str
    where: str
    jobdata_dir: Path
    database: str
    cluster: str = ""
    started: bool = False
    address: str = ""
    pid: int = 0
    version: str = ""
    schema: int = 0
    pending: list[str] = field(default_factory=list)
    tables: list[TableSize] = field(default_factory=list)


def read_status(config: Config, *, attempts: int = ATTEMPTS) -> WarehouseStatus:
    """Asks the warehouse. Starts the local server only where a store exists already. Raises WarehouseUnavailable."""
    client = connect(config, attempts=attempts, makes_database=False)
    files = ServerFiles(config.jobdata_dir)
    kind = "embedded" if client.embedded else "server"
    status = WarehouseStatus(kind, client.where, files.jobdata_dir, client.database, config.clickhouse_cluster)
    if client.embedded and not files.has_store():
        return status
    try:
        _ask(client, status)
    finally:
        client.close()
    state = files.read_state() if client.embedded else None
    status.address, status.pid = (f"http://{state.host}:{state.port}", state.pid) if state else (client.where, 0)
    return status


def _ask(client: WarehouseClient, status: WarehouseStatus) -> None:
    status.started = True
    status.version = str(client.command("SELECT version()"))
    status.schema = schema_version(client)
    status.pending = [*(step.name for step in pending_steps(client)), *(what for what, _ in plan_ttl(client))]
    rows = client.query(TABLES_SQL, {"database": client.database}).result_rows
    status.tables = [TableSize(*row) for row in rows]
