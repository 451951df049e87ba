"""What a run does about the spool: its rounds end when nothing of them waits any more, and its report tells what did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from jobdata_scrapy import stats as keys
from jobdata_scrapy.backend.base import Backend, SpoolCounts
from jobdata_scrapy.coverage import Coverage, finish

CountSightings = Callable[[Coverage], Awaitable[int | None]]


async def finish_round(backend: Backend, coverage: Coverage, stop_reason: str, count: CountSightings, *, failed: bool) -> None:
    """Judges the round and writes it down; again where the last of it was written from the spool at this very moment.

    count: what the warehouse counts of the round. Raises StorageError.
    """
    waited = True
    while waited:
        waited = coverage.spooled > 0
        stored = None if waited else await count(coverage)
        finish(coverage, stop_reason, capped=bool(coverage.uncovered_parts), failed=failed, stored=stored)
        await backend.close_round(coverage)
        waited = waited and not coverage.spooled


async def close_spool(backend: Backend, rounds: Iterable[Coverage], *, in_a_hurry: bool) -> SpoolCounts:
    """A last look whether the warehouse is back; then the rounds are as the ledger has them. Raises StorageError."""
    await backend.look_once_more(in_a_hurry=in_a_hurry)
    for coverage in rounds:
        if coverage.spooled or coverage.stored is None:
            await backend.refresh_round(coverage)
    return await backend.spool_counts()


def spool_stats(spool: SpoolCounts) -> dict[str, int]:
    """The counts by stat key; {} where nothing went through the spool."""
    counts = {
        keys.SPOOL_PAGES: spool.pages,
        keys.SPOOL_POSTINGS: spool.postings,
        keys.SPOOL_REPLAYED_PAGES: spool.replayed_pages,
        keys.SPOOL_REPLAYED_POSTINGS: spool.replayed_postings,
        keys.SPOOL_WAITING_PAGES: spool.waiting_pages,
        keys.SPOOL_DAMAGED: len(spool.damaged),
    }
    return counts if any(counts.values()) else {}
