"""Company size and stage."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.tables import fold_text, read_table

STAGES = ("未融资", "天使轮", "A轮", "B轮", "C轮", "D轮及以上", "已上市", "不需要融资")
"""The words for a company's stage."""

_RANGE = re.compile(r"(\d{1,7})-(\d{1,7})人?", re.ASCII)
_AT_LEAST = re.compile(r"(\d{1,7})人?(?:及?以上|\+)", re.ASCII)
_AT_MOST = re.compile(r"(?:少于(\d{1,7})人?|(\d{1,7})人?(?:及?以下|以内))", re.ASCII)
_EXACT = re.compile(r"(\d{1,7})人", re.ASCII)


@lru_cache(maxsize=4096)
def parse_size(text: str) -> tuple[int | None, int | None]:
    """(least, most) employees: the bounds as stated, None for an end that `text` leaves open ("少于50人" is (None, 50)).

    "" is (None, None). Raises UnreadableText.
    """
    folded = fold_text(text)
    if not folded:
        return None, None
    if match := _RANGE.fullmatch(folded):
        first, second = int(match[1]), int(match[2])
        return min(first, second), max(first, second)
    if match := _AT_LEAST.fullmatch(folded):
        return int(match[1]), None
    if match := _AT_MOST.fullmatch(folded):
        return None, int(match[1] or match[2])
    if match := _EXACT.fullmatch(folded):
        return int(match[1]), int(match[1])
    raise UnreadableText("company_size", text, "a form like 100-499人, 少于50人 or 10000人以上")


@lru_cache(maxsize=4096)
def parse_stage(text: str) -> str:
    """The word of `STAGES` for `text`; "" where nothing is stated. Raises UnreadableText."""
    word = _stage_words().get(fold_text(text).upper())
    if word is None:
        raise UnreadableText("company_stage", text, f"one of {' '.join(STAGES)}")
    return word


@cache
def _stage_words() -> dict[str, str]:
    return read_table("company_stage.json")
