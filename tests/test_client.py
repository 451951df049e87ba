"""PlatformClient: the same site code over `requests`, replayed from cassettes that were recorded against the sandbox.

To record them again: delete tests/cassettes/*.json and run this file with JOBDATA_RECORD=1.
"""

import os
from pathlib import Path

import pytest
from betamax import Betamax
from betamax.cassette.interaction import Interaction

from jobdata_scrapy.client import PlatformClient
from jobdata_scrapy.exceptions import RequestRefused
from jobdata_scrapy.sandbox.process import running_sandbox
from spiders.registry import PLATFORMS

CASSETTES = Path(__file__).parent / "cassettes"
RECORD = "once" if os.environ.get("JOBDATA_RECORD") else "none"
TOKEN = "sandbox-token"
NOW = 1_795_312_345.0


@pytest.fixture(scope="module")
def base_url():
    if RECORD == "none":
        yield "http://127.0.0.1:8077"
        return
    with running_sandbox("--port", "8077") as sandbox:
        yield sandbox.url


def hide_cookies(interaction: Interaction, cassette) -> None:
    interaction.data["response"]["headers"].pop("Set-Cookie", None)


@pytest.fixture
def ask(base_url, request):
    """`ask("boss")` gives a client whose calls are replayed from the test's own cassette."""
    clients = []

    def make(site: str, **options) -> PlatformClient:
        options = {"token": TOKEN, "clock": lambda: NOW, "nonce": iter(f"{n:032x}" for n in range(99)).__next__} | options
        client = PlatformClient(PLATFORMS[site], base_url=f"{base_url}/{site}", **options)
        clients.append(client)
        recorder = Betamax(client.session, cassette_library_dir=str(CASSETTES))
        recorder.config.before_record(callback=hide_cookies)
        recorder.config.define_cassette_placeholder("<TOKEN>", TOKEN)
        recorder.use_cassette(request.node.name, record=RECORD, match_requests_on=["method", "path", "query"])
        recorder.start()
        request.addfinalizer(recorder.stop)
        return client

    yield make
    for client in clients:
        client.close()


def test_search_boss(ask):
    page = ask("boss").search("数据分析", "上海")
    assert len(page.jobs) == 15
    assert page.next_page == 2
    assert all(job.job_id and job.title for job in page.jobs)


def test_search_zhilian(ask):
    assert ask("zhilian").search("数据分析", "上海").jobs


def test_detail_and_company_boss(ask):
    client = ask("boss")
    job = client.search("数据分析", "上海").jobs[0]
    detail = client.detail(job)
    assert detail.job.job_id == job.job_id
    assert detail.company is not None
    assert client.company(detail.company.company_id).name


def test_a_refused_answer_is_an_error_by_verdict(ask):
    with pytest.raises(RequestRefused) as caught:
        ask("boss", token="expired").search("数据分析", "上海")
    assert (caught.value.verdict, caught.value.close_reason) == ("TOKEN_EXPIRED", "login_required")


def test_a_page_that_the_site_does_not_have():
    with PlatformClient(PLATFORMS["qcwy"]) as qcwy, pytest.raises(ValueError, match="qcwy has no posting page"):
        qcwy.detail(None)
    with PlatformClient(PLATFORMS["zhilian"]) as zhilian, pytest.raises(ValueError, match="zhilian has no company page"):
        zhilian.company("CZ1")


def test_no_token_stands_in_a_cassette():
    texts = [path.read_text("utf-8") for path in CASSETTES.glob("*.json")]
    assert texts
    assert not any(TOKEN in text for text in texts)


def test_a_socks_proxy_is_asked_through_pysocks():
    client = PlatformClient(PLATFORMS["boss"], proxy_url="socks5h://127.0.0.1:9")
    with client, pytest.raises(OSError, match=r"(?i)socks"):
        client.search("数据分析", "上海")
