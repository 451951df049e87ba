"""Audits the past: does the warehouse still have what the coverage ledger says was stored?

Every round that has ended is counted anew. What only waits to be told to the warehouse (`crawl_round`) is told on the way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import peewee as pw

from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.ended_rounds import BATCH, EndedRound, list_ended
from jobdata_scrapy.report.judge import Problem
from jobdata_scrapy.report.text import clean_text
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.crawl_rounds import find_missing, judge_rounds, write_rounds, write_rule
from jobdata_scrapy.warehouse.lifecycle_rule import LifecycleRule
from jobdata_scrapy.warehouse.retention import read_pruned_until
from jobdata_scrapy.warehouse.rows import LIST_ROW
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.sightings import SEEN_SQL

ROUNDS_COUNTED = 100  # in one query: a round has a few hundred postings
COMPLETE = (RoundState.DONE, RoundState.CAPPED)
COUNT_SQL = """
WITH seen AS ({seen})
SELECT round, count(), countIf(
    job_id IN (SELECT job_id FROM {table} WHERE page_kind = '{kind}' AND job_id IN (SELECT job_id FROM seen)))
FROM seen GROUP BY round"""
# two processes that meet one posting at the same moment may write the same version
TWICE_SQL = """
SELECT count(), sum(twice) FROM
(
    SELECT
        arraySort(arrayZip(
            groupArray(toUnixTimestamp64Milli(toDateTime64(crawled_at, 3, 'UTC'))), groupArray(cityHash64(content_hash))
        )) AS versions,
        length(versions) - length(arrayCompact(one -> one.2, versions)) AS twice
    FROM {table} WHERE page_kind != ''
    GROUP BY job_id, page_kind HAVING count() > 1 AND max(crawled_at) >= {{since:DateTime64(3)}} AND twice > 0
)
SETTINGS optimize_aggregation_in_order = 1"""


@dataclass(frozen=True, slots=True)
class RoundCheck:
    """A round of the ledger, and what the warehouse counts of it now: distinct sightings, and those that have their job row.

    Both are None where the warehouse was not asked: a prune may have taken its sightings.
    """

    ended: EndedRound
    sighted: int | None = None
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class SiteAudit:
    """The sums of one site. states: rounds by state; expected, stored: postings of the rounds that were counted; pruned: rounds
    that were not, having begun before what `prune` has left; twice: (postings, versions) that stand there twice in a row.
    """

    platform: str
    states: Counter[str]
    expected: int
    stored: int
    pruned: int
    twice: tuple[int, int]


@dataclass(slots=True)
class Audit:
    """problems: what differs; copied: rounds that the warehouse had not been told of, and has now."""

    sites: list[SiteAudit] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    copied: int = 0


def verify(client: WarehouseClient, database: pw.Database, config: Config, *, since: datetime, platform: str = "") -> Audit:
    """Audits every round that ended since (of one site), and the spool of this machine.

    Raises StorageError where the database or the warehouse does not answer.
    """
    audit, checks = Audit(problems=check_spool(config)), defaultdict[str, list[RoundCheck]](list)
    oldest: datetime | None = None
    prepared: set[str] = set()
    for rounds in _batches(database, since, platform):
        if further := {one.coverage.platform for one in rounds} - prepared:
            apply_schema(client, further)
            if not prepared:
                write_rule(client, LifecycleRule.from_config(config))
                oldest = read_pruned_until(client)
            prepared |= further
        missing = find_missing(client, rounds)
        write_rounds(client, judge_rounds(database, missing, config), oldest)
        audit.copied += len(missing)
        for one in count_rounds(client, rounds, oldest):
            checks[one.ended.coverage.platform].append(one)
            audit.problems += find_problems(one)
    audit.sites = [_sum_site(client, name, checks[name], since) for name in sorted(checks)]
    return audit


def count_rounds(client: WarehouseClient, rounds: Sequence[EndedRound], oldest: datetime | None) -> list[RoundCheck]:
    """Counts each round that ended and began after `oldest` (None: each)."""
    checks = [RoundCheck(one) for one in rounds if oldest and _began(one) < oldest]
    by_platform: dict[str, list[EndedRound]] = defaultdict(list)
    for one in rounds:
        if not oldest or _began(one) >= oldest:
            by_platform[one.coverage.platform].append(one)
    for platform, those in by_platform.items():
        sql = COUNT_SQL.format(seen=SEEN_SQL, table=f"{platform}_job", kind=LIST_ROW)
        for first in range(0, len(those), ROUNDS_COUNTED):
            part = those[first : first + ROUNDS_COUNTED]
            names = tuple(one.coverage.round for one in part)
            rows = client.query(sql, {"platform": platform, "rounds": names}).result_rows
            counts = {round: (sighted, stored) for round, sighted, stored in rows}
            checks += [RoundCheck(one, *counts.get(one.coverage.round, (0, 0))) for one in part]
    return checks


def find_problems(check: RoundCheck) -> list[Problem]:
    """What differs in a round, one line each; [] where all is as it should be. Pure."""
    line = check.ended.coverage
    name = clean_text(f"{line.platform} {line.keyword} / {line.city}, round {line.round} ({line.state.value})", 200)
    problems = []
    if not line.adds_up:
        parts = line.new + line.changed + line.unchanged + line.repeated + line.rejected + line.spooled
        message = f"{name}: the ledger says {line.seen} postings were seen, but accounts for {parts}"
        problems.append(Problem("sums_differ", message, "report this as a bug; run the keyword again"))
    if line.spooled:
        message = f"{name}: {line.spooled} postings wait on disk, not in the warehouse"
        problems.append(Problem("spooled", message, "run scrapy spool replay on the machine that crawled it"))
    if check.sighted is None or check.stored is None:
        return problems
    if check.sighted > check.stored:
        message = f"{name}: {check.sighted - check.stored} of its {check.sighted} sightings have no job row"
        problems.append(Problem("rows_missing", message, f"rows of {line.platform}_job were deleted: restore them from a backup"))
    expected = line.distinct - line.spooled
    is_off = check.sighted != expected if line.state in COMPLETE else check.sighted < expected
    if is_off:  # of a round that broke off, a page may be there that was never reported
        message = f"{name}: the ledger says {line.distinct} postings, the warehouse counts {check.sighted}"
        action = "look whether job_sighting was changed or restored (scrapy warehouse status), and run the keyword again"
        problems.append(Problem("count_mismatch", message, action))
    return problems


def check_spool(config: Config) -> list[Problem]:
    """What lies in the spool of this machine."""
    folder = SpoolFolder(config.jobdata_dir / "spool", 0)
    waiting, damaged = folder.names(), folder.damaged()
    problems = []
    if waiting:
        message = f"{len(waiting)} pages wait in {folder.path}, not in the warehouse"
        problems.append(Problem("spooled", message, "run scrapy spool replay"))
    if damaged:
        message = f"{len(damaged)} files in {folder.path} are damaged: their pages are in no warehouse"
        action = "run their keywords again (scrapy spool list, scrapy coverage --state failed), then remove the files"
        problems.append(Problem("spool_damaged", message, action))
    return problems


def _batches(database: pw.Database, since: datetime, platform: str) -> Iterator[list[EndedRound]]:
    after = (since, 0)
    while rounds := list_ended(database, after, platform=platform, limit=BATCH):
        yield rounds
        if len(rounds) < BATCH:
            return
        after = rounds[-1].place


def _began(one: EndedRound) -> datetime:
    """About when the round began; one that was resumed or waited for its turn began earlier."""
    return one.updated_at - timedelta(seconds=one.coverage.seconds)


def _sum_site(client: WarehouseClient, platform: str, checks: Iterable[RoundCheck], since: datetime) -> SiteAudit:
    checks = list(checks)
    counted = [one for one in checks if one.stored is not None]
    sql = TWICE_SQL.format(table=f"{platform}_job")
    ((postings, versions),) = client.query(sql, {"since": since}).result_rows
    return SiteAudit(
        platform,
        Counter(one.ended.coverage.state.value for one in checks),
        sum(one.ended.coverage.distinct for one in counted),
        sum(one.stored or 0 for one in counted),
        len(checks) - len(counted),
        (postings, versions),
    )
