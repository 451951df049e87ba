"""Every request leaves through the configured exit, robots.txt too, and no faster than its pace. Real proxies on loopback."""

from __future__ import annotations

import socket
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tests.crawl.proxies import STARTERS, free_port, http_proxy, socks_proxy
from tests.crawl.tls_front import running_tls_front

pytestmark = pytest.mark.slow
PASSWORD = "p@ss:wörd"
QUOTED = "p%40ss%3Aw%C3%B6rd"
SOCKS_ADDRESS, HTTP_ADDRESS = "127.0.0.2", "127.0.0.3"  # what the sandbox sees behind each proxy


def check_way_out(run, sandbox, address: str) -> None:
    assert (run.code, run.round["state"], run.round["stored"]) == (0, "done", run.round["distinct"]), run.err
    assert {one["address"] for one in sandbox.log()} == {address}
    assert [one["kind"] for one in sandbox.log()] == ["robots", "search", "search", "search"]


def test_the_machines_own_address(crawl, sandbox, three_pages):
    run = crawl("boss", keyword=three_pages("boss"), city="上海")
    check_way_out(run, sandbox, "127.0.0.1")
    assert run.report["stats"][f"proxy/request_count/direct@{socket.gethostname()}"] == 4


@pytest.mark.parametrize("site", ["boss", "zhilian"])
def test_a_socks_proxy(crawl, sandbox, three_pages, site):
    with socks_proxy(SOCKS_ADDRESS) as port:
        run = crawl(site, keyword=three_pages(site), city="上海", settings={"PROXY_URL": f"socks5://127.0.0.1:{port}"})
    check_way_out(run, sandbox, SOCKS_ADDRESS)
    assert run.report["stats"][f"proxy/request_count/socks5://127.0.0.1:{port}"] == 4


def test_a_socks_proxy_with_a_password(crawl, sandbox, three_pages):
    with socks_proxy(SOCKS_ADDRESS, "-u", "anna", "-P", PASSWORD) as port:
        settings = {"PROXY_URL": f"socks5h://anna:{QUOTED}@127.0.0.1:{port}"}
        run = crawl("qcwy", keyword=three_pages("qcwy"), city="上海", settings=settings)
    check_way_out(run, sandbox, SOCKS_ADDRESS)
    check_secrecy(run)


@pytest.mark.parametrize("site", ["qcwy", "zhilian"])
def test_an_http_proxy(crawl, sandbox, three_pages, site):
    with http_proxy(HTTP_ADDRESS) as port:
        run = crawl(site, keyword=three_pages(site), city="上海", settings={"PROXY_URL": f"http://127.0.0.1:{port}"})
    check_way_out(run, sandbox, HTTP_ADDRESS)


def test_the_tunnel_is_an_http_proxy_with_a_password(crawl, sandbox, three_pages):
    with http_proxy(HTTP_ADDRESS, "BasicAuth anna geheim-4711") as port:
        tunnel = {"PROXY_TUNNEL": f"127.0.0.1:{port}", "PROXY_USERNAME": "anna", "PROXY_PASSWORD": "geheim-4711"}
        run = crawl("boss", keyword=three_pages("boss"), city="上海", settings=tunnel)
    check_way_out(run, sandbox, HTTP_ADDRESS)
    check_secrecy(run)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_site_over_tls_through_a_proxy_with_a_password(crawl, sandbox, three_pages, tmp_path, scheme):
    """As live sites are asked: an HTTP proxy by CONNECT. A certificate that nobody vouches for is refused, unless told not to."""
    proxy = {"http": (HTTP_ADDRESS, "BasicAuth anna geheim-4711"), "socks5": (SOCKS_ADDRESS, "-u", "anna", "-P", "geheim-4711")}
    keyword = three_pages("qcwy")
    with STARTERS[scheme](*proxy[scheme]) as port, running_tls_front(urlsplit(sandbox.url).port, tmp_path) as front:
        settings = {
            "PROXY_URL": f"{scheme}://anna:geheim-4711@127.0.0.1:{port}",
            "SITE_BASE_URLS": f"qcwy=https://127.0.0.1:{front.port}/qcwy",
        }
        refused = crawl("qcwy", keyword=keyword, city="上海", settings=settings)
        assert (refused.code, refused.round["pages_ok"], sandbox.log(), front.peers) == (1, 0, [], set()), refused.err
        run = crawl("qcwy", keyword=keyword, city="上海", settings=settings | {"DOWNLOAD_VERIFY_CERTIFICATES": "false"})
    assert (run.code, run.round["state"], front.peers) == (0, "done", {proxy[scheme][0]}), run.err
    assert [one["kind"] for one in sandbox.log()] == ["robots", "search", "search", "search"]
    check_secrecy(run)


def check_secrecy(run) -> None:
    for secret in (PASSWORD, QUOTED, "geheim-4711", "YW5uYT"):  # the last: base64 of "anna:"
        assert secret not in run.err + run.out + str(run.report)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_dead_proxy(crawl, sandbox, scheme):
    port = free_port()
    run = crawl("qcwy", keyword="会计", city="上海", settings={"PROXY_URL": f"{scheme}://anna:{QUOTED}@127.0.0.1:{port}"})
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "site_down", "server_error"), run.err
    assert any(f"{scheme}://127.0.0.1:{port}" in one["message"] for one in run.report["judgement"]["problems"])
    assert sandbox.log() == []
    check_secrecy(run)


def test_an_http_proxy_that_wants_a_password(crawl, sandbox):
    with http_proxy(HTTP_ADDRESS, "BasicAuth anna geheim-4711") as port:
        run = crawl("qcwy", keyword="会计", city="上海", settings={"PROXY_URL": f"http://127.0.0.1:{port}"})
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "no_proxy_left", "proxy_refused"), (
        run.err
    )
    assert any("refuses the user name or password" in one["message"] for one in run.report["judgement"]["problems"])
    assert sandbox.log() == []
    check_secrecy(run)


def test_a_socks_proxy_that_refuses_the_password(crawl, sandbox):
    with socks_proxy(SOCKS_ADDRESS, "-u", "anna", "-P", "another") as port:
        run = crawl("qcwy", keyword="会计", city="上海", settings={"PROXY_URL": f"socks5://anna:{QUOTED}@127.0.0.1:{port}"})
    assert (run.code, run.round["pages_ok"]) == (1, 0), run.err
    assert sandbox.log() == []
    check_secrecy(run)


@pytest.mark.parametrize("fault", ["", "server_error"])
def test_no_two_requests_come_faster_than_the_pace(crawl, sandbox, three_pages, fault):
    """Counted at the site, from the end of one answer to the next request; a request made again waits its turn, too."""
    keywords = [three_pages("qcwy") for _ in range(2)]
    if fault:
        sandbox.control({"site": "qcwy", "kind": "search", "fault": fault, "pages": [2], "times": 1})
    pace = {"SLEEP_MIN_SECONDS": "0.3", "SLEEP_MAX_SECONDS": "0.4"}
    run = crawl("qcwy", keyword=",".join(keywords), city="上海", settings=pace)
    assert run.code == 0, run.err
    log = sandbox.log()
    assert [one["kind"] for one in log] == ["robots", *["search"] * (7 if fault else 6)]
    gaps = [later["time"] - earlier["ended"] for earlier, later in pairwise(log)]
    assert min(gaps) >= 0.29
