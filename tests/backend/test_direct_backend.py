import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobdata_scrapy.backend import open_backend
from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import add_page
from jobdata_scrapy.db.connection import make_database, open_database
from jobdata_scrapy.db.transaction import begin
from jobdata_scrapy.exceptions import ConfigError, StorageError
from tests.backend.contract import BackendContract, Search, watch_loop
from tests.backend.leasing_contract import LeasingContract

on_sqlite = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


@pytest.fixture
async def backend(config: Config) -> AsyncIterator[DirectBackend]:
    backend = DirectBackend.from_config(config)
    yield backend
    await backend.close()


@pytest.fixture
def search() -> Search:
    return Search.new()


@pytest.mark.slow
class TestDirectBackendContract(BackendContract, LeasingContract):
    """The real thing on both databases and the embedded ClickHouse engine."""


async def test_nothing_is_opened_before_its_first_use(tmp_path):
    config = Config(_env_file=None, jobdata_dir=tmp_path / "data")
    backend = open_backend(config)
    assert isinstance(backend, DirectBackend)
    await backend.close()
    await backend.close()
    assert not config.jobdata_dir.exists()


def test_a_wrong_database_url_is_refused_before_anything_is_opened():
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        open_backend(Config(_env_file=None, database_url="oracle://app:hunter2@h/d"))


async def test_the_ledger_works_without_the_warehouse(tmp_path, search):
    config = Config(_env_file=None, jobdata_dir=tmp_path)
    backend = DirectBackend.from_config(config)
    await backend.open_round(search.coverage)
    await backend.close_run(search.run)
    await backend.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jobdata.sqlite", "migrate.lock"]


async def test_a_database_failure_is_a_storage_error_without_secrets(search):
    backend = DirectBackend.from_config(Config(_env_file=None, database_url="mysql://app:hunter2@127.0.0.1:9/jobs"))
    for _ in range(2):
        with pytest.raises(StorageError, match=r"^database mysql://127\.0\.0\.1:9/jobs: error 2003") as caught:
            await backend.open_run(search.run)
        assert "hunter2" not in str(caught.value)
    await backend.close()


async def test_the_loop_goes_on_while_another_process_holds_the_database(tmp_path, search):
    """Were the loop blocked, the lock could not be let go and the call would fail after SQLite's 30 s."""
    config = Config(_env_file=None, jobdata_dir=tmp_path)
    backend, other = DirectBackend.from_config(config), open_database(config)
    await backend.open_round(search.coverage)
    with begin(other):
        task = asyncio.ensure_future(backend.close_round(search.coverage))
        await asyncio.wait({task}, timeout=0.05)
        assert not task.done()
    await task
    other.close()
    await backend.close()


async def test_no_call_uses_the_default_pool(tmp_path, search):
    refusing = ThreadPoolExecutor(1)
    refusing.shutdown()
    asyncio.get_running_loop().set_default_executor(refusing)
    backend = DirectBackend.from_config(Config(_env_file=None, jobdata_dir=tmp_path))
    await backend.open_round(search.coverage)
    await backend.close()


async def test_what_has_begun_is_finished_when_its_caller_is_cancelled(tmp_path, search):
    config = Config(_env_file=None, jobdata_dir=tmp_path)
    backend, other = DirectBackend.from_config(config), open_database(config)
    with begin(other):
        task = asyncio.ensure_future(backend.close_run(search.run))
        await asyncio.wait({task}, timeout=0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await backend.close()
    assert other.execute_sql("SELECT run_id FROM crawl_run").fetchall() == [(search.run_id,)]
    other.close()


async def test_a_record_is_taken_as_it_was_when_the_call_was_made(tmp_path, search):
    config = Config(_env_file=None, jobdata_dir=tmp_path)
    backend, other = DirectBackend.from_config(config), open_database(config)
    coverage = search.coverage
    with begin(other):
        task = asyncio.ensure_future(backend.close_round(coverage))
        await asyncio.sleep(0)
        coverage.pages_asked = 7
    await task
    assert other.execute_sql("SELECT pages_asked FROM coverage").fetchall() == [(0,)]
    other.close()
    await backend.close()


async def test_closing_does_not_wait_for_ever(tmp_path, search):
    config = Config(_env_file=None, jobdata_dir=tmp_path)
    backend, other = DirectBackend(config, close_seconds=0.05), open_database(config)
    with begin(other):
        task = asyncio.ensure_future(backend.close_round(search.coverage))
        await asyncio.sleep(0)
        with pytest.raises(StorageError, match=r"^the database did not close within 0\.05 s$"):
            await backend.close()
    await task
    other.close()


@pytest.mark.slow
async def test_the_loop_goes_on_while_the_embedded_store_starts(tmp_path, search):
    config = Config(_env_file=None, jobdata_dir=tmp_path, local_server_idle_seconds=1)
    backend = DirectBackend.from_config(config)
    try:
        seconds, turns, longest = await watch_loop(backend.open_run(search.run))
    finally:
        await backend.close()
    assert seconds > 0.3
    assert turns > 10
    assert longest < max(0.25, seconds / 4)


@pytest.mark.slow
async def test_a_warehouse_that_is_not_there_is_named_and_closing_ends_the_wait(tmp_path, search):
    config = Config(_env_file=None, jobdata_dir=tmp_path, clickhouse_host="127.0.0.1", clickhouse_port=9)
    backend = DirectBackend(config, close_seconds=0.1)
    task = asyncio.ensure_future(backend.store(search.page()))
    await asyncio.wait({task}, timeout=0.3)
    with pytest.raises(StorageError, match=r"^the warehouse did not close within 0\.1 s$"):
        await backend.close()
    with pytest.raises(StorageError, match=r"ClickHouse \(http://127\.0\.0\.1:9\) did not answer|client is closed"):
        await asyncio.wait_for(task, 5)


@pytest.mark.slow
@on_sqlite
async def test_a_cancelled_store_is_stored(backend, search):
    page = search.page()
    await backend.open_run(search.run)
    task = asyncio.ensure_future(backend.store(page))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await backend.count_sightings("boss", page.round) == 30


@pytest.mark.slow
@on_sqlite
async def test_two_backends_of_one_process_do_not_mix(backend, config, tmp_path, search):
    elsewhere = config.model_copy(update={"database_url": f"sqlite:///{tmp_path}/other.sqlite"})
    other = DirectBackend.from_config(elsewhere)
    coverage, page = search.coverage, search.page()
    page.stored = await other.store(page)
    add_page(coverage, page)
    await asyncio.gather(backend.open_round(search.coverage), other.report_page(coverage, page))
    await other.close()
    seen = []
    for one in (config, elsewhere):
        database = make_database(one)
        seen.append(database.execute_sql("SELECT seen FROM coverage").fetchall())
        database.close()
    assert seen == [[(0,)], [(30,)]]
