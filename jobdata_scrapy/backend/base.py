"""The Backend protocol. Every method is a coroutine, never blocks the event loop, and is safe to call again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.items import Page, StoredPage


@dataclass(slots=True)
class RunRecord:
    """One run of one spider, as `crawl_run` keeps it. state: running | kept | capped | failed."""

    run_id: str
    platform: str
    arguments: dict[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    finish_reason: str = ""
    state: str = "running"
    exit_code: int | None = None
    node: str = ""
    job: str = ""
    summary: dict[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """What a spider may ask of the outside world.

    Each method raises `StorageError` (or a subclass) when what it did is not durable.
    """

    async def open_run(self, run: RunRecord) -> None:
        """Records a run that begins; makes the schema on first use."""

    async def close_run(self, run: RunRecord) -> None:
        """Records how the run ended."""

    async def open_round(self, coverage: Coverage) -> None:
        """Puts the round into the ledger (kept as it is when it stands there already)."""

    async def store(self, page: Page) -> StoredPage:
        """Look-up of known ids and INSERT as one retryable step; durable when it returns. Sets the state of each posting."""

    async def report_page(self, coverage: Coverage, page: Page) -> None:
        """Writes the round's counts after a page; `coverage` already includes the page."""

    async def close_round(self, coverage: Coverage) -> None:
        """Writes the round's last state."""

    async def count_sightings(self, platform: str, round: str) -> int:
        """Distinct postings of the round that the warehouse itself counts, each having its job row."""

    async def close(self) -> None:
        """Lets go of connections and threads. The backend cannot be used afterwards."""
