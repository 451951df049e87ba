"""Second half of a refresh: what became of each posting, as -1 for its image before and +1 for the one after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobdata_scrapy.warehouse.analytics.cubes import CUBES, MARKER, NO_DAY
from jobdata_scrapy.warehouse.analytics.images import EMPTY_IMAGE, IMAGE, RULES, STAGED
from jobdata_scrapy.warehouse.analytics.once import insert_once
from jobdata_scrapy.warehouse.analytics.staging import AFTER, BEFORE, KEPT
from jobdata_scrapy.warehouse.analytics.state import State
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import to_milliseconds

# Certainty in percent that two postings of one employer, title and city are the same: how far their salary bands overlap (0.4),
# degree and experience (0.1 each; half where one is unknown); halved where the bands are disjoint.
_SHARED = "greatest(0, least(m.3, monthly_high) - greatest(m.2, monthly_low))"
_UNITED = "greatest(m.3, monthly_high) - least(m.2, monthly_low)"
_NO_BAND = "isNull(m.2) OR isNull(m.3) OR isNull(monthly_low) OR isNull(monthly_high)"
_BAND = f"multiIf({_NO_BAND}, 0.5, m.2 = monthly_low AND m.3 = monthly_high, 1, ifNull({_SHARED} / nullIf({_UNITED}, 0), 0))"
_DISJOINT = "ifNull(m.2 > monthly_high OR m.3 < monthly_low, 0)"


def _same(theirs: str, own: str) -> str:
    return f"multiIf({theirs} = '' OR {own} = '', 0.5, {theirs} = {own}, 1, 0)"


CERTAINTY = (
    f"toUInt8(round(if({_DISJOINT}, 50, 100) * assumeNotNull("
    f"0.4 + 0.4 * {_BAND} + 0.1 * {_same('m.4', 'degree')} + 0.1 * {_same('m.5', 'experience')})))"
)

AFTER_SQL = f"""
SELECT {", ".join(f"s.{name} AS {name}" for name in STAGED if name != "keywords")},
    arraySort(arrayDistinct(arrayConcat(s.keywords, b.keywords))) AS keywords,
    toUInt8(s.group_key != 0 AND s.day > f.first_day) AS reposted,
    arraySort(arrayDistinct(arrayFilter(p -> p != s.platform, g.members.1))) AS other_sites,
    arrayMap(site -> arrayMax(m -> if(m.1 = site, {CERTAINTY}, 0), g.members), other_sites) AS certainties
FROM staged AS s
LEFT JOIN (SELECT platform, job_id, keywords FROM before) AS b USING (platform, job_id)
LEFT JOIN (SELECT platform, group_key, min(day) AS first_day FROM staged GROUP BY platform, group_key) AS f
    USING (platform, group_key)
LEFT JOIN
(
    SELECT group_key, groupUniqArray((platform, monthly_low, monthly_high, degree, experience)) AS members
    FROM staged WHERE group_key != 0 GROUP BY group_key HAVING uniqExact(platform) > 1
) AS g USING group_key"""

Checkpoint = Callable[[str], None]
"""Called with the name of each step that is done; a test ends a refresh there."""

_MARKS = {
    "rules": "UInt32",
    "attempt": "UInt64",
    "seen_after": "UInt64",
}
_COLUMNS = ", ".join(IMAGE)

_STAGED = f"""
    mine AS (SELECT * FROM job_stage WHERE attempt = {{attempt:UInt64}} AND bucket = {{bucket:UInt32}}),
    staged AS (SELECT * FROM mine WHERE role IN ({AFTER}, {KEPT})),
    before AS (SELECT * FROM mine WHERE role IN ({BEFORE}, {KEPT}))"""

ALL_NEW_SQL = f"SELECT toInt8(1) AS sign, {_COLUMNS} FROM ({AFTER_SQL})"
# What is the same before and after falls out.
DIFFERENCE_SQL = f"""
SELECT toInt8(sum(n)) AS sign, {_COLUMNS} FROM
(SELECT 1 AS n, {_COLUMNS} FROM ({AFTER_SQL}) UNION ALL SELECT -1 AS n, {_COLUMNS} FROM before)
GROUP BY {_COLUMNS} HAVING sign != 0"""
BATCH_SQL = f"""
WITH {_STAGED}
SELECT {{generation:UInt32}} AS generation, {{batch:UInt64}} AS batch, sign = 0 AS is_marker,
    {", ".join(f"{{{name}:{kind}}} AS {name}" for name, kind in _MARKS.items())},
    fromUnixTimestamp64Milli({{read_until:Int64}}, 'UTC') AS read_until, sign, {_COLUMNS}
FROM (CHANGES UNION ALL SELECT toInt8(0) AS sign, {EMPTY_IMAGE})
ORDER BY is_marker, platform, job_id, sign"""
_BATCH = "generation = {generation:UInt32} AND batch = {batch:UInt64} AND is_marker = 0"
CHANGE = f"job_change (generation, batch, is_marker, {', '.join(_MARKS)}, read_until, sign, {_COLUMNS})"
LATEST = f"job_latest (generation, sign, {_COLUMNS})"
LATEST_SQL = f"SELECT generation, sign, {_COLUMNS} FROM job_change WHERE {_BATCH} ORDER BY platform, job_id, sign"
CUBE = "job_cube (generation, topic, name, platform, day, value, n)"
_ROWS = f"(SELECT * FROM job_change WHERE {_BATCH})"
_COUNTS = " UNION ALL ".join(
    f"SELECT '{name}' AS topic, c_name, c_platform, c_day, c_value, c_n FROM ({cube.count(_ROWS)})"
    for name, cube in CUBES.items()
)
CUBE_SQL = f"""
SELECT {{generation:UInt32}} AS generation, * FROM
(
    {_COUNTS}
    UNION ALL SELECT '{MARKER}', '', '', {NO_DAY}, 0, 1
)
ORDER BY topic, c_name, c_platform, c_day, c_value"""


def commit_batch(client: WarehouseClient, state: State, parameters: dict[str, Any]) -> None:
    """Writes what is staged as batch `state.batch` + 1. Of several processes that try, the first one's is kept.

    state: how far is read once the batch is in. parameters: attempt, bucket, replaces (whether images before
    are staged, too).
    """
    numbers = {"generation": state.generation, "batch": state.batch + 1, "rules": RULES}
    numbers |= {"read_until": to_milliseconds(state.read_until), "seen_after": state.seen_after}
    changes = DIFFERENCE_SQL if parameters["replaces"] else ALL_NEW_SQL
    select = BATCH_SQL.replace("CHANGES", changes)
    insert_once(client, CHANGE, select, f"{state.generation}/{state.batch + 1}", {**parameters, **numbers})


def begin_generation(client: WarehouseClient, generation: int) -> None:
    """Writes batch 0, a marker without changes."""
    numbers = dict.fromkeys(("batch", "attempt", "seen_after", "read_until", "bucket"), 0)
    parameters = {**numbers, "generation": generation, "rules": RULES}
    insert_once(client, CHANGE, BATCH_SQL.replace("CHANGES", ALL_NEW_SQL), f"{generation}/0", parameters)


def apply_batch(client: WarehouseClient, generation: int, batch: int, checkpoint: Checkpoint = lambda step: None) -> None:
    """Brings a committed batch into `job_latest` and, last, the cubes with its marker; who does it again changes nothing."""
    parameters, token = {"generation": generation, "batch": batch}, f"{generation}/{batch}"
    insert_once(client, LATEST, LATEST_SQL, token, parameters)
    checkpoint("latest")
    insert_once(client, CUBE, CUBE_SQL, token, parameters)
