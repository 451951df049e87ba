"""robots.txt is asked first, unsigned, once a run; a refusal, an error or a block page there is a stop, never a permission."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def check_stop(run, sandbox, cause: str) -> None:
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "robots_disallowed"), run.err
    assert {(one["state"], one["stop_reason"]) for one in run.report["rounds"]} == {("failed", "robots_disallowed")}
    assert any(cause in one["message"] for one in run.report["judgement"]["problems"])
    assert run.report["stats"]["robots/refused"] >= 1
    assert {one["kind"] for one in sandbox.log()} == {"robots"}


def test_asked_once_and_before_all_else(crawl, sandbox, three_pages):
    run = crawl("boss", keyword=f"{three_pages('boss')},{three_pages('boss')}", city="上海")
    assert run.code == 0, run.err
    kinds = [one["kind"] for one in sandbox.log()]
    assert (kinds[0], kinds.count("robots"), kinds.count("search")) == ("robots", 1, 6)
    assert sandbox.log()[0]["token"] == ""


@pytest.mark.parametrize("site", ["boss", "qcwy", "zhilian"])
def test_a_refusal(crawl, sandbox, site):
    sandbox.control({"site": site, "kind": "robots", "fault": "robots_refuse"})
    run = crawl(site, keyword="会计,出纳", city="上海")
    check_stop(run, sandbox, "refuses")
    assert "robots/unreadable" not in run.report["stats"]


@pytest.mark.parametrize(
    ("site", "fault", "status", "cause"),
    [
        ("boss", "robots_error", 403, "answered HTTP 403"),
        ("qcwy", "robots_error", 503, "answered HTTP 503"),
        ("zhilian", "robots_error", 429, "answered HTTP 429"),
        ("boss", "robots_captcha", None, "answered a page instead of rules"),
        ("qcwy", "robots_captcha", None, "answered a page instead of rules"),
        ("zhilian", "robots_captcha", None, "answered a page instead of rules"),
        ("boss", "captcha_redirect", None, "answered HTTP 302"),
    ],
)
def test_no_answer_that_is_no_rules_is_a_permission(crawl, sandbox, site, fault, status, cause):
    sandbox.control({"site": site, "kind": "robots", "fault": fault} | ({"status": status} if status else {}))
    run = crawl(site, keyword="会计", city="上海")
    check_stop(run, sandbox, cause)
    assert run.report["stats"]["robots/unreadable"] == 1


def test_a_site_without_robots_txt_allows_everything(crawl, sandbox, three_pages):
    sandbox.control({"site": "qcwy", "kind": "robots", "fault": "robots_error", "status": 404})
    run = crawl("qcwy", keyword=three_pages("qcwy"), city="上海")
    assert (run.code, run.round["state"]) == (0, "done"), run.err


def test_a_connection_lost_at_robots_txt_is_the_sites_fault(crawl, sandbox):
    sandbox.control({"site": "zhilian", "kind": "robots", "fault": "dropped"})
    run = crawl("zhilian", keyword="会计", city="上海")
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "site_down", "server_error"), run.err
    assert [one["kind"] for one in sandbox.log()] == ["robots"] * 3
    assert any(
        "robots.txt could not be read through exit 'direct@" in one["message"] for one in run.report["judgement"]["problems"]
    )


def test_who_has_permission_turns_it_off_knowingly(crawl, sandbox, three_pages):
    sandbox.control({"site": "qcwy", "kind": "robots", "fault": "robots_refuse"})
    run = crawl("qcwy", keyword=three_pages("qcwy"), city="上海", settings={"ROBOTSTXT_OBEY": "false"})
    assert (run.code, run.round["state"]) == (0, "done"), run.err
    assert {one["kind"] for one in sandbox.log()} == {"search"}
