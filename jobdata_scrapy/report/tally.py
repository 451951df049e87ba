"""What a run has seen, counted while it runs. Pure, and of bounded memory: a run of a week costs what a run of a minute costs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any

from jobdata_scrapy.items import Job, Page, RowState
from jobdata_scrapy.platform import PageKind
from jobdata_scrapy.report.counters import BoundedCounter, LatencyBuckets, TopCounter
from jobdata_scrapy.report.text import clean_text
from jobdata_scrapy.verdict_policy import BLOCKS

SALARY_EDGES = (0, 3000, 5000, 8000, 10000, 15000, 20000, 25000, 30000, 40000, 50000, 80000)
"""Lower edges of the salary bands, CNY per month; the last band has no upper edge."""

EXAMPLES_PER_FIELD = 5
WATCHED_FIELDS: dict[str, Callable[[Job], Any]] = {
    "title": attrgetter("title"),
    "company_name": attrgetter("company_name"),
    "salary_text": attrgetter("salary_text"),
    "city": attrgetter("city_text"),  # the site's word: `city` may be the search's
}
"""Fields without which a posting is of little use: `looked_at` postings were looked at, `filled` of them have the field."""
_clean_word = lru_cache(maxsize=4096)(clean_text)  # for words that many postings share
_CONTACT = re.compile(r"\d{7,}|@")  # a contact that slipped into a field must not come out of a report


@dataclass(slots=True)
class PostingCounts:
    """seen = new + changed + unchanged + repeated + rejected; `pages` are the answers they came from."""

    pages: int = 0
    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    rejected: int = 0
    spooled: int = 0

    def add_page(self, page: Page) -> None:
        """Counts a stored page. Raises ValueError for one that was not stored."""
        if page.stored is None:
            raise ValueError(f"page {page.number} of {page.keyword!r} was not stored")
        self.pages += 1
        self.seen += page.seen
        self.new += page.stored.new
        self.changed += page.stored.changed
        self.unchanged += page.stored.unchanged
        self.repeated += page.repeated
        self.rejected += len(page.rejected)
        self.spooled += page.stored.spooled


@dataclass(slots=True)
class SalaryBands:
    """Postings by the middle of their monthly salary. A salary with one end only has no middle and none is invented."""

    bands: list[int] = field(default_factory=lambda: [0] * len(SALARY_EDGES))
    open_ended: int = 0
    undisclosed: int = 0

    def add(self, low: float | None, high: float | None) -> None:
        """Counts one posting; `low` and `high` in CNY per month."""
        if low is not None and high is not None:
            self.bands[bisect_right(SALARY_EDGES, max((low + high) / 2, 0)) - 1] += 1
        elif low is None and high is None:
            self.undisclosed += 1
        else:
            self.open_ended += 1


@dataclass(slots=True)
class Tally:
    """Counts of one run. List pages make the postings, the salaries and the skills; detail pages show the same postings again
    and are counted apart; company pages likewise."""

    postings: PostingCounts = field(default_factory=PostingCounts)
    details: PostingCounts = field(default_factory=PostingCounts)
    companies_seen: int = 0
    salaries: SalaryBands = field(default_factory=SalaryBands)
    skills: TopCounter = field(default_factory=TopCounter)
    companies: TopCounter = field(default_factory=TopCounter)
    latency: LatencyBuckets = field(default_factory=LatencyBuckets)
    answers: int = 0
    blocks: int = 0
    verdicts: BoundedCounter[str] = field(default_factory=lambda: BoundedCounter("OTHER", 50))
    rejected: BoundedCounter[tuple[str, str, str]] = field(default_factory=lambda: BoundedCounter(("other", "other", "other")))
    unreadable: BoundedCounter[str] = field(default_factory=lambda: BoundedCounter("other", 50))
    examples: dict[str, list[str]] = field(default_factory=dict)
    looked_at: int = 0
    filled: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WATCHED_FIELDS, 0))

    def add_page(self, page: Page) -> None:
        """Counts a page after it was stored. Raises ValueError for one that was not."""
        is_list = page.page_kind == PageKind.SEARCH
        if is_list:
            self.postings.add_page(page)
        elif page.page_kind != PageKind.COMPANY:
            self.details.add_page(page)
        self.companies_seen += len(page.companies)
        for row in page.rejected:
            self.rejected.add((clean_text(page.page_kind, 20), clean_text(row.field, 40), clean_text(row.reason, 120)))
        if is_list:
            self._add_jobs([job for job in page.jobs if job.state is not RowState.REPEATED])

    def add_answer(self, verdict: str, latency_seconds: float | None, *, is_further: bool = False) -> None:
        """Counts one answer of the site: its verdict, and how long it took in seconds (None: not measured).

        is_further: a second verdict on an answer that was counted already: none of those among which blocks are counted.
        """
        self.verdicts.add(clean_text(verdict, 40))
        if not is_further:
            self.answers += 1
            self.blocks += verdict in BLOCKS
        if latency_seconds is not None:
            self.latency.add(latency_seconds)

    def add_unreadable(self, field: str, text: str) -> None:
        """Counts a text that a normaliser could not read. `text` is the site's own notation; a few are kept as examples."""
        name = self.unreadable.add(clean_text(field, 40))
        example = clean_text(text, 60)
        kept = self.examples.setdefault(name, [])
        if example and example not in kept and len(kept) < EXAMPLES_PER_FIELD and not _CONTACT.search(example):
            kept.append(example)

    def _add_jobs(self, jobs: Sequence[Job]) -> None:
        self.looked_at += len(jobs)
        for name, filled in WATCHED_FIELDS.items():
            self.filled[name] += sum(map(bool, map(filled, jobs)))
        words: list[str] = []
        for job in jobs:
            self.salaries.add(job.monthly_low, job.monthly_high)
            words += {_clean_word(skill, 40) for skill in job.skills}
        self.skills.update(filter(None, words))
        self.companies.update(filter(None, [_clean_word(job.company_name, 60) for job in jobs]))
