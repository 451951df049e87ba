"""Answers of zhipin.com -> pages. Mini program and web shapes alike; every failure is a ParseError.

`Job.raw` of a list is the row as the site sent it; of a detail the posting's and the company's block (`DETAIL_BLOCKS`), nothing
else; both without what belongs to this one session and search (`mapping.SESSION_KEYS`). No publication date is told anywhere.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Company, Job, RejectedRow
from jobdata_scrapy.platform import DetailPage, PageKind, SearchPage
from spiders.boss.mapping import drop_session_keys, make_company, make_mini_job, make_row_job, make_web_job
from spiders.boss.requests import DETAIL_PATH, PAGE_SIZE, RESULT_CAP
from spiders.boss.wire import SITE, Brand, MiniJob, Row, WebJob, convert_part, decode_batch, decode_data, explain_mistyped

DETAIL_BLOCKS = ("jobBaseInfoVO", "brandComInfoVO", "jobInfo", "brandComInfo")
COMPANY_BLOCKS = ("brandComInfoVO", "brandComInfo", "brandInfo", "brand")

# A page on which most rows lack one of these is no page of postings any more. In brackets: names of the same field.
ESSENTIAL_VALUES = ("encryptJobId", "jobName")
ESSENTIAL_KEYS = (("salaryDesc", "jobSalary"), ("brandName",), ("cityName",))


def parse_search(body: bytes, page: int) -> SearchPage:
    """A list answer; `page` counts from 1. A bad row is rejected alone, with its field.

    capped: up to here the search has shown as many postings as the site ever shows, or it advertises more than that.
    Raises ParseError when there is no list, or when more than half of its rows are unreadable (one row alone proves nothing).
    """
    data = decode_data(body, PageKind.SEARCH)
    rows = _find_list(data)
    _check_layout(rows)
    read = [_read_row(row) for row in rows]
    rejected = [row for row in read if isinstance(row, RejectedRow)]
    _check_rejected(rejected, len(rows))
    total = data["resCount"] if isinstance(data.get("resCount"), int) else None
    shown = (page - 1) * max(PAGE_SIZE, len(rows)) + len(rows)
    return SearchPage(
        jobs=[row for row in read if isinstance(row, Job)],
        rejected=rejected,
        total=total,
        next_page=page + 1 if rows and _has_more(data) else None,
        capped=shown >= RESULT_CAP or (total or 0) > RESULT_CAP,
    )


def parse_detail(body: bytes) -> DetailPage:
    """A posting of the mini program (`jobBaseInfoVO`) or the web site (`jobInfo`), with its company where it names one."""
    data = decode_data(body, PageKind.DETAIL)
    web = data.get("jobInfo") is not None
    block, brand_block = ("jobInfo", "brandComInfo") if web else ("jobBaseInfoVO", "brandComInfoVO")
    if data.get(block) is None:
        raise ParseError(SITE, PageKind.DETAIL, f"zpData.{block}")
    brand_raw = data.get(brand_block) or {}
    brand = convert_part(brand_raw, Brand, PageKind.DETAIL, brand_block)
    raw = {name: _copy_block(data[name]) for name in DETAIL_BLOCKS if data.get(name)}
    if web:
        job = make_web_job(convert_part(data[block], WebJob, PageKind.DETAIL, block), brand, raw)
    else:
        job = make_mini_job(convert_part(data[block], MiniJob, PageKind.DETAIL, block), brand, raw)
    if not job.job_id:
        raise ParseError(SITE, PageKind.DETAIL, f"{block}.{'encryptId' if web else 'encryptJobId'}")
    if not job.title.strip():
        raise ParseError(SITE, PageKind.DETAIL, f"{block}.{'jobName' if web else 'positionName'}")
    return DetailPage(job, make_company(brand, brand_raw) if job.company_id and job.company_name else None)


def parse_company(body: bytes) -> Company:
    """A company profile. A full answer was never seen: its fields are taken from zpData itself or from a block inside it.

    `Company.raw` keeps plain values and lists of plain values only, so that no person comes in with a block nobody has seen yet.
    """
    data = decode_data(body, PageKind.COMPANY)
    for name in COMPANY_BLOCKS:
        if isinstance(data.get(name), dict):
            data = {**data, **data[name]}
    brand = convert_part(data, Brand, PageKind.COMPANY, "zpData")
    if not brand.encrypt_brand_id:
        raise ParseError(SITE, PageKind.COMPANY, "zpData.encryptBrandId")
    if not (brand.brand_name or brand.com_name):
        raise ParseError(SITE, PageKind.COMPANY, "zpData.brandName")
    return make_company(brand, {name: value for name, value in data.items() if _is_plain(value)})


def split_detail_batch(body: bytes, count: int) -> list[bytes | None]:
    """One complete answer for each of the `count` sub-calls, in the order asked; None for one that is missing.

    zpData is keyed by the path of the sub-call: the path itself for the first, `<path>#1`, `<path>#2` ... for its repeats. A
    list, or keys of the form `<path>?<query>`, are taken in their order, but only when none is missing: nothing else says whose
    they are.
    Raises ParseError when the outer answer is not of this kind.
    """
    parts = decode_batch(body)
    if isinstance(parts, dict):
        with_query = [part for key, part in parts.items() if key.startswith(f"{DETAIL_PATH}?")]
        if not with_query:
            keys = [DETAIL_PATH, *(f"{DETAIL_PATH}#{index}" for index in range(1, count))]
            return [_as_answer(parts.get(key)) for key in keys[:count]]
        parts = with_query
    return [_as_answer(part) for part in parts] if len(parts) == count else [None] * count


def _as_answer(part: msgspec.Raw | None) -> bytes | None:
    content = bytes(part).strip() if part is not None else b""
    return content if content.startswith(b"{") else None


def _find_list(data: dict[str, Any]) -> list[Any]:
    for name in ("list", "jobList"):
        rows = data.get(name)
        if isinstance(rows, list):
            return rows
        if rows is not None:
            raise ParseError(SITE, PageKind.SEARCH, f"zpData.{name}", f"is a {type(rows).__name__}, not a list")
    raise ParseError(SITE, PageKind.SEARCH, "zpData.list")


def _has_more(data: dict[str, Any]) -> bool:
    """Whether to ask for the next page. Visitors are not told: then the empty page is the end."""
    has_more = data.get("hasMore")
    if has_more is not None and not isinstance(has_more, bool):
        raise ParseError(SITE, PageKind.SEARCH, "zpData.hasMore", f"is a {type(has_more).__name__}, not a boolean")
    return has_more is not False


def _check_layout(rows: list[Any]) -> None:
    objects = [row for row in rows if isinstance(row, dict)]
    missing = {name: sum([not row.get(name) for row in objects]) for name in ESSENTIAL_VALUES}
    missing |= {names[0]: sum([row.keys().isdisjoint(names) for row in objects]) for names in ESSENTIAL_KEYS}
    for name, times in missing.items():
        if len(rows) > 1 and times * 2 > len(rows):
            raise ParseError(SITE, PageKind.SEARCH, name, f"missing in {times} of {len(rows)} postings")


def _check_rejected(rejected: list[RejectedRow], rows: int) -> None:
    if rows > 1 and len(rejected) * 2 > rows:
        field, times = Counter(row.field for row in rejected).most_common(1)[0]
        raise ParseError(SITE, PageKind.SEARCH, field, f"unreadable in {times} of {rows} postings")


def _read_row(raw: object) -> Job | RejectedRow:
    if not isinstance(raw, dict):
        return RejectedRow("list[]", f"is a {type(raw).__name__}, not an object")
    kept = drop_session_keys(raw)
    row_id = raw["encryptJobId"] if isinstance(raw.get("encryptJobId"), str) else ""
    try:
        row = msgspec.convert(raw, Row)
    except msgspec.ValidationError as error:
        return RejectedRow(*explain_mistyped(error), row_id=row_id, raw=kept)
    if not row.encrypt_job_id:
        return RejectedRow("encryptJobId", "missing", raw=kept)
    if not (row.job_name or "").strip():
        return RejectedRow("jobName", "missing", row_id=row_id, raw=kept)
    return make_row_job(row, kept)


def _copy_block(block: object) -> object:
    return drop_session_keys(block) if isinstance(block, dict) else block


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, (str, int, float)) for one in value)
    return not isinstance(value, dict)
