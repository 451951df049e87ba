"""Drops what a refresh leaves behind: its stage, batches applied long ago, generations that were replaced."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from jobdata_scrapy.warehouse.analytics.state import State
from jobdata_scrapy.warehouse.client import WarehouseClient

ATTEMPT_BITS = 20
"""An attempt's number is its start in POSIX milliseconds, followed by this many random bits."""
STAGE_SECONDS = 3600  # no refresh takes that long: whoever began it is dead
BATCHES_A_PARTITION = 32  # of job_change
READERS = timedelta(minutes=10)  # who has begun to read a generation may end it

PARTITIONS_SQL = """
SELECT DISTINCT table, partition_id FROM system.parts
WHERE database = currentDatabase() AND active AND table IN ('job_stage', 'job_change', 'job_latest', 'job_cube')"""


def drop_leftovers(client: WarehouseClient, state: State, attempt: int = 0) -> None:
    """Drops the stage of `attempt` and of dead ones, and what `state` has left behind."""
    for table, partition in find_leftovers(client.query(PARTITIONS_SQL).result_rows, state, attempt):
        client.command(f"ALTER TABLE {table} DROP PARTITION ID '{partition}'")


def find_leftovers(partitions: Iterable[Sequence[str]], state: State, attempt: int) -> list[tuple[str, str]]:
    """Of all (table, partition id) those that nobody needs any more."""
    numbered = [(table, partition, [int(number) for number in partition.split("-")]) for table, partition in partitions]
    oldest = min((numbers[0] for table, _, numbers in numbered if table != "job_stage"), default=state.generation)
    return [(table, partition) for table, partition, numbers in numbered if _is_over(table, numbers, state, attempt, oldest)]


def _is_over(table: str, numbers: list[int], state: State, attempt: int, oldest: int) -> bool:
    if table == "job_stage":
        begun = (numbers[0] >> ATTEMPT_BITS) / 1000
        return numbers[0] == attempt or time.time() - begun > STAGE_SECONDS
    if numbers[0] < state.generation:
        return state.complete and datetime.now(UTC) - state.completed_at > READERS
    # The partition before stays too: with its parts the engine forgets their tokens. While there is an older generation all stay:
    # the journal tells since when this one is complete.
    is_kept = table != "job_change" or oldest < state.generation or numbers[0] > state.generation
    return not is_kept and numbers[1] < state.batch // BATCHES_A_PARTITION - 1
