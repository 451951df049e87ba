"""No signature, ticket or key of an address reaches log or report, whichever way the request went."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest

from tests.crawl.proxies import socks_proxy

pytestmark = pytest.mark.slow
SIGNED = ("x-zp-page-request-id", "securityId", "pageIndex=")


def check_nothing_told(run) -> None:
    told = run.err + run.out + json.dumps(run.report)
    assert not [word for word in SIGNED if word in told], run.err
    assert "HTTP Request:" not in told  # httpx2's line of each address


def test_what_goes_through_a_socks_proxy_is_not_told(crawl, three_pages):
    with socks_proxy("127.0.0.2") as port:
        settings = {"PROXY_URL": f"socks5://127.0.0.1:{port}"}
        run = crawl("boss", keyword=three_pages("boss"), city="上海", pages="1", details="true", settings=settings)
    assert run.report["stats"]["detail/stored"] > 0, run.err
    check_nothing_told(run)


@pytest.mark.parametrize(
    ("site", "kinds", "by_socks"), [("zhilian", ["search"], False), ("boss", ["detail", "detail_batch"], True)]
)
def test_an_answer_that_does_not_come_is_told_without_its_address(crawl, sandbox, three_pages, site, kinds, by_socks):
    """An address of a list of zhilian carries request identifiers, one of a posting of boss its ticket."""
    for kind in kinds:
        sandbox.control({"site": site, "kind": kind, "fault": "slow", "seconds": 20, "times": 2})
    settings = {"DOWNLOAD_TIMEOUT": "1", "RETRY_TIMES": "1"}
    with socks_proxy("127.0.0.2") if by_socks else nullcontext() as port:
        settings |= {"PROXY_URL": f"socks5://127.0.0.1:{port}"} if port else {}
        run = crawl(site, keyword=three_pages(site), city="上海", pages="1", details="true", settings=settings)
    assert "gave no whole answer within 1 seconds" in json.dumps(run.report), run.err
    check_nothing_told(run)
