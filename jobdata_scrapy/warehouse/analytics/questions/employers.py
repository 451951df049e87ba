"""Who posts most."""

from __future__ import annotations

from dataclasses import dataclass

from jobdata_scrapy.warehouse.analytics.relation import Reader


@dataclass(frozen=True)
class EmployerRow:
    """employer: the name without legal form and brackets; share: of all postings, 0 to 1; sites: where it posts."""

    employer: str
    postings: int
    share: float
    sites: list[str]


SITES_SQL = """
SELECT name, arraySort(groupUniqArray(platform)) FROM
(
    SELECT name, platform, sum(n) AS c FROM {cube:employer_site} WHERE {chosen}
    GROUP BY name, platform HAVING c > 0
)
GROUP BY name"""


def rank_employers(reader: Reader, *, top: int = 50) -> list[EmployerRow]:
    """The `top` employers by postings."""
    counted = [one for one in reader.rank("employer", top + 1) if one.name][:top]
    if not counted:
        return []
    sites = reader.ask_of([one.name for one in counted], SITES_SQL)
    # another process may have taken a name away since it was ranked
    return [EmployerRow(one.name, one.total, one.total / one.whole, sites[one.name][0]) for one in counted if one.name in sites]
