from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.company import STAGES, parse_size, parse_stage


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", None, None),
        ("0-20人", 0, 20),
        ("20-99人", 20, 99),
        ("100-499人", 100, 499),
        ("1000-9999人", 1_000, 9_999),
        ("10000人以上", 10_000, None),
        ("少于50人", None, 50),
        ("20人以下", None, 20),
        ("5000-10000人", 5_000, 10_000),
        ("100-299", 100, 299),
        ("５０－１５０人", 50, 150),
    ],
)
def test_sizes_of_the_three_sites(text: str, least: int | None, most: int | None) -> None:
    assert parse_size(text) == (least, most)


@pytest.mark.parametrize("text", ["互联网", "人", "50"])
def test_no_size_is_refused(text: str) -> None:
    with pytest.raises(UnreadableText, match="company_size: cannot read"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "stage"),
    [("", ""), ("D轮", "D轮及以上"), ("上市公司", "已上市"), ("a轮", "A轮"), *((stage, stage) for stage in STAGES)],
)
def test_stages(text: str, stage: str) -> None:
    assert parse_stage(text) == stage


def test_no_stage_is_refused() -> None:
    with pytest.raises(UnreadableText, match="company_stage: cannot read"):
        parse_stage("民营")


@given(st.text(max_size=20) | st.text("0123456789-人以上下少于+", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        least, most = parse_size(text)
    except UnreadableText:
        return
    assert least is None or most is None or least <= most


def test_every_captured_wording_is_read(sample_texts: Callable[..., list[str]]) -> None:
    for text in sample_texts("brandScaleName", "brandScale", "scaleName", "companySizeString", "companysize_text", "companySize"):
        parse_size(text)
    for text in sample_texts("brandStageName", "brandStage", "stageName", "financingStageName"):
        parse_stage(text)
