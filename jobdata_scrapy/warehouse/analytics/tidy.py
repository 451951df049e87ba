"""Drops what a refresh leaves behind: its stage, batches applied long ago, generations that were replaced."""

from __future__ import annotations

import time
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
    for table, partition in client.query(PARTITIONS_SQL).result_rows:
        if _is_over(table, [int(number) for number in partition.split("-")], state, attempt):
            client.command(f"ALTER TABLE {table} DROP PARTITION ID '{partition}'")


def _is_over(table: str, numbers: list[int], state: State, attempt: int) -> bool:
    if table == "job_stage":
        begun = (numbers[0] >> ATTEMPT_BITS) / 1000
        return numbers[0] == attempt or time.time() - begun > STAGE_SECONDS
    if numbers[0] < state.generation:
        return state.complete and datetime.now(UTC) - state.committed_at > READERS
    # the partition before stays too: with its parts the engine forgets their tokens
    return table == "job_change" and numbers[0] == state.generation and numbers[1] < state.batch // BATCHES_A_PARTITION - 1
