"""A round whose pages wait in the spool, and what is asked of it afterwards."""

from __future__ import annotations

from jobdata_scrapy.backend.base import RunRecord
from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import Coverage, add_page, finish
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.coverage import find_rounds
from jobdata_scrapy.items import Page, RowState
from jobdata_scrapy.spool.folder import SpoolFolder
from jobdata_scrapy.warehouse.client import WarehouseClient
from tests.crawl.store_proxy import StoreProxy
from tests.spool.spool_parts import make_page

RUN = RunRecord("r1", "boss")


def coverage() -> Coverage:
    return Coverage("boss", "数据分析", "上海", "r1.1", "r1")


def pages() -> list[Page]:
    """Three pages; the third has one posting of the first with another content."""
    three = [make_page(1, ("a", "b")), make_page(2, ("c", "d")), make_page(3, ("a", "e"))]
    three[2].jobs[0].content_hash = "changed"
    three[2].jobs[0].state = RowState.REPEATED
    for page in three:
        page.rejected = []
    return three


async def crawl(backend: DirectBackend, line: Coverage) -> None:
    """Stores and reports all pages, ends the round."""
    await backend.open_round(line)
    for page in pages():
        page.stored = await backend.store(page)
        add_page(line, page)
        await backend.report_page(line, page)
    finish(line, "end", capped=False, failed=False, stored=None)
    await backend.close_round(line)


def rows(client: WarehouseClient) -> list[tuple[str, str]]:
    return sorted(client.query("SELECT job_id, content_hash FROM boss_job").result_rows)


def ledger(config: Config) -> Coverage:
    database = open_database(config)
    (line,) = find_rounds(database, "r1")
    database.close()
    return line


def spool(config: Config) -> SpoolFolder:
    return SpoolFolder(config.jobdata_dir / "spool", 10**9)


async def spooled_round(config: Config, proxy: StoreProxy) -> None:
    """A run whose warehouse went away after it had begun, and that ended without it."""
    backend = DirectBackend(config)
    await backend.open_run(RUN)
    proxy.refuse()
    await crawl(backend, coverage())
    await backend.close()
    proxy.listen()


ROWS = [("a", "h-a"), ("b", "h-b"), ("c", "h-c"), ("d", "h-d"), ("e", "h-e")]
