"""The fakes, one a site. They follow docs/platforms.md, not the spiders' parsers."""

from __future__ import annotations

from jobdata_scrapy.sandbox.sites.boss import BossSite
from jobdata_scrapy.sandbox.sites.contract import Site
from jobdata_scrapy.sandbox.sites.qcwy import QcwySite
from jobdata_scrapy.sandbox.sites.zhilian import ZhilianSite

SITES: dict[str, Site] = {site.name: site for site in (BossSite(), QcwySite(), ZhilianSite())}
