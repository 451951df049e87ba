"""What a round has seen on pages it reported, and what an attempt that was lost has seen of it.

The sightings of a page are stored before it is reported. Killed in between, a process leaves sightings of a page that the round
does not count; whoever goes on with it reads that page again, and a living site shows other postings by then. So the sightings
that nobody reported are set aside: their page becomes LOST_PAGE. For the lifecycle they stay what they are, since the postings
were shown; the count of the round leaves them out; a posting that is seen again replaces its line, and counts. That the mark
stands with the sighting, not in a process or a ledger, lets it outlive any number of lost attempts.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import LIST_ROW

LOST_PAGE = 0  # no list page has this number
# A line that was set aside has the time of the one it replaces: of the two, it is the later.
_LAST_PAGE = f"argMax(page, (seen_at, page = {LOST_PAGE}))"

_OF_ROUNDS = "platform = %(platform)s AND round IN %(rounds)s"

SEEN_SQL = f"""
SELECT round, job_id FROM job_sighting WHERE {_OF_ROUNDS}
GROUP BY round, job_id HAVING {_LAST_PAGE} != {LOST_PAGE}"""  # noqa: S608 - our own text
"""(round, job_id) of what the rounds have seen on pages they reported."""

# The sorting key finds the rounds' lines; to look at the ids before the other columns (PREWHERE) costs as much again.
COUNT_SQL = f"""
SELECT round, count() FROM (
    SELECT round, job_id FROM job_sighting
    WHERE {_OF_ROUNDS} AND job_id IN (
        SELECT job_id FROM {{table}}
        WHERE page_kind = '{LIST_ROW}' AND job_id IN (SELECT job_id FROM job_sighting WHERE {_OF_ROUNDS}))
    GROUP BY round, job_id HAVING {_LAST_PAGE} != {LOST_PAGE})
GROUP BY round SETTINGS optimize_move_to_prewhere = 0"""  # noqa: S608 - our own text

SIGHTED_IDS_SQL = f"""
SELECT job_id FROM job_sighting WHERE platform = {{platform:String}} AND round = {{round:String}}
GROUP BY job_id HAVING {_LAST_PAGE} BETWEEN {LOST_PAGE + 1} AND {{before_page:UInt32}} - 1"""  # noqa: S608 - our own text

SET_ASIDE_SQL = f"""
INSERT INTO job_sighting (platform, job_id, keyword, city, round, run_id, page, seen_at)
SELECT platform, job_id, any(keyword), any(city), round, argMax(run_id, seen_at), {LOST_PAGE}, max(seen_at) FROM job_sighting
WHERE platform = {{platform:String}} AND round = {{round:String}}
GROUP BY platform, round, job_id
HAVING {_LAST_PAGE} >= {{from_page:UInt32}} AND countIf(run_id = {{but_run:String}}) = 0"""  # noqa: S608 - our own text


def count_rounds(client: WarehouseClient, platform: str, rounds: Sequence[str]) -> list[int]:
    """Distinct postings that each round has seen on pages it reported and that have their list row, in one query."""
    sql = COUNT_SQL.format(table=f"{platform}_job")
    counts = dict(client.query(sql, parameters={"platform": platform, "rounds": tuple(rounds)}).result_rows)
    return [int(counts.get(round, 0)) for round in rounds]


def sighted_ids(client: WarehouseClient, platform: str, round: str, before_page: int) -> frozenset[str]:
    """Postings that the round saw on list pages before `before_page`."""
    parameters = {"platform": platform, "round": round, "before_page": before_page}
    return frozenset(row[0] for row in client.query(SIGHTED_IDS_SQL, parameters=parameters).result_rows)


def set_aside(client: WarehouseClient, platform: str, round: str, from_page: int, but_run: str = "") -> None:
    """Sets aside what the round saw on list pages from `from_page` on, but for what the run `but_run` saw. Again: no change."""
    client.command(SET_ASIDE_SQL, parameters={"platform": platform, "round": round, "from_page": from_page, "but_run": but_run})
