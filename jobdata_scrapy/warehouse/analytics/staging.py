"""First half of a refresh: the images of all postings that may have changed, read into `job_stage`.

Ids are staged before they are looked up: an IN (SELECT ...) that holds another one in it does not use the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobdata_scrapy.warehouse.analytics.images import BASE, IMAGE, JOINED, KEYS, NEEDED, SOURCE
from jobdata_scrapy.warehouse.analytics.once import insert_once
from jobdata_scrapy.warehouse.analytics.state import SINCE
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import BEIJING

AFTER, BEFORE, KEPT, TOUCHED, DOUBTFUL, FORMER, MEMBER = range(7)
"""`role` in `job_stage`: the images read from the base tables; what they were before; those of the same group, which stay as they
are; and ids alone: of what is to be read, of what the lifecycle is to be asked about, with the group they were in, and of all of
the touched groups.
"""

ATTEMPT = "attempt = {attempt:UInt64}"
OF_ROLE = "SELECT job_id FROM job_stage WHERE attempt = {{attempt:UInt64}} AND platform = '{platform}' AND role = {role}"
# A keyword that has found a posting once stays: the journal adds those of the image before.
KEYWORDS_SQL = """
SELECT job_id, arraySort(groupUniqArray(keyword)) AS keywords FROM
(
    SELECT job_id, keyword FROM {platform}_job WHERE {which} AND page_kind != ''
    UNION ALL
    SELECT job_id, keyword FROM job_sighting WHERE {platform_is} AND stored_at > {since} AND {which}
)
WHERE keyword != '' GROUP BY job_id"""

VIEW_SQL = "SELECT job_id, {needed} FROM {platform}_job_analytics WHERE {which}"
# Where everything is read: most postings have one row (of ours: the view shows no others), and it is what the view makes of it,
# at a tenth of the cost. Servers before 25.12 do not read the table as of one moment throughout: a posting that gets its second
# row meanwhile may be in both halves. Which one is kept does not matter, the next refresh reads it again.
ALL_SQL = """
SELECT * FROM
(
    SELECT job_id, {own} FROM {platform}_job WHERE {which} AND page_kind != '' AND job_id IN ({counts} = 1)
    UNION ALL
    SELECT job_id, {needed} FROM {platform}_job_analytics WHERE job_id IN ({counts} > 1)
)
LIMIT 1 BY job_id"""
COUNTS_SQL = "SELECT job_id FROM {platform}_job WHERE {which} AND page_kind != '' GROUP BY job_id HAVING count()"

ROUNDS_SQL = """
    SELECT keyword, city, max(assumeNotNull(started_at)) AS began FROM crawl_round
    WHERE {platform_is} AND state = 'done' AND healthy AND started_at IS NOT NULL GROUP BY keyword, city"""
# What a search has missed since, or a page called gone: all others are open, and the lifecycle, which takes its time, is not
# asked.
DOUBTFUL_SQL = """
SELECT shown.job_id AS job_id FROM
(
    SELECT job_id, keyword, city, max(seen_at) AS at FROM job_sighting
    WHERE {platform_is} AND {which} GROUP BY job_id, keyword, city
) AS shown
INNER JOIN ({rounds}) AS round ON shown.keyword = round.keyword AND shown.city = round.city
WHERE shown.at < round.began
UNION DISTINCT
SELECT job_id FROM job_gone WHERE {platform_is} AND {which}"""
CLOSED_SQL = f"""
SELECT job_id, 1 AS asked, if(isNull(closed_at), NULL,
    toUInt16(greatest(0, dateDiff('day', first_seen, assumeNotNull(closed_at), '{BEIJING}')))) AS days_open
FROM {{platform}}_job_lifecycle WHERE job_id IN ({{doubtful}})"""
NONE_CLOSED_SQL = "SELECT '' AS job_id, 0 AS asked, CAST(NULL AS Nullable(UInt16)) AS days_open WHERE 0"

# All of a group is in one bucket, and with it what each of its postings was before.
BUCKET = "if(group_key = 0, cityHash64({job_id}), group_key) % {{buckets:UInt32}}"
IMAGES_SQL = """
SELECT {{attempt:UInt64}} AS attempt, {bucket} AS bucket, '{platform}' AS platform, v.job_id AS job_id, {base},
    k.keywords AS keywords, c.days_open AS days_open, toUInt8(c.asked AND isNull(c.days_open)) AS in_doubt
FROM ({latest}) AS v
LEFT JOIN ({keywords}) AS k ON k.job_id = v.job_id
LEFT JOIN ({closed}) AS c ON c.job_id = v.job_id
ORDER BY platform, job_id"""
IMAGES = f"job_stage (attempt, bucket, {', '.join(KEYS)}, {', '.join(BASE)}, {', '.join(JOINED)})"
_BASE = ", ".join(f"{sql} AS {name}" if sql != name else name for name, sql in BASE.items())
_OWN = ", ".join(f"{SOURCE[name]} AS {name}" if name in SOURCE else name for name in NEEDED)

# What shares a group with a posting that has changed, now or before, is judged again with it. Lines that are not merged yet may
# name a posting or a group too many; that does no harm.
IDS = "job_stage (attempt, role, platform, job_id)"
FORMER_SQL = f"""
SELECT DISTINCT {{attempt:UInt64}} AS attempt, {FORMER} AS role, platform, job_id, group_key FROM job_latest
WHERE generation = {{generation:UInt32}} AND (platform, job_id) IN
    (SELECT platform, job_id FROM job_stage WHERE {ATTEMPT} AND role = {AFTER})
