"""What processes share: locks, exits, tokens, the page budget, and a keyword's history."""

import json
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT, clean_environment
from tests.crawl.crawlers import fill_queue, start_crawler
from tests.crawl.proxies import running_proxies

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    """A store of its own: what these tests leave behind is locks and cool-downs."""
    return tmp_path / "store"


def searches(sandbox) -> list[dict]:
    return [one for one in sandbox.log() if one["kind"] == "search"]


def test_an_open_lock_stops_a_run_before_its_first_page(crawl, scrapy_command, sandbox, folder):
    assert scrapy_command("locks", "open", "boss", "--reason", "by hand", directory=folder).code == 0
    run = crawl("boss", keyword="锁", city="上海", directory=folder)
    assert (run.code, run.report["run"]["finish_reason"], run.round["stop_reason"]) == (1, "blocked", "locked"), run.err
    assert searches(sandbox) == []
    assert scrapy_command("locks", "close", "boss", directory=folder).code == 0
    assert crawl("boss", keyword="锁", city="上海", directory=folder).code == 0


def test_a_half_open_lock_lets_one_probe_through_and_closes_by_itself(crawl, scrapy_command, folder):
    assert scrapy_command("locks", "open", "boss", env={"LOCK_SECONDS": "0"}, directory=folder).code == 0
    run = crawl("boss", keyword="半开", city="上海", directory=folder)
    assert run.code == 0, run.err
    locks = json.loads(scrapy_command("locks", "list", "--json", directory=folder).out)
    assert [one["state"] for one in locks if one["key"] == "boss"] in ([], ["closed"])


def test_a_half_open_lock_lets_one_request_out_of_all_exits_and_processes(scrapy_command, sandbox, folder):
    fill_queue(folder, "boss", [f"探路{number}" for number in range(8)])
    assert scrapy_command("locks", "open", "boss", env={"LOCK_SECONDS": "0"}, directory=folder).code == 0
    sandbox.control({"site": "boss", "kind": "search", "fault": "slow", "seconds": 1})
    with running_proxies(6) as proxies:
        settings = {"PROXY_LIST": ",".join(proxies), "EXITS_PER_PROCESS": "3"}
        running = [start_crawler(sandbox.url, folder, "boss", **settings) for _ in range(2)]
        for process in running:
            process.wait(timeout=120)
    probe, *others = searches(sandbox)
    assert len(others) > 3
    assert [one for one in others if one["time"] < probe["ended"]] == []


def test_a_lock_opened_by_one_process_stops_the_others_within_one_page(sandbox, folder):
    fill_queue(folder, "boss", [f"同停{number}" for number in range(100)])
    pace = {"SLEEP_MIN_SECONDS": "1.2", "SLEEP_MAX_SECONDS": "1.2", "EXIT_WAIT_SECONDS": "2", "KEYWORDS_IN_HAND": "4"}
    with running_proxies(4) as proxies:
        settings = {"PROXY_LIST": ",".join(proxies), **pace}
        one = start_crawler(sandbox.url, folder, "boss", EXITS_PER_PROCESS="3", **settings)
        its_exits = wait_for_exits(sandbox, 3)
        other = start_crawler(sandbox.url, folder, "boss", **settings)
        (its_exit,) = wait_for_exits(sandbox, 4) - its_exits
        wait_for_page(sandbox, its_exit)
        sandbox.control([{"site": "boss", "fault": "captcha", "address": address} for address in its_exits])
        assert [one.wait(timeout=120), other.wait(timeout=120)] == [1, 1]
    blocks = [entry["ended"] for entry in searches(sandbox) if entry["fault"]]
    assert len(blocks) == 3
    assert sum(entry["time"] > max(blocks) for entry in searches(sandbox) if entry["address"] == its_exit) <= 1
    reports = [json.loads(path.read_text("utf-8")) for path in (folder / "reports").glob("*.json")]
    its_report = max(reports, key=lambda report: report["run"]["started_at"])
    stopped = {stop["stop_reason"] for stop in its_report["rounds"] if stop["state"] != "done"}
    assert {"locked"} <= stopped <= {"locked", "blocked"}  # the search that was refused, and those in hand beside it


def wait_for_exits(sandbox, count: int) -> set[str]:
    """The addresses that have asked for a list page, once there are so many."""
    deadline = time.monotonic() + 120
    while len(found := {one["address"] for one in searches(sandbox)}) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def wait_for_page(sandbox, address: str) -> None:
    """Until a page that went out through the exit was stored and reported: a further one was asked for."""
    deadline = time.monotonic() + 120
    while sum(one["address"] == address for one in searches(sandbox)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_blocked_exit_cools_down_and_another_one_goes_on(crawl, sandbox, folder):
    sandbox.control({"site": "boss", "fault": "captcha", "times": 1})
    with running_proxies(2) as proxies:
        settings = {"PROXY_LIST": ",".join(proxies), "EXITS_PER_PROCESS": "2"}
        run = crawl("boss", keyword="换出口", city="上海", directory=folder, settings=settings)
    assert run.round["stored"] == len(sandbox.truth("boss", "换出口", "上海")["ids"]), run.err
    assert run.report["verdicts"]["CAPTCHA"] == 1
    blocked, *others = searches(sandbox)
    assert blocked["fault"] == "captcha"
    assert {one["address"] for one in others} == {"127.0.0.11", "127.0.0.12"} - {blocked["address"]}


def test_a_block_on_the_only_exit_ends_the_run(crawl, scrapy_command, sandbox, folder):
    sandbox.control({"site": "boss", "fault": "captcha"})
    run = crawl("boss", keyword="唯一", city="上海", directory=folder)
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "blocked"), run.err
    assert len(searches(sandbox)) == 1
    events = json.loads(scrapy_command("locks", "events", "--json", directory=folder).out)
    assert events[0]["verdict"] == "CAPTCHA"
    sandbox.reset()
    again = crawl("boss", keyword="唯一", city="上海", directory=folder, settings={"EXIT_WAIT_SECONDS": "0"})
    assert (again.code, again.report["run"]["finish_reason"]) == (1, "no_exit_free"), again.err
    assert searches(sandbox) == []


