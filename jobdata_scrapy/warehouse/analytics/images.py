"""What the analytics keeps of a posting (its image): one column each, and the expression over `job_analytics` that makes it."""

from __future__ import annotations

from jobdata_scrapy.warehouse.analytics.names import core_sql, employer_sql, title_sql
from jobdata_scrapy.warehouse.filters import BEIJING, SALARY

RULES = 2
"""To be raised whenever an expression below or a cube changes its meaning: everything is then rebuilt at the next refresh."""

FIELDS = {
    "posting": "1",
    "salary": "salary_text != ''",
    "salary_readable": f"isNotNull({SALARY})",
    "city": "city != ''",
    "district": "district != ''",
    "degree": "degree != ''",
    "experience": "experience_text != ''",
    "company_name": "company_name != ''",
    "company_size": "isNotNull(company_size_min) OR isNotNull(company_size_max)",
    "company_stage": "company_stage != ''",
    "industry": "industry != ''",
    "skills": "notEmpty(skills)",
    "welfare": "notEmpty(welfare)",
    "description": "description != ''",
    "published_at": "isNotNull(published_at)",
    "coordinates": "isNotNull(longitude)",
}
"""The bits of `filled`, from the lowest: what a posting states. The first is always set, it counts the postings."""


def range_sql(low: str, high: str, empty: str) -> str:
    """A band as text: 3-5, 10+, 0-50, 0; `empty` where both ends are NULL."""
    return (
        f"multiIf(isNull({low}) AND isNull({high}), {empty}, isNull({high}), concat(toString({low}), '+'), "
        f"{low} = {high}, toString({low}), concat(toString(ifNull({low}, 0)), '-', toString({high})))"
    )


BASE = {
    "company_name": "company_name",
    "employer": employer_sql("company_name"),
    "employer_core": core_sql("employer"),
    "title_key": title_sql("title"),
    "city": "city",
    "degree": "degree",
    "experience": range_sql("experience_min", "experience_max", "if(experience_text = '', '', '不限')"),
    "company_size": range_sql("company_size_min", "company_size_max", "''"),
    "company_stage": "company_stage",
    "industry": "industry",
    "skills": "skills",
    "monthly_low": "monthly_low",
    "monthly_high": "monthly_high",
    "salary": f"toUInt32(least(ifNull({SALARY}, 0), 4e9))",
    "first_crawled_at": "first_crawled_at",
    "day": f"toDate(first_crawled_at, '{BEIJING}')",
    "filled": " + ".join(f"bitShiftLeft(toUInt16({condition}), {bit})" for bit, condition in enumerate(FIELDS.values())),
    "group_key": "if(employer_core = '' OR title_key = '', 0, cityHash64(employer_core, title_key, city))",
}
"""Column of the image -> expression over `job_analytics` and the columns before it."""

NEEDED = (
    "company_name", "title", "city", "district", "degree", "experience_text", "experience_min", "experience_max",
    "company_size_min", "company_size_max", "company_stage", "industry", "skills", "welfare", "description", "salary_text",
    "monthly_low", "monthly_high", "published_at", "longitude", "first_crawled_at",
)  # fmt: skip
"""The columns of `job_analytics` that these expressions read."""
SOURCE = {"industry": "industry_text", "first_crawled_at": "crawled_at"}
"""Those that have another name in the job tables."""

KEYS = ("platform", "job_id")
JOINED = ("keywords", "days_open", "in_doubt")
"""From the sightings and the lifecycle. in_doubt: a search has missed it, but it is not closed: the next days may close it."""
DERIVED = ("reposted", "other_sites", "certainties")
"""From the other postings of the same group (employer, title, city)."""
STAGED = (*KEYS, *BASE, *JOINED)
IMAGE = (*STAGED, *DERIVED)

_EMPTY = {
    **dict.fromkeys(("skills", "keywords", "other_sites", "certainties"), "[]"),
    **dict.fromkeys(("monthly_low", "monthly_high", "days_open"), "NULL"),
    **dict.fromkeys(("salary", "filled", "group_key", "in_doubt", "reposted"), "0"),
    "first_crawled_at": "toDateTime64(0, 3, 'UTC')",
    "day": "toDate(0)",
}
EMPTY_IMAGE = ", ".join(f"{_EMPTY.get(name, repr(''))} AS {name}" for name in IMAGE)
"""For the marker row of a batch."""
