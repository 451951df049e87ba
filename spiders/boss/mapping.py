"""Typed answers of zhipin.com -> `Job` and `Company`. Texts stay as the site wrote them; only the obvious is read here."""

from __future__ import annotations

import re
from typing import Any

from jobdata_scrapy.items import Company, Job
from spiders.boss.requests import CODES
from spiders.boss.wire import Brand, MiniJob, Row, WebJob

BASE_URL = "https://www.zhipin.com"
SESSION_KEYS = frozenset({"securityId", "lid", "sessionId", "itemId", "expectId"})  # tickets, and the rank in this very search
INTERNSHIP_LABEL = re.compile(r"\d+天/周|\d+个月")
MONTHLY_THOUSANDS = re.compile(r"\d\s*[Kk](?!.*/[天日时小])")


def make_row_job(row: Row, raw: dict[str, Any]) -> Job:
    """A list row. Its ticket is what a detail request has to give back."""
    gps = row.gps
    longitude, latitude = _point(gps.longitude, gps.latitude) if gps else (None, None)
    return Job(
        job_id=row.encrypt_job_id or "",
        title=row.job_name or "",
        company_id=row.encrypt_brand_id or "",
        company_name=row.brand_name or "",
        url=job_url(row.encrypt_job_id or ""),
        salary_text=row.salary_desc or row.job_salary or "",
        experience_text=row.job_experience or "",
        degree_text=row.job_degree or "",
        city_text=row.city_name or "",
        district_text=row.area_district or row.district_name or "",
        company_size_text=row.brand_scale_name or row.brand_scale or "",
        company_stage_text=row.brand_stage_name or row.brand_stage or "",
        industry_text=row.brand_industry or "",
        job_type=_job_type(row.job_type),
        skills=row.skills or _skills_of_labels(row),
        welfare=row.welfare_list or row.welfares or [],
        longitude=longitude,
        latitude=latitude,
        raw=raw,
        ticket={name: value for name, value in (("securityId", row.security_id), ("lid", row.lid)) if value},
    )


def make_mini_job(part: MiniJob, brand: Brand, raw: dict[str, Any]) -> Job:
    """A posting of the mini program's detail."""
    longitude, latitude = _point(part.longitude, part.latitude)
    salary = part.salary_desc or ""
    return Job(
        job_id=part.encrypt_job_id or "",
        title=part.position_name or "",
        url=job_url(part.encrypt_job_id or ""),
        salary_text=salary,
        monthly_hint=_monthly_hint(salary, part.low_salary, part.high_salary),
        experience_text=part.experience_name or "",
        degree_text=part.degree_name or "",
        city_text=part.location_name or "",
        district_text=part.area_district or "",
        job_type=_job_type(part.job_type),
        skills=part.required_skills or [],
        description=part.job_desc or "",
        longitude=longitude,
        latitude=latitude,
        raw=raw,
        **_brand_fields(brand),
    )


def make_web_job(part: WebJob, brand: Brand, raw: dict[str, Any]) -> Job:
    """A posting of the web detail."""
    longitude, latitude = _point(part.longitude, part.latitude)
    return Job(
        job_id=part.encrypt_id or "",
        title=part.job_name or "",
        url=job_url(part.encrypt_id or ""),
        salary_text=part.salary_desc or "",
        experience_text=part.experience_name or "",
        degree_text=part.degree_name or "",
        city_text=part.location_name or "",
        job_type=_job_type(part.job_type),
        skills=part.show_skills or [],
        description=part.post_description or "",
        longitude=longitude,
        latitude=latitude,
        raw=raw,
        **_brand_fields(brand),
    )


def make_company(brand: Brand, raw: dict[str, Any]) -> Company:
    """A company that has an id and a name. The legal representative is a person and is left out."""
    company_id = brand.encrypt_brand_id or ""
    return Company(
        company_id=company_id,
        name=brand.brand_name or brand.com_name or "",
        full_name=brand.com_name or "",
        url=f"{BASE_URL}/gongsi/{company_id}.html",
        industry_text=brand.industry_name or "",
        size_text=brand.scale_name or "",
        stage_text=brand.stage_name or "",
        description=brand.introduce or brand.brand_introduce or "",
        address=brand.reg_address or "",
        founded_text=brand.start_date or "",
        registered_capital_text=(brand.reg_capital or "").removeprefix("-"),  # "-" is the site's "not known"
        status_text=brand.status_desc or "",
        raw={name: value for name, value in raw.items() if name != "legalPerson"},
    )


def job_url(job_id: str) -> str:
    """The public page of a posting."""
    return f"{BASE_URL}/job_detail/{job_id}.html"


def drop_session_keys(raw: dict[str, Any]) -> dict[str, Any]:
    """A copy without what belongs to this one session and search."""
    kept = raw.copy()  # copying all and dropping five is five times as fast as choosing among forty
    for name in SESSION_KEYS:
        kept.pop(name, None)
    return kept


def _brand_fields(brand: Brand) -> dict[str, Any]:
    return {
        "company_id": brand.encrypt_brand_id or "",
        "company_name": brand.brand_name or brand.com_name or "",
        "company_size_text": brand.scale_name or "",
        "company_stage_text": brand.stage_name or "",
        "industry_text": brand.industry_name or "",
        "welfare": [text for text in brand.brand_welfares or brand.labels or [] if isinstance(text, str)],
    }


def _skills_of_labels(row: Row) -> list[str]:
    """Labels are experience and degree (days a week and months for internships), then skills."""
    known = {row.job_experience, row.job_degree}
    return [label for label in row.job_labels or [] if label not in known and not INTERNSHIP_LABEL.fullmatch(label)]


def _job_type(code: int | None) -> str:
    if code is None:
        return ""
    names: dict[str, str] = CODES["job_types"]
    return names.get(str(code), str(code))


def _monthly_hint(salary: str, low: float | None, high: float | None) -> tuple[float | None, float | None] | None:
    """lowSalary and highSalary are thousand CNY a month where the text is in K; what they mean for 元/天 was never seen."""
    if not MONTHLY_THOUSANDS.search(salary) or not (low or high):
        return None
    return (low * 1000 if low else None, high * 1000 if high else None)


def _point(longitude: float | None, latitude: float | None) -> tuple[float | None, float | None]:
    """0, 0 stands for "no place"."""
    return (longitude, latitude) if longitude and latitude else (None, None)
