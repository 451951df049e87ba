"""The warehouse as a backend holds it: one client, its writer, and what is asked of rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.warehouse import sightings
from jobdata_scrapy.warehouse.client import ATTEMPTS, WarehouseClient, connect, describe_error
from jobdata_scrapy.warehouse.writer import Writer

R = TypeVar("R")


class Warehouse:
    """The warehouse's client and writer. Blocking; asks for nothing before its first use."""

    def __init__(self, config: Config, *, attempts: int = ATTEMPTS) -> None:
        self._client = connect(config, attempts=attempts)
        self._writer = Writer(self._client)

    def writer_for(self, platform: str) -> Writer:
        """The writer, once the tables of `platform` are there. Raises StorageError."""
        with _explained(f"the tables of {platform!r} cannot be made"):
            self._writer.make_tables(platform)
        return self._writer

    def count_rounds(self, platform: str, rounds: Sequence[str]) -> list[int]:
        """Distinct postings of each round that have their job row. Raises StorageError."""
        self.writer_for(platform)
        with _explained(f"round {', '.join(map(repr, rounds[:3]))} cannot be counted"):
            return sightings.count_rounds(self._client, platform, rounds)

    def sighted_ids(self, platform: str, round: str, before_page: int) -> frozenset[str]:
        """Ids that the round saw on earlier pages. Raises StorageError."""
        self.writer_for(platform)
        with _explained(f"round {round!r} cannot be read"):
            return sightings.sighted_ids(self._client, platform, round, before_page)

    def set_aside_sightings(self, platform: str, round: str, from_page: int, but_run: str = "") -> None:
        """See `warehouse.sightings`. Raises StorageError."""
        self.writer_for(platform)
        with _explained(f"what a lost attempt left of round {round!r} cannot be set aside"):
            sightings.set_aside(self._client, platform, round, from_page, but_run)

    def ask(self, what: str, step: Callable[[WarehouseClient], R]) -> R:
        """`step(client)`. Raises StorageError: `what` cannot be done."""
        with _explained(what):
            return step(self._client)

    def close(self) -> None:
        """Lets go of the connections. From another thread it also ends the wait between two attempts."""
        self._client.close()


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise StorageError(f"warehouse: {what}: {describe_error(error)}") from error
