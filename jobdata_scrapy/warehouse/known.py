"""What the warehouse knows of a page's postings or companies, and what that makes of each. The decision is pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from clickhouse_connect.driver.client import Client

from jobdata_scrapy.items import Page, RowState
from jobdata_scrapy.warehouse.rows import row_kind

# All ids in one literal: read and written as hundreds of literals they cost more than the look-up itself.
SEPARATOR = "\x1f"
KNOWN_SQL = """
SELECT {id}, page_kind, argMax((content_hash, run_id, toUnixTimestamp64Milli(crawled_at)), crawled_at), count()
FROM {table} WHERE {id} IN splitByChar('{separator}', {ids}) GROUP BY {id}, page_kind"""


@dataclass(frozen=True, slots=True)
class Version:
    """The latest version of a row: its content, who wrote it and when (POSIX milliseconds), and how many versions there are."""

    content_hash: str
    run_id: str = ""
    crawled_ms: int = 0
    versions: int = 0


class Known:
    """The latest versions by (id, kind of row), kept up to date while a unit of pages is decided row by row."""

    def __init__(self, versions: dict[tuple[str, str], Version]) -> None:
        self._versions = versions

    @classmethod
    def look_up(cls, driver: Client, table: str, id_column: str, ids: Iterable[str]) -> Known:
        """Asks for the ids, all kinds of row at once; without ids nothing is asked."""
        wanted = sorted(set(ids))
        if not wanted:
            return cls({})
        joined = SEPARATOR.join(wanted).replace("\\", "\\\\").replace("'", "\\'")
        sql = KNOWN_SQL.format(id=id_column, table=table, separator=SEPARATOR, ids=f"'{joined}'")
        rows = driver.query(sql).result_rows
        return cls({(row_id, kind): Version(*latest, count) for row_id, kind, latest, count in rows})

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._versions

    def decide(self, page: Page, row_id: str, content_hash: str) -> tuple[RowState, bool]:
        """The state of a row of `page`, and whether it is still to be written.

        A row of this very page that an earlier attempt has written keeps the state it had then. The same id again in the
        same unit meets the row before it.
        """
        key = (row_id, row_kind(page.page_kind))
        before = self._versions.get(key)
        self._versions[key] = Version(content_hash)
        if before is None:
            return RowState.NEW, True
        if before.content_hash != content_hash:
            return RowState.CHANGED, True
        if before.versions and (before.run_id, before.crawled_ms) == (page.run_id, to_milliseconds(page.fetched_at)):
            return (RowState.NEW if before.versions == 1 else RowState.CHANGED), False
        return RowState.UNCHANGED, False


def to_milliseconds(moment: datetime) -> int:
    """POSIX milliseconds, cut off as DateTime64(3) does."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
