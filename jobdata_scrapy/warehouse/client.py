"""The door to ClickHouse: one clickhouse-connect HTTP client for the embedded store and for a real server, with retries."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from clickhouse_connect.driver import options
from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from clickhouse_connect.driver.query import QueryResult
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_after_delay,
)
from tenacity.stop import stop_when_event_set
from tenacity.wait import wait_exponential_jitter

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import WarehouseUnavailable
from jobdata_scrapy.warehouse.driver import (
    ACCESS_DENIED,
    ANSWER_SECONDS,
    AUTHENTICATION_FAILED,
    READONLY,
    DatabaseRefused,
    SettingsRefused,
    drop_pool,
    explain_refusal,
    is_tls_refusal,
    make_pool,
    open_driver,
)
from jobdata_scrapy.warehouse.local_server.starter import LocalServerLease

logger = logging.getLogger(__name__)
logging.getLogger("clickhouse_connect.driver._backend.http_sync").setLevel(logging.ERROR)  # our own lines name the reason
# The driver would import pandas and NumPy (100 MB, half a second) at the first INSERT, to see whether its rows are a frame.
options.pd = options.np = None
T = TypeVar("T")

ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.2
MAX_WAIT_SECONDS = 8.0
# Errors that say "not now": time-outs, too many queries or parts, no memory, network, replication, unknown outcome of an INSERT
# or an ALTER.
# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
TRANSIENT_CODES = frozenset({159, 160, 202, 203, 209, 210, 225, 236, 241, 242, 252, 279, 319, 425, 439, 517, 999, 1000})

_CONNECTION = re.compile("Failed to establish a new connection|timed out|Connection refused|without response|reset by peer")


def connect(
    config: Config,
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] | None = None,
    makes_database: bool | None = None,
    answer_seconds: int = ANSWER_SECONDS,
) -> WarehouseClient:
    """The client of CLICKHOUSE_HOST, or of the local server of JOBDATA_DIR. Nothing is asked or started before its first use.

    `sleep` waits between two attempts (seconds); without it, `close()` ends a wait. `makes_database`: whether a database that is
    not there yet is made (None: as RUN_MIGRATIONS_ON_STARTUP says); else statements meet the user's default database.
    `answer_seconds`: how long nothing may come from the server; what has taken so long is not tried again.
    """
    return WarehouseClient(config, attempts=attempts, sleep=sleep, makes_database=makes_database, answer_seconds=answer_seconds)


class WarehouseClient:
    """May be used from several threads: no ClickHouse session, a pool of connections."""

    def __init__(
        self,
        config: Config,
        *,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] | None = None,
        makes_database: bool | None = None,
        answer_seconds: int = ANSWER_SECONDS,
    ) -> None:
        self.config = config
        self._makes_database = config.run_migrations_on_startup if makes_database is None else makes_database
        self._answer_seconds = answer_seconds
        self._lease = None if config.clickhouse_host else LocalServerLease(config.jobdata_dir, config.local_server_idle_seconds)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._driver: Client | None = None
        self._pool = make_pool(config)
        self._attempts = attempts
        self._sleep = sleep or sleep_using_event(self._closed)
        self.database = config.clickhouse_db

    @property
    def embedded(self) -> bool:
        """Whether the store is the local server's."""
        return self._lease is not None

    @property
    def where(self) -> str:
        """The address, for people."""
        config = self.config
        if self._lease:
            return f"the local server of {self._lease.files.jobdata_dir}"
        return f"{'https' if config.clickhouse_secure else 'http'}://{config.clickhouse_host}:{config.clickhouse_port}"

    def run(self, step: Callable[[Client], T]) -> T:
        """Calls `step` with the clickhouse-connect client; again, as a whole, after a lost connection or time-out.

        Raises WarehouseUnavailable when the attempts are used up, and clickhouse-connect's DatabaseError for what no retry mends.
        """
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(self._attempts) | stop_after_delay(self._answer_seconds) | stop_when_event_set(self._closed),
            wait=wait_exponential_jitter(multiplier=FIRST_WAIT_SECONDS, max=MAX_WAIT_SECONDS, jitter=FIRST_WAIT_SECONDS),
            sleep=self._sleep,
            after=self._after_failure,
        )
        try:
            return retrying(self._run_once, step)
        except RetryError as failed:
            error = failed.last_attempt.exception()
            number = failed.last_attempt.attempt_number
            tried = f"after {number} attempt{'s' if number > 1 else ''}"
            raise WarehouseUnavailable(f"ClickHouse ({self.where}) did not answer {tried}: {describe_error(error)}") from error
        except DatabaseError as error:
            if not (reason := explain_refusal(error, self.config)):
                raise
            raise WarehouseUnavailable(f"ClickHouse ({self.where}) {reason}") from error

    def query(self, sql: str, parameters: dict[str, Any] | None = None, settings: dict[str, Any] | None = None) -> QueryResult:
        """Rows of a statement that reads. `parameters`: for `{name:Type}` or `%(name)s`."""
        return self.run(lambda driver: driver.query(sql, parameters=parameters, settings=settings))

    def command(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """The answer of a statement without rows, or the one value of a query. It may run twice: it must be idempotent."""
        return self.run(lambda driver: driver.command(sql, parameters=parameters))

    def close(self) -> None:
        """Ends waiting retries, closes the connections, and lets the local server end when it likes."""
        self._closed.set()
        with self._lock:
            self._drop_driver()
        drop_pool(self._pool)
        if self._lease:
            self._lease.close()

    def _run_once(self, step: Callable[[Client], T]) -> T:
        if self._closed.is_set():
            raise WarehouseUnavailable("the warehouse client is closed")
        with self._lock:
            if self._driver is None:
                self._driver = self._open_driver()
            driver = self._driver
        return step(driver)

    def _open_driver(self) -> Client:
        state = self._lease.acquire() if self._lease else None
        driver = open_driver(self.config, self._pool, state, answer_seconds=self._answer_seconds)
        try:
            is_there = _has_database(driver, self.database)
        except DatabaseError as error:  # so simple a query fails for the settings that come with it
            if is_transient(error) or not (error.code and self.config.clickhouse_settings):
                raise
            raise SettingsRefused(describe_error(error), code=error.code) from error
        if not is_there and self._makes_database:
            _make_database(driver, self.database, self.config.clickhouse_cluster)
            is_there = True
        if is_there:
            driver.database = self.database
        return driver

    def _may_pass(self, error: BaseException) -> bool:
        return is_transient(error) or (self.embedded and getattr(error, "code", None) == AUTHENTICATION_FAILED)

    def _after_failure(self, state: RetryCallState) -> None:
        """The next attempt connects anew: the local server may have to be started again, perhaps on another port."""
        error = state.outcome.exception() if state.outcome else None
        logger.warning("warehouse: attempt %d failed: %s", state.attempt_number, describe_error(error))
        with self._lock:
            self._drop_driver()

    def _drop_driver(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close_connections()
            driver.close()


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: no connection, time-out, HTTP 5xx of a proxy, a ClickHouse code for "not now"."""
    if not isinstance(error, DatabaseError) or is_tls_refusal(error):
        return False
    if error.code is not None:
        return error.code in TRANSIENT_CODES
    return isinstance(error, OperationalError) or bool(re.search(r"HTTP status 5\d\d", str(error)))


def describe_error(error: BaseException | None) -> str:
    """One line without addresses, query ids or stack: what ClickHouse or the connection said."""
    text = str(error).strip().split("\n", 1)[0]
    if found := re.search(r".*DB::Exception: (.*)", text):
        return re.sub(r"\s*\(version .*$", "", found[1])
    if found := _CONNECTION.search(text):
        return found[0]
    return f"{type(error).__name__}: {text[:200]}"


def _has_database(driver: Client, database: str) -> bool:
    """Whether it is there and the user may see it."""
    sql = "SELECT count() FROM system.databases WHERE name = {name:String}"
    return bool(driver.query(sql, parameters={"name": database}).first_item["count()"])


def _make_database(driver: Client, database: str, cluster: str) -> None:
    """Makes the database; a user without the right to make one may work in one that exists. Raises DatabaseRefused."""
    everywhere = f" ON CLUSTER '{cluster}'" if cluster else ""
    try:
        driver.command(f"CREATE DATABASE IF NOT EXISTS {quote_identifier(database)}{everywhere}")
    except DatabaseError as error:
        if error.code in (ACCESS_DENIED, READONLY):
            raise DatabaseRefused(str(error), code=error.code) from error
        raise
