"""The real engine: one local server per xdist worker, a database of its own for each test that asks for one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse.warehouse_parts import end_server, make_config

_databases = itertools.count()


@pytest.fixture
def own_dir(tmp_path: Path) -> Iterator[Path]:
    """A JOBDATA_DIR whose server is the test's own, ended afterwards."""
    yield tmp_path / "data"
    end_server(ServerFiles(tmp_path / "data"))


@pytest.fixture(scope="session")
def server_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The JOBDATA_DIR of the server that tests share."""
    folder = tmp_path_factory.mktemp("warehouse") / "data"
    yield folder
    end_server(ServerFiles(folder))


@pytest.fixture
def open_client(server_dir: Path) -> Iterator[Callable[[], WarehouseClient]]:
    """Makes clients of one database that is the test's own; each call is another client."""
    config = make_config(server_dir, clickhouse_db=f"t{next(_databases)}", local_server_idle_seconds=120)
    opened: list[WarehouseClient] = []

    def open_one() -> WarehouseClient:
        opened.append(connect(config))
        return opened[-1]

    yield open_one
    if opened:
        opened[0].command(f"DROP DATABASE IF EXISTS {config.clickhouse_db}")
    for client in opened:
        client.close()


@pytest.fixture
def client(open_client: Callable[[], WarehouseClient]) -> WarehouseClient:
    """A client of an empty database."""
    return open_client()


@pytest.fixture
def writer(client: WarehouseClient) -> Writer:
    """A writer over a database with our tables."""
    apply_schema(client)
    return Writer(client)
