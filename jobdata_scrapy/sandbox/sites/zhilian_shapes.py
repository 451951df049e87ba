"""智联招聘's shapes (docs/platforms.md 3.2, 3.3): list item, advertising card, detail."""

from __future__ import annotations

from typing import Any

import orjson

from jobdata_scrapy.sandbox.data import CITIES
from jobdata_scrapy.sandbox.postings import Pay, Posting, time_text

WAN = 10_000
BARE_SHARE = 10  # one row in so many says id and name inside jobDetailData only


def salary_text(pay: Pay) -> str:
    """`1.1-1.5万`, `8000-12000元`, `130-150元/天` or `面议`; the months stand in `salaryCount`."""
    if pay.kind == "none":
        return "面议"
    if pay.kind == "day":
        return f"{pay.low}-{pay.high}元/天"
    return f"{pay.low / WAN:g}-{pay.high / WAN:g}万" if pay.low >= WAN else f"{pay.low}-{pay.high}元"


def list_item(posting: Posting) -> dict[str, Any]:
    """One row of the list. Spellings, shapes of skills and missing fields vary from row to row."""
    row: dict[str, Any] = {
        "number": posting.job_id,
        "jobId": 40_000_000 + posting.person_number,
        "companyId": posting.company.number,
        "companyRootId": posting.company.number,
        "name": posting.title,
        "positionURL" if posting.dirt % 2 else "positionUrl": _address(posting),
        **_salary(posting.pay),
        **_place(posting),
        "workingExp": posting.experience,
        "education": posting.degree,
        "workType": "实习" if posting.intern else "全职",
        **_company(posting),
        "publishTime": time_text(posting.published),
        "firstPublishTime": time_text(posting.published),
        "jobPostingTime": str(int(posting.published.timestamp() * 1000)),
        **_skills(posting),
        "welfareLabel": [],
        "welfareTagList": list(posting.welfare),
        "jobKnowledgeWelfareFeatures": list(posting.welfare),
        "jobSummary": posting.description[:60],
        "jobDetailData": {"position": _position(posting)},
        "cardCustomJson": _card(posting),
        "recruitNumber": 1 + posting.dirt % 5,
        "applyType": "1",
        "subways": [],
        "distance": 0,
        "staffCard": {
            "staffName": posting.person,
            "avatar": f"https://sandbox.invalid/avatar/{posting.person_number}.png",
            "hrJob": "人事经理",
            "lastOnlineTime": "今日活跃",
        },
    }
    if posting.dirt % BARE_SHARE == 0:
        del row["number"], row["name"]
    return row


def advertisement(rank: int) -> dict[str, Any]:
    """A card that sits in the list and is no posting."""
    return {"adResponse": {"adId": rank, "title": "推广"}, "liveCard": {"liveId": rank}}


def detail(posting: Posting) -> dict[str, Any]:
    """`data` of position-detail-new."""
    company = posting.company
    skills = [{"state": 0, "value": skill} for skill in posting.skills]
    return {
        "detailedPosition": {
            "positionNumber": posting.job_id,
            "positionName": posting.title,
            "salary60": salary_text(posting.pay),
            "salaryCount": _months(posting.pay),
            "positionWorkCity": posting.city,
            "positionCityId": str(CITIES.get(posting.city, {}).get("zhilian", "")),
            "positionCityDistrict": posting.district.removesuffix("区"),
            "tradingArea": posting.area,
            "workAddress": company.address,
            "latitude": f"{posting.lat:.5f}",
            "longitude": f"{posting.lon:.5f}",
            "positionWorkingExp": posting.experience,
            "education": posting.degree,
            "workType": "实习" if posting.intern else "全职",
            "recruitNumber": 1 + posting.dirt % 5,
            "skillLabel": skills,
            "welfareLabel": [{"state": 0, "value": name} for name in posting.welfare],
            "jobDesc": f"<p>{posting.description}</p>".replace("\n", "<br>"),
            "jobDescPC": f"<p>{posting.description}</p>".replace("\n", "<br/>"),
            "positionPublishTime": time_text(posting.published),
            "positionStatus": 3,
            "jobStatus": 3,
            "companyName": company.full_name,
            "companyNumber": company.company_id,
            "positionUrl": _address(posting),
            "staff": {"staffName": posting.person, "hrJob": "人事经理"},
        },
        "detailedCompany": {
            "companyName": company.full_name,
            "companyNumber": company.company_id,
            "companySize": company.size,
            "industryNameLevel": company.industry,
            "financingStageName": company.stage,
            "companyDescription": f"{company.full_name}，专注{company.industry}。",
            "companyUrl": f"https://company.zhaopin.com/{company.company_id}.htm",
        },
        "taskId": "",
    }


def _address(posting: Posting) -> str:
    return f"http://www.zhaopin.com/jobdetail/{posting.job_id}.htm"


def _months(pay: Pay) -> str:
    return "" if pay.months == 12 else f"{pay.months}薪"


def _salary(pay: Pay) -> dict[str, Any]:
    told: dict[str, Any] = {"salary60": salary_text(pay), "salaryCount": _months(pay), "salaryType": 0}
    if pay.kind == "month":
        told["salaryReal"] = f"{pay.low}-{pay.high}"
    return told


def _place(posting: Posting) -> dict[str, str]:
    """The district mostly without its 区, sometimes missing."""
    district = "" if posting.dirt % 8 == 1 else posting.district.removesuffix("区")
    city_id = str(CITIES.get(posting.city, {}).get("zhilian", ""))
    return {"workCity": posting.city, "cityId": city_id, "cityDistrict": district, "tradingArea": posting.area, "streetName": ""}


def _company(posting: Posting) -> dict[str, Any]:
    company = posting.company
    told: dict[str, Any] = {
        "companyName": company.full_name,
        "companyNumber": company.company_id,
        "companyUrl": f"https://company.zhaopin.com/{company.company_id}.htm",
        "companyLogo": "",
        "companySize": company.size,
        "property" if posting.dirt % 2 else "propertyName": company.type,
        "industryName": company.industry,
    }
    if company.stage:
        told["financingStage"] = {"name": company.stage}
    return told


def _skills(posting: Posting) -> dict[str, Any]:
    """Skills come in three shapes."""
    shape = posting.dirt % 3
    if shape == 0:
        return {"skillLabel": [{"state": 0, "value": skill} for skill in posting.skills]}
    if shape == 1:
        tags: list[Any] = [{"tag": skill} for skill in posting.skills] if posting.dirt % 2 else list(posting.skills)
        return {"showSkillTags": tags}
    return {"jobSkillTags": [{"name": skill} for skill in posting.skills]}


def _position(posting: Posting) -> dict[str, Any]:
    return {
        "base": {
            "positionName": posting.title,
            "positionNumber": posting.job_id,
            "positionUrl": _address(posting),
            "positionWorkingExp": posting.experience,
            "salary": salary_text(posting.pay),
            "workType": "实习" if posting.intern else "全职",
            "education": posting.degree,
        },
        "desc": {"description": posting.description, "labels": list(posting.skills), "welfareLabel": list(posting.welfare)},
        "workLocation": {
            "address": f"工作地点：{posting.city} · {posting.district}",
            "workAddress": posting.company.address,
            "positionCityId": str(CITIES.get(posting.city, {}).get("zhilian", "")),
        },
    }


def _card(posting: Posting) -> str:
    told = {
        "address": f"{posting.city} {posting.area}",
        "companyName": posting.company.brand,
        "salary60": salary_text(posting.pay),
    }
    return orjson.dumps(told).decode()
