"""The Backend protocol. Every method is a coroutine, never blocks the event loop, and is safe to call again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from jobdata_scrapy.coverage import Coverage
from jobdata_scrapy.exits import Exit
from jobdata_scrapy.items import Page, StoredPage
from jobdata_scrapy.leases import AnomalyEvent, ExitLease, KeywordLease, LockCheck, Owner, TokenLease


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


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """Pages and postings (of list pages) that one process put on disk, wrote from there (whoever put them), and left there.

    damaged: files that it found to be no whole pages any more, and set aside.
    """

    pages: int = 0
    postings: int = 0
    replayed_pages: int = 0
    replayed_postings: int = 0
    waiting_pages: int = 0
    waiting_postings: int = 0
    damaged: tuple[str, ...] = ()


class Backend(Protocol):
    """What a spider may ask of the outside world.

    Each method raises `StorageError` (or a subclass) when what it did is not durable.
    """

    async def open_run(self, run: RunRecord) -> None:
        """Records a run that begins; makes the schema on first use; writes what earlier runs left on disk."""

    async def close_run(self, run: RunRecord) -> None:
        """Records how the run ended."""

    async def open_round(self, coverage: Coverage) -> None:
        """Puts the round into the ledger (kept as it is when it stands there already)."""

    async def store(self, page: Page) -> StoredPage:
        """Look-up of known ids and INSERT as one retryable step; durable when it returns. Sets the state of each posting.

        While the warehouse is away the page is kept on disk instead: `spooled` is set, and no state. A row that the warehouse
        refuses moves to `page.rejected`.
        """

    async def report_page(self, coverage: Coverage, page: Page) -> None:
        """Writes the round's counts after a page, and how its search goes on (`page.plan`), in one step; `coverage` already
        includes the page. Raises LeaseLost for a lost keyword.

        What was written from disk meanwhile is taken into `coverage`, in place.
        """

    async def close_round(self, coverage: Coverage) -> None:
        """Writes the round's last state. What was written from disk meanwhile is taken into `coverage`, in place."""

    async def count_sightings(self, platform: str, round: str) -> int:
        """Distinct postings of the round that the warehouse itself counts, each having its job row; see `set_aside_sightings`."""

    # --- what waits on disk

    async def replay_spool(self) -> bool:
        """Writes what waits on disk, each page once, and ends the rounds it belonged to. False where another process does so."""

    async def look_once_more(self, *, in_a_hurry: bool) -> None:
        """Before a run ends: where the warehouse was away, looks whether it is back, and writes what waits."""

    async def refresh_round(self, coverage: Coverage) -> None:
        """Takes into `coverage`, in place, what was written from disk since, and how the round ended by that."""

    async def spool_counts(self) -> SpoolCounts:
        """What went through the spool in this process."""

    # --- the queue of keywords

    async def lease_keyword(self, platform: str, owner: Owner) -> KeywordLease | None:
        """The next keyword in the queue's order (DESIGN: partial, failed, pending, due), None when none is ready."""

    async def extend_keywords(self, owner: Owner) -> frozenset[int]:
        """Extends every keyword lease of the owner (the heartbeat); the ids that are still its own."""

    async def save_plan(self, lease: KeywordLease, plan: str) -> None:
        """Keeps the search plan of a leased keyword where something came between a page and the next: its details.

        Raises LeaseLost when somebody else has the keyword by now.
        """

    async def release_keyword(self, lease: KeywordLease, error: str = "") -> None:
        """Gives a keyword back in the state its round ended in (`lease.coverage.state`); RUNNING means: go on at its next page.

        `error`: why it did not end well. Decides back-off, `dead`, and when it is due again. Raises LeaseLost.
        """

    async def count_waiting(self, platform: str) -> dict[str, int]:
        """Why the queue has no keyword ready: reason (dead, in back-off, held by a process, done, paused) -> keywords."""

    async def sighted_ids(self, platform: str, round: str, before_page: int) -> frozenset[str]:
        """Ids that the round saw on pages before `before_page`: what a resumed round counts as repeated."""

    async def set_aside_sightings(self, platform: str, round: str, from_page: int, but_run: str = "") -> None:
        """Takes out of the round's count what was stored from page `from_page` on and never reported; `but_run`: not that run's.

        That it was seen stays known, and what is seen again counts.
        """

    async def last_healthy_rounds(self, platform: str, keyword: str, city: str, count: int) -> list[Coverage]:
        """This keyword's last rounds that ended done or capped, newest first; see `report.history.select_healthy`."""

    async def found_empty(self, platform: str, keyword: str, city: str) -> list[datetime]:
        """When this keyword's rounds since the last healthy one ended as `empty_against_history`, oldest first."""

    # --- tokens, exits, budgets, locks

    async def acquire_token(self, platform: str, owner: Owner, exit_name: str) -> TokenLease | None:
        """A healthy token that no other process holds and no lock keeps back, the one used through this exit before first; None
        when there is none.
        """

    async def count_tokens(self, platform: str) -> int:
        """Tokens of the site that are valid and have not expired, whoever holds them."""

    async def extend_tokens(self, owner: Owner) -> None:
        """Extends every token lease of the owner (the heartbeat)."""

    async def report_token(self, lease: TokenLease, *, healthy: bool, reason: str = "") -> None:
        """What became of the token: not healthy marks it invalid with the reason."""

    async def release_token(self, lease: TokenLease) -> None:
        """Gives the token back."""

    async def sync_exits(self, given: Sequence[Exit], source: str) -> object:
        """Makes `given` all the exits that `source` names; retires what it no longer names."""

    async def lease_exit(self, platform: str, owner: Owner) -> ExitLease | None:
        """The best free exit, None when all are taken, cooling down or locked."""

    async def count_exits(self, platform: str) -> int:
        """Exits of the site that are neither cooling down nor locked, whoever holds them."""

    async def touch_exit(self, lease: ExitLease) -> None:
        """Keeps `last_end`, `not_before`, `slowness` and `score` and extends the lease. Raises LeaseLost."""

    async def cool_exit(self, lease: ExitLease, reason: str) -> None:
        """Gives the exit back to cool down for this site, longer each time."""

    async def release_exit(self, lease: ExitLease) -> None:
        """Gives the exit back, its last request's time kept."""

    async def spend_page(self, platform: str, limit: int) -> bool:
        """Takes one page from today's budget of the whole fleet (Beijing day); False when `limit` pages are spent."""

    async def check_lock(self, platform: str, exit_name: str, token_name: str, owner: Owner) -> LockCheck:
        """The strictest of the locks on site, site+exit and site+token. HALF_OPEN is told to one owner only: it may probe."""

    async def trip_lock(self, key: str, reason: str) -> None:
        """Opens the lock `site`, `site|exit=NAME` or `site|token=NAME`, longer each time in a row."""

    async def close_lock(self, key: str) -> None:
        """Closes the lock: the probe was healthy."""

    async def record_anomaly(self, event: AnomalyEvent) -> None:
        """Keeps an event for the operator."""

    async def close(self) -> None:
        """Lets go of connections and threads. The backend cannot be used afterwards."""
