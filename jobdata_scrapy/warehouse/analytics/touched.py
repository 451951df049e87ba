"""Which postings a refresh reads again: those that what came in since may have changed."""

from __future__ import annotations

from typing import Any

from jobdata_scrapy.warehouse.analytics.once import insert_once
from jobdata_scrapy.warehouse.analytics.staging import ATTEMPT, IDS, ROUNDS_SQL, TOUCHED
from jobdata_scrapy.warehouse.analytics.state import SINCE
from jobdata_scrapy.warehouse.client import WarehouseClient

# Postings with a new version, found by a keyword that they were not found by yet, seen again after they were closed, seen by a
# search of which a later round has ended already (the page came late), called gone, in doubt at a new day, in doubt or closed
# when the rule changes, or of a search of which a round has ended.
TOUCHED_SQL = """
SELECT job_id FROM {platform}_job WHERE stored_at > {since}
UNION DISTINCT
SELECT shown.job_id FROM
(
    SELECT job_id, groupUniqArray(keyword) AS words FROM job_sighting
    WHERE {platform_is} AND stored_at > {since} GROUP BY job_id
) AS shown
LEFT JOIN
(
    SELECT job_id, keywords, days_open FROM job_latest
    WHERE {kept} AND job_id IN (SELECT job_id FROM job_sighting WHERE {platform_is} AND stored_at > {since})
) AS latest ON latest.job_id = shown.job_id
WHERE NOT hasAll(latest.keywords, shown.words) OR isNotNull(latest.days_open)
UNION DISTINCT
SELECT shown.job_id FROM
(SELECT job_id, keyword, city, seen_at FROM job_sighting WHERE {platform_is} AND stored_at > {since}) AS shown
INNER JOIN ({rounds}) AS round ON shown.keyword = round.keyword AND shown.city = round.city
WHERE shown.seen_at < round.began
UNION DISTINCT
SELECT job_id FROM job_gone WHERE {platform_is} AND stored_at > {since}
UNION DISTINCT
SELECT job_id FROM job_latest WHERE {kept} AND in_doubt AND {{new_day:UInt8}}
UNION DISTINCT
SELECT job_id FROM job_latest
WHERE {kept} AND (in_doubt OR isNotNull(days_open)) AND (SELECT count() > 0 FROM lifecycle_rule WHERE set_at > {since})
UNION DISTINCT
SELECT job_id FROM job_latest
WHERE {kept} AND (SELECT count() > 0 FROM crawl_round WHERE {platform_is} AND stored_at > {since}) AND hasAny
    (keywords, (SELECT groupUniqArray(keyword) FROM crawl_round WHERE {platform_is} AND stored_at > {since}))"""


def stage_touched(client: WarehouseClient, platforms: list[str], parameters: dict[str, Any]) -> None:
    """Stages the ids of what is to be read. parameters: attempt, generation, since, new_day."""
    selects = []
    for platform in platforms:
        platform_is = f"platform = '{platform}'"
        kept = f"generation = {{generation:UInt32}} AND {platform_is} AND sign = 1"
        names = {"platform": platform, "platform_is": platform_is, "since": SINCE, "kept": kept}
        names["rounds"] = ROUNDS_SQL.format(**names)
        selects.append(f"SELECT '{platform}' AS platform, job_id FROM ({TOUCHED_SQL.format(**names)})")
    ids = " UNION ALL ".join(selects)
    select = f"SELECT {{attempt:UInt64}} AS attempt, {TOUCHED} AS role, platform, job_id FROM ({ids}) ORDER BY platform, job_id"
    insert_once(client, IDS, select, f"{parameters['attempt']}/touched", parameters)


def count_touched(client: WarehouseClient, parameters: dict[str, Any]) -> dict[str, int]:
    """By platform."""
    sql = f"SELECT platform, count() FROM job_stage WHERE {ATTEMPT} AND role = {TOUCHED} GROUP BY platform"
    return {platform: count for platform, count in client.query(sql, parameters).result_rows}  # noqa: C416 - typed rows
