"""智联招聘 (zhaopin.com): the search API of its web page. No login, no signature; each request is given its identifiers."""

from __future__ import annotations

from jobdata_scrapy.platform import Platform, Split
from spiders.zhilian import requests, sign
from spiders.zhilian.detect import verdict
from spiders.zhilian.parse import RESULT_CAP, parse_company, parse_detail, parse_html, parse_search

PERSONAL_PATHS = (
    "staffCard",  # list row: the recruiter
    "staff",  # detail: the recruiter
    # JSON inside a string, where no dotted path reaches; what it was seen to hold (address, company, salary) stands in the row
    "cardCustomJson",
)

POSITION = "jobDetailData.position"
FREE_TEXT_PATHS = (
    # list rows and detail
    "name",
    "positionName",
    f"{POSITION}.base.positionName",
    "jobSummary",
    f"{POSITION}.desc.description",
    "jobDesc",
    "jobDescPC",
    "positionHighlight",
    "workAddress",
    f"{POSITION}.workLocation.address",
    f"{POSITION}.workLocation.workAddress",
    # labels come as texts or as objects
    "skillLabel[].value",
    "showSkillTags",
    "showSkillTags[].tag",
    "jobSkillTags[].name",
    f"{POSITION}.desc.labels",
    "welfareLabel",
    "welfareLabel[].value",
    "welfareTagList",
    "jobKnowledgeWelfareFeatures",
    f"{POSITION}.desc.welfareLabel",
    # company
    "companyName",
    "companyDescription",
)

# Every company has a size, so that the first filter shows each posting. The others have no code for 学历不限 and 经验不限 (as
# filters these mean "any"): what they miss is stated. The codes of S_SOU_SALARY are not known.
SPLITS = (
    Split("S_SOU_COMPANY_SCALE", requests.FILTERS["S_SOU_COMPANY_SCALE"]),
    Split(
        "S_SOU_EDUCATION_LOWESTLEVEL",
        requests.FILTERS["S_SOU_EDUCATION_LOWESTLEVEL"],
        misses="postings that ask for no degree",
    ),
    Split("S_SOU_WORK_EXPERIENCE", requests.FILTERS["S_SOU_WORK_EXPERIENCE"], misses="postings that ask for no experience"),
)

PLATFORM = Platform(
    name="zhilian",
    title="智联招聘",
    base_url="https://fe-api.zhaopin.com",
    hosts={requests.WEB: "https://www.zhaopin.com"},
    parser_version=1,
    page_size=requests.PAGE_SIZE,
    result_cap=RESULT_CAP,
    cities=requests.CITIES,
    personal_paths=PERSONAL_PATHS,
    free_text_paths=FREE_TEXT_PATHS,
    splits=SPLITS,
    search_request=requests.search_request,
    sign=sign.sign,
    verdict=verdict,
    parse_search=parse_search,
    detail_request=requests.detail_request,
    parse_detail=parse_detail,
    html_request=requests.html_request,
    parse_html=parse_html,
    parse_company=parse_company,
)
