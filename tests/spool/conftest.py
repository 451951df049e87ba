"""A backend over the embedded engine and SQLite, its JOBDATA_DIR the test's own but for the engine."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from jobdata_scrapy.backend.direct import DirectBackend
from jobdata_scrapy.config import Config
from jobdata_scrapy.warehouse import client as client_module
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from tests.crawl.store_proxy import StoreProxy
from tests.warehouse.warehouse_parts import end_server, make_config

_databases = itertools.count()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warehouse that is away is asked as often as ever, in less time."""
    monkeypatch.setattr(client_module, "MAX_WAIT_SECONDS", 0.1)


@pytest.fixture(scope="session")
def engine_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the engine of all tests here lives."""
    folder = tmp_path_factory.mktemp("spool_engine") / "data"
    yield folder
    end_server(ServerFiles(folder))


@pytest.fixture
def client(engine_dir: Path) -> Iterator[WarehouseClient]:
    """Asks the warehouse past the proxy; a database of the test's own."""
    name = f"spool{next(_databases)}"
    client = connect(make_config(engine_dir, clickhouse_db=name, local_server_idle_seconds=120))
    client.command("SELECT 1")
    yield client
    client.close()


@pytest.fixture
def proxy(client: WarehouseClient, engine_dir: Path) -> Iterator[StoreProxy]:
    state = ServerFiles(engine_dir).running_state()
    assert state is not None
    with StoreProxy(state.port) as proxy:
        yield proxy


@pytest.fixture
def config(proxy: StoreProxy, client: WarehouseClient, engine_dir: Path, tmp_path: Path) -> Config:
    state = ServerFiles(engine_dir).running_state()
    assert state is not None
    where = {"clickhouse_host": "127.0.0.1", "clickhouse_port": proxy.port, "clickhouse_db": client.database}
    login = {"clickhouse_user": state.username, "clickhouse_pass": state.password}
    return make_config(tmp_path / "data", **where, **login)


@pytest.fixture
async def backend(config: Config) -> AsyncIterator[DirectBackend]:
    backend = DirectBackend(config)
    yield backend
    await backend.close()
