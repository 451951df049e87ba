"""How a query function meets the database: one transaction, done again as a whole where that helps, and errors for people."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Concatenate, ParamSpec, TypeVar

import peewee as pw
import tenacity

from jobdata_scrapy.db.errors import CONNECTION_LOST, error_number, explained, is_transient

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
QueryT = TypeVar("QueryT", bound=pw.Select)

RETRY_SECONDS = 15.0
RETRY_WAIT = tenacity.wait_random_exponential(multiplier=0.05, max=2)


def writing(function: Callable[Concatenate[pw.Database, P], R]) -> Callable[Concatenate[pw.Database, P], R]:
    """`function(database, ...)` runs in one transaction that may write, and must be harmless to do again.

    On SQLite the write lock is taken at the start: a transaction that reads first and writes later is refused as "database is
    locked" without any wait when another one wrote in between. On MySQL a deadlock or a lost connection starts the whole of it
    anew, for `RETRY_SECONDS`. Called inside another transaction, it is part of that one. Raises StorageError.
    """

    @functools.wraps(function)
    def run(database: pw.Database, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return _run_again(database, begin, functools.partial(function, database, *args, **kwargs))

    return run


def reading(function: Callable[Concatenate[pw.Database, P], R]) -> Callable[Concatenate[pw.Database, P], R]:
    """`function(database, ...)` only reads, in one statement; retried and explained as with `writing`."""

    @functools.wraps(function)
    def run(database: pw.Database, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return _run_again(database, lambda _: nullcontext(), functools.partial(function, database, *args, **kwargs))

    return run


def begin(database: pw.Database) -> AbstractContextManager[Any]:
    """One transaction, fit for reading first and writing then."""
    return database.atomic("IMMEDIATE") if isinstance(database, pw.SqliteDatabase) else database.atomic()


def locked(database: pw.Database, query: QueryT, *, skip: bool = False) -> QueryT:
    """The SELECT, taking its rows for this transaction (SQLite's transaction has the whole file already).

    `skip`: without the rows that another transaction has taken, instead of waiting for them.
    """
    return query.for_update(skip_locked=skip) if database.for_update else query


def _run_again(database: pw.Database, context: Callable[[pw.Database], AbstractContextManager[Any]], work: Callable[[], R]) -> R:
    if database.in_transaction():  # a lost transaction is lost as a whole: only its outermost caller can do it again
        return work()

    def attempt() -> R:
        with context(database):
            return work()

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_transient),
        stop=tenacity.stop_after_delay(RETRY_SECONDS),
        wait=RETRY_WAIT,
        before_sleep=functools.partial(_before_retry, database),
        reraise=True,
    )
    with explained(database):
        return retrying(attempt)


def _before_retry(database: pw.Database, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    number = error_number(error) if error else None
    if number in CONNECTION_LOST:
        database.dispose()  # forgets the dead connection; the next statement makes a new one
    logger.info("database error %s, attempt %d; doing the transaction again", number, state.attempt_number)
