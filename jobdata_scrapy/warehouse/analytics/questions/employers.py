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


TOTAL_SQL = "SELECT sum(n) FROM {cube:seen}"
SITES_SQL = """
SELECT name, arraySort(groupUniqArray(platform)) FROM
(
    SELECT name, platform, sum(n) AS c FROM {cube:employer_site} WHERE name IN {names:Array(String)}
    GROUP BY name, platform HAVING c > 0
)
GROUP BY name"""


def rank_employers(reader: Reader, *, top: int = 50) -> list[EmployerRow]:
    """The `top` employers by postings."""
    counted = [(name, postings) for name, postings in reader.rank("employer", top + 1) if name][:top]
    if not counted:
        return []
    ((total,),) = reader.ask(TOTAL_SQL)
    sites = dict(reader.ask(SITES_SQL, names=[name for name, _ in counted]))
    return [EmployerRow(name, postings, postings / total, sites[name]) for name, postings in counted]
