"""Scrapy as it comes: one dict item a posting, no pipeline. Run with `scrapy runspider` outside of the project."""

import scrapy


class BareSpider(scrapy.Spider):
    """-a base=URL -a searches=N: the same pages as ours, each search page by page."""

    name = "bare"

    async def start(self):
        for search in range(int(self.searches)):
            yield self.page(f"岗位{search}", 1)

    def page(self, keyword, number):
        url = f"{self.base}/wapi/zpgeek/miniapp/search/joblist.json?query={keyword}&page={number}"
        return scrapy.Request(url, cb_kwargs={"keyword": keyword, "number": number})

    def parse(self, response, keyword, number):
        data = response.json()["zpData"]
        yield from data["jobList"]
        if data["hasMore"]:
            yield self.page(keyword, number + 1)
