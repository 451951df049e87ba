"""Answers of 51job -> postings and companies. One shape for the open and the signed list; every failure is a ParseError.

The site does not refuse an unknown jobArea but answers with another city: `Job.raw` keeps jobAreaLevelDetail with its cityCode.
Coordinates are BD-09, as the site tells them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Company, Job
from jobdata_scrapy.platform import DetailPage, PageKind, SearchPage
from jobdata_scrapy.wire import amount, convert, convert_part, decode, id_text, monthly_range, read_rows, text
from spiders.qcwy.requests import PAGE_SIZE
from spiders.qcwy.wire import SITE, Area, CompanyInfo, Detail, License, Row, SearchAnswer

RESULT_CAP = 1000  # totalCount never says more, and page 11 of 100 is empty
COMPANY_BLOCKS = ("coinfo", "license", "sesameLabelList")


def parse_search(body: bytes, page: int) -> SearchPage:
    """A list answer; `page` counts from 1. Postings may come twice within the window of a search.

    Raises ParseError when the envelope, or most rows, are not in the known shape, and for an empty page amid a search.
    """
    listing = decode(body, SearchAnswer, SITE, PageKind.SEARCH).resultbody.job
    total = listing.total
    reachable = min(total, RESULT_CAP) if total is not None else None
    if not listing.items and reachable is not None and (page - 1) * PAGE_SIZE < reachable:
        raise ParseError(SITE, PageKind.SEARCH, "items", f"is empty on page {page}, though totalCount is {total}")
    jobs, rejected = read_rows(listing.items, make_job, SITE, id_key="jobId", salary_key="provideSalaryString")
    at_end = not listing.items or (reachable is not None and page * PAGE_SIZE >= reachable)
    return SearchPage(
        jobs=jobs,
        rejected=rejected,
        total=total,
        next_page=None if at_end else page + 1,
        capped=total is not None and total >= RESULT_CAP,
    )


def parse_detail(body: bytes) -> DetailPage:
    """A posting page's answer (`detailJobInfo`); the recruiter's block beside it is not read. Raises ParseError."""
    raw = _find_block(body, PageKind.DETAIL, "detailJobInfo")["detailJobInfo"]
    row = convert_part(raw, Detail, SITE, PageKind.DETAIL, "detailJobInfo")
    encrypted = row.pcdetail_job_info.encry_company_id if row.pcdetail_job_info else None
    city, district = _area_texts(row.job_area_level_detail, None)
    job = Job(
        job_id=id_text(row.job_id),
        title=row.job_name.strip(),
        company_id=text(encrypted) or id_text(row.co_id),
        company_name=text(row.company_name, row.co_name),
        salary_text=text(row.provide_salary_string),
        experience_text=text(row.work_year_string),
        degree_text=text(row.degree_string),
        city_text=city,
        district_text=district,
        company_size_text=text(row.company_size_string),
        company_type_text=text(row.company_type_string),
        industry_text=text(row.industry_type1_string, row.co_industry_text),
        skills=_unique(word.word_text for word in row.job_keyword_list or ()),
        welfare=_unique(word.word_text for word in row.job_welfare_all_data_list or ()),
        published_text=text(row.issue_date),
        description=text(row.job_describe),
        raw=raw,
    )
    return DetailPage(job)


def parse_company(body: bytes) -> Company:
    """A company profile (`coinfo`, and the business register's `license` where it is told). Raises ParseError.

    company_id is `encCoId` where the answer tells it, else the plain `coid`.
    """
    blocks = _find_block(body, PageKind.COMPANY, "coinfo")
    info = convert_part(blocks["coinfo"], CompanyInfo, SITE, PageKind.COMPANY, "coinfo")
    register = convert_part(blocks.get("license") or {}, License, SITE, PageKind.COMPANY, "license")
    return Company(
        company_id=text(info.encCoId) or id_text(info.coid),
        name=info.coname.strip(),
        full_name=text(register.business_name, info.coname),
        industry_text=text(info.indtype1),
        size_text=text(info.cosize),
        type_text=text(info.cotype),
        address=text(info.caddr),
        founded_text=text(register.start_at),
        registered_capital_text=text(register.regist_capi),
        status_text=text(register.manage_state),
        raw={name: blocks[name] for name in COMPANY_BLOCKS if name in blocks},
    )


def make_job(raw: dict[str, Any]) -> Job:
    """One row of a list. Raises RowError naming the field that is missing or badly typed."""
    row = convert(raw, Row)
    salary = text(row.provide_salary_string)
    city, district = _area_texts(row.job_area_level_detail, row.job_area_string)
    welfare = _unique(item.chinese_title for item in row.job_welfare_code_data_list or ())
    tags = row.job_tags if row.job_tags is not None else [tag.job_tag_name for tag in row.job_tags_list or ()]
    no_skills = {*welfare, text(row.work_year_string), text(row.degree_string)}
    return Job(
        job_id=id_text(row.job_id),
        title=row.job_name.strip(),
        company_id=id_text(row.enc_co_id) or id_text(row.co_id),
        company_name=text(row.company_name, row.full_company_name),
        url=text(row.job_href).partition("?")[0],  # what follows is the site's tracking of this very search
        salary_text=salary,
        monthly_hint=monthly_range(row.job_salary_min, row.job_salary_max, salary),
        experience_text=text(row.work_year_string),
        degree_text=text(row.degree_string),
        city_text=city,
        district_text=district,
        company_size_text=text(row.company_size_string),
        company_type_text=text(row.company_type_string),
        industry_text=text(row.industry_type1_str, row.company_industry_type1_str),
        job_type=text(row.term_str),
        skills=[tag for tag in _unique(tags) if tag not in no_skills],
        welfare=welfare,
        published_text=text(row.issue_date_string),
        description=text(row.job_describe),
        longitude=amount(row.lon),
        latitude=amount(row.lat),
        raw=raw,
    )


def _area_texts(area: Area | None, written: str | None) -> tuple[str, str]:
    """(city, district); `written` is "深圳·宝安区", "上海" or, in older postings, "深圳-宝安区"."""
    city, _, district = text(written).replace("-", "·").partition("·")
    if area is None:
        return city, district
    return text(area.city_string, city), text(area.district_string, district)


def _unique(values: Any) -> list[str]:
    return list(dict.fromkeys(value.strip() for value in values if value and value.strip()))


def _find_block(body: bytes, page_kind: PageKind, name: str) -> dict[str, Any]:
    """`resultbody`, checked to hold the object `name`."""
    answer = decode(body, dict[str, msgspec.Raw], SITE, page_kind)
    if "resultbody" not in answer:
        raise ParseError(SITE, page_kind, "resultbody", "is missing")
    blocks = decode(bytes(answer["resultbody"]), dict[str, Any], SITE, page_kind)
    if not isinstance(blocks.get(name), dict):
        raise ParseError(SITE, page_kind, f"resultbody.{name}", "is missing or no object")
    return blocks
