"""How far a run is: counts of the pages stored so far, and what is still to come. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from jobdata_scrapy.items import Page
from jobdata_scrapy.platform import PageKind

LATEST_NAME_LENGTH = 40


@dataclass(slots=True)
class SearchProgress:
    """One search (round): pages done, the number of the last one, and the pages it will have, None while nobody knows."""

    done: int = 0
    reached: int = 0
    page_size: int = 0
    expected: int | None = None


@dataclass(slots=True)
class ProgressState:
    """searches: how many there will be; pages_limit: the last list page of a search (`-a pages`), None without a limit;
    result_cap: the most postings a search of this site shows, None where that is not known."""

    searches: int = 1
    pages_limit: int | None = None
    result_cap: int | None = None
    pages: int = 0
    details: int = 0
    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    latest: str = ""
    _searches: dict[str, SearchProgress] = field(default_factory=dict)

    def add_page(self, page: Page) -> None:
        """Counts a page that came out of the pipelines."""
        if page.page_kind != PageKind.SEARCH:
            self.details += 1
            return
        self.pages += 1
        self.seen += page.seen
        self.latest = f"{page.keyword} / {page.city}"[:LATEST_NAME_LENGTH]
        if page.stored is not None:
            self.new += page.stored.new
            self.changed += page.stored.changed
            self.unchanged += page.stored.unchanged
        search = self._searches.setdefault(f"{page.round}\0{page.keyword}\0{page.city}", SearchProgress())
        search.done += 1
        search.reached = max(search.reached, page.number)
        search.page_size = max(search.page_size, page.seen)
        search.expected = search.done if page.last else self._expect_pages(search, page.total)

    @property
    def expected(self) -> int | None:
        """Pages of the whole run, searches not begun yet taken for as long as those begun; None while that is not known."""
        known = [search.expected for search in self._searches.values() if search.expected is not None]
        if not known or len(known) < len(self._searches):
            return None
        ahead = max(self.searches - len(known), 0)
        return sum(known) + round(ahead * sum(known) / len(known))

    def estimate_seconds(self, elapsed: float) -> float | None:
        """Seconds to go at the pace so far; None while that is not known."""
        if self.expected is None or not self.pages:
            return None
        return elapsed / self.pages * max(self.expected - self.pages, 0)

    def _expect_pages(self, search: SearchProgress, total: int | None) -> int | None:
        """A resumed search begins behind page 1: what it still does counts from the page it has reached."""
        ends = [] if self.pages_limit is None else [search.done + max(self.pages_limit - search.reached, 0)]
        if total is not None and search.page_size:
            reachable = total if self.result_cap is None else min(total, self.result_cap)
            ends.append(search.done + max(ceil(reachable / search.page_size) - search.reached, 0))
        return min(ends) if ends else None
