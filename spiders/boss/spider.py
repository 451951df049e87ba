"""The spider of Boss直聘: a declaration; what it does is in `spiders.base`, what it knows beside this file."""

from __future__ import annotations

from spiders.base import JobSpider
from spiders.boss import PLATFORM


class BossSpider(JobSpider):
    name = PLATFORM.name
    platform = PLATFORM
