"""The questions in plain Python, over the rows as they lie in the tables: what the SQL of warehouse/analytics is held against."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import Filters

PLATFORMS = ("boss", "qcwy", "zhilian")
# company name -> (as listed, its core); title -> as grouped: what test_analytics_names.py holds the SQL against
COMPANIES = {
    "字节跳动": ("字节跳动", "字节跳动"),
    "北京字节跳动科技有限公司": ("北京字节跳动科技", "字节跳动"),
    "上海银行股份有限公司": ("上海银行", "上海银行"),
    "": ("", ""),
}
TITLES = {"数据分析师": "数据分析师", "数据分析师（急聘）": "数据分析师", "C++开发 ": "c++开发"}


@dataclass
class Posting:
    """One posting by hand."""

    platform: str
    job_id: str
    row: dict[str, Any]
    first: datetime
    keywords: set[str]
    days_open: int | None = None
    reposted: bool = False
    matches: dict[str, int] = field(default_factory=dict)

    @property
    def day(self) -> date:
        return day_of(self.first)

    @property
    def salary(self) -> int:
        low, high = self.row["monthly_low"], self.row["monthly_high"]
        ends = [end for end in (low if low is not None else high, high if high is not None else low) if end is not None]
        return round(sum(ends) / 2) if ends else 0

    @property
    def group(self) -> tuple[str, str, str] | None:
        core, title = COMPANIES[self.row["company_name"]][1], TITLES[self.row["title"]]
        return (core, title, self.row["city"]) if core and title else None

    @property
    def experience(self) -> str:
        return show_range(self.row["experience_min"], self.row["experience_max"], "不限" if self.row["experience_text"] else "")


def day_of(moment: datetime) -> date:
    return moment.astimezone(BEIJING).date()


def show_range(low: float | None, high: float | None, empty: str) -> str:
    if low is None and high is None:
        return empty
    if high is None:
        return f"{low:g}+"
    return f"{low:g}" if low == high else f"{low or 0:g}-{high:g}"


GROUPS = {  # taken together from the latest row whose first column says something
    "company_name": ["company_name"], "city": ["city", "district"], "salary_text": ["salary_text", "monthly_low", "monthly_high"],
    "experience_text": ["experience_text", "experience_min", "experience_max"], "degree_text": ["degree"],
    "company_size_text": ["company_size_min", "company_size_max"], "company_stage_text": ["company_stage"],
    "industry_text": ["industry_text"], "skills": ["skills"], "welfare": ["welfare"], "description": ["description"],
    "longitude": ["longitude"], "published_at": ["published_at"],
}  # fmt: skip


def read_postings(client: WarehouseClient) -> list[Posting]:
    """Everything from the base tables, group by group as `job_analytics` says it."""
    found = []
    for platform in PLATFORMS:
        rows = list(client.query(f"SELECT * FROM {platform}_job ORDER BY job_id, crawled_at").named_results())
        keywords = dict(
            client.query(
                "SELECT job_id, groupUniqArray(keyword) FROM job_sighting WHERE platform = {p:String} GROUP BY job_id",
                {"p": platform},
            ).result_rows
        )
        closed = client.query(
            "SELECT job_id, first_seen, closed_at FROM job_lifecycle WHERE platform = {p:String} AND closed_at IS NOT NULL",
            {"p": platform},
        ).result_rows
        lives = {job_id: (day_of(at) - day_of(first)).days for job_id, first, at in closed}
        for job_id, versions in itertools.groupby(rows, key=lambda row: row["job_id"]):
            versions = list(versions)
            latest = dict(versions[-1])
            for told, names in GROUPS.items():
                with_it = [row for row in versions if row[told] not in ("", None, [])]
                latest |= {name: (with_it or versions)[-1][name] for name in names}
            words = {row["keyword"] for row in versions} | set(keywords.get(job_id, ()))
            found.append(Posting(platform, job_id, latest, versions[0]["crawled_at"], words - {""}, lives.get(job_id)))
    judge_groups(found)
    return found


def judge_groups(postings: list[Posting]) -> None:
    groups = defaultdict(list)
    for one in postings:
        if one.group:
            groups[one.group].append(one)
    for members in groups.values():
        for one in members:
            one.reposted = any(other.platform == one.platform and other.day < one.day for other in members)
            for other in members:
                if other.platform != one.platform:
                    one.matches[other.platform] = max(one.matches.get(other.platform, 0), rate_match(one, other))


def rate_match(one: Posting, other: Posting) -> int:
    (low, high), (their_low, their_high) = ((p.row["monthly_low"], p.row["monthly_high"]) for p in (one, other))
    certainty, disjoint = 0.4, False
    if None in (low, high, their_low, their_high):
        certainty += 0.2
    elif (low, high) == (their_low, their_high):
        certainty += 0.4
    else:
        certainty += 0.4 * max(0, min(high, their_high) - max(low, their_low)) / (max(high, their_high) - min(low, their_low))
    if None not in (low, their_high):
        disjoint = low > their_high
    if None not in (high, their_low):
        disjoint = disjoint or their_low > high
    for mine, theirs in ((one.row["degree"], other.row["degree"]), (one.experience, other.experience)):
        certainty += 0.05 if not mine or not theirs else 0.1 if mine == theirs else 0
    return round(certainty * (50 if disjoint else 100) + 1e-9)


def keep(postings: Iterable[Posting], filters: Filters) -> list[Posting]:
    """Those that the filters let pass."""
    tests: list[Callable[[Posting], bool]] = [
        lambda p: not filters.platforms or p.platform in filters.platforms,
        lambda p: not filters.cities or p.row["city"] in filters.cities,
        lambda p: not filters.keyword or filters.keyword in p.keywords,
        lambda p: filters.employer.lower() in p.row["company_name"].lower(),
        lambda p: filters.date_from is None or p.day >= filters.date_from,
        lambda p: filters.date_to is None or p.day <= filters.date_to,
        lambda p: filters.salary_low is None or (p.salary > 0 and p.salary >= filters.salary_low),
        lambda p: filters.salary_high is None or (0 < p.salary <= filters.salary_high),
    ]
    return [one for one in postings if all(test(one) for test in tests)]


def percentile(values: list[int], level: float) -> int:
    """Nearest rank: the least value with at least `level` of all at or below it."""
    return sorted(values)[max(0, ceil(level * len(values) - 1e-9) - 1)]


def quartiles(values: list[int], levels: tuple[float, ...]) -> tuple[int | None, ...]:
    return tuple(percentile(values, level) for level in levels) if values else (None,) * len(levels)


def top(counts: Counter[str], limit: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def postings(kept: list[Posting], every: str) -> list[tuple[Any, ...]]:
    counts = Counter((p.day if every == "day" else monday(p.day), p.platform) for p in kept)
    return [(*key, count) for key, count in sorted(counts.items())]


def reposts(kept: list[Posting]) -> list[tuple[Any, ...]]:
    counts = Counter((monday(p.day), p.platform) for p in kept)
    again = Counter((monday(p.day), p.platform) for p in kept if p.reposted)
    return [(*key, n, n - again[key], again[key], again[key] / n) for key, n in sorted(counts.items())]


VALUES: dict[str, Callable[[Posting], str]] = {
    "city": lambda p: p.row["city"],
    "degree": lambda p: p.row["degree"],
    "experience": lambda p: p.experience,
    "title": lambda p: TITLES[p.row["title"]],
    "company_size": lambda p: show_range(p.row["company_size_min"], p.row["company_size_max"], ""),
    "company_stage": lambda p: p.row["company_stage"],
    "industry": lambda p: p.row["industry_text"],
}


def salary(kept: list[Posting], by: str) -> list[tuple[Any, ...]]:
    counts = Counter(VALUES[by](p) for p in kept)
    paid = {value: [p.salary for p in kept if VALUES[by](p) == value and p.salary] for value in counts}
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    return [(value, n, len(paid[value]), *quartiles(paid[value], levels)) for value, n in top(counts, 50)]


def distribution(kept: list[Posting], of: str) -> list[tuple[Any, ...]]:
    return [(value, n, n / len(kept)) for value, n in top(Counter(VALUES[of](p) for p in kept), 100)]


def skills(kept: list[Posting], days: int, today: date) -> list[tuple[Any, ...]]:
    rows = []
    for skill, n in top(Counter(skill for p in kept for skill in p.row["skills"]), 50):
        those = [p for p in kept if skill in p.row["skills"]]
        ages = [(today - p.day).days for p in those]
        recent, before = sum(0 <= age < days for age in ages), sum(days <= age < 2 * days for age in ages)
        pay = quartiles([p.salary for p in those if p.salary], (0.25, 0.5, 0.75))
        rows.append((skill, n, *pay, recent, before, recent / before - 1 if before else None))
    return rows


def employers(kept: list[Posting]) -> list[tuple[Any, ...]]:
    names = Counter(COMPANIES[p.row["company_name"]][0] for p in kept)
    names.pop("", None)
    sites = {name: sorted({p.platform for p in kept if COMPANIES[p.row["company_name"]][0] == name}) for name in names}
    return [(name, n, n / len(kept), sites[name]) for name, n in top(names, 50)]


def closing(kept: list[Posting]) -> list[tuple[Any, ...]]:
    rows = []
    for platform in sorted({p.platform for p in kept}):
        those = [p for p in kept if p.platform == platform]
        closed = [p.days_open for p in those if p.days_open is not None]
        mean = sum(closed) / len(closed) if closed else None
        rows.append((platform, len(those), len(closed), mean, *quartiles(closed, (0.25, 0.5, 0.75, 0.9))))
    return rows


def overlap(kept: list[Posting], certainty: float) -> list[tuple[Any, ...]]:
    rows = []
    for platform, other in itertools.permutations(PLATFORMS, 2):
        those = [p for p in kept if p.platform == platform]
        found = [p.matches[other] for p in those if p.matches.get(other, -1) >= certainty * 100]
        if found:
            rows.append((platform, other, len(those), len(found), len(found) / len(those), sum(found) / len(found) / 100))
    return rows


def quality(kept: list[Posting]) -> list[tuple[Any, ...]]:
    told: dict[str, Callable[[Posting], Any]] = {
        "salary": lambda p: p.row["salary_text"], "salary_readable": lambda p: p.salary, "city": lambda p: p.row["city"],
        "district": lambda p: p.row["district"], "degree": lambda p: p.row["degree"],
        "experience": lambda p: p.row["experience_text"], "company_name": lambda p: p.row["company_name"],
        "company_size": VALUES["company_size"], "company_stage": lambda p: p.row["company_stage"],
        "industry": lambda p: p.row["industry_text"], "skills": lambda p: p.row["skills"], "welfare": lambda p: p.row["welfare"],
        "description": lambda p: p.row["description"], "published_at": lambda p: p.row["published_at"],
        "coordinates": lambda p: p.row["longitude"],
    }  # fmt: skip
    rows = []
    for platform in sorted({p.platform for p in kept}):
        those = [p for p in kept if p.platform == platform]
        for name, read in told.items():
            filled = sum(bool(read(p)) for p in those)
            rows.append((platform, name, len(those), filled, filled / len(those)))
    return rows
