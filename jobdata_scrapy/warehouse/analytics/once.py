"""INSERT ... SELECT that is there once, as a whole: one block, one part, one token."""

from __future__ import annotations

from typing import Any

from jobdata_scrapy.warehouse.client import WarehouseClient

# The engine numbers the blocks of a SELECT below the token: only of one block the token alone decides, whatever the block holds.
# Sorted, the answer is such a block; unsplit and unparalleled it stays one until it is a part.
ONE_BLOCK = {
    "max_block_size": 100_000_000,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 1_000_000_000_000,
    "max_insert_threads": 1,
    "insert_deduplicate": 1,
    "async_insert": 0,
}


def insert_once(client: WarehouseClient, into: str, select: str, token: str, parameters: dict[str, Any] | None = None) -> None:
    """Inserts what `select` (with an ORDER BY) gives. Of all INSERTs with this token into this table one alone is kept.

    into: the table and its columns, "job_cube (generation, topic)".
    """
    settings = {**ONE_BLOCK, "insert_deduplication_token": token}
    client.run(lambda driver: driver.command(f"INSERT INTO {into} {select}", parameters=parameters, settings=settings))
