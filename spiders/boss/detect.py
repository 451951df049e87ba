"""What an answer of zhipin.com is worth, from status and body. The table of codes: docs/platforms.md.

Only the envelope's own `code` counts, never a number found somewhere in the body; only a body that is HTML is searched for words.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from jobdata_scrapy.platform import Answer, PageKind, Verdict

# 36: the account must prove itself inside the app. 37: the site hands out a seed and wants a token that its own script makes.
# Both demand a proof that we do not give, hence CAPTCHA; the session token may be good again tomorrow and is not marked invalid.
# 17, 19: "bad parameter". There is no signature that a second try could mend: our idea of the request is out of date.
# 121, 122: "request not legal", what a wrong or missing client identification gets.
VERDICT_BY_CODE = {
    7: Verdict.TOKEN_EXPIRED,
    9: Verdict.RATE_LIMITED,
    17: Verdict.LAYOUT_CHANGED,
    19: Verdict.LAYOUT_CHANGED,
    31: Verdict.RATE_LIMITED,
    35: Verdict.IP_BANNED,
    36: Verdict.CAPTCHA,
    37: Verdict.CAPTCHA,
    100: Verdict.TOKEN_EXPIRED,
    121: Verdict.SIGN_REJECTED,
    122: Verdict.SIGN_REJECTED,
}
VERDICT_BY_STATUS = {
    401: Verdict.TOKEN_EXPIRED,
    403: Verdict.IP_BANNED,
    408: Verdict.SERVER_ERROR,
    429: Verdict.RATE_LIMITED,
}
# In this order: a ban page links to the login, and the login page loads the slider's script.
VERDICT_BY_WORDS = (
    (Verdict.IP_BANNED, re.compile(r"/web/common/(?:403|error)\.html|访问受限|限制访问|IP地址存在异常")),
    (
        Verdict.CAPTCHA,
        re.compile(r"security[-_]check|verify-slider|/safe/verify|verify\.html|安全验证|环境存在异常"),
    ),
    (Verdict.LOGIN_REQUIRED, re.compile(r"<title>[^<]*登录|扫码登录|短信登录|/wapi/zppassport/|/web/passport/")),
)
LOGIN_ADDRESS = re.compile(r"/web/user/|/login|passport")
CLOSED = re.compile(r"(?:职位|公司|企业|品牌).{0,6}(?:关闭|下线|停止|不存在|删除)")
HTML_SEARCHED = 65536
NOTHING = msgspec.Raw()
StructT = TypeVar("StructT", bound=msgspec.Struct)


class _Envelope(msgspec.Struct, rename="camel"):
    code: int | str
    message: str | None = None
    zp_data: msgspec.Raw = NOTHING


class _ListData(msgspec.Struct, rename="camel"):
    has_more: bool | None = None
    list: msgspec.Raw = NOTHING
    job_list: msgspec.Raw = NOTHING


class _JobState(msgspec.Struct, rename="camel"):
    deleted: int | bool | None = None
    invalid_status: bool | None = None


class _DetailData(msgspec.Struct):
    jobBaseInfoVO: _JobState | None = None  # noqa: N815 - the site's name
    jobInfo: _JobState | None = None  # noqa: N815 - the site's name


def verdict(answer: Answer) -> Verdict:
    """The verdict on any answer; of a DETAIL_BATCH the outer envelope only, each sub-answer is judged alone. Never raises."""
    if answer.status == 429 or answer.status >= 500:
        return VERDICT_BY_STATUS.get(answer.status, Verdict.SERVER_ERROR)
    if 300 <= answer.status < 400:
        return _judge_address(answer.headers.get("location", ""))
    if answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _judge_html(answer)
    envelope = _decode(answer.body, _Envelope)
    code = _read_code(envelope.code) if envelope else None
    if envelope is None or code is None or (code == 0 and answer.status >= 400):
        return VERDICT_BY_STATUS.get(answer.status, Verdict.LAYOUT_CHANGED)
    if code == 0:
        return _judge_data(answer.page_kind, envelope.zp_data)
    if code == 1 and answer.page_kind is not PageKind.SEARCH and CLOSED.search(envelope.message or ""):
        return Verdict.GONE
    return VERDICT_BY_CODE.get(code) or VERDICT_BY_STATUS.get(answer.status, Verdict.LAYOUT_CHANGED)


def _judge_address(location: str) -> Verdict:
    """Redirects are not followed: these endpoints redirect to a verification or login page only."""
    for verdict, words in VERDICT_BY_WORDS[:2]:
        if words.search(location):
            return verdict
    return Verdict.LOGIN_REQUIRED if LOGIN_ADDRESS.search(location) else Verdict.LAYOUT_CHANGED


def _judge_html(answer: Answer) -> Verdict:
    """A page where JSON was asked for is a block, known or not; but a plain "not found" page is a change of the site."""
    text = f"{answer.url}\n{answer.body[:HTML_SEARCHED].decode('utf-8', 'replace')}"
    for verdict, words in VERDICT_BY_WORDS:
        if words.search(text):
            return verdict
    return Verdict.CAPTCHA if answer.status < 300 else VERDICT_BY_STATUS.get(answer.status, Verdict.LAYOUT_CHANGED)


def _judge_data(page_kind: PageKind, data: msgspec.Raw) -> Verdict:
    if page_kind is PageKind.SEARCH:
        return _judge_list(data)
    if page_kind is PageKind.DETAIL:
        detail = _decode(data, _DetailData)
        state = (detail.jobInfo or detail.jobBaseInfoVO) if detail else None
        if state is None:
            return Verdict.LAYOUT_CHANGED
        return Verdict.GONE if state.deleted or state.invalid_status else Verdict.OK
    return Verdict.OK if bytes(data)[:1] in (b"{", b"[") else Verdict.LAYOUT_CHANGED


def _judge_list(data: msgspec.Raw) -> Verdict:
    """An empty list that promises more is a soft block: the site answers, but shows nothing."""
    page = _decode(data, _ListData)
    if page is None:
        return Verdict.LAYOUT_CHANGED
    rows = next((part for part in (bytes(page.list), bytes(page.job_list)) if part not in (b"", b"null")), b"")
    if not rows.startswith(b"["):
        return Verdict.LAYOUT_CHANGED
    if rows[1:-1].strip():
        return Verdict.OK
    return Verdict.RATE_LIMITED if page.has_more else Verdict.EMPTY


def _read_code(code: int | str) -> int | None:
    return int(code) if isinstance(code, int) or re.fullmatch(r"\d{1,6}", code) else None


def _decode(content: bytes | msgspec.Raw, struct: type[StructT]) -> StructT | None:
    """None for whatever is not of that shape: here a broken answer is a verdict, not an error."""
    try:
        return msgspec.json.decode(content, type=struct)
    except (ValueError, RecursionError):  # broken UTF-8 is a plain ValueError
        return None
