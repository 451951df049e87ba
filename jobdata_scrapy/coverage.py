"""What one pass over a keyword (a round) has covered, and when it may be called done. Pure."""

from __future__ import annotations

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


@dataclass(slots=True)
class Coverage:
    """One line of the coverage ledger: (platform, keyword, city, round).

    total: postings the site advertised (None: it tells none); cap: the most a search of this site shows; pages_asked, pages_ok:
    list pages; seen = new + changed + unchanged + repeated + rejected; spooled: of these, not yet in the warehouse; distinct:
    distinct good ids seen; stored: distinct ids of this round that the warehouse itself counts (None: not asked yet);
    seconds: worked on it, over all its runs; uncovered_parts: what the cap keeps out of reach, in words.
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

    @property
    def adds_up(self) -> bool:
        """Promise 1: seen = written + unchanged + repeated + rejected."""
        return self.seen == self.new + self.changed + self.unchanged + self.repeated + self.rejected


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


def finish(coverage: Coverage, stop_reason: str, *, capped: bool, failed: bool, stored: int | None) -> None:
    """Ends a round, in place: `stop_reason` is why paging stopped ("end", "pages_limit", a verdict or close reason).

    `stored` is the warehouse's own count of distinct sightings of the round. A round that paged to the site's end is DONE only
    if its sums add up, nothing waits in the spool and the warehouse agrees.
    """
    coverage.stored = stored
    coverage.stop_reason = stop_reason
    if failed:
        coverage.state = RoundState.PARTIAL if coverage.pages_ok else RoundState.FAILED
    elif coverage.spooled:
        coverage.state = RoundState.PARTIAL
        coverage.stop_reason = "spooled"
    elif not coverage.adds_up or stored != coverage.distinct:
        coverage.state = RoundState.FAILED
        coverage.stop_reason = "count_mismatch"
    elif stop_reason != "end":
        coverage.state = RoundState.PARTIAL
    else:
        coverage.state = RoundState.CAPPED if capped else RoundState.DONE
