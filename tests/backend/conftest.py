from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.db import coverage, runs
from jobdata_scrapy.db.anomalies import list_anomalies
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.connection import make_database, open_database
from jobdata_scrapy.db.keyword_list import NewKeyword, add_keywords
from jobdata_scrapy.db.tokens import add_token
from tests.db.database_fixtures import mariadb, mariadb_url, mysql_proc

KEY = make_key()
__all__ = ["mariadb", "mariadb_url", "mysql_proc"]


@pytest.fixture(scope="session")
def warehouse_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One embedded store for all tests here; its server ends by itself."""
    return tmp_path_factory.mktemp("jobdata")


@pytest.fixture(params=["sqlite", "mariadb"])
def config(request: pytest.FixtureRequest, tmp_path: Path, warehouse_dir: Path) -> Config:
    """The shared embedded store and an empty database."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else f"sqlite:///{tmp_path}/jobdata.sqlite"
    return Config(_env_file=None, jobdata_dir=warehouse_dir, database_url=url, local_server_idle_seconds=5, token_key=KEY)


@pytest.fixture
def kept(config: Config) -> Iterator[SimpleNamespace]:
    """Reads the database past the backend."""
    database = make_database(config)
    yield SimpleNamespace(
        find_run=lambda run_id: runs.find_run(database, run_id),
        find_rounds=lambda run_id: coverage.find_rounds(database, run_id),
    )
    database.close()


@pytest.fixture
def stock(config: Config) -> Iterator[SimpleNamespace]:
    """Does what an operator does, past the backend."""
    database = open_database(config)
    yield SimpleNamespace(
        add_keywords=lambda site, *words, **values: add_keywords(
            database, [NewKeyword(site, word, "上海", **values) for word in words]
        ),
        add_token=lambda site, value: add_token(database, Cipher(KEY), site, value),
        list_anomalies=lambda site: list_anomalies(database, site),
    )
    database.close()
