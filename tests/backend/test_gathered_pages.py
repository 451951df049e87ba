import asyncio
from collections.abc import AsyncIterator

import pytest

from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import add_page
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import RowState
from tests.backend.contract import Search

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("config", ["sqlite"], indirect=True)]


@pytest.fixture
async def backend(config: Config) -> AsyncIterator[DirectBackend]:
    backend = DirectBackend.from_config(config)
    yield backend
    await backend.close()


async def test_pages_that_come_together_are_stored_each_with_its_own_counts(backend):
    search = Search.new()
    pages = [search.page(number + 1, range(number * 20, number * 20 + 30)) for number in range(6)]  # ten in common with the next
    stored = await asyncio.gather(*(backend.store(page) for page in pages))
    assert [one.new for one in stored] == [30, 20, 20, 20, 20, 20]
    assert [one.unchanged for one in stored] == [0, 10, 10, 10, 10, 10]
    assert await backend.count_sightings("boss", pages[0].round) == 130


async def test_one_bad_row_does_not_cost_the_others(backend):
    search = Search.new()
    pages = [search.page(number + 1, range(number * 30, number * 30 + 30)) for number in range(3)]
    pages[1].jobs[7].longitude = "121.47 degrees"
    stored = await asyncio.gather(*(backend.store(page) for page in pages))
    assert [one.new for one in stored] == [30, 29, 30]
    assert [(row.field, row.row_id) for row in pages[1].rejected] == [("longitude", f"{search.prefix}-37")]
    assert [len(page.rejected) for page in pages] == [0, 1, 0]
    assert {job.state for page in pages for job in page.jobs} == {RowState.NEW}
    assert await backend.count_sightings("boss", pages[0].round) == 89


async def test_one_bad_page_does_not_cost_the_others(backend):
    search = Search.new()
    pages = [search.page(number + 1, range(number * 30, number * 30 + 30)) for number in range(3)]
    for job in pages[1].jobs:
        job.longitude = "121.47 degrees"
    first, bad, last = await asyncio.gather(*(backend.store(page) for page in pages), return_exceptions=True)
    assert (first.new, last.new) == (30, 30)
    assert isinstance(bad, StorageError)
    assert "boss_job, the first for longitude" in str(bad)
    assert await backend.count_sightings("boss", pages[0].round) == 60


async def test_ledger_lines_and_counts_that_come_together_are_kept_apart(backend, kept):
    searches = [Search.new() for _ in range(5)]
    lines = [search.coverage for search in searches]
    pages = [search.page(1, range(number + 1)) for number, search in enumerate(searches)]
    await asyncio.gather(*(backend.open_round(line) for line in lines))
    for page, stored in zip(pages, await asyncio.gather(*(backend.store(page) for page in pages)), strict=True):
        page.stored = stored
    for line, page in zip(lines, pages, strict=True):
        add_page(line, page)
    await asyncio.gather(*(backend.report_page(line, page) for line, page in zip(lines, pages, strict=True)))
    assert [kept.find_rounds(search.run_id)[0].seen for search in searches] == [1, 2, 3, 4, 5]
    counts = await asyncio.gather(*(backend.count_sightings("boss", line.round) for line in lines))
    assert counts == [1, 2, 3, 4, 5]
