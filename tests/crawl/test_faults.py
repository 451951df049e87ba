"""Each way a site can fail ends in its verdict, its stat, its close reason and its line in the ledger, and never as a success."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ending:
    """How a search must end: `asked` counts the verdict (first request and repeats), `pages` the list pages read before."""

    verdict: str
    close_reason: str
    asked: int = 1
    pages: int = 0
    settings: dict[str, str] = field(default_factory=dict)


def fault(site: str, name: str, page: int, ending: Ending, **parameters: Any) -> Any:
    rule = {"site": site, "kind": "search", "fault": name, "pages": [page], **parameters}
    return pytest.param(site, rule, ending, id=f"{site}-{name}-{page}")


BLOCKED, SIGN, LOGIN, LAYOUT, DOWN = "blocked", "sign_rejected", "login_required", "layout_changed", "site_down"
ENDINGS = [
    fault("boss", "block", 1, Ending("CAPTCHA", BLOCKED)),
    fault("boss", "block", 2, Ending("IP_BANNED", BLOCKED, pages=1), code=35),
    fault("qcwy", "block", 2, Ending("IP_BANNED", BLOCKED, pages=1)),
    fault("zhilian", "block", 3, Ending("IP_BANNED", BLOCKED, pages=2)),
    fault("boss", "captcha", 3, Ending("CAPTCHA", BLOCKED, pages=2)),
    fault("qcwy", "captcha", 1, Ending("CAPTCHA", BLOCKED)),
    fault("zhilian", "captcha", 2, Ending("CAPTCHA", BLOCKED, pages=1)),
    fault("boss", "captcha_redirect", 2, Ending("CAPTCHA", BLOCKED, pages=1)),
    fault("zhilian", "captcha_redirect", 1, Ending("CAPTCHA", BLOCKED)),
    fault("boss", "expired_token", 2, Ending("TOKEN_EXPIRED", LOGIN, pages=1)),
    fault("zhilian", "expired_token", 1, Ending("LOGIN_REQUIRED", LOGIN)),
    fault("boss", "rejected_signature", 2, Ending("SIGN_REJECTED", SIGN, asked=2, pages=1)),
    fault("qcwy", "rejected_signature", 1, Ending("SIGN_REJECTED", SIGN, asked=2)),
    fault("zhilian", "rejected_signature", 3, Ending("SIGN_REJECTED", SIGN, asked=2, pages=2)),
    fault("boss", "rate_limited", 1, Ending("RATE_LIMITED", BLOCKED, asked=4), retry_after=0),
    fault("qcwy", "freq_limit", 2, Ending("RATE_LIMITED", BLOCKED, asked=4, pages=1)),
    fault("zhilian", "freq_limit", 1, Ending("RATE_LIMITED", BLOCKED, asked=4)),
    fault("boss", "server_error", 2, Ending("SERVER_ERROR", DOWN, asked=3, pages=1)),
    fault("qcwy", "slow", 1, Ending("SERVER_ERROR", DOWN, asked=3, settings={"DOWNLOAD_TIMEOUT": "0.5"}), seconds=3),
    fault("zhilian", "dropped", 2, Ending("SERVER_ERROR", DOWN, asked=3, pages=1)),
    fault("boss", "dropped", 3, Ending("SERVER_ERROR", DOWN, asked=3, pages=2), amid=True),
    fault("boss", "empty", 2, Ending("RATE_LIMITED", BLOCKED, asked=4, pages=1)),
    fault("qcwy", "empty", 3, Ending("RATE_LIMITED", BLOCKED, asked=4, pages=2)),
    fault("zhilian", "empty", 1, Ending("RATE_LIMITED", BLOCKED, asked=4)),
    fault("boss", "ban_token", 2, Ending("CAPTCHA", BLOCKED, pages=1)),
    fault("qcwy", "ban_address", 3, Ending("IP_BANNED", BLOCKED, pages=2)),
]


def check_ending(run, ledger_lines, ending: Ending) -> None:
    """The report, the stats and the ledger on disk tell the same."""
    stop_reason = ending.verdict.lower()
    state = "partial" if ending.pages else "failed"
    assert run.code == 1, run.err
    assert run.report["run"]["finish_reason"] == ending.close_reason
    assert (run.round["state"], run.round["stop_reason"]) == (state, stop_reason)
    (line,) = ledger_lines
    assert (line["state"], line["stop_reason"], line["pages_ok"]) == (state, stop_reason, ending.pages)
    assert (line["pages_asked"], line["stored"]) == (ending.pages + 1, line["distinct"])
    stats = run.report["stats"]
    assert stats[f"anomaly/verdict_count/{ending.verdict}"] == ending.asked
    assert stats[f"anomaly/giveup_count/{ending.verdict}"] == 1
    assert stats["page/yielded"] == stats["page/stored"] == ending.pages if ending.pages else "page/yielded" not in stats
    assert "Traceback" not in run.err


@pytest.mark.parametrize(("site", "rule", "ending"), ENDINGS)
def test_a_fault_that_stays(crawl, sandbox, three_pages, ledger, store_dir, site, rule, ending):
    keyword = three_pages(site)
    sandbox.control(rule)
    run = crawl(site, keyword=keyword, city="上海", settings=ending.settings)
    check_ending(run, ledger(store_dir, run.report["run"]["run_id"]), ending)
    assert sum(one["kind"] == "search" for one in sandbox.log()) == ending.pages + ending.asked


CHANGED = [
    ("boss", "truncated", 1),
    ("boss", "renamed", 3),
    ("qcwy", "retyped", 1),
    ("qcwy", "renamed", 2),
    ("zhilian", "truncated", 2),
]
PERSONAL = {"boss": "bossName", "qcwy": "hrName", "zhilian": "staffCard"}


@pytest.mark.parametrize(("site", "name", "page"), CHANGED)
def test_a_changed_layout_is_kept_for_the_engineer(crawl, sandbox, three_pages, ledger, store_dir, site, name, page):
    keyword = three_pages(site)
    sandbox.control({"site": site, "kind": "search", "fault": name, "pages": [page]})
    run = crawl(site, keyword=keyword, city="上海")
    run_id = run.report["run"]["run_id"]
    check_ending(run, ledger(store_dir, run_id), Ending("LAYOUT_CHANGED", LAYOUT, asked=3, pages=page - 1))
    (kept,) = (store_dir / "answers" / run_id).iterdir()
    assert str(kept) in run.err
    values = re.findall(rf'"{PERSONAL[site]}"\s*:\s*(".*?"|.)', kept.read_text("utf-8"))
    assert set(values) == {'"[removed]"'}


def test_a_block_stops_every_search_at_once(crawl, sandbox, three_pages):
    """Requests that wait for their turn when the block comes are not sent any more."""
    keywords = [three_pages("boss") for _ in range(5)]
    sandbox.control({"site": "boss", "kind": "search", "fault": "captcha", "keyword": keywords[1], "pages": [2]})
    pace = {"SLEEP_MIN_SECONDS": "0.1", "SLEEP_MAX_SECONDS": "0.1"}
    run = crawl("boss", keyword=",".join(keywords), city="上海", settings=pace)
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "blocked"), run.err
    assert (sandbox.log()[-1]["fault"], sandbox.log()[-1]["keyword"]) == ("captcha", keywords[1])
    reasons = {one["keyword"]: one["stop_reason"] for one in run.report["rounds"]}
    assert reasons.pop(keywords[1]) == "captcha"
    assert set(reasons.values()) == {"blocked"}
    for one in run.report["rounds"]:
        assert (one["state"], one["stored"]) == ("partial" if one["pages_ok"] else "failed", one["distinct"])


def test_several_searches_on_a_dead_site_stop_the_run(crawl, sandbox, three_pages):
    keywords = [three_pages("qcwy") for _ in range(5)]
    sandbox.control({"site": "qcwy", "kind": "search", "fault": "server_error", "status": 502})
    run = crawl("qcwy", keyword=",".join(keywords), city="上海", settings={"KEYWORDS_IN_HAND": "1", "RETRY_TIMES": "1"})
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "site_down"), run.err
    assert [one["stop_reason"] for one in run.report["rounds"]] == ["server_error"] * 3
    assert sum(one["kind"] == "search" for one in sandbox.log()) == 2 * 3


def test_one_search_that_fails_leaves_the_others_their_run(crawl, sandbox, three_pages, stored_ids):
    good, bad, last = (three_pages("zhilian") for _ in range(3))
    sandbox.control({"site": "zhilian", "kind": "search", "fault": "server_error", "keyword": bad, "pages": [2]})
    run = crawl("zhilian", keyword=f"{good},{bad},{last}", city="上海")
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "finished"), run.err
    ends = {one["keyword"]: (one["state"], one["stop_reason"]) for one in run.report["rounds"]}
    assert ends == {good: ("done", "end"), bad: ("partial", "server_error"), last: ("done", "end")}
    for keyword in (good, last):
        assert stored_ids("zhilian", keyword) == sorted(sandbox.truth("zhilian", keyword, "上海")["ids"])
