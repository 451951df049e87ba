"""前程无忧 (51job.com): the open list endpoint, or the signed one where the operator has a key. Rows carry the description."""

from __future__ import annotations

from jobdata_scrapy.platform import Platform, Split
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

FREE_TEXT_PATHS = (
    # list rows
    "jobName",
    "jobDescribe",
    "companyName",
    "fullCompanyName",
    "jobTags",
    "jobTagsList[].jobTagName",
    "jobWelfareCodeDataList[].chineseTitle",
    # detail
    "coName",
    "jobKeywordString",
    "jobKeywordList[].wordText",
    "welfare",
    "jobWelfareAllDataList[].wordText",
    "address",
    "companyAddress",
    # company
    "coinfo.coname",
    "coinfo.caddr",
)

# No filter of this site shows every posting. Of 10,150 captured rows about 0.1 % tell no salary, 3.5 % no degree, 12 % say
# 无需经验, which has no code: the filter that misses least comes first, and what it misses is stated.
SPLITS = (
    Split("salary", requests.FILTERS["salary"], misses="postings without a salary"),
    Split("degree", requests.FILTERS["degree"], misses="postings that ask for no degree"),
    Split("workYear", requests.FILTERS["workYear"], misses="postings that ask for no experience"),
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
    free_text_paths=FREE_TEXT_PATHS,
    splits=SPLITS,
    secret_setting="QCWY_SIGN_KEY",  # noqa: S106 - the name of a setting
    search_request=requests.search_request,
    sign=sign.sign,
    verdict=verdict,
    parse_search=parse_search,
    parse_detail=parse_detail,
    company_request=requests.company_request,
    parse_company=parse_company,
)
