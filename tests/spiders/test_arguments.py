"""Spider arguments: one clear line each, before the first request."""

import pytest

from jobdata_scrapy.commands._sites import check_search
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ArgumentError
from spiders.arguments import Details, read_arguments
from spiders.registry import PLATFORMS

CONFIG = Config(_env_file=None)
BOSS = PLATFORMS["boss"]


def read(platform=BOSS, **given):
    return read_arguments(platform, given, CONFIG)


def test_every_keyword_in_every_city():
    arguments = read(keyword="数据分析, Java，Java", city="上海市,北京")
    assert [(q.keyword, q.city) for q in arguments.queries] == [
        ("数据分析", "上海"),
        ("数据分析", "北京"),
        ("Java", "上海"),
        ("Java", "北京"),
    ]
    assert arguments.queries[0].city_code == BOSS.cities["上海"]


def test_a_city_under_two_names_is_one_city():
    assert [query.city for query in read(keyword="x", city="上海,上海市").queries] == ["上海"]


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_arguments_and_queue_know_the_same_cities(platform):
    for text in ("上海", "上海市", " 北京 ", "全国"):
        assert check_search(platform.name, text)[1] == read(platform, keyword="x", city=text).queries[0].city
    assert check_search(platform.name, "")[1] == "全国"
    messages = []
    for refused in (lambda: check_search(platform.name, "上海海"), lambda: read(platform, keyword="x", city="上海海")):
        with pytest.raises(ArgumentError) as caught:
            refused()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_defaults():
    arguments = read(keyword="x")
    assert arguments.queries[0].city == "全国"
    assert (arguments.pages, arguments.details) == (0, Details.NONE)


def test_max_pages_is_the_default_for_pages():
    assert read_arguments(BOSS, {"keyword": "x"}, Config(_env_file=None, max_pages=7)).pages == 7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"city": "上海"}, "city: needs a keyword"),
        ({"pages": "3"}, "pages: needs a keyword"),
        ({"max_minutes": "0"}, "max_minutes: '0' must be a whole number"),
        ({"keyword": "x", "max_keywords": "3"}, "max_keywords: is for a run over the queue"),
        ({"keyword": " ，, "}, "keyword: is empty"),
        ({"keyword": "x" * 65}, "keyword: .* 64"),
        ({"keyword": "a\nb"}, "keyword: "),
        ({"keyword": "x", "city": "上海海"}, "city: '上海海' is unknown to boss; did you mean .*上海"),
        ({"keyword": "x", "city": "Atlantis"}, "city: 'Atlantis' is unknown to boss; "),
        ({"keyword": "x", "city": ","}, "city: is empty"),
        ({"keyword": "x", "pages": "0"}, "pages: '0' must be a whole number from 1"),
        ({"keyword": "x", "pages": "-1"}, "pages: "),
        ({"keyword": "x", "pages": "３"}, "pages: "),
        ({"keyword": "x", "details": "maybe"}, "details: 'maybe' must be true, false or html"),
        ({"keyword": "x", "keywrod": "y"}, "keywrod: unknown argument; allowed: keyword, city"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ArgumentError, match=message):
        read(**given)


def test_details_are_refused_where_the_site_has_none():
    with pytest.raises(ArgumentError, match="details: qcwy has no posting page"):
        read(PLATFORMS["qcwy"], keyword="x", details="true")


def test_details_by_the_api_or_in_a_browser():
    assert read(keyword="x", details="true").details is Details.API
    assert read(PLATFORMS["zhilian"], keyword="x", details="html").details is Details.HTML


def test_html_is_refused_where_the_site_has_no_such_page():
    with pytest.raises(ArgumentError, match="details: boss has no posting page for a browser; allowed here: true, false"):
        read(keyword="x", details="html")
