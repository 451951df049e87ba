"""Feed exporters for `-o`: a page is one item, a feed has one row a posting (repeats of the run left out)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from itemadapter import ItemAdapter
from scrapy.exporters import CsvItemExporter, JsonItemExporter, JsonLinesItemExporter

from jobdata_scrapy.items import Job, Page, RowState
from jobdata_scrapy.platform import PageKind

JOB_FIELDS = (
    *(
        "job_id",
        "title",
        "company_id",
        "company_name",
        "city",
        "district",
        "area_code",
        "salary_text",
        "salary_low",
        "salary_high",
    ),
    *(
        "salary_unit",
        "salary_months",
        "monthly_low",
        "monthly_high",
        "experience_text",
        "experience_min",
        "experience_max",
        "degree",
    ),
    *(
        "company_size_text",
        "company_stage",
        "company_type_text",
        "industry_text",
        "job_type",
        "skills",
        "welfare",
        "published_at",
    ),
    *("url", "description"),
)
PAGE_FIELDS = ("platform", "page_kind", "keyword", "run_id", "fetched_at")
LIST_SEPARATOR = "、"


def unfold_page(page: Page) -> Iterator[dict[str, Any]]:
    """One flat row a posting of the page."""
    context = {name: getattr(page, name) for name in PAGE_FIELDS}
    for job in page.jobs:
        if job.state is not RowState.REPEATED:
            yield {**context, **_job_row(job)}


def _job_row(job: Job) -> dict[str, Any]:
    adapter = ItemAdapter(job)
    return {name: adapter[name] for name in JOB_FIELDS}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class _UnfoldsPages:
    """Mixed into Scrapy's exporters: `export_item` takes a Page."""

    def export_item(self, page: Page) -> None:
        if page.page_kind not in (PageKind.SEARCH, PageKind.DETAIL):
            return
        for row in unfold_page(page):
            super().export_item({name: self._shape(value) for name, value in row.items()})  # type: ignore[misc]

    def _shape(self, value: Any) -> Any:
        return _plain(value)


class JobCsvExporter(_UnfoldsPages, CsvItemExporter):
    """CSV in UTF-8 with a byte-order mark, which spreadsheets need for Chinese; lists joined; no formula is let through."""

    def __init__(self, file: Any, **options: Any) -> None:
        options["encoding"] = "utf-8-sig"
        super().__init__(file, **options)

    def _shape(self, value: Any) -> Any:
        if isinstance(value, list):
            value = LIST_SEPARATOR.join(value)
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
            return "'" + value  # a spreadsheet would run it
        return _plain(value)


class JobJsonLinesExporter(_UnfoldsPages, JsonLinesItemExporter):
    """JSON lines, one posting a line."""


class JobJsonExporter(_UnfoldsPages, JsonItemExporter):
    """One JSON array of postings."""
