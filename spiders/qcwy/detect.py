"""What an answer of 51job is worth.

Status and envelope decide; words are looked for in the site's message or in a page that is no JSON, never inside postings, so
that a salary or a URL with a 405 in it, or a posting that says 验证, is no block.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import msgspec

from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.qcwy.parse import RESULT_CAP
from spiders.qcwy.requests import PAGE_SIZE

# 405 is the firewall in front of the site (about 30 minutes)
BY_STATUS = {401: Verdict.LOGIN_REQUIRED, 403: Verdict.IP_BANNED, 405: Verdict.IP_BANNED, 429: Verdict.RATE_LIMITED}
CHALLENGE = re.compile(
    r"arg1=|acw_sc__v2|aliyunwaf|cf-app-waf|waf-nc|滑动验证|访问验证|按住滑块|Access Verification|请完成验证", re.I
)
TOO_FAST = re.compile(r"频繁|busy|繁忙|稍后", re.I)
OFFLINE = re.compile(r"职位已下线|职位已删除|页面不存在|暂停招聘|公司不存在|账号状态异常")
BY_MESSAGE = (
    (re.compile(r"验证(?!签)|滑块"), Verdict.CAPTCHA),
    (TOO_FAST, Verdict.RATE_LIMITED),
    (re.compile(r"登录|登陆"), Verdict.LOGIN_REQUIRED),
    (re.compile(r"参数错误|签名|验签|\bsign", re.I), Verdict.SIGN_REJECTED),
)


class _Listing(msgspec.Struct):
    items: list[msgspec.Raw]
    totalCount: int | None = None  # noqa: N815 - the site's names
    totalcount: int | None = None


class _Body(msgspec.Struct, rename="camel"):
    job: _Listing | None = None
    detail_job_info: msgspec.Raw = msgspec.Raw(b"null")
    coinfo: msgspec.Raw = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct):
    status: str | int
    message: str | None = None
    resultbody: msgspec.Raw = msgspec.Raw(b"null")


def verdict(answer: Answer) -> Verdict:
    """The verdict on one answer. Never raises."""
    body = answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if answer.status in (405, 429):
        return BY_STATUS[answer.status]
    if body[:1] == b"<":
        return _judge_page(answer, body.decode("utf-8", "replace"))
    if answer.status >= 500:
        return Verdict.SERVER_ERROR
    if 300 <= answer.status < 400:
        return Verdict.CAPTCHA  # the API itself never redirects: this leads to a login or verification page
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        judged = _judge_envelope(answer, envelope)
    except (ValueError, RecursionError):  # msgspec's errors and broken UTF-8 are ValueErrors
        judged = Verdict.LAYOUT_CHANGED
    if answer.status == 200 or judged not in (Verdict.LAYOUT_CHANGED, Verdict.OK, Verdict.EMPTY):
        return judged
    if answer.status in (404, 410) and answer.page_kind is not PageKind.SEARCH:
        return Verdict.GONE
    return BY_STATUS.get(answer.status, Verdict.LAYOUT_CHANGED)


def _judge_page(answer: Answer, page: str) -> Verdict:
    """HTML where JSON is due: the firewall's script challenge, its slider, or a notice."""
    if CHALLENGE.search(page):
        return Verdict.CAPTCHA
    if answer.status >= 500:
        return Verdict.SERVER_ERROR
    if TOO_FAST.search(page):
        return Verdict.RATE_LIMITED
    if answer.page_kind is not PageKind.SEARCH and (answer.status in (404, 410) or OFFLINE.search(page)):
        return Verdict.GONE
    return BY_STATUS.get(answer.status, Verdict.CAPTCHA)


def _judge_envelope(answer: Answer, envelope: _Envelope) -> Verdict:
    if str(envelope.status) != "1":
        return _judge_message(answer, envelope.message or "")
    content = msgspec.json.decode(envelope.resultbody, type=_Body)
    if answer.page_kind is PageKind.SEARCH:
        return _judge_listing(answer, content.job) if content.job else Verdict.LAYOUT_CHANGED
    block = content.coinfo if answer.page_kind is PageKind.COMPANY else content.detail_job_info
    return Verdict.LAYOUT_CHANGED if bytes(block) == b"null" else Verdict.OK


def _judge_message(answer: Answer, message: str) -> Verdict:
    if answer.page_kind is not PageKind.SEARCH and OFFLINE.search(message):
        return Verdict.GONE
    return next((found for words, found in BY_MESSAGE if words.search(message)), Verdict.LAYOUT_CHANGED)


def _judge_listing(answer: Answer, listing: _Listing) -> Verdict:
    if listing.items:
        return Verdict.OK
    total = listing.totalCount if listing.totalCount is not None else listing.totalcount
    if total == 0:
        return Verdict.EMPTY
    before = _count_before(answer.url)
    if total is None:  # a search without postings says 0; an empty first page that says nothing is the soft throttle
        return Verdict.EMPTY if before else Verdict.RATE_LIMITED
    return Verdict.EMPTY if before >= min(total, RESULT_CAP) else Verdict.RATE_LIMITED


def _count_before(url: str) -> int:
    """How many postings stand before the page that was asked for; 0 where the address tells no page."""
    query = parse_qs(urlsplit(url).query)
    try:
        page, size = (int(query.get(name, [default])[0]) for name, default in (("pageNum", "1"), ("pageSize", str(PAGE_SIZE))))
    except ValueError:
        return 0
    return max(page - 1, 0) * max(size, 0)
