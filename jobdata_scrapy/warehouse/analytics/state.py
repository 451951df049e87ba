"""How far the analytics has read, and whether something came in since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobdata_scrapy.warehouse.analytics.cubes import MARKER
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import to_milliseconds

OVERLAP = timedelta(seconds=60)
"""An INSERT is there as a whole within this time of its rows' `stored_at`: a client gives up after it (ANSWER_SECONDS)."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)

STATE_SQL = f"""
SELECT generation, rules, batch, attempt, read_until, seen_after, n, completed_at FROM
(
    SELECT generation, max(rules) AS rules, max(batch) AS batch, argMax(attempt, job_change.batch) AS attempt,
        argMax(read_until, job_change.batch) AS read_until, argMax(seen_after, job_change.batch) AS seen_after,
        minIf(committed_at, job_change.read_until > toDateTime64(0, 3, 'UTC')) AS completed_at
    FROM job_change WHERE is_marker = 1 GROUP BY generation
) AS committed
LEFT JOIN (SELECT generation, sum(n) AS n FROM job_cube WHERE topic = '{MARKER}' GROUP BY generation) AS counted
    USING (generation)
ORDER BY generation"""

SINCE = "fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
PLATFORMS_SQL = """
SELECT DISTINCT splitByChar('/', name)[2] AS platform FROM schema_version WHERE startsWith(name, '001_job/')
ORDER BY platform"""


@dataclass(frozen=True)
class State:
    """One generation. batch: the last one that was committed; applied: how many are counted in the cubes; read_until: rows
    inserted up to then are in for certain; seen_after: the `Probe.seen` of later ones when the last batch began; completed_at:
    when everything was read once (as far as the journal tells that still).
    """

    generation: int
    rules: int
    batch: int
    attempt: int
    read_until: datetime
    seen_after: int
    applied: int
    completed_at: datetime

    @property
    def complete(self) -> bool:
        """Whether everything was read once: questions may be answered from it."""
        return self.read_until > NEVER


@dataclass(frozen=True)
class Probe:
    """What was inserted after a moment. rows: how many, by platform; seen: a number that is another one when there is more;
    last: the newest (generation, batch) of all; now: the server's time before they were counted.
    """

    now: datetime
    last: tuple[int, int]
    seen: int
    rows: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def read_states(client: WarehouseClient) -> list[State]:
    """The generations, oldest first."""
    return [State(*row) for row in client.query(STATE_SQL).result_rows]


def list_platforms(client: WarehouseClient) -> list[str]:
    """The sites that have a table of postings."""
    return [name for (name,) in client.query(PLATFORMS_SQL).result_rows]


def count_rows(client: WarehouseClient, platforms: list[str], since: datetime) -> Probe:
    """Counts what was inserted after `since`."""
    of_site = (
        f"SELECT '{name}' AS platform, '' AS source, count() AS found, max(stored_at) AS newest FROM {name}_job "
        f"WHERE stored_at > {SINCE}"
        for name in platforms
    )
    of_all = (
        f"SELECT platform, '{table}', count(), max(stored_at) FROM {table} WHERE stored_at > {SINCE} GROUP BY platform"
        for table in ("job_sighting", "job_gone", "crawl_round")
    )
    of_rule = f"SELECT '', 'lifecycle_rule', count(), max(set_at) FROM lifecycle_rule WHERE set_at > {SINCE}"
    sql = f"""SELECT now64(3, 'UTC'), (SELECT max((generation, batch)) FROM job_change WHERE is_marker = 1),
        cityHash64(arraySort(groupArray((platform, source, found, newest)))),
        sumMap(map(platform, found))
        FROM ({" UNION ALL ".join((*of_site, *of_all, of_rule))})"""
    now, last, seen, rows = client.query(sql, parameters={"since": to_milliseconds(since)}).result_rows[0]
    return Probe(now, last, seen, {platform: rows[platform] for platform in platforms})
