from dataclasses import replace

from jobdata_scrapy.db.anomalies import (
    count_anomalies_before,
    delete_anomalies_before,
    list_anomalies,
    record_anomaly,
)
from jobdata_scrapy.db.budgets import spend_page, spent_pages
from jobdata_scrapy.leases import AnomalyEvent
from tests.db.queue_parts import T0, at

TO_MIDNIGHT = 10 * 3600  # of Beijing, from T0


def test_a_budget_is_spent_page_by_page_for_each_site(database):
    assert [spend_page(database, "boss", 3, now=T0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert spend_page(database, "qcwy", 3, now=T0)
    assert (spent_pages(database, "boss", now=T0), spent_pages(database, "qcwy", now=T0)) == (3, 1)
    assert spend_page(database, "boss", 4, now=T0)


def test_a_budget_begins_anew_at_the_beijing_midnight(database):
    assert spend_page(database, "boss", 1, now=T0)
    assert not spend_page(database, "boss", 1, now=at(TO_MIDNIGHT - 0.001))
    assert spend_page(database, "boss", 1, now=at(TO_MIDNIGHT))
    assert spent_pages(database, "boss", now=at(TO_MIDNIGHT + 86400)) == 0


def test_without_a_limit_pages_are_counted_all_the_same(database):
    assert all(spend_page(database, "boss", 0, now=T0) for _ in range(3))
    assert spent_pages(database, "boss", now=T0) == 3


def test_an_event_that_is_told_twice_stands_once(database):
    event = AnomalyEvent(
        "boss", "CAPTCHA", "3 of 5 answers", T0, "direct@n", "t1", "数据分析", "上海", "r1", {"blocked": 3.0, "share": 0.6}
    )  # fmt: skip
    for _ in range(2):
        record_anomaly(database, event)
    other = replace(event, at=at(1), platform="qcwy", seen={})
    record_anomaly(database, other)
    assert list_anomalies(database) == [other, event]
    assert list_anomalies(database, "boss") == [event]
    assert list_anomalies(database, limit=1) == [other]


def test_a_long_reason_is_shortened(database):
    record_anomaly(database, AnomalyEvent("boss", "CAPTCHA", "数" * 999, T0))
    assert list_anomalies(database)[0].reason == "数" * 255


def test_old_events_are_counted_and_forgotten(database):
    events = [AnomalyEvent("boss", "captcha", f"reason {number}", at(number * 86400)) for number in range(4)]
    for event in events:
        record_anomaly(database, event)
    assert count_anomalies_before(database, at(2 * 86400)) == (2, at(0))
    assert delete_anomalies_before(database, at(2 * 86400)) == 2
    assert count_anomalies_before(database, at(2 * 86400)) == (0, None)
    assert list_anomalies(database) == [events[3], events[2]]
