"""Parts that fail on page 2, put into a crawl by settings."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

from scrapy import Request
from scrapy.core.scheduler import Scheduler
from scrapy.exceptions import DropItem

from jobdata_scrapy.items import Page
from jobdata_scrapy.platform import DetailPage, RequestSpec, SearchPage, SignContext
from spiders.base import JobSpider
from spiders.qcwy import PLATFORM
from spiders.zhilian import PLATFORM as ZHILIAN


class RaisingPipeline:
    def process_item(self, page: Page) -> Page:
        if page.number == 2:
            raise ValueError("broken on purpose")
        return page


class DroppingPipeline:
    def process_item(self, page: Page) -> Page:
        if page.number == 2:
            raise DropItem("dropped on purpose")
        return page


class KillingPipeline:
    """Dies as by kill -9: between the store of a page and its report, where it is put there."""

    def process_item(self, page: Page) -> Page:
        if page.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return page


class CancelledPipeline:
    async def process_item(self, page: Page) -> Page:
        if page.number == 2:
            raise asyncio.CancelledError
        return page


class CancellingPipeline:
    """Cancels the task amid the next step, as a closing event loop would."""

    async def process_item(self, page: Page) -> Page:
        task = asyncio.current_task()
        if page.number == 2 and task is not None:
            asyncio.get_running_loop().call_soon(task.cancel)
        return page


class ForgetfulScheduler(Scheduler):
    """Drops the request for page 2."""

    def enqueue_request(self, request: Request) -> bool:
        return request.meta.get("page_number") != 2 and super().enqueue_request(request)


def parse_badly(body: bytes, page: int) -> SearchPage:
    if page == 2:
        raise KeyError("broken on purpose")
    return PLATFORM.parse_search(body, page)


def parse_detail_badly(body: bytes) -> DetailPage:
    raise KeyError("broken on purpose")


def sign_badly(spec: RequestSpec, context: SignContext) -> RequestSpec:
    if ("pageNum", "2") in spec.params:
        raise KeyError("broken on purpose")
    return PLATFORM.sign(spec, context)


class BadParserSpider(JobSpider):
    name = "bad_parser"
    platform = replace(PLATFORM, parse_search=parse_badly)


class BadDetailSpider(JobSpider):
    name = "bad_detail"
    platform = replace(ZHILIAN, parse_detail=parse_detail_badly)


class BadSignerSpider(JobSpider):
    name = "bad_signer"
    platform = replace(PLATFORM, sign=sign_badly)
