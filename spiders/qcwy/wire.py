"""The JSON of 51job.com as typed structs: the fields we use, under the site's own names. docs/platforms.md has the sources.

search-h5 (open) and search-pc (signed) answer in one shape. Numbers come as strings; absent, null and "" all mean "not told".
"""

from __future__ import annotations

from typing import Any

import msgspec

from jobdata_scrapy.wire import FilledText, Id, Text

SITE = "qcwy"


class SearchJob(msgspec.Struct):
    """`resultbody.job`. The total comes under both spellings."""

    items: list[Any]
    totalCount: int | None = None  # noqa: N815 - the site's names
    totalcount: int | None = None

    @property
    def total(self) -> int | None:
        """Postings advertised for the search; never above 1,000."""
        return self.totalCount if self.totalCount is not None else self.totalcount


class SearchBody(msgspec.Struct):
    """`resultbody` of a list."""

    job: SearchJob


class SearchAnswer(msgspec.Struct):
    """A list answer with status "1"."""

    resultbody: SearchBody


class Area(msgspec.Struct, rename="camel"):
    """`jobAreaLevelDetail`; keys are absent where unknown."""

    city_string: Text = None
    district_string: Text = None


class Welfare(msgspec.Struct, rename="camel"):
    """One of `jobWelfareCodeDataList`."""

    chinese_title: Text = None


class Tag(msgspec.Struct, rename="camel"):
    """One of `jobTagsList`, which stands for `jobTags` in newer answers."""

    job_tag_name: Text = None


class Row(msgspec.Struct, rename="camel"):
    """One posting of a list."""

    job_id: Id
    job_name: FilledText
    enc_co_id: str | int | None = None
    co_id: str | int | None = None
    company_name: Text = None
    full_company_name: Text = None
    job_href: Text = None
    provide_salary_string: Text = None
    job_salary_min: str | float | None = None
    job_salary_max: str | float | None = None
    work_year_string: Text = None
    degree_string: Text = None
    job_area_string: Text = None
    job_area_level_detail: Area | None = None
    company_size_string: Text = None
    company_type_string: Text = None
    industry_type1_str: Text = None
    company_industry_type1_str: Text = None
    term_str: Text = None
    job_tags: list[str] | None = None
    job_tags_list: list[Tag] | None = None
    job_welfare_code_data_list: list[Welfare] | None = None
    issue_date_string: Text = None
    job_describe: Text = None
    lon: str | float | None = None
    lat: str | float | None = None


class Word(msgspec.Struct, rename="camel"):
    """One of `jobKeywordList` and `jobWelfareAllDataList`."""

    word_text: Text = None


class Encrypted(msgspec.Struct, rename="camel"):
    """`pcdetailJobInfo`."""

    encry_company_id: Text = None


class Detail(msgspec.Struct, rename="camel"):
    """`resultbody.detailJobInfo`, as the site's web page uses it; no raw capture was seen."""

    job_id: Id
    job_name: FilledText
    provide_salary_string: Text = None
    job_area_level_detail: Area | None = None
    work_year_string: Text = None
    degree_string: Text = None
    job_describe: Text = None
    job_keyword_list: list[Word] | None = None
    company_name: Text = None
    co_name: Text = None
    industry_type1_string: Text = None
    co_industry_text: Text = None
    company_size_string: Text = None
    company_type_string: Text = None
    job_welfare_all_data_list: list[Word] | None = None
    co_id: str | int | None = None
    issue_date: Text = None
    pcdetail_job_info: Encrypted | None = None


class CompanyInfo(msgspec.Struct):
    """`resultbody.coinfo`: the site writes these names in lower case. `encCoId` is taken where it is told."""

    coid: Id
    coname: FilledText
    encCoId: Text = None  # noqa: N815
    indtype1: Text = None
    cosize: Text = None
    cotype: Text = None
    caddr: Text = None


class License(msgspec.Struct, rename="camel"):
    """`resultbody.license`: the business register. Its operName is a person and is not read."""

    business_name: Text = None
    start_at: Text = None
    manage_state: Text = None
    regist_capi: Text = None
