"""Free text: HTML to plain lines, and contact data masked."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

_ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff]")
_MARKUP = re.compile("[<&\\\\\u200b-\u200f\u2060\ufeff]")
_ESCAPED_BREAK = re.compile(r"(?:\\r)?\\n|\\r(?![A-Za-z])")
_HIDDEN_OPENING = re.compile(r"<(?:!--|(script|style)\b[^<>]*>)", re.IGNORECASE)
_HIDDEN_CLOSING = {
    "": re.compile("-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
# Only tags of HTML are markup: "List<String>" and "<3年" in a plain-text description must stay.
_BLOCK_TAG = re.compile(
    r"</?(?:br|p|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|table|tbody|thead|section|article|header|footer|blockquote|pre|hr)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
_INLINE_TAG = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|span|font|img|small|big|sub|sup|code|td|th|col|colgroup|label|mark|center|strike|html|head|body|o:p)"
    r"(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
_BLANK_RUN = re.compile(r"\n{3,}")
_MAX_PASSES = 20  # text escaped more often than this is an attack, not a description


def clean_text(text: str) -> str:
    r"""`text` as plain lines: HTML tags gone (block tags and a literal "\n" become newlines), entities decoded, blanks tidied.

    Runs of blanks become one, lines are stripped, at most one blank line stays between two paragraphs. Escaped markup
    ("&lt;br&gt;") is decoded and removed too, so that cleaning a clean text changes nothing.
    """
    if not text:
        return ""
    for _ in range(_MAX_PASSES):
        if not _MARKUP.search(text):
            break
        before = text
        text = _strip_markup(text)
        if text == before:
            break
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines())
    return _BLANK_RUN.sub("\n\n", lines).strip()


def _strip_markup(text: str) -> str:
    text = _ZERO_WIDTH.sub("", _ESCAPED_BREAK.sub("\n", text))
    if "<" in text:
        text = _INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", _drop_hidden(text)))
    return unescape(text) if "&" in text else text


def _drop_hidden(text: str) -> str:
    """`text` without comments, scripts and styles. One regex from "<!--" to "-->" would be quadratic on hostile text."""
    kept, position, unclosed = [], 0, set()
    for opening in _HIDDEN_OPENING.finditer(text):
        kind = (opening[1] or "").lower()
        if opening.start() < position or kind in unclosed:
            continue
        closing = _HIDDEN_CLOSING[kind].search(text, opening.end())
        if closing is None:
            unclosed.add(kind)
            continue
        kept.append(text[position : opening.start()])
        position = closing.end()
    return "".join((*kept, text[position:]))


_CONTACT_WORDS = ("@", "＠", "微信", "薇信", "威信", "v信", "vx", "wx", "wechat", "weixin", "qq", "扣扣", "企鹅")
_CONTACT_HINT = re.compile(r"[@＠微薇威扣企VvWwQq]|\d{4}")  # how each of the words and numbers begins
_CONTACT_DIGITS = re.compile(r"\d{7}|\d[- ]\d{4}")

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}[@＠][A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}")
_MOBILE = re.compile(r"(?<!\d)(?<!\d[.．])(?:(?:[+＋]|00)?86[- ]?)?[1１][3-9３-９]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_LANDLINE = re.compile(
    r"(?<![\d.])(?:0\d{2,3}[-—–－ ]?|[(（]0\d{2,3}[)）] ?)[2-8]\d{6,7}(?:(?:[-转]|ext\.? ?)\d{1,6})?(?!\d)", re.ASCII
)
_LOCAL_NUMBER = re.compile(r"(?P<intro>(?:电话|座机|固话|热线|tel)[:： ]{1,2})[2-8]\d{6,7}(?!\d)", re.ASCII | re.IGNORECASE)
# With a separator anything of the right length is an id; without one it must carry digits ("微信abc123456", not "微信Android").
_WECHAT = re.compile(
    r"(?P<intro>(?:微信|薇信|威信|v信|(?<![A-Za-z0-9])(?:vx|wx|wechat|weixin))"
    r"(?: {0,3}(?:号码?|ID)? {0,3}[:：] {0,3}| {0,3}号码? {0,3}[是为]? {0,3}| {0,3}[是为] {0,3}"
    r"| {0,3}(?=[A-Za-z_-]{1,16}\d{2}|\d{6})))"
    r"[A-Za-z0-9][A-Za-z0-9_-]{5,19}(?![A-Za-z0-9_-])",
    re.IGNORECASE | re.ASCII,
)
_QQ = re.compile(
    r"(?P<intro>(?:(?<![A-Za-z0-9])QQ|扣扣|企鹅) {0,3}(?:群?号?码?) {0,3}[:：是为]? {0,3})[1-9]\d{4,11}(?!\d)",
    re.IGNORECASE | re.ASCII,
)


def mask_contacts(text: str) -> tuple[str, int]:
    """`text` with contact data replaced, and how many were.

    Mobile and landline numbers of mainland China become [phone], mail addresses [email], ids after a word for WeChat or QQ
    [wechat] and [qq]. A number inside a longer run of digits is left alone. Masking a masked text changes nothing.
    """
    return _mask_short(text) if len(text) <= _SHORT else _mask(text)


def _mask(text: str) -> tuple[str, int]:
    total = 0
    while text and _may_have_contacts(text):
        text, count = _mask_once(text)
        if not count:
            break  # a masked id may uncover the next ("QQ12345vx 123456"), so one clean pass ends it
        total += count
    return text, total


_SHORT = 64  # words and titles: the same ones stand in raw JSON and fields, and in posting after posting
_mask_short = lru_cache(maxsize=8192)(_mask)


def _may_have_contacts(text: str) -> bool:
    """Cheap: most descriptions have none, and the patterns below cost ten times as much."""
    if not _CONTACT_HINT.search(text):
        return False
    lower = text.lower()
    return any(word in lower for word in _CONTACT_WORDS) or _CONTACT_DIGITS.search(text) is not None


def _mask_once(text: str) -> tuple[str, int]:
    text, emails = _EMAIL.subn("[email]", text)
    text, mobiles = _MOBILE.subn("[phone]", text)
    text, landlines = _LANDLINE.subn("[phone]", text)
    text, local_numbers = _LOCAL_NUMBER.subn(r"\g<intro>[phone]", text)
    text, wechats = _WECHAT.subn(r"\g<intro>[wechat]", text)
    text, qqs = _QQ.subn(r"\g<intro>[qq]", text)
    return text, emails + mobiles + landlines + local_numbers + wechats + qqs
