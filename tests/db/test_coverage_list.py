from datetime import timedelta

from jobdata_scrapy.coverage import Coverage, RoundState
from jobdata_scrapy.db.coverage import save_round
from jobdata_scrapy.db.coverage_list import NEVER, list_coverage
from jobdata_scrapy.db.keyword_list import NewKeyword, add_keywords
from tests.db.queue_parts import T0, add, end, lease


def save(database, keyword: str, round: str, state: RoundState, hours: int = 0, **values) -> None:
    coverage = Coverage("boss", keyword, "上海", round, "r", state=state, **values)
    save_round(database, coverage, at=T0 + timedelta(hours=hours))


def test_each_search_stands_once_with_its_latest_round(database):
    save(database, "a", "1", RoundState.DONE, 5, total=60, distinct=60, pages_ok=2)
    save(database, "a", "2", RoundState.PARTIAL, 9, stop_reason="captcha", pages_ok=1)
    save(database, "a", "0", RoundState.FAILED, 1)
    save(database, "b", "1", RoundState.CAPPED, 1, total=900, distinct=300, cap=300, uncovered_parts="600 in 浦东新区")
    found = list_coverage(database)
    assert [(row.keyword, row.state, row.stop_reason, row.uncovered_parts) for row in found] == [
        ("a", "partial", "captcha", ""),
        ("b", "capped", "", "600 in 浦东新区"),
    ]
    assert (found[1].counts["total"], found[1].counts["distinct"], found[1].queue_state) == (900, 300, "")
    assert found[0].updated_at == T0 + timedelta(hours=9)


def test_what_waits_in_the_queue_is_told_and_what_never_began(database):
    add(database, "due", interval="6h")
    end(database, lease(database), RoundState.DONE)
    add(database, "dead")
    for seconds in (0, 100, 1000):
        end(database, lease(database, when=seconds), RoundState.FAILED, "HTTP 500", when=seconds)
    add_keywords(database, [NewKeyword("qcwy", "never")])
    found = {row.keyword: row for row in list_coverage(database)}
    assert (found["due"].state, found["due"].queue_state, found["due"].due_at) == ("done", "done", T0 + timedelta(hours=6))
    assert (found["dead"].state, found["dead"].queue_state, found["dead"].last_error) == ("failed", "dead", "HTTP 500")
    assert (found["never"].state, found["never"].queue_state, found["never"].counts) == (NEVER, "pending", {})


def test_filters_and_limit(database):
    for keyword in "abc":
        save(database, keyword, "1", RoundState.DONE if keyword != "c" else RoundState.FAILED)
        save(database, keyword, "0", RoundState.FAILED, -1)
    add(database, "d")

    def found(**values) -> str:
        return "".join(row.keyword for row in list_coverage(database, **values))

    assert found() == "abcd"
    assert found(state="done") == "ab"
    assert found(state="failed") == "c"
    assert found(state=NEVER) == "d"
    assert found(keyword="b") == "b"
    assert found(keyword="d", platform="boss", city="上海") == "d"
    assert found(platform="qcwy") == ""
    assert found(limit=2, state="done") == "ab"
    assert found(limit=1) == "ad"
