"""What an answer of zhaopin.com is worth.

Status, codes and envelope decide; words are looked for in the site's message or in a page that is no JSON, never inside postings,
so that a number in a salary or a URL is no block.
"""

from __future__ import annotations

import re

import msgspec

from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.zhilian.parse import RESULT_CAP, find_detail

OFFLINE_CODE = "211"
BY_CODE = {
    "202": Verdict.CAPTCHA,  # the older anti-bot page came with HTTP 202
    "400": Verdict.SIGN_REJECTED,  # of all we send, only the identifiers change from request to request
    "401": Verdict.LOGIN_REQUIRED,
    "403": Verdict.IP_BANNED,
    "429": Verdict.RATE_LIMITED,
}
CHALLENGE = re.compile(
    r"Security Verification|complete the challenge|EdgeOne|TencentEOCaptcha|EO-Bot|正在验证连接安全性|acw_sc|FSSBB", re.I
)
LOGIN_ADDRESS = re.compile(r"^https?://passport\.")
BY_MESSAGE = (
    (re.compile(r"freq|频繁|稍后", re.I), Verdict.RATE_LIMITED),
    (re.compile(r"验证|captcha|verif", re.I), Verdict.CAPTCHA),
    (re.compile(r"登录|登陆|not login|unauthori", re.I), Verdict.LOGIN_REQUIRED),
)
VAGUE = frozenset({Verdict.OK, Verdict.EMPTY, Verdict.LAYOUT_CHANGED})


class _Data(msgspec.Struct, rename="camel"):
    rows: list[msgspec.Raw] | None = msgspec.field(name="list", default=None)
    count: int | None = None
    is_end_page: bool | int | None = None
    is_verification: bool | int | str | None = None
    detailed_position: msgspec.Raw = msgspec.Raw(b"null")
    detailed_company: msgspec.Raw = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct, rename="camel"):
    code: int | str
    api_code: int | str | None = None
    msg: str | None = None
    message: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


def verdict(answer: Answer) -> Verdict:
    """The verdict on one answer. Never raises."""
    if answer.page_kind is PageKind.HTML:
        return _judge_html(answer)
    body = answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if body[:1] == b"<":
        return _judge_page(answer, body.decode("utf-8", "replace"))
    try:
        judged = _judge_envelope(answer, msgspec.json.decode(body, type=_Envelope))
    except (ValueError, RecursionError):  # msgspec's errors and broken UTF-8 are ValueErrors
        judged = Verdict.LAYOUT_CHANGED
    if answer.status == 200 or judged not in VAGUE:
        return judged
    return _judge_status(answer)


def _judge_html(answer: Answer) -> Verdict:
    """A posting's page is known by its state; only a page without one is searched for words, so that no posting is a block."""
    if LOGIN_ADDRESS.search(answer.url):
        return Verdict.LOGIN_REQUIRED
    if answer.status == 200 and (detail := find_detail(answer.body)) is not None:
        return Verdict.OK if isinstance(detail.get("detailedPosition"), dict) else Verdict.LAYOUT_CHANGED
    if CHALLENGE.search(answer.body.decode("utf-8", "replace")):
        return Verdict.CAPTCHA
    return Verdict.LAYOUT_CHANGED if answer.status == 200 else _judge_status(answer)


def _judge_status(answer: Answer) -> Verdict:
    if answer.status >= 500:
        return Verdict.SERVER_ERROR
    if 300 <= answer.status < 400:
        return Verdict.CAPTCHA  # the API itself never redirects: this leads to a login or verification page
    if answer.status in (404, 410) and answer.page_kind is not PageKind.SEARCH:
        return Verdict.GONE
    return BY_CODE.get(str(answer.status), Verdict.LAYOUT_CHANGED)


def _judge_page(answer: Answer, page: str) -> Verdict:
    """HTML where JSON is due: the guard in front of the site, whatever it says, unless the status says otherwise."""
    if answer.status == 200 or CHALLENGE.search(page):
        return Verdict.CAPTCHA
    return _judge_status(answer)


def _judge_envelope(answer: Answer, envelope: _Envelope) -> Verdict:
    codes = [str(code) for code in (envelope.code, envelope.api_code) if code is not None]
    if any(code != "200" for code in codes):
        return _judge_codes(answer, codes, f"{envelope.msg or ''} {envelope.message or ''}")
    data = msgspec.json.decode(envelope.data, type=_Data)
    if data.is_verification in (True, "1", "true"):
        return Verdict.CAPTCHA
    if answer.page_kind is PageKind.SEARCH:
        return _judge_listing(data)
    block = data.detailed_company if answer.page_kind is PageKind.COMPANY else data.detailed_position
    return Verdict.LAYOUT_CHANGED if bytes(block) == b"null" else Verdict.OK


def _judge_codes(answer: Answer, codes: list[str], message: str) -> Verdict:
    if OFFLINE_CODE in codes and answer.page_kind is not PageKind.SEARCH:
        return Verdict.GONE
    for words, found in BY_MESSAGE:
        if words.search(message):
            return found
    known = next((BY_CODE[code] for code in codes if code in BY_CODE), None)
    if known:
        return known
    return Verdict.SERVER_ERROR if any(re.fullmatch(r"5\d\d", code) for code in codes) else Verdict.LAYOUT_CHANGED


def _judge_listing(data: _Data) -> Verdict:
    if data.rows is None:
        return Verdict.LAYOUT_CHANGED
    if data.rows:
        return Verdict.OK
    if data.count == 0:
        return Verdict.EMPTY
    # postings are counted but none is shown: the soft block, unless a search at the cap says that it ends here
    at_end = data.is_end_page and (data.count is None or data.count >= RESULT_CAP)
    return Verdict.EMPTY if at_end else Verdict.RATE_LIMITED
