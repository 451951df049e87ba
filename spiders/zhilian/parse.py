"""Answers of zhaopin.com -> postings and companies. Every failure is a ParseError. Coordinates are GCJ-02, the site's own."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from json import JSONDecoder
from typing import Any

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Company, Job
from jobdata_scrapy.platform import DetailPage, PageKind, SearchPage
from jobdata_scrapy.wire import RowError, amount, convert, convert_part, decode, id_text, monthly_range, read_rows, text
from spiders.zhilian.requests import CITIES, PAGE_SIZE
from spiders.zhilian.wire import SITE, Base, Desc, Detail, DetailedCompany, Labels, Position, Row, SearchAnswer, WorkLocation

RESULT_CAP = 100  # `count` never says more
AD_KEYS = ("adResponse", "liveCard")
CITY_BY_CODE = {code: city for city, code in CITIES.items()}
BEIJING = timezone(timedelta(hours=8))
STATE_ASSIGNMENT = re.compile(rb"__INITIAL_STATE__\s*=\s*(?=\{)")
NO_POSITION = Position(Base(), Desc(), WorkLocation())


def parse_search(body: bytes, page: int) -> SearchPage:
    """A list answer; `page` counts from 1. Advertisement cards are skipped and counted.

    The site's `count` stops at 100, so 100 tells no total; pages are read up to the one that says isEndPage. A search that ends
    with count at 100 is capped: it may have had more.
    Raises ParseError when the envelope, or most rows, are not in the known shape, and for an empty page amid a search.
    """
    data = decode(body, SearchAnswer, SITE, PageKind.SEARCH).data
    count = data.count or 0
    if not data.rows and (page - 1) * PAGE_SIZE < count:
        raise ParseError(SITE, PageKind.SEARCH, "data.list", f"is empty on page {page}, though data.count is {count}")
    rows = [row for row in data.rows if not is_advertisement(row)]
    jobs, rejected = read_rows(rows, make_job, SITE, id_key="number", salary_key="salary60")
    if data.is_end_page is None:
        at_end = not data.rows or (data.count is not None and count < RESULT_CAP and page * PAGE_SIZE >= count)
    else:
        at_end = not data.rows or bool(data.is_end_page)
    return SearchPage(
        jobs=jobs,
        rejected=rejected,
        total=data.count if count < RESULT_CAP else None,
        next_page=None if at_end else page + 1,
        capped=at_end and count >= RESULT_CAP and page * PAGE_SIZE >= RESULT_CAP,
        skipped=len(data.rows) - len(rows),
    )


def parse_detail(body: bytes) -> DetailPage:
    """A posting (`detailedPosition`) with its company where the answer names one. Raises ParseError."""
    return _make_detail(_find_data(body, PageKind.DETAIL, "detailedPosition"), PageKind.DETAIL)


def parse_html(body: bytes) -> DetailPage:
    """The page of a posting that people read: the two objects of `parse_detail` in the page's state. Raises ParseError."""
    detail = find_detail(body)
    if detail is None or not isinstance(detail.get("detailedPosition"), dict):
        field = "__INITIAL_STATE__.jobDetail" + (".detailedPosition" if detail is not None else "")
        raise ParseError(SITE, PageKind.HTML, field, "is missing or no object")
    return _make_detail(detail, PageKind.HTML)