def add_token(folder, key, name, value) -> None:
    subprocess.run(
        [sys.executable, "-m", "scrapy", "tokens", "add", "boss", "--name", name, "--stdin"],
        cwd=ROOT,
        env=clean_environment(JOBDATA_DIR=str(folder), TOKEN_KEY=key),
        input=value,
        text=True,
        check=True,
        capture_output=True,
    )


def test_an_expired_token_is_marked_and_the_next_one_used(scrapy_command, sandbox, folder):
    key = scrapy_command("tokens", "key", directory=folder).out.strip()
    add_token(folder, key, "old", "no-longer-known")
    add_token(folder, key, "new", "sandbox-token")
    arguments = ("-a", "keyword=令牌", "-a", "city=上海", "-s", f"SANDBOX={sandbox.url}")
    run = scrapy_command("crawl", "boss", *arguments, env={"TOKEN_KEY": key}, directory=folder)
    assert run.code == 0, run.err
    listed = json.loads(scrapy_command("tokens", "list", "--json", env={"TOKEN_KEY": key}, directory=folder).out)
    assert {one["name"]: one["state"] for one in listed} == {"old": "invalid", "new": "valid"}
    assert "no-longer-known" not in run.err
    assert "sandbox-token" not in run.err


def test_a_spent_budget_is_a_named_stop(crawl, sandbox, folder):
    run = crawl("boss", keyword="预算", city="上海", directory=folder, settings={"DAILY_PAGE_BUDGET": "3"})
    assert (run.code, run.report["run"]["finish_reason"]) == (1, "budget_spent"), run.err
    assert (run.round["state"], run.round["stop_reason"]) == ("partial", "budget_spent")
    assert len(sandbox.log()) == 3


def test_an_empty_page_against_history_is_no_page(crawl, scrapy_command, sandbox, folder):
    """Where other keywords were empty, too, it is a block: test_run_ends."""
    sandbox.control({"total": {"site": "boss", "keyword": "历史", "city": "上海", "total": 60}})
    assert crawl("boss", keyword="历史", city="上海", directory=folder).code == 0
    sandbox.control({"site": "boss", "fault": "empty_silent"})
    run = crawl("boss", keyword="历史", city="上海", directory=folder)
    assert (run.code, run.round["stop_reason"], run.round["pages_ok"]) == (1, "empty_against_history", 0), run.err
    (event, *_) = json.loads(scrapy_command("locks", "events", "--json", directory=folder).out)
    assert (event["keyword"], event["seen"]["expected"]) == ("历史", 60)


def test_a_slow_site_and_a_keyword_that_has_nothing_raise_no_alarm(crawl, scrapy_command, sandbox, folder):
    sandbox.control({"site": "boss", "kind": "search", "fault": "slow", "seconds": 1})
    for _ in range(2):
        # salary band 403 is in the addresses of split searches, as a number is here: no answer of the site's
        run = crawl("boss", keyword="空空如也,平平常常,salary=403", city="上海", directory=folder)
        assert run.code == 0, run.err
        assert {one["state"] for one in run.report["rounds"]} == {"done"}
    check_no_alarm(scrapy_command, folder)


def check_no_alarm(scrapy_command, folder) -> None:
    for what in ("list", "events"):
        assert json.loads(scrapy_command("locks", what, "--json", directory=folder).out) == []


def test_a_capped_search_is_split_until_it_is_covered(crawl, scrapy_command, sandbox, folder):
    run = crawl("boss", keyword="超限拆分", city="上海", directory=folder)
    truth = sandbox.truth("boss", "超限拆分", "上海")
    assert run.round["stored"] == len(truth["ids"]), run.err
    assert (run.code, run.round["state"]) == (0, "done"), run.err
    check_no_alarm(scrapy_command, folder)


def test_the_total_of_a_part_is_not_the_search_s(crawl, folder):
    """The site tells none for the search that its cap cuts, and one for each part."""
    run = crawl("zhilian", keyword="超限拆分", city="上海", directory=folder)
    assert (run.round["total"], run.round["pages_ok"] > 5) == (None, True), run.err


def test_what_a_cap_hides_is_stated(crawl, sandbox, folder):
    sandbox.control({"total": {"site": "qcwy", "keyword": "超限说明", "city": "上海", "total": 1010}})
    run = crawl("qcwy", keyword="超限说明", city="上海", directory=folder)
    assert (run.code, run.round["state"]) == (3, "capped"), run.err
    assert "beyond the first" in run.round["uncovered_parts"]
