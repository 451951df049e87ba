"""Made-up postings: what one is, before a site's wire shape is put on it. Shares as seen in captures (docs/sandbox.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from jobdata_scrapy.sandbox import draws
from jobdata_scrapy.sandbox.companies import PER_CITY, PERSON, Company, make_company
from jobdata_scrapy.sandbox.data import CITIES, CITY_NAMES, COUNTRY, SHARES, WORDS

NEWEST = datetime(2026, 9, 30, 18, 0, tzinfo=timezone(timedelta(hours=8)))
COMPANIES_IN_A_CITY = 300
CONTACT_SHARE = 0.06
INTERN_SHARE = 0.05
HEADHUNTER_SHARE = 0.08

PAY_SHARES = {
    "boss": draws.Weighted([["month", 44], ["months", 51], ["none", 1]]),
    "qcwy": draws.Weighted([["month", 70], ["months", 22], ["year", 5], ["day", 0.3], ["below", 0.2], ["none", 1.5]]),
    "zhilian": draws.Weighted([["month", 68], ["months", 26], ["none", 3]]),
}


def time_text(moment: datetime) -> str:
    """`2026-09-30 18:00:00`, Beijing time, as the sites tell it."""
    return moment.isoformat(" ", "seconds")[:19]


class SearchKey(NamedTuple):
    """One search; `city` is the national name."""

    site: str
    keyword: str
    city: str


class Pay(NamedTuple):
    """kind: month, year, day, below or none; low, high: CNY per that unit; months: 12 where the posting tells none."""

    kind: str
    low: int
    high: int
    months: int


@dataclass(frozen=True, slots=True)
class Posting:
    """One posting. `dirt` is a number from 0 to 999 that decides its irregularities; `person` is made-up personal data."""

    job_id: str
    title: str
    company: Company
    pay: Pay
    experience: str
    experience_code: str
    degree: str
    city: str
    district: str
    district_rank: int
    area: str
    skills: tuple[str, ...]
    welfare: tuple[str, ...]
    description: str
    published: datetime
    person: str
    person_number: int
    intern: bool
    headhunter: bool
    dirt: int
    lon: float
    lat: float


def posting_id(seed: int, key: SearchKey, slot: int) -> str:
    """The public id of the posting in this slot, in the form its site gives ids."""
    if key.site == "boss":
        return f"{draws.digest(seed, *key, slot, size=8).hex()}1n{draws.text(seed, *key, slot, length=10)}"
    digits = draws.number(seed, *key, slot)
    if key.site == "qcwy":
        return str(10**11 + digits % (9 * 10**11))
    return f"CC{500_000_000 + digits % 1_000_000}J40{digits // 1_000_000 % 10**12:012d}"


def make_posting(seed: int, key: SearchKey, slot: int, revision: int) -> Posting:
    """The posting in this slot; another `revision` is the same posting with another salary."""
    draw = draws.Draw(seed, *key, slot)
    shares = SHARES[key.site]
    city = draw.pick(CITY_NAMES) if key.city == COUNTRY else key.city
    place = CITIES.get(city, {})
    districts = place.get("districts") or [""]
    district_rank = draw.below(len(districts))
    city_rank = CITY_NAMES.index(city) if city in CITY_NAMES else len(CITY_NAMES)
    company = make_company(seed, key.site, city_rank * PER_CITY + draw.below(COMPANIES_IN_A_CITY))
    intern = draw.chance(INTERN_SHARE)
    title = draw.pick(WORDS["intern_titles" if intern else "titles"])
    experience = draw.weighted(shares["experience"])
    person_number = draw.below(10**6)
    person = f"{PERSON}招聘人{person_number}号"
    return Posting(
        job_id=posting_id(seed, key, slot),
        title=title.format(kw=key.keyword or "综合岗位", city=city, n=1000 + draw.below(9000)),
        company=company,
        pay=_revised(_draw_pay(draw, key.site, intern), revision),
        experience=experience[0],
        experience_code=experience[2] if len(experience) > 2 else "",
        degree=draw.weighted(shares["degree"])[0],
        city=city,
        district=districts[district_rank],
        district_rank=district_rank,
        area=draw.pick(WORDS["areas"]),
        skills=tuple(draw.some(WORDS["skills"], 0, 5)),
        welfare=tuple(draw.some(WORDS["welfare"], 0, 6)),
        description=_describe(draw, person, person_number),
        published=NEWEST - timedelta(seconds=draw.below(45 * 86400)),
        person=person,
        person_number=person_number,
        intern=intern,
        headhunter=draw.chance(HEADHUNTER_SHARE),
        dirt=draw.below(1000),
        lon=round(place.get("lon", 104.0) + draw.below(2000) / 10000 - 0.1, 6),
        lat=round(place.get("lat", 35.0) + draw.below(2000) / 10000 - 0.1, 6),
    )


def _draw_pay(draw: draws.Draw, site: str, intern: bool) -> Pay:
    kind = "day" if intern else draw.weighted(PAY_SHARES[site])[0]
    low = 1000 * (3 + int(draw.below(100) ** 2 / 250))  # 3,000 to 42,000, most of them small
    high = low + 1000 * (1 + draw.below(max(2, low // 1500)))
    months = 13 + draw.below(4)
    if kind == "months":
        return Pay("month", low, high, months)
    if kind == "day":
        return Pay("day", 100 + 10 * draw.below(20), 310 + 10 * draw.below(20), 12)
    if kind == "year":
        return Pay("year", low * 12 // 10000 * 10000 + 10000, high * 12 // 10000 * 10000 + 20000, 12)
    return Pay(kind, low, high, 12)


def _revised(pay: Pay, revision: int) -> Pay:
    """A pay that differs from that of every other revision."""
    if not revision:
        return pay
    base = pay if pay.kind == "month" else Pay("month", 90_000, 95_000, 12)
    return base._replace(low=base.low + 1000 * revision, high=base.high + 1000 * revision)


def _describe(draw: draws.Draw, person: str, person_number: int) -> str:
    duties = [f"{rank}、{line}；" for rank, line in enumerate(draw.some(WORDS["duties"], 3, 7), 1)]
    demands = [f"{rank}、{line}；" for rank, line in enumerate(draw.some(WORDS["demands"], 3, 7), 1)]
    lines = ["岗位职责：", *duties, "", "任职要求：", *demands]
    if draw.chance(CONTACT_SHARE):
        lines.append(f"有意者请联系{person}，电话1390000{person_number % 10000:04d}，邮箱hr{person_number}@sandbox.invalid")
    return "\n".join(lines)
