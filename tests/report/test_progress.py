"""The progress of a run: a bar on a terminal, log lines elsewhere, and always a clean end."""

from __future__ import annotations

import logging
import sys
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console
from scrapy import Spider, signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.test import get_crawler

from jobdata_scrapy.extensions.progress import ProgressExtension, format_clock
from jobdata_scrapy.extensions.progress_state import ProgressState
from jobdata_scrapy.items import StoredPage

LOGGER = "jobdata_scrapy.extensions.progress"


class GivenSpider(Spider):
    name = "boss"
    given: dict[str, str] = {"keyword": "数据分析"}  # noqa: RUF012


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def rig():
    """A real crawler with the extension connected to it, on a fake terminal or a plain file, and a clock to turn."""
    opened = []

    def open_rig(*, terminal: bool, width: int = 140, given: dict[str, str] | None = None, **options):
        crawler = get_crawler(GivenSpider, {"EXTENSIONS_BASE": {}})
        crawler.spider = crawler._create_spider()
        crawler.spider.given = {"keyword": "数据分析"} if given is None else given
        file, clock = StringIO(), Clock()
        console = Console(file=file, force_terminal=terminal, width=width, color_system=None, _environ={})
        extension = ProgressExtension(crawler.stats, console, clock=clock, **options)
        extension.connect(crawler)
        opened.append(extension)

        def send(signal, **named):
            for _, result in crawler.signals.send_catch_log(signal, spider=crawler.spider, **named):
                assert not hasattr(result, "getTraceback"), result

        send(signals.spider_opened)
        return SimpleNamespace(crawler=crawler, clock=clock, file=file, extension=extension, send=send)

    yield open_rig
    for extension in opened:
        extension.stop()


async def test_the_bar_tells_pages_postings_bans_and_time_to_go(rig, make_page):
    run = rig(terminal=True)
    run.clock.now = 10.0
    run.crawler.stats.inc_value("anomaly/verdict_count/CAPTCHA")
    run.crawler.stats.inc_value("anomaly/verdict_count/RATE_LIMITED")
    run.crawler.stats.inc_value("anomaly/verdict_count/OK")
    run.send(signals.item_scraped, item=make_page(1, total=9, stored=StoredPage(new=1, changed=1, unchanged=1)), response=None)
    run.send(signals.item_scraped, item=make_page(0, page_kind="detail", jobs=[]), response=None)
    run.send(signals.item_scraped, item={"no": "page"}, response=None)
    run.send(signals.spider_closed, reason="finished")
    shown = run.file.getvalue()
    assert "pages 1/3, postings 3 (1 new, 1 changed, 1 unchanged), details 1, bans 2, ETA 0:20" in shown
    assert shown.endswith(("\x1b[?25h", "\n"))
    assert "\x1b[?25h" in shown  # the cursor is back


async def test_the_bar_fits_in_80_columns(rig, make_page):
    run = rig(terminal=True, width=80)
    run.clock.now = 10.0
    run.send(signals.item_scraped, item=make_page(1, total=900, stored=StoredPage(new=1, changed=1, unchanged=1)), response=None)
    run.send(signals.spider_closed, reason="finished")
    assert "pages 1/300, postings 3 (+1 ~1 =1), bans 0, ETA 49:50\n" in run.file.getvalue()


async def test_log_lines_and_the_bar_do_not_tear_each_other(rig, make_page):
    stderr_before = sys.stderr
    handler = logging.StreamHandler()  # as Scrapy's own: it has taken sys.stderr before the bar came
    logging.root.addHandler(handler)
    try:
        run = rig(terminal=True)
        assert handler.stream is not stderr_before
        run.send(signals.item_scraped, item=make_page(1, total=9), response=None)
        logging.getLogger("test").error("line %s", "[red]one[/red] 中文")
        run.send(signals.spider_closed, reason="finished")
        assert handler.stream is stderr_before
        assert sys.stderr is stderr_before
    finally:
        logging.root.removeHandler(handler)
    assert "line [red]one[/red] 中文\n" in run.file.getvalue()


