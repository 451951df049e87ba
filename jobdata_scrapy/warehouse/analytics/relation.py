"""Where a question reads: a cube where nothing is filtered, the postings themselves where something is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from jobdata_scrapy.warehouse.analytics.cubes import CUBES, NUMBERS, SHOWN_ONLY
from jobdata_scrapy.warehouse.analytics.refresh import refresh
from jobdata_scrapy.warehouse.analytics.state import NEVER
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import Filters, contains, where

LATEST_CONDITIONS = {
    "keyword": "has(keywords, {f_keyword:String})",
    "from": "day >= {f_from:Date}",
    "to": "day <= {f_to:Date}",
    "salary_low": "salary >= {f_salary_low:Float64} AND salary > 0",
    "salary_high": "salary <= {f_salary_high:Float64} AND salary > 0",
}
"""The filters over what `job_latest` has already worked out."""

RANK_SQL = """
SELECT name, sum(n) AS total, sum(total) OVER () AS whole FROM {relation}
GROUP BY name HAVING total > 0 ORDER BY total DESC, name LIMIT {top:UInt32}"""

# Of very many names, the `top` without summing up all: of the `heavy` largest lines the names, and of these the sums. A name
# without such a line has at most the least of them in each part.
HEAVY_SQL = """
WITH
    (
        SELECT groupArray((name, n)) FROM
        (
            SELECT name, n FROM job_cube WHERE generation = {generation:UInt32} AND topic = {topic:String}
            ORDER BY n DESC LIMIT {heavy:UInt32}
        )
    ) AS lines,
    (
        SELECT count() FROM system.parts
        WHERE database = currentDatabase() AND table = 'job_cube' AND active AND partition_id = toString({generation:UInt32})
    ) AS parts,
    (SELECT sum(n) FROM job_cube WHERE generation = {generation:UInt32} AND topic = 'seen') AS whole
SELECT name, sum(n) AS total, whole,
    if(length(lines) < {heavy:UInt32}, 0, arrayMin(lines.2) * (parts + {new_parts:UInt32})) AS beyond
FROM job_cube
WHERE generation = {generation:UInt32} AND topic = {topic:String} AND name IN (SELECT arrayJoin(lines.1))
GROUP BY name HAVING total > 0 ORDER BY total DESC, name LIMIT {top:UInt32}"""
HEAVY_FACTOR, MORE_FACTOR = 20, 10
NEW_PARTS = 5  # that may have come in between the count of the parts and the reading of them

# Of postings, by the numbers of the names; which name a number is, the cube tells.
NUMBERED_SQL = """
SELECT c.name AS name, any(r.total) AS total, any(r.whole) AS whole, r.number AS number
FROM
(
    SELECT name, cityHash64(name) AS number FROM job_cube WHERE generation = {generation:UInt32} AND topic = {topic:String}
) AS c
INNER JOIN
(
    SELECT name AS number, sum(n) AS total, sum(total) OVER () AS whole FROM {relation}
    GROUP BY number HAVING total > 0 ORDER BY total DESC LIMIT {top:UInt32} WITH TIES
) AS r ON r.number = c.number
GROUP BY name, number ORDER BY total DESC, name LIMIT {top:UInt32}"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A name of a cube. total: its count; whole: that of all names."""

    name: str
    total: int
    whole: int


@dataclass(frozen=True)
class Reader:
    """What a question asks with: up to date as of `as_of`, and of one generation."""

    client: WarehouseClient
    filters: Filters
    generation: int
    as_of: datetime
    _numbers: dict[str, int] = field(default_factory=dict)

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Runs a question's SQL; `{cube:NAME}` in it is a relation (name, platform, day, value, n) of that cube."""
        condition, given = where(self.filters, LATEST_CONDITIONS | {"employer": self._of_employer()})
        rows = f"(SELECT *, {', '.join(NUMBERS)} FROM job_latest WHERE generation = {self.generation} AND {condition})"
        counts = f"SELECT name, platform, day, value, n FROM job_cube WHERE generation = {self.generation} AND topic"
        for name, cube in CUBES.items():
            relation = cube.show(rows) if self.filters else f"{counts} = '{name}'"
            sql = sql.replace(f"{{cube:{name}}}", f"({relation})")
        for name, cube in SHOWN_ONLY.items():
            sql = sql.replace(f"{{cube:{name}}}", f"({cube.show(rows)})")
        return [tuple(row) for row in self.client.query(sql, parameters={**given, **parameters}).result_rows]

    def rank(self, topic: str, top: int) -> list[Ranked]:
        """The `top` names of a cube by their count."""
        if CUBES[topic].key:
            return self._rank_numbers(topic, top) if self.filters else self._rank_heavy(topic, top)
        return [Ranked(*row) for row in self.ask(RANK_SQL.replace("{relation}", f"{{cube:{topic}}}"), top=top)]

    def ask_of(self, names: Iterable[str], sql: str, **parameters: Any) -> dict[str, list[Any]]:
        """Runs SQL whose first column is `name`, over the names that `rank` has found: `{chosen}` in it is true for these."""
        if not self.filters or not self._numbers:
            rows = self.ask(sql.replace("{chosen}", "name IN {names:Array(String)}"), names=list(names), **parameters)
            return {name: rest for name, *rest in rows}
        numbers = {self._numbers[name]: name for name in names}
        rows = self.ask(sql.replace("{chosen}", "name IN {names:Array(UInt64)}"), names=list(numbers), **parameters)
        return {numbers[number]: rest for number, *rest in rows}

    def _of_employer(self) -> str:
        """Every name is looked at once, not once a posting."""
        names = f"generation = {self.generation} AND topic = 'company' AND {contains('name', self.filters.employer)}"
        return f"company_number IN (SELECT cityHash64(name) FROM job_cube WHERE {names})"

    def _rank_numbers(self, topic: str, top: int) -> list[Ranked]:
        sql = NUMBERED_SQL.replace("{relation}", f"{{cube:{topic}}}")
        rows = self.ask(sql, generation=self.generation, topic=topic, top=top)
        self._numbers.update({name: number for name, *_, number in rows})
        return [Ranked(*row) for *row, _ in rows]

    def _rank_heavy(self, topic: str, top: int) -> list[Ranked]:
        heavy = top * HEAVY_FACTOR
        while True:
            given = {"generation": self.generation, "topic": topic, "top": top, "heavy": heavy, "new_parts": NEW_PARTS}
            rows = self.ask(HEAVY_SQL, **given)
            beyond = rows[0][-1] if rows else 0
            if beyond == 0 or (len(rows) == top and rows[-1][1] > beyond):
                return [Ranked(*row) for *row, _ in rows]
            heavy *= MORE_FACTOR


_read: WeakKeyDictionary[WarehouseClient, tuple[float, int, datetime]] = WeakKeyDictionary()


def open_reader(client: WarehouseClient, filters: Filters, max_age: float = 0.0) -> Reader:
    """Reads what came in, first; not where this client did in the last `max_age` seconds."""
    at, generation, as_of = _read.get(client, (-inf, 0, NEVER))
    if monotonic() - at >= max_age:
        at = monotonic()
        state, as_of = refresh(client)
        generation = state.generation
        _read[client] = at, generation, as_of
    return Reader(client, filters, generation, as_of)
