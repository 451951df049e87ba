"""51job's shapes (docs/platforms.md 2.2): list item with all of its columns, company."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson

from jobdata_scrapy.sandbox.companies import Company
from jobdata_scrapy.sandbox.data import CITIES, WORDS
from jobdata_scrapy.sandbox.postings import Pay, Posting, time_text

WAN, QIAN = 10_000, 1_000
WELFARE_CODES = {name: str(100_820 + rank) for rank, name in enumerate(WORDS["welfare"])}


def salary_text(pay: Pay) -> str:
    """`6-8千`, `8千-1.2万·13薪`, `1-1.5万`, `20-30万/年`, `120元/天`, `1.5千/天`, `3千及以下` or empty."""
    if pay.kind == "none":
        return ""
    if pay.kind == "day":
        return f"{pay.low}元/天" if pay.low % 40 else f"{pay.low / QIAN:g}千/天"
    if pay.kind == "below":
        return f"{pay.low // QIAN}千及以下"
    if pay.kind == "year":
        return f"{pay.low // WAN}-{pay.high // WAN}万/年"
    months = "" if pay.months == 12 else f"·{pay.months}薪"
    if pay.high < WAN:
        return f"{pay.low / QIAN:g}-{pay.high / QIAN:g}千{months}"
    low = f"{pay.low / QIAN:g}千" if pay.low < WAN else f"{pay.low / WAN:g}"
    return f"{low}-{pay.high / WAN:g}万{months}"


def list_item(posting: Posting) -> dict[str, Any]:
    """One row, without what changes with every request (`property`, `jobHref`, `jobScheme`)."""
    tags = [*filter(None, (posting.experience, posting.degree)), *posting.skills, *posting.welfare]
    return {
        "jobId": int(posting.job_id) if posting.dirt % 50 == 7 else posting.job_id,
        "jobType": "16" if posting.dirt % 3 else "0",
        "jobName": posting.title,
        "jobTags": tags,
        "jobNumString": "招若干人" if posting.dirt % 5 == 0 else "",
        **_place(posting),
        "provideSalaryString": salary_text(posting.pay),
        **_dates(posting),
        "workYear": posting.experience_code,
        "workYearString": posting.experience,
        "degreeString": posting.degree,
        "industryType1": posting.company.industry_codes[1],
        "industryType2": "",
        "industryType1Str": posting.company.industry,
        "industryType2Str": "",
        "funcType1Code": "A0JQ",
        "funcType2Code": "",
        "major1Str": "",
        "major2Str": "",
        **_company_columns(posting),
        **_recruiter(posting),
        **_flags(posting),
        "lon": f"{posting.lon:.6f}",
        "lat": f"{posting.lat:.6f}",
        "adId": "",
        "jobDescribe": posting.description.replace("\n", "\\n") if posting.dirt % 40 == 3 else posting.description,
        "companyHref": f"https://jobs.51job.com/all/co{posting.company.public_id}.html",
        "ctmId": posting.company.number + 6_000_000,
        "term": "0",
        "termStr": "全职",
        "landmarkId": "",
        "landmarkString": posting.area,
        "retrieverName": "JobTermBasedRetriever",
        "exrInfo02": '{"retrieverName":"JobTermBasedRetriever","referJobId":""}',
        "jobTagsForOrder": tags,
        "sesameLabelList": [],
        "jobWelfareCodeDataList": [_welfare(name) for name in posting.welfare],
        **_numbers(posting.pay),
    }


class RequestColumns:
    """The columns that tell the request: a JSON string inside the JSON, and addresses with a tracking query."""

    def __init__(self, request_id: str, page: int, keyword: str) -> None:
        told = {
            "isInitiative": "是",
            "pageCode": "sou|sou|soulb",
            "keyword": keyword,
            "pageNum": str(page),
            "requestId": request_id,
        }
        self._request_id = request_id
        self._head = orjson.dumps(told).decode()[:-1] + ',"jobRank":"'
        self._quoted_head = quote(self._head)

    def of(self, job_id: str, pinyin: str, rank: int) -> dict[str, str]:
        """`property`, `jobHref` and `jobScheme` of one row."""
        tail = f'{rank}"}}'
        return {
            "property": self._head + tail,
            "jobHref": f"https://jobs.51job.com/{pinyin}/{job_id}.html?s=sou_sou_soulb&t=16_0&req={self._request_id}",
            "jobScheme": f"qiancheng://home/show_job_info?jobid={job_id}&property={self._quoted_head}{rank}%22%7D",
        }


def company(profile: Company) -> dict[str, Any]:
    """`resultbody` of company-info/pc-info."""
    return {
        "coinfo": {
            "coid": profile.company_id,
            "ctmId": profile.number + 6_000_000,
            "encCoId": profile.public_id,
            "coname": profile.full_name,
            "indtype1": profile.industry,
            "cosize": profile.size,
            "cotype": profile.type,
            "caddr": profile.address,
            "coinfo": f"{profile.full_name}，专注{profile.industry}。",
        },
        "license": {
            "businessName": profile.full_name,
            "operName": profile.legal_person,
            "startAt": profile.founded,
            "manageState": profile.status,
            "registCapi": profile.capital,
        },
        "sesameLabelList": [{"labelName": "高新技术企业"}] if profile.number % 4 == 0 else [],
    }


def _place(posting: Posting) -> dict[str, Any]:
    """The area in words, codes and levels; one in eight names no district, one in two hundred no city either."""
    place = CITIES.get(posting.city, {})
    city_code = str(place.get("qcwy", "000000"))
    province = str(place.get("province", posting.city))
    own_level = city_code.endswith("0000")
    detail = {
        "provinceCode": city_code if own_level else f"{city_code[:2]}0000",
        "provinceString": posting.city if own_level else province,
        "cityCode": city_code,
        "cityString": posting.city,
    }
    if not posting.district or posting.dirt % 8 == 1:
        return _area(posting.city, city_code, city_code, detail, place)
    rank = posting.district_rank + 1
    area_code = f"{city_code[:2]}{rank:02d}00" if own_level else f"{city_code[:4]}{rank:02d}"
    if posting.dirt % 200 == 2:
        return _area("异地招聘", area_code, city_code, detail, place)
    detail |= {"districtString": posting.district}
    if posting.dirt % 3 == 0:
        detail |= {"landMarkString": posting.area}
    return _area(f"{posting.city}·{posting.district}", area_code, city_code, detail, place)


def _area(text: str, area_code: str, city_code: str, detail: dict[str, str], place: dict[str, Any]) -> dict[str, Any]:
    return {
        "workAreaCode": area_code,
        "jobAreaCode": city_code,
        "jobAreaString": text,
        "jobAreaLevelDetail": detail,
        "hrefAreaPinYin": place.get("pinyin", "all"),
    }


def _dates(posting: Posting) -> dict[str, str]:
    return {
        "issueDateString": time_text(posting.published),
        "confirmDateString": time_text(posting.published - timedelta(hours=6)),
        "updateDateTime": time_text(posting.published - timedelta(hours=5)),
    }


def _numbers(pay: Pay) -> dict[str, str]:
    """CNY per month; what stands here for days and years was never seen, so nothing does."""
    monthly = pay.kind == "month"
    return {"jobSalaryMax": str(pay.high) if monthly else "", "jobSalaryMin": str(pay.low) if monthly else ""}


def _company_columns(posting: Posting) -> dict[str, Any]:
    company = posting.company
    return {
        "coId": company.company_id,
        "encCoId": company.public_id,
        "companyName": company.brand,
        "fullCompanyName": company.full_name,
        "companyLogo": "https://img04.51jobcdn.com/sandbox/logo.png",
        "companyTypeString": company.type,
        "companySizeString": company.size,
        "companySizeCode": company.size_code,
        "companyIndustryType1Str": company.industry,
        "companyIndustryType2Str": "",
    }


def _recruiter(posting: Posting) -> dict[str, Any]:
    return {
        "hrUid": f"hr{posting.person_number:08d}",
        "hrName": posting.person,
        "smallHrLogoUrl": f"https://sandbox.invalid/avatar/{posting.person_number}.png",
        "hrPosition": "人事",
        "hrMedalTitle": "",
        "hrMedalLevel": "",
        "hrLabels": ["今日回复10+次"],
        "hrActiveStatusGreen": "",
        "hrInfoType": 0,
    }


def _flags(posting: Posting) -> dict[str, Any]:
    names = (
        "isCommunicate isFromXyx isModelEmployer isQuickFeedback isAd isPromotion isApply isExpire isRemoteWork hasHrMobile "
        "isAllowChat isOnline hrIsOnline allowChatOnline"
    )
    flags: dict[str, Any] = dict.fromkeys(names.split(), False)
    return flags | {
        "isIntern": posting.intern,
        "showHrMedalTitle": True,
        "contactAllowed": "0",
        "contactDay": "",
        "contactTime": "",
    }


def _welfare(name: str) -> dict[str, str]:
    return {"code": WELFARE_CODES[name], "chineseTitle": name, "englishTitle": "", "typeCode": "10035", "typeTitle": "福利待遇"}
