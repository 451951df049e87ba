"""How long an answer to robots.txt is used, and what is not kept."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.http import TextResponse
from scrapy.utils.test import get_crawler

from jobdata_scrapy.exceptions import ConfigError, RequestRefused, StorageError
from middlewares.robots import KEPT_SECONDS, RobotsMiddleware
from spiders.zhilian.spider import ZhilianSpider

BASE = "http://site.example"
PAGE = f"{BASE}/search?page=1"
RULES = b"User-agent: *\nDisallow: /private"


class Engine:
    """Answers what it is told to, in order, and counts."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def download_async(self, request: Request) -> TextResponse:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return TextResponse(request.url, body=answer)


class Site:
    """The middleware of a crawl, and its clock."""

    def __init__(self, folder, *answers: bytes | Exception) -> None:
        self.now = 0.0
        crawler = get_crawler(ZhilianSpider, {"JOBDATA_DIR": str(folder), "USER_AGENT": "jobdata"})
        crawler.engine = self.engine = Engine(*answers)
        self.middleware = RobotsMiddleware(crawler, lambda: self.now)
        self._crawler = crawler  # sessions are found by it

    async def ask(self, url: str = PAGE) -> None:
        await self.middleware.process_request(Request(url, meta={"base_url": BASE}))


async def test_rules_are_used_for_a_day(tmp_path):
    site = Site(tmp_path, RULES, b"User-agent: *\nDisallow: /")
    for seconds in (0, 60, KEPT_SECONDS - 1):
        site.now = seconds
        await site.ask()
    with pytest.raises(RequestRefused, match="refuses"):
        await site.ask(f"{BASE}/private")
    assert site.engine.asked == 1
    site.now = KEPT_SECONDS
    with pytest.raises(RequestRefused, match="refuses"):
        await site.ask()
    assert site.engine.asked == 2


@pytest.mark.parametrize(
    "failure", [RequestRefused("SERVER_ERROR", ""), ConfigError("TOKEN_KEY: is missing"), StorageError("away"), OSError("broken")]
)
async def test_what_could_not_be_fetched_is_asked_again_and_is_no_permission(tmp_path, failure):
    site = Site(tmp_path, failure, RULES)
    with pytest.raises(RequestRefused if isinstance(failure, OSError) else type(failure)):
        await site.ask()
    await site.ask()
    assert site.engine.asked == 2
