"""What happens to a page, as pure functions over one Page: validate, strip personal fields, normalise, mark repeats.

The pipelines call one step each; whoever else takes in pages runs the same steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState
from jobdata_scrapy.json_paths import make_tree, visit
from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.city import resolve_area
from jobdata_scrapy.normalize.company import parse_size, parse_stage
from jobdata_scrapy.normalize.degree import parse_degree
from jobdata_scrapy.normalize.experience import parse_experience
from jobdata_scrapy.normalize.published import parse_published
from jobdata_scrapy.normalize.salary import parse_salary
from jobdata_scrapy.normalize.skills import clean_skills
from jobdata_scrapy.normalize.text import clean_text, mask_contacts
from jobdata_scrapy.platform import NATIONWIDE, Platform

MAX_ID_LENGTH = 128
MAX_TITLE_LENGTH = 500
JOB_TEXTS = ("title", "company_name", "description")  # what people write, and write their telephone numbers into
JOB_LISTS = ("skills", "welfare")
COMPANY_TEXTS = ("name", "full_name", "description", "address")


def validate_page(page: Page) -> list[RejectedRow]:
    """Moves each posting that cannot be kept from `page.jobs` to `page.rejected`. Returns what it moved."""
    moved: list[RejectedRow] = []
    good: list[Job] = []
    for job in page.jobs:
        problem = _find_problem(job)
        if problem is None:
            good.append(job)
        else:
            field, reason = problem
            moved.append(RejectedRow(field, reason, row_id=job.job_id[:MAX_ID_LENGTH], raw=job.raw))
    if moved:
        page.jobs = good
        page.rejected.extend(moved)
    return moved


def _find_problem(job: Job) -> tuple[str, str] | None:
    if not job.job_id:
        return "job_id", "is empty"
    if len(job.job_id) > MAX_ID_LENGTH:
        return "job_id", f"is longer than {MAX_ID_LENGTH} characters"
    if not job.title.strip():
        return "title", "is empty"
    if len(job.title) > MAX_TITLE_LENGTH:
        return "title", f"is longer than {MAX_TITLE_LENGTH} characters"
    return None


def strip_personal(page: Page, platform: Platform) -> tuple[int, int]:
    """Removes the site's declared personal fields from every raw answer of the page; masks contacts in free text, never in ids.

    Returns (fields removed, contacts masked).
    """
    dropped = masked = 0
    personal, free_text = make_tree(platform.personal_paths), make_tree(platform.free_text_paths)
    for raw in _raws(page):
        dropped += visit(raw, personal, _drop_key)
        masked += visit(raw, free_text, _mask_key)
    masked += sum([_mask_fields(job, JOB_TEXTS) + _mask_lists(job) for job in page.jobs])
    masked += sum(_mask_fields(company, COMPANY_TEXTS) for company in page.companies)
    return dropped, masked


def _mask_fields(row: Job | Company, names: tuple[str, ...]) -> int:
    masked = 0
    for name in names:
        text, found = mask_contacts(getattr(row, name))
        if found:
            setattr(row, name, text)
            masked += found
    return masked


def _mask_lists(job: Job) -> int:
    masked = 0
    for name in JOB_LISTS:
        words, found = _mask_words(getattr(job, name))
        if found:
            setattr(job, name, words)
            masked += found
    return masked


def _mask_words(words: list[Any]) -> tuple[list[Any], int]:
    """A list's texts masked; what is no text stays."""
    pairs = [mask_contacts(word) if isinstance(word, str) else (word, 0) for word in words]
    masked = sum([found for _, found in pairs])
    return ([word for word, _ in pairs] if masked else words), masked


def _raws(page: Page) -> Iterable[dict[str, Any]]:
    rows: tuple[Job | Company | RejectedRow, ...] = (*page.jobs, *page.companies, *page.rejected)
    return (row.raw for row in rows if row.raw)


def drop_path(node: Any, path: list[str]) -> int:
    """Deletes what stands at the path (see `json_paths`) below `node`; returns how many it deleted, empty ones not counted."""
    return visit(node, make_tree((".".join(path),)), _drop_key)


def _drop_key(node: dict[str, Any], key: str) -> int:
    return 1 if node.pop(key) is not None else 0


def _mask_key(node: dict[str, Any], key: str) -> int:
    value = node[key]
    if isinstance(value, str):
        node[key], found = mask_contacts(value)
    elif isinstance(value, list):
        node[key], found = _mask_words(value)
    else:
        found = 0
    return found


