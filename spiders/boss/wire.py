"""The JSON of zhipin.com as typed structs: the fields we use, under the site's own names. docs/platforms.md has the sources.

One struct takes all shapes of the same thing: the mini program and the web site name some fields differently.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import orjson

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.platform import PageKind

SITE = "boss"
StructT = TypeVar("StructT", bound=msgspec.Struct)


class Gps(msgspec.Struct):
    """GCJ-02 degrees."""

    longitude: float | None = None
    latitude: float | None = None


class Row(msgspec.Struct, rename="camel"):
    """A list row: web (areaDistrict, brandStageName, welfareList) or mini program (districtName, brandStage, welfares)."""

    encrypt_job_id: str | None = None
    job_name: str | None = None
    salary_desc: str | None = None
    job_salary: str | None = None
    job_labels: list[str] | None = None
    skills: list[str] | None = None
    job_experience: str | None = None
    job_degree: str | None = None
    city_name: str | None = None
    area_district: str | None = None
    district_name: str | None = None
    job_type: int | None = None
    gps: Gps | None = None
    encrypt_brand_id: str | None = None
    brand_name: str | None = None
    brand_stage_name: str | None = None
    brand_stage: str | None = None
    brand_scale_name: str | None = None
    brand_scale: str | None = None
    brand_industry: str | None = None
    welfare_list: list[str] | None = None
    welfares: list[str] | None = None
    security_id: str | None = None
    lid: str | None = None


class MiniJob(msgspec.Struct, rename="camel"):
    """`jobBaseInfoVO` of the mini program's detail. lowSalary, highSalary: thousand CNY a month; salaryMonth is always 0."""

    encrypt_job_id: str | None = None
    position_name: str | None = None
    salary_desc: str | None = None
    low_salary: float | None = None
    high_salary: float | None = None
    experience_name: str | None = None
    degree_name: str | None = None
    location_name: str | None = None
    area_district: str | None = None
    job_type: int | None = None
    required_skills: list[str] | None = None
    job_desc: str | None = None
    longitude: float | None = None
    latitude: float | None = None


class WebJob(msgspec.Struct, rename="camel"):
    """`jobInfo` of the web detail."""

    encrypt_id: str | None = None
    job_name: str | None = None
    salary_desc: str | None = None
    experience_name: str | None = None
    degree_name: str | None = None
    location_name: str | None = None
    job_type: int | None = None
    show_skills: list[str] | None = None
    post_description: str | None = None
    longitude: float | None = None
    latitude: float | None = None


class Brand(msgspec.Struct, rename="camel"):
    """A company: `brandComInfoVO` (mini program), `brandComInfo` (web detail) or the answer of brand/detail."""

    encrypt_brand_id: str | None = None
    brand_name: str | None = None
    com_name: str | None = None
    industry_name: str | None = None
    stage_name: str | None = None
    scale_name: str | None = None
    introduce: str | None = None
    brand_introduce: str | None = None
    reg_address: str | None = None
    start_date: str | None = None
    reg_capital: str | None = None
    status_desc: str | None = None
    brand_welfares: list[Any] | None = None
    labels: list[Any] | None = None


class _BatchAnswer(msgspec.Struct, rename="camel"):
    zp_data: dict[str, msgspec.Raw] | list[msgspec.Raw]


def decode_data(body: bytes, page_kind: str) -> dict[str, Any]:
    """`zpData` of an answer. Raises ParseError when the body is no JSON envelope or has no such object."""
    try:
        envelope = orjson.loads(body)  # where no shape is asked for, half as dear as msgspec
    except (ValueError, RecursionError) as error:  # broken UTF-8 is a plain ValueError
        raise ParseError(SITE, page_kind, "body", f"is no JSON ({type(error).__name__})") from None
    data = envelope.get("zpData") if isinstance(envelope, dict) else None
    if not isinstance(data, dict):
        raise ParseError(SITE, page_kind, "zpData", "missing" if data is None else f"is a {type(data).__name__}, not an object")
    return data


def decode_batch(body: bytes) -> dict[str, msgspec.Raw] | list[msgspec.Raw]:
    """`zpData` of a batch answer, its parts still undecoded. Raises ParseError when it is neither an object nor a list."""
    try:
        return msgspec.json.decode(body, type=_BatchAnswer).zp_data
    except (ValueError, RecursionError) as error:
        raise ParseError(SITE, PageKind.DETAIL_BATCH, "zpData", f"is no set of answers ({type(error).__name__})") from None


def convert_part(part: object, struct: type[StructT], page_kind: str, path: str) -> StructT:
    """`part` as a struct. Raises ParseError naming the field below `path`."""
    try:
        return msgspec.convert(part, struct)
    except msgspec.ValidationError as error:
        name, reason = explain_mistyped(error)
        raise ParseError(SITE, page_kind, f"{path}.{name}" if name else path, reason) from None


def explain_mistyped(error: msgspec.ValidationError) -> tuple[str, str]:
    """(field, reason) of a conversion error: ("jobName", "expected str, got int")."""
    text = str(error).replace("`", "")
    reason, _, place = text.partition(" - at $")
    return re.sub(r"\[\.\.\.\]|\[\d+\]", "[]", place).lstrip("."), reason[:1].lower() + reason[1:]
