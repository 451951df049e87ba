"""智联招聘 (zhaopin.com): the search API of its web page. No login, no signature; each request is given its identifiers."""

from __future__ import annotations

from jobdata_scrapy.platform import Platform
from spiders.zhilian import requests, sign
from spiders.zhilian.detect import verdict
from spiders.zhilian.parse import RESULT_CAP, parse_company, parse_detail, parse_search

PERSONAL_PATHS = (
    "staffCard",  # list row: the recruiter
    "staff",  # detail: the recruiter
    # JSON inside a string, where no dotted path reaches; what it was seen to hold (address, company, salary) stands in the row
    "cardCustomJson",
)

PLATFORM = Platform(
    name="zhilian",
    title="智联招聘",
    base_url="https://fe-api.zhaopin.com",
    parser_version=1,
    page_size=requests.PAGE_SIZE,
    result_cap=RESULT_CAP,
    cities=requests.CITIES,
    personal_paths=PERSONAL_PATHS,
    free_text_paths=("jobSummary", "jobDetailData.position.desc.description", "jobDesc", "jobDescPC", "companyDescription"),
    search_request=requests.search_request,
    sign=sign.sign,
    verdict=verdict,
    parse_search=parse_search,
    detail_request=requests.detail_request,
    parse_detail=parse_detail,
    parse_company=parse_company,
)
