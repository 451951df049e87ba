"""Everything known about a site, one folder each, the same file names in each. Only `spider.py` and `base.py` know Scrapy."""