def find_detail(page: bytes) -> dict[str, Any] | None:
    """`jobDetail` in the state of a posting's page; None where the page has no state, or one without it. Never raises.

    The last assignment counts: it is the one that the browser wrote when the page's scripts had run.
    """
    start = max((found.end() for found in STATE_ASSIGNMENT.finditer(page)), default=None)
    if start is None:
        return None
    try:
        state, _ = JSONDecoder().raw_decode(page[start:].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    holder = state if "jobDetail" in state else state.get("jobInfo")  # the older pages have it one level below
    detail = holder.get("jobDetail") if isinstance(holder, dict) else None
    return detail if isinstance(detail, dict) else None


def _make_detail(data: dict[str, Any], kind: PageKind) -> DetailPage:
    raw = data["detailedPosition"]
    row = convert_part(raw, Detail, SITE, kind, "detailedPosition")
    number, name = text(row.number, row.position_number), text(row.name, row.position_name)
    if not number or not name:
        raise ParseError(SITE, kind, f"detailedPosition.{'name' if number else 'number'}", "is missing")
    company, raw_company = _read_company(data, kind)
    job = Job(
        job_id=number,
        title=name,
        company_id=text(row.company_number, company.company_number),
        company_name=text(row.company_name, company.company_name),
        url=_cut_query(row.position_url),
        salary_text=_salary_text(row.salary60, row.salary_count),
        experience_text=text(row.position_working_exp, row.working_exp),
        degree_text=text(row.education),
        city_text=text(row.position_work_city, row.work_city) or _city_name(row.position_city_id, row.city_id),
        district_text=text(row.position_city_district, row.city_district),
        company_size_text=text(company.company_size),
        company_stage_text=text(company.financing_stage_name),
        industry_text=text(company.industry_name_level, company.industry_level),
        job_type=text(row.work_type, row.empl_type),
        skills=_read_labels(row.skill_label),
        welfare=_read_labels(row.welfare_label),
        published_text=text(row.position_publish_time, row.publish_time),
        description=text(row.job_desc),
        longitude=amount(row.longitude),
        latitude=amount(row.latitude),
        raw=raw,
    )
    named = company.company_number and company.company_name
    return DetailPage(job, make_company(company, raw_company) if named else None)


def parse_company(body: bytes) -> Company:
    """The company in a posting's answer (`detailedCompany`): the site has no other company answer. Raises ParseError."""
    data = _find_data(body, PageKind.COMPANY, "detailedCompany")
    company, raw = _read_company(data, PageKind.COMPANY)
    for name, value in (("companyNumber", company.company_number), ("companyName", company.company_name)):
        if not text(value):
            raise ParseError(SITE, PageKind.COMPANY, f"detailedCompany.{name}", "is missing")
    return make_company(company, raw)


def is_advertisement(row: Any) -> bool:
    """A card without posting among the rows. A row that merely lost its number is none: it counts as refused."""
    return isinstance(row, dict) and any(key in row for key in AD_KEYS) and not row.get("number") and not row.get("name")


def make_job(raw: dict[str, Any]) -> Job:
    """One row of a list. Raises RowError naming the field that is missing or badly typed."""
    row = convert(raw, Row)
    position = (row.job_detail_data and row.job_detail_data.position) or NO_POSITION
    base, desc = position.base or Base(), position.desc or Desc()
    location = position.work_location or WorkLocation()
    number, name = text(row.number, base.position_number), text(row.name, base.position_name)
    if not number or not name:
        raise RowError("name" if number else "number")
    salary = _salary_text(text(row.salary60, base.salary), row.salary_count)
    low, _, high = text(row.salary_real).partition("-")
    return Job(
        job_id=number,
        title=name,
        company_id=text(row.company_number),
        company_name=text(row.company_name),
        url=_cut_query(text(row.positionURL, row.position_url, base.position_url)),
        salary_text=salary,
        monthly_hint=monthly_range(low, high, salary),
        experience_text=text(row.working_exp, base.position_working_exp),
        degree_text=text(row.education, base.education),
        city_text=text(row.work_city) or _city_name(row.city_id, location.position_city_id),
        district_text=text(row.city_district),
        company_size_text=text(row.company_size),
        company_stage_text=text(row.financing_stage.name if row.financing_stage else None),
        company_type_text=text(row.property_name, row.property),
        industry_text=text(row.industry_name),
        job_type=text(row.work_type, base.work_type),
        skills=_read_labels(row.skill_label, row.job_skill_tags, row.show_skill_tags, desc.labels),
        welfare=_read_labels(row.welfare_label, row.welfare_tag_list, row.job_knowledge_welfare_features, desc.welfare_label),
        published_text=text(row.publish_time) or _beijing_time(row.job_posting_time),
        description=text(desc.description, row.job_summary),
        raw=raw,
    )


def make_company(company: DetailedCompany, raw: dict[str, Any]) -> Company:
    """The profile made of `detailedCompany`."""
    return Company(
        company_id=text(company.company_number),
        name=text(company.company_name),
        full_name=text(company.company_name),
        url=_cut_query(company.company_url),
        industry_text=text(company.industry_name_level, company.industry_level),
        size_text=text(company.company_size),
        stage_text=text(company.financing_stage_name),
        description=text(company.company_description),
        raw=raw,
    )


def _find_data(body: bytes, page_kind: PageKind, name: str) -> dict[str, Any]:
    """`data`, checked to hold the object `name`."""
    answer = decode(body, dict[str, Any], SITE, page_kind)
    data = answer.get("data")
    if not isinstance(data, dict) or not isinstance(data.get(name), dict):
        raise ParseError(SITE, page_kind, f"data.{name}", "is missing or no object")
    return data


def _read_company(data: dict[str, Any], page_kind: PageKind) -> tuple[DetailedCompany, dict[str, Any]]:
    raw = data.get("detailedCompany") or {}
    return convert_part(raw, DetailedCompany, SITE, page_kind, "detailedCompany"), raw


def _salary_text(salary: str | None, months: str | None) -> str:
    """ "1.1-1.5万" and "13薪" -> "1.1-1.5万·13薪"; months that stand in the text already are not repeated."""
    written, paid = text(salary), text(months)
    return f"{written}·{paid}" if written and paid and paid not in written else written


def _read_labels(*lists: Labels) -> list[str]:
    """The union of the lists, in order, each text once."""
    labels = (label for labels in lists for label in labels or ())
    texts = (text(label) if isinstance(label, str) else text(label.value, label.tag, label.name) for label in labels)
    return list(dict.fromkeys(filter(None, texts)))


def _city_name(*codes: str | int | None) -> str:
    """The city's name by its first known code; "" where the table has none."""
    return next((CITY_BY_CODE[id_text(code)] for code in codes if id_text(code) in CITY_BY_CODE), "")


def _beijing_time(milliseconds: str | int | None) -> str:
    """jobPostingTime in the wording of publishTime: "2026-05-13 10:50:11"; "" for what is no time."""
    seconds = (amount(milliseconds) or 0) / 1000
    if not 0 < seconds < 2**32:
        return ""
    return datetime.fromtimestamp(seconds, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _cut_query(url: str | None) -> str:
    return text(url).partition("?")[0]
