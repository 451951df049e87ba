from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.experience import parse_experience


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        # Boss
        ("在校/应届", 0, 0),
        ("经验不限", None, None),
        ("1年以内", 0, 1),
        ("1-3年", 1, 3),
        ("3-5年", 3, 5),
        ("5-10年", 5, 10),
        ("10年以上", 10, None),
        # 51job
        ("无需经验", 0, None),
        ("1年", 1, None),
        ("3-4年", 3, 4),
        ("8-9年", 8, 9),
        ("3年及以上", 3, None),
        ("在校生/应届生", 0, 0),
        ("5-7年经验", 5, 7),
        ("1年经验", 1, None),
        ("无工作经验", 0, None),
        # Zhilian
        ("不限", None, None),
        ("无经验", 0, None),
        ("1年以下", 0, 1),
        # nothing stated, or an internship's days and months
        ("", None, None),
        ("4天/周", None, None),
        ("3个月", None, None),
        # spelling
        ("３－５年", 3, 5),
        ("5 - 3 年", 3, 5),
        ("3年-5年", 3, 5),
        ("3年以上工作经验", 3, None),
    ],
)
def test_wordings_of_the_three_sites(text: str, least: float | None, most: float | None) -> None:
    assert parse_experience(text) == (least, most)


@pytest.mark.parametrize("text", ["经验", "本科", "3-5", "年", "三五年"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UnreadableText, match="experience: cannot read"):
        parse_experience(text)


@given(st.text(max_size=20) | st.text("0123456789.-年以上下内及经验不限无需天/周个月+", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        least, most = parse_experience(text)
    except UnreadableText:
        return
    assert least is None or most is None or 0 <= least <= most


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_range_comes_back_in_order(first: int, second: int) -> None:
    assert parse_experience(f"{first}-{second}年") == (min(first, second), max(first, second))


def test_every_captured_wording_is_read(sample_texts: Callable[..., list[str]]) -> None:
    for text in sample_texts(
        "jobExperience", "workYearString", "workingExp", "positionWorkingExp", "experienceName", "WorkingExp"
    ):
        parse_experience(text)
