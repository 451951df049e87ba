"""What the warehouse knows of a page's postings or companies, and what that makes of each. The decision is pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from jobdata_scrapy.items import Page, RowState
from jobdata_scrapy.warehouse.rows import row_kind, to_milliseconds

# All ids in one literal: read and written as hundreds of literals they cost more than the look-up itself. One row with all that
# is found: for no rows at all the local server has to ask the engine a second time, for the names of their columns. One thread:
# it is places that are read, not tables.
SEPARATOR = "\x1f"
KNOWN_SQL = """
SELECT groupArray(({id}, page_kind, toUnixTimestamp64Milli(toDateTime64(crawled_at, 3)), content_hash, run_id))
FROM {table} WHERE {id} IN splitByChar('{separator}', {ids}) AND page_kind != ''
SETTINGS max_threads = 1, empty_result_for_aggregation_by_empty_set = 0"""


class Version(NamedTuple):
    """One version of a row: when it was crawled (POSIX milliseconds), its content, who wrote it; decided: in this very unit."""

    crawled_ms: int
    content_hash: str
    run_id: str = ""
    decided: bool = False


class Known:
    """The versions of rows by (id, kind of row), oldest first, kept up to date while a unit of pages is decided row by row."""

    def __init__(self, versions: dict[tuple[str, str], list[Version]]) -> None:
        self._versions = versions

    @classmethod
    def look_up(cls, driver: Client, table: str, id_column: str, ids: Iterable[str]) -> Known:
        """Asks for the ids, all kinds of row at once; without ids nothing is asked."""
        wanted = sorted(set(ids))
        if not wanted:
            return cls({})
        joined = SEPARATOR.join(wanted).replace("\\", "\\\\").replace("'", "\\'")
        sql = KNOWN_SQL.format(id=id_column, table=table, separator=SEPARATOR, ids=f"'{joined}'")
        found: dict[tuple[str, str], list[Version]] = {}
        for row_id, kind, *version in driver.query(sql).result_rows[0][0]:
            found.setdefault((row_id, kind), []).append(Version(*version))
        for versions in found.values():
            versions.sort()
        return cls(found)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._versions

    def decide(self, page: Page, row_id: str, content_hash: str) -> tuple[RowState, bool]:
        """The state of a row of `page`, and whether it is still to be written.

        It is compared with the versions before and after it in time: a page that waited in the spool may come after newer ones.
        A row of this very page that an earlier attempt has written is found by its stamp and not written again. The same id again
        in the same unit meets the row before it.
        """
        at, key = to_milliseconds(page.fetched_at), (row_id, row_kind(page.page_kind))
        ours = Version(at, content_hash, page.run_id, decided=True)
        versions = self._versions.get(key)
        if not versions:
            self._versions[key] = [ours]
            return RowState.NEW, True
        stamps = (at, at // 1000 * 1000)  # a table of the older system may keep whole seconds
        own = next((one for stamp in stamps if (one := Version(stamp, content_hash, page.run_id)) in versions), None)
        if own is not None:
            place = versions.index(own)
            versions[place] = ours
            return (RowState.NEW if place == 0 else RowState.CHANGED), False
        place = bisect_right(versions, at, key=lambda version: version.crawled_ms)
        if any(one.content_hash == content_hash for one in versions[max(place - 1, 0) : place + 1]):
            return RowState.UNCHANGED, False
        versions.insert(place, ours)
        return RowState.CHANGED, True
