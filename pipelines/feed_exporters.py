"""Feed exporters for `-o`: a page is one item, a feed has one row a posting (repeats of the search left out).

With details, a posting of a list waits for its own page and is written with what that tells; one that has no page in the end,
gone or refused, is written as the list told it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
# Read from one text of the site's: they come from list or detail together, by whether the list tells the first one.
BELONG_TOGETHER = (
    ("salary_text", "salary_low", "salary_high", "salary_unit", "salary_months", "monthly_low", "monthly_high"),
    ("experience_text", "experience_min", "experience_max"),
    ("district", "city", "area_code"),
)
ALONE = tuple((name,) for name in JOB_FIELDS if not any(name in names for names in BELONG_TOGETHER))


def unfold_page(page: Page, *, repeated: bool = False) -> Iterator[dict[str, Any]]:
    """One flat row a posting of the page; `repeated`: of those instead that its search had shown before."""
    context = {name: getattr(page, name) for name in PAGE_FIELDS}
    for job in page.jobs:
        if (job.state is RowState.REPEATED) is repeated:
            yield {**context, **_job_row(job)}


def merge_detail(row: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """A list's row with what the posting's own page tells beyond it; the description is the page's: a list has a summary only."""
    merged = dict(row)
    for names in (*BELONG_TOGETHER, *ALONE):
        if detail[names[0]] and (not row[names[0]] or names[0] == "description"):
            merged |= {name: detail[name] for name in names}
    return merged | {name: detail[name] for name in ("page_kind", "fetched_at")}


def _job_row(job: Job) -> dict[str, Any]:
    adapter = ItemAdapter(job)
    return {name: adapter[name] for name in JOB_FIELDS}


def _has_content(file: Any) -> bool:
    try:
        return bool(file.tell() > 0)
    except OSError:  # a pipe, or what compresses
        return False


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class _UnfoldsPages:
    """Mixed into Scrapy's exporters: `export_item` takes a Page."""

    def __init__(self, file: Any, **options: Any) -> None:
        super().__init__(file, **options)  # type: ignore[call-arg]
        self._waiting: dict[str, dict[str, dict[str, Any]]] = {}  # round -> job id -> row: of one list page a search
        self._told: dict[str, dict[str, dict[str, Any]]] = {}  # the same of rows that an earlier run has written already

    def export_item(self, page: Page) -> None:
        if page.page_kind == PageKind.SEARCH:
            self._export_list(page)
        elif page.page_kind == PageKind.DETAIL:
            self._export_detail(page)

    def finish_exporting(self) -> None:
        for round_id in list(self._waiting):
            self._let_go(round_id)
        super().finish_exporting()  # type: ignore[misc]

    def _export_list(self, page: Page) -> None:
        self._let_go(page.round)  # the details of the page before have all been asked
        awaited = set(page.stored.missing_details) if page.asks_details and page.stored else set()
        for row in unfold_page(page):
            if row["job_id"] in awaited:
                self._waiting.setdefault(page.round, {})[row["job_id"]] = row
            else:
                self._write(row)
        if awaited:
            self._told[page.round] = {row["job_id"]: row for row in unfold_page(page, repeated=True)}

    def _export_detail(self, page: Page) -> None:
        waiting, told = self._waiting.get(page.round, {}), self._told.get(page.round, {})
        for detail in unfold_page(page):
            row = waiting.pop(detail["job_id"], None) or told.get(detail["job_id"])
            self._write(merge_detail(row, detail) if row else detail)
        for row in filter(None, (waiting.pop(job_id, None) for job_id in page.gone)):
            self._write(row)

    def _let_go(self, round_id: str) -> None:
        self._told.pop(round_id, None)
        for row in self._waiting.pop(round_id, {}).values():
            self._write(row)

    def _write(self, row: Mapping[str, Any]) -> None:
        super().export_item({name: self._shape(value) for name, value in row.items()})  # type: ignore[misc]

    def _shape(self, value: Any) -> Any:
        return _plain(value)


class JobCsvExporter(_UnfoldsPages, CsvItemExporter):
    """CSV in UTF-8 with a byte-order mark, which spreadsheets need for Chinese; lists joined; no formula is let through.

    A file that has rows already gets further ones, and no second heading.
    """

    def __init__(self, file: Any, **options: Any) -> None:
        options["encoding"] = "utf-8-sig"
        if _has_content(file):
            options["include_headers_line"] = False
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
