"""Experience wanted: "3-5年", "10年以上", "1年以内", "在校/应届", "经验不限"."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.tables import fold_text, read_table

Years = tuple[float | None, float | None]

_NUMBER = r"(\d{1,2}(?:\.\d)?)"
_RANGE = re.compile(rf"{_NUMBER}年?[-至到]{_NUMBER}年", re.ASCII)
_AT_LEAST = re.compile(rf"{_NUMBER}年(?:及?以上|\+)?", re.ASCII)
_AT_MOST = re.compile(rf"{_NUMBER}年(?:及?以下|以内|内)", re.ASCII)
_SUFFIX = re.compile(r"(?:的?(?:相关)?工作)?经验$")
_INTERNSHIP = re.compile(r"(?:每周)?\d{1,2}天(?:/周|/星期)?|(?:每周)?\d{1,2}天以上|\d{1,2}个月(?:及?以上)?", re.ASCII)


@lru_cache(maxsize=4096)
def parse_experience(text: str) -> Years:
    """(least, most) years of experience that `text` asks for; None is an open or unstated end.

    "N年" is read as "N years or more", as the sites mean it. What an internship says in this place ("4天/周", "3个月") is no
    experience: (None, None). Raises UnreadableText.
    """
    folded = fold_text(text)
    known = _known_words().get(folded)
    if known is not None:
        return known
    stated = _SUFFIX.sub("", folded)
    if match := _RANGE.fullmatch(stated):
        first, second = float(match[1]), float(match[2])
        return min(first, second), max(first, second)
    if match := _AT_LEAST.fullmatch(stated):
        return float(match[1]), None
    if match := _AT_MOST.fullmatch(stated):
        return 0.0, float(match[1])
    if _INTERNSHIP.fullmatch(stated):
        return None, None
    raise UnreadableText("experience", text, "a form like 3-5年, 10年以上, 1年以内, 在校/应届 or 经验不限")


@cache
def _known_words() -> dict[str, Years]:
    return {word: (least, most) for word, (least, most) in read_table("experience.json").items()}
