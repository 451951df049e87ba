"""`scrapy crawl SITE` without a keyword works off the queue. Many processes, some of them killed: test_chaos."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.crawl.crawlers import LEASES, fill_queue, read_states

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def test_the_queue_is_worked_off(crawl, sandbox, folder):
    words = [f"队列{n}" for n in range(6)]
    fill_queue(folder, "boss", words)
    run = crawl("boss", directory=folder)
    assert run.code == 0, run.err
    assert {r["keyword"]: r["stored"] for r in run.report["rounds"]} == {
        word: len(sandbox.truth("boss", word, "上海")["ids"]) for word in words
    }
    assert set(read_states(folder, "boss").values()) == {"done"}
    assert all(one["cap"] for one in run.report["rounds"])


def test_an_empty_queue_is_no_failure(crawl, folder):
    run = crawl("qcwy", directory=folder)
    assert run.code == 0, run.err
    assert run.report["rounds"] == []


def test_max_keywords(crawl, folder):
    fill_queue(folder, "qcwy", [f"几个{n}" for n in range(4)])
    run = crawl("qcwy", directory=folder, max_keywords="3")
    assert run.code == 0, run.err
    assert Counter(read_states(folder, "qcwy").values()) == {"done": 3, "pending": 1}


def test_a_round_is_resumed_at_its_next_page(crawl, sandbox, folder):
    fill_queue(folder, "boss", ["续传"])
    sandbox.control({"site": "boss", "kind": "search", "fault": "server_error", "pages": [3]})
    first = crawl("boss", directory=folder, settings=LEASES)
    assert (first.code, first.round["pages_ok"]) == (1, 2)
    sandbox.reset()
    second = crawl("boss", directory=folder, settings=LEASES)
    assert second.code == 0, second.err
    assert next(one["page"] for one in sandbox.log() if one["kind"] == "search") == 3
    assert second.round["round"] == first.round["round"]
    truth = sandbox.truth("boss", "续传", "上海")["ids"]
    assert (second.round["stored"], second.round["distinct"]) == (len(truth), len(truth))


def test_a_block_costs_a_keyword_no_attempt(crawl, sandbox, folder):
    fill_queue(folder, "boss", ["无辜"])
    sandbox.control({"site": "boss", "kind": "search", "fault": "captcha", "pages": [2], "times": 3})
    settings = LEASES | {"EXIT_COOLDOWN_SECONDS": "0", "LOCK_SECONDS": "0", "KEYWORD_MAX_ATTEMPTS": "1"}
    blocked = crawl("boss", directory=folder, settings=settings)
    assert (blocked.code, blocked.report["run"]["finish_reason"]) == (1, "blocked"), blocked.err
    assert read_states(folder, "boss") == {"无辜": "partial"}
    again = crawl("boss", directory=folder, settings=settings)
    assert again.code == 0, again.err
    assert read_states(folder, "boss") == {"无辜": "done"}


def test_details_that_a_run_left_out_are_asked_by_the_next(crawl, sandbox, folder, scrapy_command):
    """The page they stand on is read again, all of it seen before."""
    fill_queue(folder, "zhilian", ["详情续传"])
    truth = sandbox.truth("zhilian", "详情续传", "上海")["ids"]
    sandbox.control({"site": "zhilian", "kind": "detail", "fault": "captcha", "after": 5, "times": 3})
    settings = LEASES | {"EXIT_COOLDOWN_SECONDS": "0", "LOCK_SECONDS": "0"}
    blocked = crawl("zhilian", directory=folder, details="true", settings=settings)
    assert (blocked.code, blocked.report["stats"]["detail/stored"]) == (1, 5), blocked.err
    again = crawl("zhilian", directory=folder, details="true", settings=settings)
    assert (again.code, again.round["stored"]) == (0, len(truth)), again.err
    assert again.report["stats"]["detail/stored"] == len(truth) - 5
    sql = "SELECT uniqExact(job_id) FROM zhilian_job WHERE page_kind = 'detail'"
    assert scrapy_command("warehouse", "query", sql, "--format", "csv", directory=folder).out.split()[-1] == str(len(truth))
