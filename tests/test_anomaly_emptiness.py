"""When an empty list is a block in disguise, and when it is believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.anomaly_signs import believes_empty
from jobdata_scrapy.anomaly_windows import Signal
from jobdata_scrapy.platform import PageKind, Verdict
from tests.test_anomaly_windows import EMPTY, OK, Stream


def test_only_several_keywords_in_a_row_say_that_all_is_hidden():
    stream = Stream()
    assert not stream.detector.hides_all("boss")
    one, other, shown = (replace(OK, keyword=word, expected=300) for word in ("one", "other", "shown"))
    stream.feed(*[replace(one, verdict=Verdict.EMPTY)] * 4)
    assert not stream.detector.hides_all("boss")
    stream.feed(shown, replace(other, verdict=Verdict.EMPTY))
    assert not stream.detector.hides_all("boss")
    stream.feed(replace(one, verdict=Verdict.EMPTY, exit_name="b"), replace(other, verdict=Verdict.EMPTY))
    assert stream.detector.hides_all("boss")
    assert not stream.detector.hides_all("qcwy")
    stream.now += 901
    assert not stream.detector.hides_all("boss")


@pytest.mark.parametrize(
    ("before", "believed"),
    [
        ([], False),
        ([replace(OK, keyword="other")], True),
        ([replace(OK, keyword="other", exit_name="b")], False),  # what hides it from this exit may show all to that one
        ([replace(OK, keyword="other", page=0, page_kind=PageKind.DETAIL)], False),
        ([OK], False),  # another page of the same
        ([replace(EMPTY, keyword="other")], False),
    ],
)
def test_an_empty_list_is_believed_beside_another_keywords_postings(before, believed):
    stream = Stream()
    stream.feed(*before)
    found = stream.feed(*[replace(EMPTY, expected=300, believable=True)] * 3)
    assert {finding.signal for finding in found} == (set() if believed else {Signal.EMPTY_AGAINST_HISTORY})
    assert stream.feed(replace(EMPTY, expected=300)) != []
    stream.now += 901
    assert stream.feed(replace(EMPTY, expected=300, believable=True)) != []


@pytest.mark.parametrize(
    ("hours", "believed"),
    [([], False), ([24, 25], False), ([1, 2, 3], False), ([24, 12, 1], True), ([23.9, 12, 1], False), ([99, 98, 97, 2], True)],
)
def test_a_keyword_may_have_lost_its_postings_after_some_rounds_over_a_day(hours, believed):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert believes_empty([now - timedelta(hours=ago) for ago in hours], now, 3) is believed
