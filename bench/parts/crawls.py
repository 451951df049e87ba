"""The two sides of the crawl benchmark: our whole crawl, and bare Scrapy, over the same pages."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from jobdata_scrapy.config import Config
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from parts.page_server import CITY, ROWS_A_PAGE, keyword_of
from parts.processes import ROOT, Measured, clean_environment, cpu_seconds, cpu_seconds_at_rest, run_measured

PAGES_A_SEARCH = 8  # 240 postings: below the site's cap


@dataclass(frozen=True, slots=True)
class Work:
    """What is crawled: `searches` searches of `pages` pages each."""

    searches: int
    pages: int = PAGES_A_SEARCH

    @property
    def total_pages(self) -> int:
        return self.searches * self.pages

    @property
    def postings(self) -> int:
        return self.total_pages * ROWS_A_PAGE


@dataclass(frozen=True, slots=True)
class Side:
    """One crawl of one side. cpu: of all its processes; store_cpu: of that, the local server's; peak: of the spider, in MB."""

    wall: float
    cpu: float
    peak: float
    store_cpu: float = 0.0


def crawl_bare(work: Work, url: str) -> Side:
    """Scrapy as it comes; LOG_LEVEL alone is set, since its default prints every item."""
    with TemporaryDirectory() as folder:
        done = run_measured(bare_command(work, url), Path(folder), clean_environment())
    found = re.search(r"'item_scraped_count': (\d+)", done.log)
    _check(done, found is not None and int(found[1]) == work.postings, "bare Scrapy")
    return Side(done.wall, done.cpu, done.peak)


def crawl_ours(work: Work, url: str, in_hand: int, *settings: str) -> Side:
    """Our crawl into an empty embedded store; what is stored is counted afterwards."""
    with TemporaryDirectory() as folder, _local_store(Path(folder) / "data") as (client, pid):
        before = cpu_seconds(pid)
        done = run_measured(our_command(work, url, in_hand, *settings), Path(folder), our_environment(Path(folder)))
        store_cpu = cpu_seconds_at_rest(pid) - before
        stored = client.query("SELECT uniqExact(job_id), count() FROM boss_job").result_rows[0]
        _check(done, done.code == 0 and stored == (work.postings, work.postings), "our crawl")
        return Side(done.wall, done.cpu + store_cpu, done.peak, store_cpu)


def bare_command(work: Work, url: str) -> list[str]:
    """`scrapy runspider` on a plain spider."""
    spider = Path(__file__).with_name("bare_spider.py")
    arguments = ["-a", f"base={url}", "-a", f"searches={work.searches}", "-s", "LOG_LEVEL=INFO"]
    return [sys.executable, "-m", "scrapy", "runspider", str(spider), *arguments]


def our_command(work: Work, url: str, in_hand: int, *settings: str) -> list[str]:
    """`scrapy crawl boss` over all searches."""
    keywords = ",".join(map(keyword_of, range(work.searches)))
    given = (f"SANDBOX={url}", "BOSS_MPT_TOKEN=bench", f"KEYWORDS_IN_HAND={in_hand}", *settings)
    options = [part for setting in given for part in ("-s", setting)]
    return [sys.executable, "-m", "scrapy", "crawl", "boss", "-a", f"keyword={keywords}", "-a", f"city={CITY}", *options]


def our_environment(folder: Path) -> dict[str, str]:
    """The project's settings, and a JOBDATA_DIR below `folder`."""
    where = {"JOBDATA_DIR": str(folder / "data"), "SCRAPY_SETTINGS_MODULE": "jobdata_scrapy.settings", "PYTHONPATH": str(ROOT)}
    return clean_environment(**where)


@contextmanager
def _local_store(jobdata_dir: Path) -> Iterator[tuple[WarehouseClient, int]]:
    """A running local server of its own, and its process id. Its start is on nobody's account: it happens once a machine."""
    client = connect(Config(_env_file=None, jobdata_dir=jobdata_dir))
    client.command("SELECT 1")
    state = ServerFiles(jobdata_dir).read_state()
    assert state is not None
    server = psutil.Process(state.pid)
    cpu_seconds_at_rest(server.pid)
    try:
        yield client, server.pid
    finally:
        client.close()
        server.terminate()
        server.wait(20)


def _check(done: Measured, right: bool, who: str) -> None:
    if not right:
        raise RuntimeError(f"{who} did not do the work (exit code {done.code}):\n{done.log[-3000:]}")
