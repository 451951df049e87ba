"""前程无忧 (51job.com): the open list endpoint, or the signed one where the operator has a key. Rows carry the description."""

from __future__ import annotations

from jobdata_scrapy.platform import Platform
from spiders.qcwy import requests, sign
from spiders.qcwy.detect import verdict
from spiders.qcwy.parse import RESULT_CAP, parse_company, parse_detail, parse_search

PERSONAL_PATHS = (
    "hrUid",
    "hrName",
    "hrPosition",
    "smallHrLogoUrl",
    "hrLabels",
    "onlineHrLabelList",
    "hrMedalTitle",
    "hrMedalLevel",
    "showHrMedalTitle",
    "hrActiveStatusGreen",
    "hrIsOnline",
    "hrInfoType",
    "hasHrMobile",
    "contactAllowed",  # whether and when the recruiter may be phoned
    "contactDay",
    "contactTime",
    # JSON inside a string, and an app link made of it: who searched for what, from where; no dotted path reaches into them
    "property",
    "exrInfo02",
    "jobScheme",
    "license.operName",
)

PLATFORM = Platform(
    name="qcwy",
    title="前程无忧",
    base_url="https://cupid.51job.com",
    parser_version=1,
    page_size=requests.PAGE_SIZE,
    result_cap=RESULT_CAP,
    cities=requests.CITIES,
    personal_paths=PERSONAL_PATHS,
    free_text_paths=("jobDescribe",),
    secret_setting="QCWY_SIGN_KEY",  # noqa: S106 - the name of a setting
    search_request=requests.search_request,
    sign=sign.sign,
    verdict=verdict,
    parse_search=parse_search,
    parse_detail=parse_detail,
    company_request=requests.company_request,
    parse_company=parse_company,
)
