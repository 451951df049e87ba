"""The site of the crawl benchmarks: boss list answers in the mini program's shape, made beforehand, served from memory.

`python page_server.py SEARCHES PAGES` (PAGES a search, of 30 postings) prints its port and serves until its input ends.
Run in a process of its own; what it costs is nobody's.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2]))

from jobdata_scrapy.sandbox.draws import text
from jobdata_scrapy.sandbox.postings import SearchKey, make_posting
from jobdata_scrapy.sandbox.sites.boss import SEARCH, envelope
from jobdata_scrapy.sandbox.sites.boss_shapes import list_item

ROWS_A_PAGE = 30
SEED = 1
CITY = "上海"


def keyword_of(search: int) -> str:
    """The keyword of this search (counted from 0)."""
    return f"岗位{search}"


def render_page(search: int, number: int, pages: int) -> bytes:
    """The answer for page `number` (from 1) out of `pages`."""
    key = SearchKey("boss", keyword_of(search), CITY)
    slots = range((number - 1) * ROWS_A_PAGE, number * ROWS_A_PAGE)
    rows = []
    for rank, slot in enumerate(slots, 1):
        tickets = {"lid": f"bench{search}.search.{rank}", "securityId": text(SEED, search, slot, length=64) + "~~"}
        rows.append(tickets | list_item(make_posting(SEED, key, slot, 0)))
    return orjson.dumps(envelope({"jobList": rows, "hasMore": number < pages}))


def make_app(searches: int, pages: int) -> web.Application:
    """Serves the rendered pages, below `/boss` for our spider and without prefix for others; allows everything to robots."""
    answers = {(keyword_of(s), str(p)): render_page(s, p, pages) for s in range(searches) for p in range(1, pages + 1)}

    async def list_page(request: web.Request) -> web.Response:
        body = answers.get((request.query.get("query", ""), request.query.get("page", "")))
        return web.Response(body=body, content_type="application/json") if body else web.Response(status=404)

    async def robots(_: web.Request) -> web.Response:
        return web.Response(text="User-agent: *\nAllow: /\n")

    app = web.Application()
    for prefix in ("", "/boss"):
        app.router.add_get(prefix + SEARCH, list_page)
        app.router.add_get(prefix + "/robots.txt", robots)
    return app


async def serve(searches: int, pages: int) -> None:
    """Until standard input ends."""
    runner = web.AppRunner(make_app(searches, pages), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
