from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.degree import DEGREES, parse_degree


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", ""),
        ("学历不限", "不限"),
        ("不限", "不限"),
        ("初中及以下", "初中及以下"),
        ("中专/中技", "中专/中技"),
        ("中技/中专", "中专/中技"),
        ("高中", "高中"),
        ("大专", "大专"),
        ("本科", "本科"),
        ("硕士", "硕士"),
        ("MBA/EMBA", "MBA/EMBA"),
        ("emba", "MBA/EMBA"),
        ("博士", "博士"),
        ("本科及以上", "本科"),
        ("大专以上学历", "大专"),
        (" 本科 ", "本科"),
    ],
)
def test_wordings_of_the_three_sites(text: str, word: str) -> None:
    assert parse_degree(text) == word


@pytest.mark.parametrize("text", ["及以上", "学历", "3-5年", "幼儿园"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UnreadableText, match="degree: cannot read"):
        parse_degree(text)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        word = parse_degree(text)
    except UnreadableText:
        return
    assert word in ("", *DEGREES)


def test_every_word_is_its_own_reading() -> None:
    assert [parse_degree(word) for word in DEGREES] == list(DEGREES)


def test_every_captured_wording_is_read(sample_texts: Callable[..., list[str]]) -> None:
    for text in sample_texts("jobDegree", "degreeString", "education", "degreeName", "Education"):
        parse_degree(text)
