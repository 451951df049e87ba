"""Boss直聘's mini-program shapes (docs/platforms.md 1.3, 1.4): list item, detail, company."""

from __future__ import annotations

from typing import Any

from jobdata_scrapy.sandbox.companies import Company
from jobdata_scrapy.sandbox.data import CITIES, WORDS
from jobdata_scrapy.sandbox.postings import Pay, Posting

LONG_BRAND = 10
K = 1000
LOGO = "https://img.bosszhipin.com/sandbox/logo.png"
AVATAR = "https://sandbox.invalid/avatar/{}.png"


def salary_text(pay: Pay) -> str:
    """`15-25K`, `15-25K·14薪`, `300-310元/天` or `面议`."""
    if pay.kind == "none":
        return "面议"
    if pay.kind == "day":
        return f"{pay.low}-{pay.high}元/天"
    months = "" if pay.months == 12 else f"·{pay.months}薪"
    return f"{pay.low // K}-{pay.high // K}K{months}"


def list_item(posting: Posting) -> dict[str, Any]:
    """One row of the list, without the tickets of the session (`securityId`, `lid`). It carries no company id."""
    labels = _labels(posting)
    place = posting.district, posting.area if posting.dirt % 4 else ""
    return {
        "jobName": posting.title,
        "jobValidStatus": 1,
        "jobExperience": posting.experience,
        "jobDegree": posting.degree,
        "cityName": posting.city,
        "districtName": place[0],
        "businessName": place[1],
        "distance": "",
        "performance": "",
        "salaryDesc": salary_text(posting.pay),
        "jobLabels": labels,
        "highlightJobLabels": [{"content": label, "highlight": False} for label in labels],
        "jobType": _job_type(posting),
        "encryptJobId": posting.job_id,
        "afterNameIcon": None,
        "afterNameIcons": [],
        "beforeNameIcons": [],
        "picVideoList": [],
        "positionName": None,
        "commuteInfo": None,
        "optimalTag": None,
        "jobSource": 0,
        "iconUrl": "",
        "brandName": _list_brand(posting),
        "brandLogo": LOGO,
        "brandStage": posting.company.stage,
        "brandScale": posting.company.size,
        "comName": None,
        "bossName": posting.person,
        "bossTitle": "招聘主管",
        "bossAvatar": AVATAR.format(posting.person_number),
        "bossCert": 3,
        "activeMsg": "",
        "bossOnline": None,
        "proxyJob": int(posting.headhunter),
        "skills": list(posting.skills),
        "welfares": list(posting.welfare),
        "sessionId": "",
        "replayRate": "",
    }


def detail(posting: Posting, security_id: str, related: list[dict[str, Any]]) -> dict[str, Any]:
    """`zpData` of miniapp/job/detail.json."""
    return {
        "pageType": 0,
        "securityId": security_id,
        "bossBaseInfoVO": _boss_info(posting, security_id),
        "jobBaseInfoVO": _job_info(posting),
        "brandComInfoVO": _hidden_brand(posting) if posting.headhunter else company_info(posting.company),
        "relationInfoVO": {"interested": False, "applyJobDirectlyStyle": 0, "friend": False},
        "relatedJobInfo": {"relatedJobList": related or None},
        "safeTipInfo": None,
        "workEnvironment": None,
        "bannerList": None,
        "commitment": None,
        "homeAddressInfo": None,
        "handicappedInfo": None,
        "highlightInfo": None,
        "atsOnlineApplicationInfo": None,
        "showGroupTip": False,
    }


def company_info(company: Company) -> dict[str, Any]:
    """`brandComInfoVO`; brand/detail.json carries the same fields (no capture of it is known)."""
    return {
        "encryptBrandId": company.company_id,
        "brandName": company.brand,
        "proxyBrandName": None,
        "customerBrandName": None,
        "logo": LOGO,
        "industryName": company.industry,
        "stageName": company.stage,
        "scaleName": company.size,
        "brandIntroduce": f"{company.full_name}成立于{company.founded[:4]}年，专注{company.industry}领域。",
        "comName": company.full_name,
        "legalPerson": company.legal_person,
        "startDate": company.founded,
        "regCapital": company.capital,
        "statusDesc": company.status,
        "regAddress": company.address,
        "businessScope": f"{company.industry}技术开发；技术咨询。",
        "srcFromDesc": "",
        "srcUrl": None,
        "brandWelfares": [],
        "canJumpToBrandPage": True,
        "introduce": f"{company.brand}是一家{company.industry}企业。",
        "encryptComId": company.company_id[::-1],
    }


