"""What one pass over a keyword (a round) has covered, and when it may be called done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jobdata_scrapy.items import Page


class RoundState(StrEnum):
    """`running` until the round ends; the other four are the ways it ends."""

    RUNNING = "running"
    DONE = "done"
    CAPPED = "capped"
    PARTIAL = "partial"
    FAILED = "failed"


REPLAYED = ("new", "changed", "unchanged", "rejected")
"""What a posting of the spool turns out to be once it is written."""
READ_ON_PURPOSE = ("end", "pages_limit", "drained")
"""Stop reasons of rounds that nothing went wrong with."""
FOUND_EMPTY = "empty_against_history"
"""Stop reason of a round whose page was empty where its keyword's history says that postings stand."""


@dataclass(slots=True)
class Coverage:
    """One line of the coverage ledger: (platform, keyword, city, round).

    total: postings the site advertised (None: it tells none); cap: the most a search of this site shows; pages_asked, pages_ok:
    list pages; seen = new + changed + unchanged + repeated + rejected + spooled; spooled: on disk, not yet in the warehouse;
    distinct: distinct good ids seen; stored: distinct ids of this round that the warehouse itself counts (None: not asked yet);
    seconds: what its list pages took, over all its runs, without the waiting for their turn; uncovered_parts: what the cap keeps
    out of reach, in words; replayed_*: how many of new, changed, ... came to be when a page was written from the spool, by
    whatever process.
    """

    platform: str
    keyword: str
    city: str
    round: str
    run_id: str
    total: int | None = None
    cap: int | None = None
    pages_asked: int = 0
    pages_ok: int = 0
    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    rejected: int = 0
    spooled: int = 0
    distinct: int = 0
    stored: int | None = None
    seconds: float = 0.0
    uncovered_parts: str = ""
    state: RoundState = RoundState.RUNNING
    stop_reason: str = ""
    replayed_new: int = 0
    replayed_changed: int = 0
    replayed_unchanged: int = 0
    replayed_rejected: int = 0

    @property
    def adds_up(self) -> bool:
        """Promise 1: seen = written + unchanged + repeated + rejected + what waits on disk."""
        return self.seen == self.new + self.changed + self.unchanged + self.repeated + self.rejected + self.spooled

    @property
    def replayed(self) -> dict[str, int]:
        """The replayed_* counts, by the names of REPLAYED."""
        return {name: getattr(self, f"replayed_{name}") for name in REPLAYED}


def add_page(coverage: Coverage, page: Page) -> None:
    """Counts a stored list page into its round, in place. `page.stored` must be set."""
    stored = page.stored
    if stored is None:
        raise ValueError(f"page {page.number} of {page.keyword!r} was not stored")
    repeated = page.repeated
    coverage.pages_ok += 1
    coverage.seen += page.seen
    coverage.new += stored.new
    coverage.changed += stored.changed
    coverage.unchanged += stored.unchanged
    coverage.repeated += repeated
    coverage.rejected += len(page.rejected)
    coverage.spooled += stored.spooled
    coverage.distinct += len(page.jobs) - repeated
    if page.total is not None:
        coverage.total = max(page.total, coverage.total or 0)


def take_replayed(coverage: Coverage, replayed: Mapping[str, int]) -> None:
    """Moves postings out of `spooled`, in place: `replayed` is how many of the round were written from the spool until now.

    What `coverage` has taken in before is not taken in again: the ledger counts replays, whoever did them, and a run that goes on
    learns of them with its next report.
    """
    for name in REPLAYED:
        more = max(replayed[name] - getattr(coverage, f"replayed_{name}"), 0)
        setattr(coverage, name, getattr(coverage, name) + more)
        setattr(coverage, f"replayed_{name}", getattr(coverage, f"replayed_{name}") + more)
        coverage.spooled -= more
        if name == "rejected":
            coverage.distinct -= more


def finish(coverage: Coverage, stop_reason: str, *, capped: bool, failed: bool, stored: int | None) -> None:
    """Ends a round, in place: `stop_reason` is why paging stopped ("end", "pages_limit", a verdict or close reason).

    `stored` is the warehouse's own count of distinct sightings of the round. A round that paged to the site's end is DONE only
    if its sums add up, nothing waits in the spool and the warehouse agrees. While postings wait there, or the warehouse cannot
    be asked (`stored` None), it is PARTIAL, and `settle` ends it once it can be counted.
    """
    coverage.stored = None if coverage.spooled else stored
    coverage.stop_reason = stop_reason
    if failed:
        coverage.state = RoundState.PARTIAL if coverage.pages_ok else RoundState.FAILED
    elif coverage.spooled:
        coverage.state = RoundState.PARTIAL
    elif not coverage.adds_up or stored not in (None, coverage.distinct):
        coverage.state = RoundState.FAILED
        coverage.stop_reason = "count_mismatch"
    elif stored is None or stop_reason != "end":
        coverage.state = RoundState.PARTIAL
    else:
        coverage.state = RoundState.CAPPED if capped else RoundState.DONE


def settle(coverage: Coverage, stored: int) -> None:
    """Ends a round anew, in place, now that it could be counted: as it would have ended with a warehouse at hand."""
    failed = coverage.stop_reason not in READ_ON_PURPOSE
    finish(coverage, coverage.stop_reason, capped=bool(coverage.uncovered_parts), failed=failed, stored=stored)


def fail_damaged(coverage: Coverage) -> None:
    """Ends a round, in place, whose pages in the spool cannot be read any more: they are to be read from the site again."""
    coverage.state = RoundState.FAILED
    coverage.stop_reason = "spool_damaged"


def waits_for_spool(coverage: Coverage) -> bool:
    """Whether all that keeps the round from its end is what waits on disk, or its count: nothing is to be asked of the site."""
    waits = coverage.spooled > 0 or coverage.stored is None
    return coverage.state is RoundState.PARTIAL and waits and coverage.stop_reason == "end"
