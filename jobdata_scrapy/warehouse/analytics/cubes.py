"""The counts that unfiltered questions read: each is one SELECT over images with their sign.

The same SELECT counts a batch into the cube, and filtered postings where something is filtered.
"""

from __future__ import annotations

from jobdata_scrapy.warehouse.analytics.images import FIELDS

MARKER = "batch"
"""Cube of one row: how many batches were counted."""

NO_DAY = "toDate('1970-01-01')"
DIMENSIONS = ("city", "degree", "experience", "company_size", "company_stage", "industry", "title_key")
"""Columns that have a cube of their own name: postings by value and salary."""
MANY_NAMES = frozenset({"title", "skill", "employer"})
"""Cubes with one line a name, of very many names."""
OPEN = 0
"""`value` of an open posting in the cube `open`; a closed one has 1 + the days it was open."""


def _cube(name: str = "''", platform: str = "''", day: str = NO_DAY, value: str = "toUInt32(0)", of: str = "") -> str:
    """Column names and expressions over an image -> its SELECT; `of`: clauses between FROM and GROUP BY."""
    return (
        f"SELECT toString({name}) AS c_name, toString({platform}) AS c_platform, toDate({day}) AS c_day, "
        f"toUInt32({value}) AS c_value, sum(toInt64(sign)) AS c_n FROM {{rows}} {of} "
        "GROUP BY c_name, c_platform, c_day, c_value HAVING c_n != 0"
    )


CUBES = {
    "seen": _cube(platform="platform", day="day", value="reposted"),
    **{column: _cube(column, value="salary") for column in DIMENSIONS},
    "title": _cube("title_key"),
    "skill": _cube("skill", of="ARRAY JOIN skills AS skill"),
    "skill_day": _cube("skill", day="day", of="ARRAY JOIN skills AS skill"),
    "skill_salary": _cube("skill", value="salary", of="ARRAY JOIN skills AS skill"),
    "employer": _cube("employer"),
    "employer_site": _cube("employer", "platform"),
    "open": _cube(platform="platform", value=f"if(isNull(days_open), {OPEN}, 1 + days_open)"),
    "overlap": _cube(
        "other_site", "platform", value="certainty", of="ARRAY JOIN other_sites AS other_site, certainties AS certainty"
    ),
    "quality": _cube(
        f"[{', '.join(map(repr, FIELDS))}][bit + 1]", "platform", of="ARRAY JOIN bitPositionsToArray(filled) AS bit"
    ),
}
"""Cube -> SELECT of (c_name, c_platform, c_day, c_value, c_n) from `{rows}`."""