def _labels(posting: Posting) -> list[str]:
    if posting.intern:
        return ["4天/周", "3个月", posting.degree]
    return [posting.experience, posting.degree, *posting.skills]


def _job_type(posting: Posting) -> int:
    return 4 if posting.intern else 5 if posting.dirt < 14 else 0


def _list_brand(posting: Posting) -> str:
    if posting.headhunter:
        return _hidden_name(posting)
    brand = posting.company.brand
    return f"{brand[: LONG_BRAND - 2]}..." if len(brand) > LONG_BRAND else brand


def _hidden_name(posting: Posting) -> str:
    names: list[str] = WORDS["hidden_brands"]
    return names[posting.dirt % len(names)]


def _hidden_brand(posting: Posting) -> dict[str, Any]:
    """A headhunter names neither company nor id."""
    shown = company_info(posting.company)
    told = ("industryName", "stageName", "scaleName", "logo", "brandWelfares")
    blank: dict[str, Any] = {key: "" if isinstance(value, str) else value for key, value in shown.items() if key not in told}
    return shown | blank | {"brandName": _hidden_name(posting), "startDate": None, "canJumpToBrandPage": False}


def _boss_info(posting: Posting, security_id: str) -> dict[str, Any]:
    return {
        "encryptBossId": f"boss{posting.person_number:08d}~",
        "bossId": 0,
        "securityId": security_id,
        "name": posting.person,
        "tinyAvatar": AVATAR.format(posting.person_number),
        "title": "招聘主管",
        "activeTimeDesc": "今日活跃",
        "activeTime": int(posting.published.timestamp() * 1000),
        "bossOnline": False,
        "brandName": posting.company.brand,
        "disableBossInfo": False,
    }


def _job_info(posting: Posting) -> dict[str, Any]:
    monthly = posting.pay.kind == "month"
    return {
        "jobId": 100_000_000 + posting.person_number,
        "encryptJobId": posting.job_id,
        "expectId": 0,
        "jobValidStatus": 1,
        "deleted": 0,
        "position": 100901,
        "positionName": posting.title,
        "positionCategory": "数据分析师",
        "location": int(CITIES.get(posting.city, {}).get("boss", 0)),
        "locationName": posting.city,
        "areaDistrict": posting.district or None,
        "businessDistrict": posting.area if posting.dirt % 4 else None,
        "locationDesc": "·".join(part for part in (posting.city, posting.district, posting.area) if part),
        "experienceName": posting.experience,
        "degreeName": posting.degree,
        "lowSalary": posting.pay.low // K if monthly else 0,
        "highSalary": posting.pay.high // K if monthly else 0,
        "jobDesc": posting.description,
        "requiredSkills": list(posting.skills),
        "address": posting.company.address,
        "longitude": posting.lon,
        "latitude": posting.lat,
        "staticMapUrl": "",
        "pcStaticMapUrl": "",
        "salaryMonth": 0,  # so in every capture, whatever salaryDesc says
        "performance": "",
        "salarySchemeDesc": None,
        "jobType": _job_type(posting),
        "jobSource": 0,
        "daysPerWeekDesc": "4天/周" if posting.intern else "",
        "leastMonthDesc": "3个月" if posting.intern else "",
        "salaryDesc": salary_text(posting.pay),
        "salaryDescAppend": None,
        "salaryDetail": None,
        "afterNameIcon": None,
        "afterNameIcons": [],
        "proxyJob": int(posting.headhunter),
        "proxyType": int(posting.headhunter),
        "anonymous": 101 if posting.headhunter else 0,
        "salaryType": 0,
        "newAddressTypeDesc": "",
        "recruitNumDesc": "",
        "jobSkills": None,
        "jobTemplateModule": None,
        "blueCollarPosition": False,
        "graduateYearDesc": None,
        "recruitEndTimeDesc": None,
    }
