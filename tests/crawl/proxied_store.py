"""A real engine behind a proxy with faults, and a crawl that stores through it."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from jobdata_scrapy.sandbox.process import RunningSandbox
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from tests.crawl.crawl_process import CrawlProcess, count_pages, crawling, spool_files
from tests.crawl.store_proxy import StoreProxy

POSTINGS, PAGES = 120, 8
SLOWLY = {"SLEEP_MIN_SECONDS": "0.3", "SLEEP_MAX_SECONDS": "0.3"}


@dataclass
class Store:
    """A real engine behind a proxy, and a crawl's surroundings."""

    proxy: StoreProxy
    client: WarehouseClient
    files: ServerFiles
    sandbox: RunningSandbox
    folder: Path
    keyword: str
    environment: dict[str, str]

    def crawl(self, *arguments: str, **environment: str) -> AbstractContextManager[CrawlProcess]:
        """Begins a crawl of the keyword, which has eight pages."""
        given = arguments or ("boss", "-a", f"keyword={self.keyword}", "-a", "city=上海")
        return crawling(self.sandbox, self.folder, *given, **self.environment, **SLOWLY, **environment)

    def assert_all_there_once(self, site: str = "boss") -> None:
        """Every posting of the site, one version each; nothing in the spool."""
        sql = f"SELECT job_id FROM {site}_job WHERE page_kind = 'search' AND keyword = %(keyword)s"
        rows = self.client.query(sql, {"keyword": self.keyword})
        truth = sorted(self.sandbox.truth(site, self.keyword, "上海")["ids"])
        assert sorted(row[0] for row in rows.result_rows) == truth
        assert spool_files(self.folder) == []

    def assert_no_page_was_asked_twice(self) -> None:
        """What waits on disk was read: the site is not asked for it again."""
        assert count_pages(self.sandbox) == PAGES

    def ledger(self) -> list[tuple[object, ...]]:
        """State, stop reason, spooled, stored of each round; [] before the first."""
        if not (self.folder / "jobdata.sqlite").exists():
            return []
        with closing(sqlite3.connect(self.folder / "jobdata.sqlite")) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'coverage'").fetchall():
                return []
            return database.execute("SELECT state, stop_reason, spooled, stored FROM coverage ORDER BY id").fetchall()
