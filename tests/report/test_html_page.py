"""The HTML report is one valid, self-contained page, and nothing that a site or a user says becomes markup."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from jobdata_scrapy.items import Job
from jobdata_scrapy.report.charts import draw_salaries, draw_top
from jobdata_scrapy.report.html import format_bytes, format_duration, format_latency, render_html

EVIL = "<script>alert(1)</script>"
SVG_EVIL = "</text></svg><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def page(make_page, make_report):
    skills = [EVIL, SVG_EVIL, "数据挖掘", "A & B", "\x00\x1b[31mcontrol", "SQL\ud800"]
    jobs = [Job(str(n), EVIL, skills=skills, company_name=EVIL, monthly_low=9000, monthly_high=n * 9000) for n in range(1, 9)]

    def add_texts(tally):
        tally.add_unreadable("salary", EVIL)
        tally.add_answer(EVIL, 0.2)

    words = {"keyword": EVIL, "city": '"><b>上海'}
    arguments = {"keyword": EVIL, EVIL: EVIL}
    report = make_report(
        [make_page(jobs=jobs, rejected=2, total=10, **words)],
        errors=[EVIL],
        finish_reason="blocked",
        arguments=arguments,
        prepare=add_texts,
    )
    return render_html(report)


@pytest.fixture(scope="module")
def tree(page):
    parser = etree.HTMLParser(recover=False, encoding="utf-8")
    return etree.fromstring(re.sub(r"<(/?)(main|header|section|footer|svg|g|rect|path|defs)\b", r"<\1div", page).encode(), parser)


def test_nothing_becomes_markup(page):
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>上海" not in page
    assert "onerror=" not in page.replace("onerror=alert(2)&gt;", "")
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6


def test_nothing_is_fetched_from_anywhere(page):
    assert not re.search(r"<(script|link|iframe|object|embed|base|img)\b", page, re.I)
    assert not re.search(r"\b(src|href|xlink:href)\s*=", page, re.I)
    assert not re.search(r"@import|url\(|@font-face", page, re.I)
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names of SVG, not addresses


def test_the_page_is_well_formed_html(page, tree):
    assert page.startswith("<!DOCTYPE html>")
    assert tree.xpath("string(/html/@lang)") == "zh-CN"
    assert tree.xpath("count(//meta[@name='viewport'])") == 1
    for name in ("div", "table", "tr", "td", "ul", "li", "section", "svg", "dl"):
        assert len(re.findall(rf"<{name}\b", page)) == page.count(f"</{name}>"), name


def test_both_pictures_are_well_formed_and_hold_their_labels(page):
    pictures = [etree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.S)]
    assert len(pictures) == 2
    texts = [" ".join(picture.itertext()) for picture in pictures]
    assert "5-8K" in texts[0]
    assert "数据挖掘" in texts[1]
    assert "A & B" in texts[1]


def test_it_speaks_chinese_first_and_english_second(page):
    assert page.index("采集报告") < page.index("run report")
    assert "未通过" in page
    assert "网站封锁了该出口" in page
    assert "the run stopped as &#39;blocked&#39;" in page


def test_a_run_without_anything_still_has_a_page(make_report):
    page = render_html(make_report([]))
    assert "没有执行任何关键词" in page
    assert "<svg" not in page


def test_pictures_of_one_and_of_empty_bands_are_drawn():
    assert "<svg" in draw_top([{"name": "一", "count": 1}], "skills")
    assert "<svg" in draw_salaries({"bands": [{"low": 0, "high": 3000, "count": 0}, {"low": 3000, "high": None, "count": 0}]})


def test_the_label_of_a_band_ends_below_its_bar():
    """One that began there would end below the next bar, and be read as its label."""
    bands = [{"low": 0, "high": 3000, "count": 0}, {"low": 3000, "high": None, "count": 64}]
    picture = etree.fromstring(draw_salaries({"bands": bands}))
    ends_there = "//*[local-name() = 'text'][@class = 'backwards' and starts-with(@transform, 'rotate(320 ')]/text()"
    assert picture.xpath(ends_there) == ["0-3K", "3K+"]
    assert re.search(r"text\[transform\]\.backwards\s*\{\s*text-anchor:\s*end", "".join(picture.itertext()))


def test_numbers_for_people():
    assert [format_duration(value) for value in (None, 4.24, 185, 3720)] == ["–", "4.2 s", "3 min 05 s", "1 h 02 min"]
    assert [format_bytes(value) for value in (0, 999, 3400, 12_000_000, 5e12)] == [
        "0 B",
        "999 B",
        "3.4 kB",
        "12.0 MB",
        "5000.0 GB",
    ]
    assert [format_latency(value) for value in (None, 0.25, 2.5)] == ["–", "250 ms", "2.5 s"]


def test_what_went_through_the_spool_is_told_in_both_languages(make_report, make_page):
    report = make_report([make_page()])
    assert "暂存 <small" not in render_html(report)
    report["spool"] |= {"pages": 3, "postings": 90, "waiting_pages": 1, "waiting_postings": 30, "damaged": ["x"]}
    page = render_html(report)
    assert "kept on disk while the warehouse was away" in page
    assert "损坏的文件" in page
    del report["spool"]  # as an earlier version wrote it
    assert "暂存 <small" not in render_html(report)
