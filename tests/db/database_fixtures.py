"""Real databases to run the same tests on: a SQLite file, and a MariaDB server of the session's own (apt: mariadb-server)."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import peewee as pw
import pymysql
import pytest
from pytest_mysql import factories

from jobdata_scrapy.config import Config
from jobdata_scrapy.db.connection import open_database

PASSWORD = "p@ss:w/rd?#%数"
PARAMS = (
    "--bind-address=127.0.0.1 --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=64M --character-set-server=utf8mb4"
)
_numbers = itertools.count()

mysql_proc = factories.mysql_proc(port=None, user="root", params=PARAMS)


def root_connection(server) -> pymysql.Connection:
    return pymysql.connect(unix_socket=server.unixsocket, user="root", autocommit=True)


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest):
    """The server, with a user `app` that may log in over TCP."""
    if not shutil.which("mariadbd"):
        pytest.skip("no MariaDB server here (apt install mariadb-server)")
    server = request.getfixturevalue("mysql_proc")
    with closing(root_connection(server)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER 'app'@'localhost' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute("GRANT ALL ON *.* TO 'app'@'localhost'")
    return server


@pytest.fixture
def mariadb_url(mariadb) -> Iterator[str]:
    """DATABASE_URL of a new, empty MariaDB database, whose own collation is case-insensitive (the usual default)."""
    name = f"t{next(_numbers)}"
    with closing(root_connection(mariadb)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        yield f"mysql://app:{quote(PASSWORD, safe='')}@127.0.0.1:{mariadb.port}/{name}?charset=utf8mb4"
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.slow)])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """A configuration that points to an empty database."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    return Config(_env_file=None, jobdata_dir=tmp_path / "data", database_url=url)


@pytest.fixture
def open_db(config: Config) -> Iterator[Callable[[], pw.Database]]:
    """Opens the database of `config`, any number of times; closes this thread's connections at the end."""
    opened: list[pw.Database] = []

    def open_one() -> pw.Database:
        opened.append(open_database(config))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_db: Callable[[], pw.Database]) -> pw.Database:
    """An open, migrated, empty database."""
    return open_db()
