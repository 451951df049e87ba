"""Deletes what RETENTION_DAYS no longer keeps, and nothing that gives other rows their meaning.

A posting and a company keep their latest version of each kind of row, however old, and a posting those that `job_analytics`
takes a value from; a search keeps the first and the last sighting of each posting, so that first and last seen stay what they
are, and a posting whose own page said that it is gone keeps them all; rows of the older system are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError, StorageError
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.cluster import LOCAL, local_name, on_cluster
from jobdata_scrapy.warehouse.legacy import find_table

ELSEWHERE = frozenset({"anomaly_event", "reports"})  # in RETENTION_DAYS, but no table of the warehouse
POLL_SECONDS = 0.5
PRUNED_SQL = "SELECT max(pruned_until), count() FROM sighting_prune"
MEASURE_SQL = "SELECT count(), min({at}) FROM {table} WHERE {gone}"
PARTS_SQL = """
SELECT sum(rows), sum(bytes_on_disk) FROM {parts} WHERE active AND database = {{database:String}} AND table = {{table:String}}"""
MUTATIONS_SQL = """
SELECT count(), max(latest_fail_reason) FROM {mutations}
WHERE database = {{database:String}} AND table = {{table:String}} AND NOT is_done"""
SHOWN = (
    *(
        f"{column} != ''"
        for column in (
            "company_id", "company_name", "url", "city", "salary_text", "experience_text", "degree_text", "company_size_text",
            "company_stage_text", "company_type_text", "industry_text", "job_type", "description",
        )
    ),
    "longitude IS NOT NULL", "published_at IS NOT NULL", "notEmpty(skills)", "notEmpty(welfare)",
)  # fmt: skip
"""Where the latest row does not tell something, `job_analytics` takes it from the latest one that does."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table stay although they are old. kept: `last` or `first and last` of equal `key`, or "" for none.

    shown: of equal key, the last one for which each of these conditions holds stays, too; spares: a table whose postings keep all
    their rows.
    """

    at: str
    key: tuple[str, ...] = ()
    kept: str = ""
    ours: str = "1"
    shown: tuple[str, ...] = ()
    spares: str = ""

    @property
    def moments(self) -> str:
        """Over rows of equal key: the array of those that stay."""
        if self.kept == "first and last":
            return f"[min({self.at}), max({self.at})]"
        return f"[{', '.join([f'max({self.at})', *(f'maxIf({self.at}, {one})' for one in self.shown)])}]"


@dataclass(frozen=True, slots=True)
class Expired:
    """What is to go, or has gone. size: bytes, for a table the share of its size on disk; oldest: None for nothing."""

    name: str
    days: int
    count: int
    size: int | None
    oldest: datetime | None


def rule_of(table: str) -> Rule:
    """How a table of RETENTION_DAYS is pruned."""
    if table == "rejected_row":
        return Rule("rejected_at")
    if table == "job_sighting":
        # what its own page said stands in no sighting: which ones it belies is told by those beside it
        return Rule("seen_at", ("platform", "job_id", "keyword", "city"), "first and last", spares="job_gone")
    if table.endswith("_job"):
        return Rule("crawled_at", ("job_id", "page_kind"), "last", "page_kind != ''", SHOWN)
    return Rule("crawled_at", ("company_id", "page_kind"), "last", "page_kind != ''")


def read_pruned_until(client: WarehouseClient) -> datetime | None:
    """The moment up to which `prune` has ever taken sightings, None where it never did."""
    ((until, count),) = client.query(PRUNED_SQL).result_rows
    return until if count else None


def condition(rule: Rule, table: str, before: datetime) -> str:
    """The WHERE of the rows of `table` that may go. A later row that comes meanwhile only makes more of them go."""
    moment = f"toDateTime64('{before.astimezone(UTC):%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
    old = f"{rule.ours} AND {rule.at} < {moment}"
    if rule.spares:
        spared = f"{rule.spares}{LOCAL}" if table.endswith(LOCAL) else rule.spares
        old += f" AND (platform, job_id) NOT IN (SELECT platform, job_id FROM {spared})"  # noqa: S608 - our own names
    if not rule.kept:
        return old
    key = f"sipHash128({', '.join(rule.key)})"  # 16 bytes a row in memory, whatever the ids look like
    kept = f"arrayJoin(arrayDistinct({rule.moments}))"
    having = f"count() > {1 if rule.kept == 'last' else 2} AND min({rule.at}) < {moment}"
    rows = f"FROM {table} WHERE {rule.ours} GROUP BY {', '.join(rule.key)} HAVING {having}"
    return f"{old} AND {key} IN (SELECT {key} {rows}) AND ({key}, {rule.at}) NOT IN (SELECT {key}, {kept} {rows})"


def measure_expired(client: WarehouseClient, now: datetime) -> list[Expired]:
    """What `prune` would delete from each table of RETENTION_DAYS. Changes nothing.

    Raises ConfigError for a table that is not there.
    """
    return [_measure(client, name, days, now) for name, days in _tables(client.config)]


def prune(
    client: WarehouseClient,
    now: datetime,
    *,
    sleep: Callable[[float], None] = time.sleep,
    told: Callable[[Expired], None] = lambda _: None,
) -> list[Expired]:
    """Deletes what `measure_expired` tells, table by table, and waits for each; `told` hears of each table before.

    Raises ConfigError for a table that is not there, StorageError when ClickHouse cannot finish a deletion, or when the schema is
    behind.
    """
    if client.config.retention_days.get("job_sighting") and find_table(client, "sighting_prune") is None:
        raise StorageError("warehouse: the schema is behind (sighting_prune): run `scrapy warehouse migrate`")
    done = []
    for name, days in _tables(client.config):
        expired = _measure(client, name, days, now)
        told(expired)
        if expired.count:
            before = now - timedelta(days=days)
            if name == "job_sighting":  # first: else what is gone would read as rounds that missed a posting
                _note_prune(client, before)
            _delete(client, name, before)
            _wait(client, name, sleep)
        done.append(expired)
    return done


def _tables(config: Config) -> list[tuple[str, int]]:
    return [(name, days) for name, days in sorted(config.retention_days.items()) if days and name not in ELSEWHERE]


def _measure(client: WarehouseClient, name: str, days: int, now: datetime) -> Expired:
    rule, cluster = rule_of(name), client.config.clickhouse_cluster
    table = find_table(client, name)
    if table is None:
        raise ConfigError(f"RETENTION_DAYS: there is no table {name!r} in database {client.database}")
    if rule.at not in table.columns or (rule.kept == "last" and "page_kind" not in table.columns):
        raise StorageError(f"warehouse: table {name} is still the older system's: run `scrapy warehouse migrate`")
    sql = MEASURE_SQL.format(at=rule.at, table=name, gone=condition(rule, name, now - timedelta(days=days)))
    ((count, oldest),) = client.query(sql).result_rows
    parts = PARTS_SQL.format(parts=_system("parts", cluster))
    ((rows, size),) = client.query(parts, {"database": client.database, "table": local_name(name, cluster)}).result_rows
    return Expired(name, days, count, round(size * count / rows) if rows else 0, oldest if count else None)


def _note_prune(client: WarehouseClient, before: datetime) -> None:
    client.run(lambda driver: driver.insert("sighting_prune", [[before]], column_names=["pruned_until"]))


def _delete(client: WarehouseClient, name: str, before: datetime) -> None:
    """ALTER DELETE: it gives the space back. Not waited for in its own request, which would end after a minute."""
    cluster = client.config.clickhouse_cluster
    table = local_name(name, cluster)
    gone = condition(rule_of(name), table, before)
    # replicas may look at different moments; whatever they see, a row goes only when a later one stays
    settings = "mutations_sync = 0" + (", allow_nondeterministic_mutations = 1" if cluster else "")
    client.command(f"ALTER TABLE {table}{on_cluster(cluster)} DELETE WHERE {gone} SETTINGS {settings}")


def _wait(client: WarehouseClient, name: str, sleep: Callable[[float], None]) -> None:
    cluster = client.config.clickhouse_cluster
    parameters = {"database": client.database, "table": local_name(name, cluster)}
    sql = MUTATIONS_SQL.format(mutations=_system("mutations", cluster))
    while True:
        ((running, reason),) = client.query(sql, parameters).result_rows
        if reason:
            raise StorageError(f"warehouse: the deletion from {name} fails: {reason.splitlines()[0][:300]}; see system.mutations")
        if not running:
            return
        sleep(POLL_SECONDS)


def _system(table: str, cluster: str) -> str:
    return f"cluster('{cluster}', system.{table})" if cluster else f"system.{table}"
