"""The spider of 前程无忧 (51job): a declaration; what it does is in `spiders.base`, what it knows beside this file."""

from __future__ import annotations

from spiders.base import JobSpider
from spiders.qcwy import PLATFORM


class QcwySpider(JobSpider):
    name = PLATFORM.name
    platform = PLATFORM
