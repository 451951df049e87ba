"""What became of a posting: when it was seen, what changed in it, when it was closed and opened again.

Of one posting everything is asked and judged here; of all at once, the views tell (`read_lifecycles` asks that of a site).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.lifecycle_rule import Gone, Lifecycle, LifecycleRule, Pass, Search, Sighting, judge_lifecycle
from jobdata_scrapy.warehouse.retention import read_pruned_until

# what makes another version of a posting, as page_steps hashes it, in the order in which people read it
COMPARED = (
    "title", "salary_text", "city_text", "district_text", "experience_text", "degree_text", "job_type", "company_name",
    "company_id", "company_size_text", "company_stage_text", "company_type_text", "industry_text", "skills", "welfare",
    "description",
)  # fmt: skip
VERSIONS_SQL = """
SELECT page_kind, toDateTime64(crawled_at, 3, 'UTC') AS at, content_hash, run_id, parser_version, {columns}
FROM {table} WHERE job_id = {{job_id:String}} AND page_kind != '' ORDER BY page_kind, at, content_hash"""
SIGHTINGS_SQL = """
SELECT max(seen_at), keyword, city, round FROM job_sighting
WHERE platform = {platform:String} AND job_id = {job_id:String} GROUP BY keyword, city, round"""
GONE_SQL = "SELECT gone_at, round FROM job_gone WHERE platform = {platform:String} AND job_id = {job_id:String}"
PASSES_SQL = """
SELECT keyword, city, started_at, finished_at FROM crawl_round FINAL
WHERE platform = {platform:String} AND keyword IN {keywords:Array(String)} AND city IN {cities:Array(String)}
    AND state = 'done' AND healthy AND started_at IS NOT NULL AND finished_at IS NOT NULL"""
LIFECYCLES_SQL = """
SELECT job_id, first_seen, last_seen, sightings, versions, detail_versions, closed_at, reopened_at, reopened
FROM {table} WHERE job_id IN {{job_ids:Array(String)}}"""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a posting's list row or detail row. values: the COMPARED columns; another parser may read them otherwise."""

    page_kind: str
    crawled_at: datetime
    content_hash: str
    run_id: str
    parser_version: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs between two versions."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class ChangedVersion:
    """A version, and what it changed; the first of its page kind changed nothing."""

    version: Version
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class PostingHistory:
    """One posting. lifecycle: None for one that was never sighted on a list; versions: in order of time, both page kinds."""

    platform: str
    job_id: str
    lifecycle: Lifecycle | None
    versions: tuple[ChangedVersion, ...]
    searches: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class LifecycleRow:
    """A line of the view `job_lifecycle`. versions: of the list row."""

    job_id: str
    first_seen: datetime
    last_seen: datetime
    sightings: int
    versions: int
    detail_versions: int
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened: int


def read_history(
    client: WarehouseClient, platform: str, job_id: str, rule: LifecycleRule, now: datetime
) -> PostingHistory | None:
    """All that is known of a posting, None where nothing is. Reads its rows only, however many others there are.

    Raises WarehouseUnavailable, and DatabaseError for tables that are not there.
    """
    key = {"platform": platform, "job_id": job_id}
    sightings = [Sighting(*row) for row in client.query(SIGHTINGS_SQL, key).result_rows]
    versions = read_versions(client, platform, job_id)
    if not sightings and not versions:
        return None
    searches = tuple(sorted({one.search for one in sightings}))
    lifecycle = None
    if sightings:
        gone = [Gone(*row) for row in client.query(GONE_SQL, key).result_rows]
        lifecycle = judge_lifecycle(
            sightings, _read_passes(client, platform, searches), gone, rule, now, read_pruned_until(client)
        )
        first = min([lifecycle.first_seen, *(version.crawled_at for version in versions)])
        lifecycle = replace(lifecycle, first_seen=first)
    return PostingHistory(platform, job_id, lifecycle, tuple(diff_versions(versions)), searches)


def read_versions(client: WarehouseClient, platform: str, job_id: str) -> list[Version]:
    """The versions of each page kind, oldest first; equal ones in a row (two processes may write the same) as one."""
    sql = VERSIONS_SQL.format(columns=", ".join(COMPARED), table=f"{platform}_job")
    rows = client.query(sql, {"job_id": job_id}).result_rows
    return collapse(
        [
            Version(kind, at, content, run_id, parser, dict(zip(COMPARED, values, strict=True)))
            for kind, at, content, run_id, parser, *values in rows
        ]
    )


def read_lifecycles(client: WarehouseClient, platform: str, job_ids: Iterable[str]) -> dict[str, LifecycleRow]:
    """The view's lines of some postings, by id; those never sighted are missing. By the rule that the warehouse was told last."""
    sql = LIFECYCLES_SQL.format(table=f"{platform}_job_lifecycle")
    return {row[0]: LifecycleRow(*row) for row in client.query(sql, {"job_ids": sorted(set(job_ids))}).result_rows}


def collapse(versions: Sequence[Version]) -> list[Version]:
    """Without those that are equal to the one before. `versions`: by page kind, oldest first."""
    kept: list[Version] = []
    for one in versions:
        if not kept or (kept[-1].page_kind, kept[-1].content_hash) != (one.page_kind, one.content_hash):
            kept.append(one)
    return kept


def diff_versions(versions: Sequence[Version]) -> list[ChangedVersion]:
    """Each version with what it changed in the one before of its page kind; in order of time, a list row before a detail row."""
    by_kind: dict[str, list[Version]] = defaultdict(list)
    for one in versions:
        by_kind[one.page_kind].append(one)
    changed = [ChangedVersion(rows[0]) for rows in by_kind.values()]
    for rows in by_kind.values():
        changed += [ChangedVersion(new, find_changes(old, new)) for old, new in pairwise(rows)]
    return sorted(changed, key=lambda one: (one.version.crawled_at, one.version.page_kind != "search"))


def find_changes(old: Version, new: Version) -> tuple[Change, ...]:
    """The fields that differ. The order of skills and welfare is the site's whim and no change."""
    return tuple(
        Change(name, old.values[name], new.values[name])
        for name in COMPARED
        if _comparable(old.values[name]) != _comparable(new.values[name])
    )


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value


def _read_passes(client: WarehouseClient, platform: str, searches: Sequence[Search]) -> dict[Search, list[Pass]]:
    keywords, cities = ([search[place] for search in searches] for place in (0, 1))
    parameters = {"platform": platform, "keywords": sorted(set(keywords)), "cities": sorted(set(cities))}
    passes: dict[Search, list[Pass]] = defaultdict(list)
    for keyword, city, began, ended in client.query(PASSES_SQL, parameters).result_rows:
        passes[keyword, city].append(Pass(began, ended))
    return passes
