"""Brings the schema up to date, one process at a time."""

from __future__ import annotations

import logging
import pkgutil
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import peewee as pw
from filelock import FileLock, Timeout
from peewee_migrate.router import ModuleRouter

from jobdata_scrapy.db import migrations
from jobdata_scrapy.db.errors import describe, explained
from jobdata_scrapy.db.transaction import begin
from jobdata_scrapy.exceptions import StorageError

logger = logging.getLogger(__name__)
logging.getLogger("peewee_migrate").setLevel(logging.WARNING)  # it names every step "<lambda>"
_router_logger = logging.getLogger(f"{__name__}.router")
_router_logger.setLevel(logging.CRITICAL)  # it logs at every start, and each error that it raises as well
LOCK_SECONDS = 50  # below the read time-out of a MySQL connection, which waits in GET_LOCK
FILE_NAME = re.compile(r"\d{3}_\w+")
_ONE_THREAD = threading.Lock()  # peewee-migrate keeps its history model, and the patches of a replay, in globals


class PackageRouter(ModuleRouter):
    """peewee-migrate's router over the modules of a package, which may lie in a zipped egg (its own wants a folder on disk)."""

    @property
    def todo(self) -> list[str]:
        """Names of all migrations, in order."""
        names = [module.name for module in pkgutil.iter_modules(self.migrate_module.__path__)]
        return sorted(name for name in names if FILE_NAME.fullmatch(name))

    def read(self, name: str) -> tuple[Any, Any]:
        """The two functions of a migration."""
        module = import_module(f"{self.migrate_module.__name__}.{name}")
        return module.migrate, module.rollback


def migrate(database: pw.Database) -> list[str]:
    """Runs the migrations that have not run; returns their names. Any number of processes may call it at the same moment.

    To be called before other threads of this process use the database. Raises StorageError.
    """
    with _ONE_THREAD, explained(database), _alone(database), _one_transaction(database):
        done = PackageRouter(database, migrate_module=migrations, logger=_router_logger).run()
    if done:
        logger.info("database %s: ran migrations %s", describe(database), ", ".join(done))
    return done


def check_migrated(database: pw.Database) -> None:
    """Changes nothing. Raises StorageError naming the migrations that have not run."""
    with _ONE_THREAD, explained(database), _alone(database):
        router = PackageRouter(database, migrate_module=migrations, logger=_router_logger)
        missing = router.diff if database.table_exists(router.migrate_table) else router.todo
    if missing:
        raise StorageError(
            f"database {describe(database)}: migrations {', '.join(missing)} have not run; set RUN_MIGRATIONS_ON_STARTUP to true"
        )


@contextmanager
def _alone(database: pw.Database) -> Iterator[None]:
    """Holds off all others, from the first connection on: turning a new SQLite file to WAL does not wait for its lock."""
    with _sqlite_lock(database) if isinstance(database, pw.SqliteDatabase) else _mysql_lock(database):
        yield


@contextmanager
def _sqlite_lock(database: pw.SqliteDatabase) -> Iterator[None]:
    path = Path(database.database).with_name("migrate.lock")
    lock = FileLock(path)  # flock: ends with its process, however that ends
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise StorageError(f"{path} has been held by another process for {LOCK_SECONDS} s; is a migration stuck?") from None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    try:
        database.connect(reuse_if_open=True)
        yield
    finally:
        lock.release()


@contextmanager
def _mysql_lock(database: pw.Database) -> Iterator[None]:
    database.connect(reuse_if_open=True)
    name = f"jobdata_migrate_{database.database}"[:64]
    if not database.execute_sql("SELECT GET_LOCK(%s, %s)", (name, LOCK_SECONDS)).fetchone()[0]:
        raise StorageError(f"database {describe(database)}: lock {name!r} not free after {LOCK_SECONDS} s; is a migration stuck?")
    try:
        yield
    finally:
        database.execute_sql("SELECT RELEASE_LOCK(%s)", (name,))


@contextmanager
def _one_transaction(database: pw.Database) -> Iterator[None]:
    """On SQLite all migrations succeed or none; foreign keys rest meanwhile, changing a table there means making it anew."""
    if not isinstance(database, pw.SqliteDatabase):
        yield
        return
    database.pragma("foreign_keys", 0)
    try:
        with begin(database):
            yield
    finally:
        database.pragma("foreign_keys", 1)
