"""Where a question reads: a cube where nothing is filtered, the postings themselves where something is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from jobdata_scrapy.warehouse.analytics.cubes import CUBES, MANY_NAMES
from jobdata_scrapy.warehouse.analytics.refresh import refresh
from jobdata_scrapy.warehouse.analytics.state import NEVER
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import Filters, where

RENAMED = "SELECT c_name AS name, c_platform AS platform, c_day AS day, c_value AS value, c_n AS n FROM"


# Names by their sum, the `top` of them, without summing up all: of the `heavy` largest lines the names, and of these the sums. A
# name without such a line has at most `least` in each part.
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
    ) AS parts
SELECT name, sum(n) AS total, if(length(lines) < {heavy:UInt32}, 0, arrayMin(lines.2) * (parts + {new_parts:UInt32})) AS beyond
FROM job_cube
WHERE generation = {generation:UInt32} AND topic = {topic:String} AND name IN (SELECT arrayJoin(lines.1))
GROUP BY name HAVING total > 0 ORDER BY total DESC, name LIMIT {top:UInt32}"""
RANK_SQL = """
SELECT name, sum(n) AS total FROM {cube:TOPIC} GROUP BY name HAVING total > 0 ORDER BY total DESC, name LIMIT {top:UInt32}"""
HEAVY_FACTOR, MORE_FACTOR = 20, 10
NEW_PARTS = 5  # that may have come in between the count of the parts and the reading of them


@dataclass(frozen=True)
class Reader:
    """What a question asks with: up to date as of `as_of`, and of one generation."""

    client: WarehouseClient
    filters: Filters
    generation: int
    as_of: datetime

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Runs a question's SQL; `{cube:NAME}` in it is a relation (name, platform, day, value, n) of that cube."""
        condition, given = where(self.filters, keyword="has(keywords, {f_keyword:String})")
        rows = f"(SELECT * FROM job_latest WHERE generation = {self.generation} AND {condition})"
        counts = f"SELECT name, platform, day, value, n FROM job_cube WHERE generation = {self.generation} AND topic"
        for name, select in CUBES.items():
            relation = f"{RENAMED} ({select.format(rows=rows)})" if self.filters else f"{counts} = '{name}'"
            sql = sql.replace(f"{{cube:{name}}}", f"({relation})")
        return [tuple(row) for row in self.client.query(sql, parameters={**given, **parameters}).result_rows]

    def rank(self, topic: str, top: int) -> list[tuple[str, int]]:
        """The `top` names of a cube by their count, and the count."""
        if self.filters or topic not in MANY_NAMES:
            return [(name, total) for name, total in self.ask(RANK_SQL.replace("TOPIC", topic), top=top)]
        heavy = top * HEAVY_FACTOR
        while True:
            given = {"generation": self.generation, "topic": topic, "heavy": heavy, "top": top, "new_parts": NEW_PARTS}
            rows = self.ask(HEAVY_SQL, **given)
            beyond = rows[0][2] if rows else 0
            if beyond == 0 or (len(rows) == top and rows[-1][1] > beyond):
                return [(name, total) for name, total, _ in rows]
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
