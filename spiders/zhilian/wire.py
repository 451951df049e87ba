"""The JSON of zhaopin.com as typed structs: the fields we use, under the site's own names. docs/platforms.md has the sources.

The same thing has several names and places: each is taken where it stands, and `parse` chooses.
"""

from __future__ import annotations

from typing import Any

import msgspec

from jobdata_scrapy.wire import Text

SITE = "zhilian"


class SearchData(msgspec.Struct, rename="camel"):
    """`data` of a list. `count` stops at 100."""

    rows: list[Any] = msgspec.field(name="list")
    count: int | None = None
    is_end_page: bool | int | None = None


class SearchAnswer(msgspec.Struct):
    """A list answer with code 200."""

    data: SearchData


class Label(msgspec.Struct):
    """{state, value} in skillLabel and welfareLabel, {tag} in showSkillTags, {name} in jobSkillTags."""

    value: Text = None
    tag: Text = None
    name: Text = None


Labels = list[str | Label] | None


class Stage(msgspec.Struct):
    """`financingStage`."""

    name: Text = None


class Base(msgspec.Struct, rename="camel"):
    """`jobDetailData.position.base`."""

    position_number: Text = None
    position_name: Text = None
    position_url: Text = None
    position_working_exp: Text = None
    salary: Text = None
    work_type: Text = None
    education: Text = None


class Desc(msgspec.Struct, rename="camel"):
    """`jobDetailData.position.desc`: the whole description without a second request."""

    description: Text = None
    labels: Labels = None
    welfare_label: Labels = None


class WorkLocation(msgspec.Struct, rename="camel"):
    """`jobDetailData.position.workLocation`."""

    position_city_id: str | int | None = None


class Position(msgspec.Struct, rename="camel"):
    """`jobDetailData.position`."""

    base: Base | None = None
    desc: Desc | None = None
    work_location: WorkLocation | None = None


class JobDetailData(msgspec.Struct):
    """`jobDetailData` of a list row, from 2026."""

    position: Position | None = None


class Row(msgspec.Struct, rename="camel"):
    """One posting of a list, in the API's answer or in the page's `positionList`."""

    number: Text = None
    name: Text = None
    position_url: Text = None
    positionURL: Text = None  # noqa: N815 - both spellings occur
    salary60: Text = None
    salary_real: Text = None
    salary_count: Text = None
    work_city: Text = None
    city_id: str | int | None = None
    city_district: Text = None
    working_exp: Text = None
    education: Text = None
    work_type: Text = None
    company_name: Text = None
    company_number: Text = None
    company_size: Text = None
    property: Text = None
    property_name: Text = None
    financing_stage: Stage | None = None
    industry_name: Text = None
    publish_time: Text = None
    job_posting_time: str | int | None = None
    skill_label: Labels = None
    show_skill_tags: Labels = None
    job_skill_tags: Labels = None
    welfare_label: Labels = None
    welfare_tag_list: Labels = None
    job_knowledge_welfare_features: Labels = None
    job_summary: Text = None
    job_detail_data: JobDetailData | None = None


class Detail(msgspec.Struct, rename="camel"):
    """`data.detailedPosition`."""

    number: Text = None
    position_number: Text = None
    name: Text = None
    position_name: Text = None
    position_url: Text = None
    salary60: Text = None
    salary_count: Text = None
    position_work_city: Text = None
    work_city: Text = None
    position_city_id: str | int | None = None
    city_id: str | int | None = None
    position_city_district: Text = None
    city_district: Text = None
    position_working_exp: Text = None
    working_exp: Text = None
    education: Text = None
    work_type: Text = None
    empl_type: Text = None
    company_name: Text = None
    company_number: Text = None
    latitude: str | float | None = None
    longitude: str | float | None = None
    skill_label: Labels = None
    welfare_label: Labels = None
    job_desc: Text = None
    position_publish_time: Text = None
    publish_time: Text = None


class DetailedCompany(msgspec.Struct, rename="camel"):
    """`data.detailedCompany`."""

    company_number: Text = None
    company_name: Text = None
    company_url: Text = None
    company_size: Text = None
    industry_name_level: Text = None
    industry_level: Text = None
    financing_stage_name: Text = None
    company_description: Text = None
