"""What travels: Page (the Scrapy item), Job, Company. Slotted dataclasses; times are aware UTC datetimes."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RowState(StrEnum):
    """What became of one posting or company of a page."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REPEATED = "repeated"


@dataclass(slots=True)
class RejectedRow:
    """A row that was refused, alone: field and reason, and the row with its personal fields removed."""

    field: str
    reason: str
    row_id: str = ""
    raw: dict[str, Any] = dataclasses.field(default_factory=dict)  # `field` is a name of this class


@dataclass(slots=True)
class Job:
    """One posting. `*_text` is the site's own wording; below the line stands what the normalisers made of it.

    ticket: session-bound values that the site wants back in a detail request; never stored.
    monthly_hint: (low, high) CNY per month where the site tells numbers.
    """

    job_id: str
    title: str
    company_id: str = ""
    company_name: str = ""
    url: str = ""
    salary_text: str = ""
    monthly_hint: tuple[float | None, float | None] | None = None
    experience_text: str = ""
    degree_text: str = ""
    city_text: str = ""
    district_text: str = ""
    company_size_text: str = ""
    company_stage_text: str = ""
    company_type_text: str = ""
    industry_text: str = ""
    job_type: str = ""
    skills: list[str] = field(default_factory=list)
    welfare: list[str] = field(default_factory=list)
    published_text: str = ""
    description: str = ""
    longitude: float | None = None
    latitude: float | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    ticket: dict[str, str] = field(default_factory=dict, repr=False)
    # --- made by page_steps
    salary_low: float | None = None
    salary_high: float | None = None
    salary_unit: str = ""
    salary_months: int | None = None
    monthly_low: float | None = None
    monthly_high: float | None = None
    experience_min: float | None = None
    experience_max: float | None = None
    degree: str = ""
    area_code: str = ""
    city: str = ""
    district: str = ""
    company_size_min: int | None = None
    company_size_max: int | None = None
    company_stage: str = ""
    published_at: datetime | None = None
    content_hash: str = ""
    state: RowState | None = None


@dataclass(slots=True)
class Company:
    """One company profile. `*_text` is the site's own wording."""

    company_id: str
    name: str
    full_name: str = ""
    url: str = ""
    industry_text: str = ""
    size_text: str = ""
    stage_text: str = ""
    type_text: str = ""
    description: str = ""
    address: str = ""
    founded_text: str = ""
    registered_capital_text: str = ""
    status_text: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
    # --- made by page_steps
    size_min: int | None = None
    size_max: int | None = None
    stage: str = ""
    content_hash: str = ""
    state: RowState | None = None


@dataclass(slots=True)
class StoredPage:
    """What `Backend.store(page)` made of a page: counts of postings, and, where it asks for them, the details not there yet.

    spooled: postings that wait on disk; unit: what the page is called there, "" for one that is in the warehouse.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    spooled: int = 0
    missing_details: tuple[str, ...] = ()
    unit: str = ""


@dataclass(slots=True, eq=False)
class Page:
    """The unit of work, of durability, of progress and of idempotence: one answer of a site.

    page_kind: a `platform.PageKind` value; number: counted from 1 (0 for a detail or company answer); round: one pass over a
    keyword, survives resume by another run; gone: ids of postings whose own page says that they are no longer there;
    asks_details: the posting pages that the warehouse lacks are asked next; plan: how the search goes on after this page, kept
    with its report, "" where something else comes first; outcome: set once, by the ledger or by a failure, and
    awaited by the spider.
    """

    platform: str
    page_kind: str
    keyword: str
    city: str
    round: str
    run_id: str
    number: int
    fetched_at: datetime
    parser_version: int
    jobs: list[Job] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    total: int | None = None
    capped: bool = False
    last: bool = False
    asks_details: bool = False
    plan: str = ""
    stored: StoredPage | None = None
    outcome: asyncio.Future[StoredPage] | None = field(default=None, repr=False)

    @property
    def seen(self) -> int:
        """Postings the site showed on this page, good or not."""
        return len(self.jobs) + len(self.rejected)

    @property
    def repeated(self) -> int:
        """Postings that an earlier page of the same search had already."""
        return sum([job.state is RowState.REPEATED for job in self.jobs])