async def test_the_terminal_is_given_back_when_the_run_never_came_to_its_end(rig):
    stderr_before = sys.stderr
    run = rig(terminal=True)
    assert sys.stderr is not stderr_before
    run.send(signals.engine_stopped)
    assert sys.stderr is stderr_before
    run.extension.stop()  # and again, as from atexit
    assert "\x1b[?25h" in run.file.getvalue()


async def test_standard_output_in_a_pipe_is_left_alone(rig, capsys):
    before = sys.stdout
    rig(terminal=True)
    assert sys.stdout is before


async def test_without_a_terminal_there_is_one_line_each_so_many_pages(rig, make_page, caplog):
    caplog.set_level(logging.INFO, LOGGER)
    run = rig(terminal=False, log_pages=2)
    for number in range(1, 6):
        run.send(signals.item_scraped, item=make_page(number, total=15), response=None)
    lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert [line.split(",")[0] for line in lines] == ["Progress: pages 2/5", "Progress: pages 4/5"]
    run.send(signals.spider_closed, reason="finished")
    assert caplog.records[-1].getMessage().startswith("Progress: pages 5/5, postings 15")
    assert run.file.getvalue() == ""


async def test_without_a_terminal_there_is_one_line_each_so_many_seconds(rig, make_page, caplog):
    caplog.set_level(logging.INFO, LOGGER)
    run = rig(terminal=False, log_pages=100, log_seconds=30)
    for now in (10, 29, 31, 40, 62):
        run.clock.now = float(now)
        run.send(signals.item_scraped, item=make_page(now), response=None)
    assert len([record for record in caplog.records if record.name == LOGGER]) == 2
    run.clock.now = 95.0
    run.extension._log_when_due()  # what the timer calls while no page comes
    assert caplog.records[-1].getMessage().startswith("Progress: pages 5/?")


async def test_the_timer_ends_with_the_run(rig):
    run = rig(terminal=False)
    timer = run.extension._timer
    assert timer.running
    run.send(signals.spider_closed, reason="blocked")
    assert not timer.running


def test_it_can_be_switched_off():
    with pytest.raises(NotConfigured):
        ProgressExtension.from_crawler(get_crawler(GivenSpider, {"PROGRESS_ENABLED": False}))


def test_it_is_made_from_the_settings():
    extension = ProgressExtension.from_crawler(get_crawler(GivenSpider, {"PROGRESS_LOG_PAGES": 3}))
    assert isinstance(extension, ProgressExtension)


@pytest.mark.parametrize(
    ("known", "pages", "expected"),
    [
        pytest.param({}, [{"total": 9}], 3, id="total over page size"),
        pytest.param({}, [{"total": None}], None, id="nobody knows"),
        pytest.param({"pages_limit": 2}, [{"total": 900}], 2, id="pages limit"),
        pytest.param({"pages_limit": 2}, [{"total": None}], 2, id="pages limit without a total"),
        pytest.param({"result_cap": 6}, [{"total": 900}], 2, id="result cap of the site"),
        pytest.param({}, [{"total": 900, "last": True}], 1, id="the last page"),
        pytest.param({"pages_limit": 9}, [{"number": 7, "total": None}], 3, id="resumed at page 7"),
        pytest.param({"searches": 4}, [{"total": 9}], 12, id="searches to come"),
        pytest.param({"searches": 2}, [{"total": 9}, {"total": 3, "round": "r2"}], 4, id="two searches"),
        pytest.param({}, [{"total": 9}, {"total": None, "round": "r2"}], None, id="one of them unknown"),
    ],
)
def test_how_many_pages_there_will_be(make_page, known, pages, expected):
    state = ProgressState(**known)
    for page in pages:
        state.add_page(make_page(**page))
    assert state.expected == expected
    assert (state.estimate_seconds(10.0) is None) == (expected is None)


async def test_the_arguments_of_the_spider_tell_the_length(rig, make_page):
    run = rig(terminal=False, given={"keyword": "a，b, b", "city": "上海,北京", "pages": "2"})
    run.send(signals.item_scraped, item=make_page(1, total=None), response=None)
    assert run.extension.describe().startswith("pages 1/8,")


def test_the_clock_for_people():
    assert [format_clock(value) for value in (42, 185, 3723)] == ["0:42", "3:05", "1:02:03"]
