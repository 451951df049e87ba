"""The spider of 智联招聘: a declaration; what it does is in `spiders.base`, what it knows beside this file."""

from __future__ import annotations

from spiders.base import JobSpider
from spiders.zhilian import PLATFORM


class ZhilianSpider(JobSpider):
    name = PLATFORM.name
    platform = PLATFORM
