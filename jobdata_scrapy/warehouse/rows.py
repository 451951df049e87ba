"""Pages -> the rows of each table, column by column. Pure: the same pages give the same rows at every retry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import orjson

from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState
from jobdata_scrapy.platform import PageKind

RAW_COLUMNS = frozenset({"job_data", "company_data"})
"""The site's own JSON, still as objects."""
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
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
    columns = _columns(JOB_FIELDS, [job for _, job in rows])
    columns["keyword"] = [page.keyword for page, _ in rows]
    columns["search_city"] = [page.city for page, _ in rows]
    columns["job_data"] = [job.raw for _, job in rows]
    columns["page"] = [page.number for page, _ in rows]
    return Block(f"{platform}_job", columns | _origin([page for page, _ in rows]))


def company_block(platform: str, rows: Sequence[tuple[Page, Company]]) -> Block:
    """Versions of company profiles for `<platform>_company`."""
    columns = _columns(COMPANY_FIELDS, [company for _, company in rows])
    columns["company_data"] = [company.raw for _, company in rows]
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


def gone_block(pages: Iterable[Page]) -> Block:
    """Postings whose own page said that they are no longer there, for `job_gone`."""
    rows = [(page, job_id) for page in pages for job_id in page.gone]
    columns: dict[str, list[Any]] = {
        "platform": [page.platform for page, _ in rows],
        "job_id": [job_id for _, job_id in rows],
        "keyword": [page.keyword for page, _ in rows],
        "city": [page.city for page, _ in rows],
        "round": [page.round for page, _ in rows],
        "run_id": [page.run_id for page, _ in rows],
        "gone_at": [page.fetched_at for page, _ in rows],
    }
    return Block("job_gone", columns)


def rejected_block(pages: Iterable[Page], others: Iterable[tuple[Page, RejectedRow]] = ()) -> Block:
    """The refused rows of `pages`, for `rejected_row`; and `others`, which are no postings and do not count as such."""
    rows = [(page, position, row) for page in pages for position, row in enumerate(page.rejected)]
    rows += [(page, len(page.rejected), row) for page, row in others]
    data = [dump_raw(row.raw).decode() for _, _, row in rows]
    origin = _origin([page for page, _, _ in rows])
    columns: dict[str, list[Any]] = {
        "platform": [page.platform for page, _, _ in rows],
        "row_id": [make_writable(row.row_id) for _, _, row in rows],
        "keyword": [page.keyword for page, _, _ in rows],
        "city": [page.city for page, _, _ in rows],
        "field": [row.field for _, _, row in rows],
        "reason": [make_writable(row.reason) for _, _, row in rows],
        "row_data": data,
        "row_hash": [hash_rows(row.field, row.reason, text) for (_, _, row), text in zip(rows, data, strict=True)],
        "page": [page.number for page, _, _ in rows],
        "position": [position for _, position, _ in rows],
        "rejected_at": origin.pop("crawled_at"),
    }
    return Block("rejected_row", columns | origin)


def insert_token(round: str, table: str, body: bytes) -> str:
    """`insert_deduplication_token` of an INSERT: a hash over the very rows it writes.

    ClickHouse compares tokens, not data: a token over the page alone would swallow the second half of a page that was split, and
    a redo whose look-up finds other rows.
    """
    told = hashlib.blake2b(f"{round} {table} ".encode(), digest_size=16)
    told.update(body)
    return told.hexdigest()


def hash_rows(*parts: Any) -> str:
    """A hash over plain values, lists, dicts and aware datetimes: 32 hexadecimal digits."""
    return hashlib.blake2b(dump_raw(parts), digest_size=16).hexdigest()


def make_writable(text: str) -> str:
    """The text, with a question mark for half a surrogate pair."""
    return str(text).encode("utf-8", "replace").decode()


@lru_cache(maxsize=1024)  # one time for all rows of a page
def to_ticks(moment: datetime, per_second: int) -> int:
    """An aware UTC time as DateTime64 keeps it: so many ticks since 1970, cut off."""
    return (moment - EPOCH) // MICROSECOND * per_second // 1_000_000


def to_milliseconds(moment: datetime) -> int:
    """POSIX milliseconds of an aware UTC time, as DateTime64(3) keeps them."""
    return to_ticks(moment, 1000)


def dump_raw(value: Any) -> bytes:
    """JSON as it is stored."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, an integer of more than 64 bits: JSON can tell them all the same
        return json.dumps(value, default=str).encode()


def _columns(names: tuple[str, ...], rows: Sequence[Job] | Sequence[Company]) -> dict[str, list[Any]]:
    """One list a field. Reading a row's fields in one go takes half the time of reading the rows once a field."""
    values = zip(*map(attrgetter(*names), rows), strict=True) if rows else ([] for _ in names)
    return dict(zip(names, map(list, values), strict=True))


def _origin(pages: Sequence[Page]) -> dict[str, list[Any]]:
    return {
        "page_kind": [row_kind(page.page_kind) for page in pages],
        "parser_version": [page.parser_version for page in pages],
        "run_id": [page.run_id for page in pages],
        "round": [page.round for page in pages],
        "crawled_at": [page.fetched_at for page in pages],
    }