def normalize_page(page: Page) -> list[tuple[str, str]]:
    """Fills the normalised fields of every posting and company, and their content hash.

    What cannot be read stays raw text with its normalised fields empty; returned as (field, text), one for each.
    """
    unreadable: list[tuple[str, str]] = []
    for job in page.jobs:
        _normalize_job(job, page, unreadable)
    for company in page.companies:
        _normalize_company(company, unreadable)
    return unreadable


def _normalize_job(job: Job, page: Page, unreadable: list[tuple[str, str]]) -> None:
    job.title = job.title.strip()
    job.description = _clean_description(job.description)
    job.skills = clean_skills(job.skills, drop=(job.experience_text, job.degree_text))
    job.content_hash = hash_content(_job_content(job))
    try:
        salary = parse_salary(job.salary_text)
        job.salary_low, job.salary_high, job.salary_months = salary.low, salary.high, salary.months
        job.salary_unit = salary.unit
        job.monthly_low, job.monthly_high = salary.monthly_low, salary.monthly_high
    except UnreadableText:
        unreadable.append(("salary", job.salary_text))
    if job.monthly_hint is not None and job.monthly_low is None and job.monthly_high is None:
        job.monthly_low, job.monthly_high = job.monthly_hint
    try:
        job.experience_min, job.experience_max = parse_experience(job.experience_text)
    except UnreadableText:
        unreadable.append(("experience", job.experience_text))
    try:
        job.degree = parse_degree(job.degree_text)
    except UnreadableText:
        unreadable.append(("degree", job.degree_text))
    try:
        area = resolve_area(job.city_text or ("" if page.city == NATIONWIDE else page.city), job.district_text)
        job.area_code, job.city, job.district = area.code, area.city, area.district
    except UnreadableText:
        unreadable.append(("city", job.city_text))
    try:
        job.company_size_min, job.company_size_max = parse_size(job.company_size_text)
    except UnreadableText:
        unreadable.append(("company_size", job.company_size_text))
    try:
        job.company_stage = parse_stage(job.company_stage_text)
    except UnreadableText:
        unreadable.append(("company_stage", job.company_stage_text))
    try:
        job.published_at = parse_published(job.published_text, page.fetched_at)
    except UnreadableText:
        unreadable.append(("published", job.published_text))


def _normalize_company(company: Company, unreadable: list[tuple[str, str]]) -> None:
    company.name = company.name.strip()
    company.description = _clean_description(company.description)
    company.content_hash = hash_content(_company_content(company))
    try:
        company.size_min, company.size_max = parse_size(company.size_text)
    except UnreadableText:
        unreadable.append(("company_size", company.size_text))
    try:
        company.stage = parse_stage(company.stage_text)
    except UnreadableText:
        unreadable.append(("company_stage", company.stage_text))


def _clean_description(text: str) -> str:
    """Plain lines. Markup may have stood amid a contact ("微信：<b>abc12345</b>"), which was none until it was gone."""
    cleaned = clean_text(text)
    return cleaned if cleaned == text else mask_contacts(cleaned)[0]


def _job_content(job: Job) -> list[Any]:
    """What makes another version of a posting: its own words, not its rank, tickets or time of refresh."""
    return [
        *(job.title, job.company_id, job.company_name, job.salary_text, job.experience_text, job.degree_text),
        *(job.city_text, job.district_text, job.job_type, job.description, sorted(job.skills), sorted(job.welfare)),
        *(job.company_size_text, job.company_stage_text, job.company_type_text, job.industry_text),
    ]


def _company_content(company: Company) -> list[Any]:
    return [
        *(company.name, company.full_name, company.industry_text, company.size_text, company.stage_text, company.type_text),
        *(company.description, company.address, company.founded_text, company.registered_capital_text, company.status_text),
    ]


def hash_content(content: list[Any]) -> str:
    """32 hex digits over the JSON of `content`; equal content, equal hash, on every machine."""
    return hashlib.blake2b(orjson.dumps(content), digest_size=16).hexdigest()


def mark_repeats(page: Page, seen: set[str]) -> int:
    """Marks each posting whose id is in `seen` (or came earlier on this page) as REPEATED and adds the others to `seen`.

    Removes nothing: a second crawl with a feed would be empty otherwise. Returns how many it marked.
    """
    repeats = 0
    for job in page.jobs:
        if job.job_id in seen:
            job.state = RowState.REPEATED
            repeats += 1
        else:
            seen.add(job.job_id)
    return repeats
