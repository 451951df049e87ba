"""Makes the database object. A connection belongs to the thread that uses it (peewee keeps one per thread)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import peewee as pw
import pymysql

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.db.migrate import check_migrated, migrate
from jobdata_scrapy.db.url import MysqlUrl, parse_database_url
from jobdata_scrapy.exceptions import StorageError

BUSY_SECONDS = 30
# synchronous=NORMAL: kill -9 loses nothing; a power failure may take the last reports, and a page not reported is read again.
SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal", "foreign_keys": 1}
# So that a server that went silent cannot hold a run (and its end) for ever.
MYSQL_OPTIONS: dict[str, str | int] = {"charset": "utf8mb4", "connect_timeout": 10, "read_timeout": 60, "write_timeout": 60}
# Without a strict mode MySQL shortens what is too long and says nothing.
MYSQL_SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE"

logging.getLogger("peewee").setLevel(logging.INFO)  # at DEBUG it logs each statement with its values, secrets too


class Mysql(pw.MySQLDatabase):
    """A MySQL or MariaDB server through PyMySQL: READ COMMITTED, strict, in UTC."""

    def _connect(self) -> Any:
        return pymysql.connect(database=self.database, autocommit=True, **self.connect_params)

    def _initialize_connection(self, conn: Any) -> None:
        with conn.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00', SESSION sql_mode = %s", (MYSQL_SQL_MODE,))
            # REPEATABLE READ takes gap locks, which deadlock where several processes work on neighbouring rows.
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def make_database(config: Config) -> pw.Database:
    """The database of DATABASE_URL, else the file `jobdata.sqlite` in JOBDATA_DIR. Connects to nothing. Raises ConfigError."""
    url = parse_database_url(secret_value(config.database_url), Path(config.jobdata_dir) / "jobdata.sqlite")
    if isinstance(url, MysqlUrl):
        options: dict[str, Any] = MYSQL_OPTIONS | url.options
        if "ssl_ca" in options:  # alone it would encrypt without checking who is there
            options |= {"ssl_verify_cert": True, "ssl_verify_identity": True}
        password = url.password.encode()  # given as text it may be Latin-1 only
        return Mysql(url.name, host=url.host, port=url.port, user=url.user, password=password, **options)
    return pw.SqliteDatabase(str(url.path.absolute()), pragmas=SQLITE_PRAGMAS, timeout=BUSY_SECONDS)


def prepare_database(database: pw.Database, *, run_migrations: bool = True) -> None:
    """Connects the calling thread and brings the schema up to date; any number of processes may do so at the same moment.

    Raises StorageError when the database cannot be reached, or has not been migrated while `run_migrations` is off.
    """
    if isinstance(database, pw.SqliteDatabase):
        folder = Path(database.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"JOBDATA_DIR or DATABASE_URL: folder {str(folder)!r} cannot be made: {error.strerror}") from None
    if run_migrations:
        migrate(database)
    else:
        check_migrated(database)


def open_database(config: Config) -> pw.Database:
    """`make_database`, then `prepare_database`. Raises ConfigError or StorageError."""
    database = make_database(config)
    prepare_database(database, run_migrations=config.run_migrations_on_startup)
    return database
