"""The counts that unfiltered questions read, each said once: as a SELECT that counts a batch, and as rows to be counted.

Where something is filtered, a question reads the postings themselves in the shape of the cube: (name, platform, day, value, n).
"""

from __future__ import annotations

from dataclasses import dataclass

from jobdata_scrapy.warehouse.analytics.images import FIELDS

MARKER = "batch"
"""Cube of one row: how many batches were counted."""

NO_DAY = "toDate('1970-01-01')"
OPEN = 0
"""`value` of an open posting in the cube `open`; a closed one has 1 + the days it was open."""


@dataclass(frozen=True)
class Cube:
    """Expressions over an image with its sign. of: clauses after FROM; first: columns that are summed up before these.

    key, key_of: instead of `name` and `of` where postings are read: a number for the name, where there are very many names.
    """

    name: str = "''"
    platform: str = "''"
    day: str = NO_DAY
    value: str = "toUInt32(0)"
    of: str = ""
    first: str = ""
    key: str = ""
    key_of: str = ""

    def count(self, rows: str) -> str:
        """SELECT of (c_name, c_platform, c_day, c_value, c_n) that sums up `rows`."""
        return (
            f"SELECT toString({self.name}) AS c_name, toString({self.platform}) AS c_platform, toDate({self.day}) AS c_day, "
            f"toUInt32({self.value}) AS c_value, sum(toInt64(sign)) AS c_n FROM {self._source(rows)} {self.of} "
            "GROUP BY c_name, c_platform, c_day, c_value HAVING c_n != 0"
        )

    def show(self, rows: str) -> str:
        """SELECT of (name, platform, day, value, n), a line for each of `rows`; `name` is the number, where there is one."""
        return (
            f"SELECT {self.key or self.name} AS name, {self.platform} AS platform, {self.day} AS day, {self.value} AS value, "
            f"sign AS n FROM {self._source(rows)} {self.key_of or self.of}"
        )

    def _source(self, rows: str) -> str:
        return f"(SELECT {self.first}, sum(toInt64(sign)) AS sign FROM {rows} GROUP BY {self.first})" if self.first else rows


_SKILL = {"of": "ARRAY JOIN skills AS skill", "key": "skill_number", "key_of": "ARRAY JOIN skill_numbers AS skill_number"}
_FIELD = f"[{', '.join(map(repr, FIELDS))}][bit + 1]"
CUBES = {
    "seen": Cube(platform="platform", day="day", value="reposted"),
    **{
        column: Cube(column, value="salary")
        for column in ("city", "degree", "experience", "company_size", "company_stage", "industry")
    },
    "title": Cube("title_key", key="title_number"),
    "title_salary": Cube("title_key", value="salary", key="title_number"),
    "skill": Cube("skill", **_SKILL),
    "skill_day": Cube("skill", day="day", **_SKILL),
    "skill_salary": Cube("skill", value="salary", **_SKILL),
    "company": Cube("company_name"),
    "employer": Cube("employer", key="employer_number"),
    "employer_site": Cube("employer", "platform", key="employer_number"),
    "open": Cube(platform="platform", value=f"if(isNull(days_open), {OPEN}, 1 + assumeNotNull(days_open))"),
    "overlap": Cube(
        "other_site", "platform", value="certainty", of="ARRAY JOIN other_sites AS other_site, certainties AS certainty"
    ),
    "quality": Cube(_FIELD, "platform", of="ARRAY JOIN bitPositionsToArray(filled) AS bit", first="platform, filled"),
}
SHOWN_ONLY = {"skill_both": Cube("skill", day="day", value="salary", **_SKILL)}
"""Relations for filtered questions that no cube is kept of: in one pass what two cubes tell."""
NUMBERS = ("title_number", "company_number", "employer_number", "skill_numbers")
"""The columns of `job_latest` that hold numbers for names."""
