"""What a database error means: which are worth another try, and one line for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import peewee as pw

from jobdata_scrapy.exceptions import StorageError

# Numbers: https://mariadb.com/kb/en/mariadb-error-code-reference/ and the client's own, 2000 and up.
TRANSACTION_LOST = frozenset({1205, 1213})  # lock wait time-out, deadlock
CONNECTION_LOST = frozenset({0, 1040, 1053, 1927, 2003, 2006, 2013, 2014, 2055, 4031})
NO_SUCH_TABLE = 1146


def error_number(error: BaseException) -> int | None:
    """MySQL's number of a peewee error (which carries the driver's own error first, then its arguments), None for SQLite's."""
    arguments = error.args[1:] if error.args and isinstance(error.args[0], BaseException) else error.args
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction, done again as a whole, may well go through."""
    return isinstance(error, pw.DatabaseError | pw.InterfaceError) and error_number(error) in TRANSACTION_LOST | CONNECTION_LOST


def describe(database: pw.Database) -> str:
    """Which database it is, for messages; without user and password."""
    if isinstance(database, pw.MySQLDatabase):
        address = database.connect_params
        return f"mysql://{address.get('host')}:{address.get('port')}/{database.database}"
    return f"sqlite:///{database.database}"


def explain(database: pw.Database, error: pw.PeeweeException) -> StorageError:
    """The error as a StorageError with one clear line."""
    number = error_number(error)
    reason = str(error.args[-1]) if error.args else type(error).__name__
    if number == NO_SUCH_TABLE or reason.startswith("no such table"):
        reason += " (the schema is made on first use unless RUN_MIGRATIONS_ON_STARTUP is off)"
    return StorageError(f"database {describe(database)}: {f'error {number}: ' if number else ''}{reason}")


@contextmanager
def explained(database: pw.Database) -> Iterator[None]:
    """Turns a database error of the block into a StorageError."""
    try:
        yield
    except pw.PeeweeException as error:
        raise explain(database, error) from error
