"""A provider's list of proxies, asked again while the crawl goes on: what it drops is left, what it adds is used."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from jobdata_scrapy.db.exits import list_exits
from tests.crawl.crawlers import open_queue
from tests.crawl.proxies import addresses, running_proxies

pytestmark = pytest.mark.slow
REFRESH = 5  # seconds, the least that is allowed
PACE = {"SLEEP_MIN_SECONDS": "0.4", "SLEEP_MAX_SECONDS": "0.4"}


class Provider(BaseHTTPRequestHandler):
    """Gives its answers one after the other, the last one for ever; `asked_at`: when, on the clock of the sandbox's log."""

    answers: ClassVar[list[tuple[int, str]]] = []
    asked_at: ClassVar[list[float]] = []

    def do_GET(self) -> None:
        status, body = self.answers[min(len(self.asked_at), len(self.answers) - 1)]
        self.asked_at.append(time.monotonic())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing: pytest shows the crawl's own log."""


@pytest.fixture
def provider(monkeypatch):
    """`provider((200, "..."), ...)`: its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def answer(*answers: tuple[int, str]) -> str:
            monkeypatch.setattr(Provider, "answers", list(answers))
            monkeypatch.setattr(Provider, "asked_at", [])
            return f"http://127.0.0.1:{server.server_port}/list?key=geheim-4711"

        yield answer
        server.shutdown()


def test_the_list_is_renewed_while_the_crawl_goes_on(crawl, sandbox, provider, tmp_path):
    words = [f"换手{number}" for number in range(14)]
    sandbox.control({"total": [{"site": "zhilian", "keyword": word, "city": "上海", "total": 60} for word in words]})
    with running_proxies(2) as (one, other):
        url = provider((200, f"{one}\n"), (200, f"{other}\n"), (500, "geheim-4711"))
        settings = {"PROXY_PROVIDER_URL": url, "PROXY_REFRESH_SECONDS": str(REFRESH), **PACE}
        run = crawl("zhilian", keyword=",".join(words), city="上海", directory=tmp_path, settings=settings)
    assert run.code == 0, run.err
    assert {one["state"] for one in run.report["rounds"]} == {"done"}
    log = sandbox.log()
    assert {entry["address"] for entry in log} == set(addresses(2))
    changed, broken = Provider.asked_at[1:3]
    before, after = ([entry["time"] for entry in log if entry["address"] == address] for address in addresses(2))
    assert max(before) < changed + 1  # the request that was under way, and nothing after it
    assert sum(moment > min(after) for moment in before) <= 1
    assert sum(moment > broken for moment in after) > 2
    assert "PROXY_PROVIDER_URL: 127.0.0.1 answered HTTP 500" in run.err
    assert "geheim-4711" not in run.err + str(run.report)
    with closing(open_queue(tmp_path)) as database:
        assert [row.name for row in list_exits(database)] == [other]