ORDER BY platform, job_id"""
MEMBERS_SQL = f"""
SELECT DISTINCT {{attempt:UInt64}} AS attempt, {MEMBER} AS role, platform, job_id FROM job_latest
WHERE generation = {{generation:UInt32}} AND group_key != 0 AND group_key IN
    (SELECT group_key FROM job_stage WHERE {ATTEMPT} AND role IN ({AFTER}, {FORMER}))
ORDER BY platform, job_id"""
BEFORE_SQL = f"""
SELECT {{attempt:UInt64}} AS attempt, if(a.found, {BEFORE}, {KEPT}) AS role,
    if(a.found, a.bucket, {BUCKET.format(job_id="l.job_id")}) AS bucket, {", ".join(f"l.{name} AS {name}" for name in IMAGE)}
FROM job_latest AS l FINAL
LEFT ANY JOIN (SELECT platform, job_id, bucket, 1 AS found FROM job_stage WHERE {ATTEMPT} AND role = {AFTER}) AS a
    ON a.platform = l.platform AND a.job_id = l.job_id
WHERE generation = {{generation:UInt32}} AND (l.platform, l.job_id) IN
    (SELECT platform, job_id FROM job_stage WHERE {ATTEMPT} AND role IN ({AFTER}, {MEMBER}))
ORDER BY platform, job_id"""

IDS_A_PART = 32  # in the sample that ranges of ids are cut from


def stage_images(client: WarehouseClient, platform: str, parts: int, parameters: dict[str, Any]) -> None:
    """Stages the images of the touched postings of a site, or of all where nothing was read yet, in `parts` INSERTs.

    parameters: attempt, generation, since, buckets.
    """
    first_reading = not parameters["since"]
    for number, (part, bounds) in enumerate(_split_ids(client, platform, parts)):
        given = {**parameters, **bounds}
        touched = OF_ROLE.format(platform=platform, role=TOUCHED)
        which = part if first_reading else f"job_id IN ({touched} AND {part})"
        names = {"platform": platform, "platform_is": f"platform = '{platform}'", "since": SINCE, "which": which}
        latest = (ALL_SQL if first_reading else VIEW_SQL).format(
            **names, own=_OWN, needed=", ".join(NEEDED), counts=COUNTS_SQL.format(**names)
        )
        closed = _stage_doubtful(client, names, f"{parameters['attempt']}/{platform}/{number}/doubtful", given)
        joined = {"latest": latest, "keywords": KEYWORDS_SQL.format(**names), "closed": closed}
        select = IMAGES_SQL.format(platform=platform, base=_BASE, bucket=BUCKET.format(job_id="v.job_id"), **joined)
        insert_once(client, IMAGES, select, f"{parameters['attempt']}/{platform}/{number}", given)


def stage_before(client: WarehouseClient, parameters: dict[str, Any]) -> None:
    """Adds the images that the staged ones replace, and the rest of their groups: each group is judged as a whole."""
    insert_once(
        client,
        "job_stage (attempt, role, platform, job_id, group_key)",
        FORMER_SQL,
        f"{parameters['attempt']}/former",
        parameters,
    )
    insert_once(client, IDS, MEMBERS_SQL, f"{parameters['attempt']}/members", parameters)
    into = f"job_stage (attempt, role, bucket, {', '.join(IMAGE)})"
    insert_once(client, into, BEFORE_SQL, f"{parameters['attempt']}/before", parameters)


def _stage_doubtful(client: WarehouseClient, names: dict[str, str], token: str, parameters: dict[str, Any]) -> str:
    """The SELECT that tells which postings are closed."""
    doubtful = DOUBTFUL_SQL.format(**names, rounds=ROUNDS_SQL.format(**names))
    if not int(client.command(f"SELECT count() FROM (SELECT 1 FROM ({doubtful}) LIMIT 1)", parameters)):
        return NONE_CLOSED_SQL
    head = f"SELECT {{attempt:UInt64}} AS attempt, {DOUBTFUL} AS role, '{names['platform']}' AS platform, job_id"
    insert_once(client, IDS, f"{head} FROM ({doubtful}) ORDER BY job_id", token, parameters)
    return CLOSED_SQL.format(**names, doubtful=OF_ROLE.format(platform=names["platform"], role=DOUBTFUL))


def _split_ids(client: WarehouseClient, platform: str, parts: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Conditions that part the ids of a site in about equal ranges: the tables are sorted by id, each range is read once."""
    if parts == 1:
        yield "1", {}
        return
    sql = f"SELECT arraySort(groupArraySample({parts * IDS_A_PART}, 1)(job_id)) FROM {platform}_job"
    (sample,) = client.query(sql).result_rows[0]
    ends = sorted({*sample[IDS_A_PART:-1:IDS_A_PART]})
    for low, high in zip(["", *ends], [*ends, ""], strict=True):
        yield "job_id > {low:String}" + (" AND job_id <= {high:String}" if high else ""), {"low": low, "high": high}
