"""Degree wanted, in one set of words for all sites."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.tables import fold_text, read_table

DEGREES = ("不限", "初中及以下", "高中", "中专/中技", "大专", "本科", "硕士", "MBA/EMBA", "博士")
"""The words, from the least to the highest."""

_SUFFIX = re.compile(r"(?:及?以上)?(?:学历|学位)?(?:及?以上)?$")


@lru_cache(maxsize=4096)
def parse_degree(text: str) -> str:
    """The word of `DEGREES` for `text`, the least degree that is asked for; "" where nothing is stated.

    Raises UnreadableText.
    """
    words = _known_words()
    folded = fold_text(text).upper()
    word = words.get(folded)
    if word is None:
        word = words.get(_SUFFIX.sub("", folded))
    # a bare "及以上" says nothing: only the empty text itself stands for "nothing stated"
    if word is None or (not word and folded):
        raise UnreadableText("degree", text, f"one of {' '.join(DEGREES)}")
    return word


@cache
def _known_words() -> dict[str, str]:
    return read_table("degree.json")
