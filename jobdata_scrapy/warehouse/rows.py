"""Pages -> the rows of each table, column by column. Pure: the same pages give the same rows at every retry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from jobdata_scrapy.items import Company, Job, Page, RowState
from jobdata_scrapy.platform import PageKind

LIST_ROW = "search"
DETAIL_ROW = "detail"

# columns that have the name of their field in items.Job and items.Company
JOB_FIELDS = (
    "job_id", "company_id", "city", "title", "company_name", "url", "salary_text", "experience_text", "degree_text", "city_text",
    "district_text", "company_size_text", "company_stage_text", "company_type_text", "industry_text", "job_type", "skills",
    "welfare", "published_text", "description", "longitude", "latitude", "salary_low", "salary_high", "salary_unit",
    "salary_months", "monthly_low", "monthly_high", "experience_min", "experience_max", "degree", "area_code", "district",
    "company_size_min", "company_size_max", "company_stage", "published_at", "content_hash",
)  # fmt: skip
COMPANY_FIELDS = (
    "company_id", "name", "full_name", "url", "industry_text", "size_text", "stage_text", "type_text", "description", "address",
    "founded_text", "registered_capital_text", "status_text", "size_min", "size_max", "stage", "content_hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one INSERT: column name -> values, all of one length."""

    table: str
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


@cache
def row_kind(page_kind: str) -> str:
    """`page_kind` of the rows of a page: a detail is a detail, asked alone or with others."""
    return DETAIL_ROW if page_kind == PageKind.DETAIL_BATCH else str(page_kind)


def job_block(platform: str, rows: Sequence[tuple[Page, Job]]) -> Block:
    """Versions of postings for `<platform>_job`."""
    columns = {name: [getattr(job, name) for _, job in rows] for name in JOB_FIELDS}
    columns["keyword"] = [page.keyword for page, _ in rows]
    columns["search_city"] = [page.city for page, _ in rows]
    columns["job_data"] = [dump_raw(job.raw) for _, job in rows]
    columns["page"] = [page.number for page, _ in rows]
    return Block(f"{platform}_job", columns | _origin([page for page, _ in rows]))


def company_block(platform: str, rows: Sequence[tuple[Page, Company]]) -> Block:
    """Versions of company profiles for `<platform>_company`."""
    columns = {name: [getattr(company, name) for _, company in rows] for name in COMPANY_FIELDS}
    columns["company_data"] = [dump_raw(company.raw) for _, company in rows]
    return Block(f"{platform}_company", columns | _origin([page for page, _ in rows]))


def sighting_block(pages: Iterable[Page]) -> Block:
    """Every good posting of the list pages among `pages`, once a round, for `job_sighting`."""
    lists = [page for page in pages if page.page_kind == PageKind.SEARCH]
    rows = [(page, job) for page in lists for job in page.jobs if job.state is not RowState.REPEATED]
    columns: dict[str, list[Any]] = {
        "platform": [page.platform for page, _ in rows],
        "job_id": [job.job_id for _, job in rows],
        "keyword": [page.keyword for page, _ in rows],
        "city": [page.city for page, _ in rows],
        "round": [page.round for page, _ in rows],
        "run_id": [page.run_id for page, _ in rows],
        "page": [page.number for page, _ in rows],
        "seen_at": [page.fetched_at for page, _ in rows],
    }
    return Block("job_sighting", columns)


def rejected_block(pages: Iterable[Page]) -> Block:
    """The refused rows of `pages`, for `rejected_row`."""
    rows = [(page, position, row) for page in pages for position, row in enumerate(page.rejected)]
    data = [dump_raw(row.raw) for _, _, row in rows]
    origin = _origin([page for page, _, _ in rows])
    columns: dict[str, list[Any]] = {
        "platform": [page.platform for page, _, _ in rows],
        "row_id": [row.row_id for _, _, row in rows],
        "keyword": [page.keyword for page, _, _ in rows],
        "city": [page.city for page, _, _ in rows],
        "field": [row.field for _, _, row in rows],
        "reason": [row.reason for _, _, row in rows],
        "row_data": data,
        "row_hash": [hash_rows(row.field, row.reason, text) for (_, _, row), text in zip(rows, data, strict=True)],
        "page": [page.number for page, _, _ in rows],
        "position": [position for _, position, _ in rows],
        "rejected_at": origin.pop("crawled_at"),
    }
    return Block("rejected_row", columns | origin)


def insert_token(round: str, table: str, columns: dict[str, list[Any]]) -> str:
    """`insert_deduplication_token` of an INSERT: a hash over the very rows it writes.

    ClickHouse compares tokens, not data: a token over the page alone would swallow the second half of a page that was split, and
    a redo whose look-up finds other rows.
    """
    return hash_rows(round, table, columns)


def hash_rows(*parts: Any) -> str:
    """A hash over plain values, lists, dicts and aware datetimes: 32 hexadecimal digits."""
    return hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()


def dump_raw(raw: dict[str, Any]) -> str:
    """The site's own JSON as it is stored."""
    return orjson.dumps(raw).decode()


def _origin(pages: Sequence[Page]) -> dict[str, list[Any]]:
    return {
        "page_kind": [row_kind(page.page_kind) for page in pages],
        "parser_version": [page.parser_version for page in pages],
        "run_id": [page.run_id for page in pages],
        "round": [page.round for page in pages],
        "crawled_at": [page.fetched_at for page in pages],
    }
