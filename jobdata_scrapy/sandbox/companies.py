"""Made-up companies. An id tells the company's number, so that a profile can be asked for long after the list was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from jobdata_scrapy.sandbox import draws
from jobdata_scrapy.sandbox.data import CITIES, CITY_NAMES, SHARES, WORDS

PER_CITY = 1000
PERSON = "沙盒"  # stands in every made-up person's name, so that a test can look for what must not be stored


@dataclass(frozen=True, slots=True)
class Company:
    """One company of one site. `number` is city x PER_CITY + rank; `legal_person` is personal data (made up)."""

    site: str
    number: int
    company_id: str
    public_id: str
    city: str
    brand: str
    full_name: str
    size: str
    size_code: str
    stage: str
    type: str
    industry: str
    industry_codes: tuple[str, str]
    legal_person: str
    capital: str
    founded: str
    status: str
    address: str


@lru_cache(maxsize=4096)
def make_company(seed: int, site: str, company_number: int) -> Company:
    """The company with this number; the same for ever."""
    draw = draws.Draw(seed, site, "company", company_number)
    city_rank = company_number // PER_CITY
    city = CITY_NAMES[city_rank] if city_rank < len(CITY_NAMES) else ""
    shares = SHARES[site]
    field = draw.pick(WORDS["fields"])
    brand = f"{draw.pick(WORDS['brands'])}{draw.pick(WORDS['brands'])}{field}"
    size = draw.weighted(shares["size"])
    industry, boss_code, qcwy_code = draw.pick(WORDS["industries"])
    district = draw.pick(CITIES.get(city, {}).get("districts") or [""])
    company_id, public_id = company_ids(seed, site, company_number)
    return Company(
        site=site,
        number=company_number,
        company_id=company_id,
        public_id=public_id,
        city=city,
        brand=brand,
        full_name=f"{city}{brand}{draw.pick(WORDS['suffixes'])}",
        size=size[0],
        size_code=size[2] if len(size) > 2 else "",
        stage=draw.weighted(shares["stage"])[0],
        type=draw.weighted(shares["type"])[0],
        industry=industry,
        industry_codes=(boss_code, qcwy_code),
        legal_person=f"{PERSON}法人{company_number}号",
        capital=f"{draw.pick([50, 100, 500, 1000, 5000])}万人民币" if draw.chance(0.9) else "-",
        founded=f"{2000 + draw.below(24)}-{1 + draw.below(12):02d}-{1 + draw.below(28):02d}",
        status=draw.pick(WORDS["statuses"]),
        address=f"{city}市{district}{draw.pick(WORDS['roads'])}{1 + draw.below(300)}号",
    )


def company_ids(seed: int, site: str, company_number: int) -> tuple[str, str]:
    """(id as the site's rows carry it, id as its company page is asked with)."""
    if site == "boss":
        boss_id = f"{draws.digest(seed, site, company_number, size=8).hex()}1nB{company_number:07d}~"
        return boss_id, boss_id
    if site == "qcwy":
        return str(7_000_000 + company_number), f"{draws.text(seed, site, company_number, length=12)}{company_number:07d}"
    zhilian_id = f"CZ{500_000_000 + company_number}"
    return zhilian_id, zhilian_id


def find_company(seed: int, site: str, some_id: str) -> Company | None:
    """The company that one of its two ids belongs to, or None where the id is not one of ours."""
    tail = re.search(r"(\d{7})~?$", some_id)
    if tail is None:
        return None
    digits = int(tail[1])
    for company_number in {digits, digits - 7_000_000}:
        if company_number >= 0 and some_id in company_ids(seed, site, company_number):
            return make_company(seed, site, company_number)
    return None
