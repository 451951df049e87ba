"""Boss直聘, zhipin.com: the mini program's endpoints with the operator's own session token."""

from __future__ import annotations

from jobdata_scrapy.platform import Platform, Split
from spiders.boss.detect import verdict
from spiders.boss.mapping import BASE_URL
from spiders.boss.parse import parse_company, parse_detail, parse_search, split_detail_batch
from spiders.boss.requests import (
    BATCH_SIZE,
    CITIES,
    FILTERS,
    PAGE_SIZE,
    RESULT_CAP,
    company_request,
    detail_batch_request,
    detail_request,
    search_request,
)
from spiders.boss.sign import sign

# Recruiters, the operator's own account, and tickets of the session. The parser leaves most of them out already; what is stored
# as raw JSON passes this list once more, whichever way it came.
PERSONAL_PATHS = (
    # list rows
    "bossName",
    "bossTitle",
    "bossAvatar",
    "bossCert",
    "bossOnline",
    "encryptBossId",
    "activeMsg",
    "securityId",
    "lid",
    "sessionId",
    "expectId",
    # mini program detail
    "bossBaseInfoVO",
    "jobBaseInfoVO.expectId",
    "brandComInfoVO.legalPerson",
    "relationInfoVO",
    "relatedJobInfo",
    "safeTipInfo",
    "homeAddressInfo",
    # web detail
    "bossInfo",
    "jobInfo.encryptUserId",
    "relationInfo",
    "oneKeyResumeInfo",
    # company
    "legalPerson",
)
FREE_TEXT_PATHS = (
    # list rows
    "jobName",
    "performance",
    "jobLabels",
    "skills",
    "welfareList",
    "welfares",
    # mini program detail
    "jobBaseInfoVO.positionName",
    "jobBaseInfoVO.jobDesc",
    "jobBaseInfoVO.performance",
    "jobBaseInfoVO.requiredSkills",
    "jobBaseInfoVO.address",
    # web detail
    "jobInfo.jobName",
    "jobInfo.postDescription",
    "jobInfo.showSkills",
    "jobInfo.address",
    # company: in a list row or an answer of its own, in the mini program's detail, in the web's
    *(f"{block}{name}" for block in ("", "brandComInfoVO.") for name in ("brandName", "comName", "introduce", "brandIntroduce")),
    *(f"{block}{name}" for block in ("", "brandComInfoVO.") for name in ("regAddress", "brandWelfares")),
    "labels",
    "brandComInfo.brandName",
    "brandComInfo.introduce",
    "brandComInfo.labels",
)

# Every captured row names an experience and a company size ("经验不限" has a code of its own), so that the first two show each
# posting. Salary has no code for 面议 (below 1 % of the captured rows), degree none for 学历不限: what they miss is stated.
ANY = FILTERS["experience"]["不限"]
SPLITS = (
    Split("experience", {label: code for label, code in FILTERS["experience"].items() if code != ANY}),
    Split("scale", FILTERS["scale"]),
    Split("salary", FILTERS["salary"], misses="postings without a salary"),
    Split("degree", FILTERS["degree"], misses="postings that ask for no degree"),
)

PLATFORM = Platform(
    name="boss",
    title="Boss直聘",
    base_url=BASE_URL,
    parser_version=1,
    page_size=PAGE_SIZE,
    result_cap=RESULT_CAP,
    cities=CITIES,
    personal_paths=PERSONAL_PATHS,
    free_text_paths=FREE_TEXT_PATHS,
    splits=SPLITS,
    token_setting="BOSS_MPT_TOKEN",  # noqa: S106 - the setting's name
    token_required=True,
    script_setting="BOSS_SIGN_JS",
    search_request=search_request,
    sign=sign,
    verdict=verdict,
    parse_search=parse_search,
    detail_request=detail_request,
    detail_batch_request=detail_batch_request,
    detail_batch_size=BATCH_SIZE,
    split_detail_batch=split_detail_batch,
    parse_detail=parse_detail,
    company_request=company_request,
    parse_company=parse_company,
)
