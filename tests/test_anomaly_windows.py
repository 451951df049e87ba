"""What the detector sees in a stream of answers, and what must not trip it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.anomaly_signs import Observation, Thresholds
from jobdata_scrapy.anomaly_windows import MAX_SITES, MAX_TOLD, AnomalyDetector, Finding, Measure, Signal
from jobdata_scrapy.platform import Answer, PageKind, Verdict
from spiders.registry import PLATFORMS

OK = Observation(
    platform="boss", exit_name="a", token_name="t1", verdict=Verdict.OK, keyword="python", city="上海", page=1, latency=0.3,
    page_size=15,
)  # fmt: skip
EMPTY = replace(OK, verdict=Verdict.EMPTY)
CAPTCHA = replace(OK, verdict=Verdict.CAPTCHA)


class Stream:
    """A detector fed with answers some seconds apart."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.detector = AnomalyDetector(lambda: self.now, Thresholds(**limits))

    def feed(self, *answers: Observation, seconds: float = 10.0) -> list[Finding]:
        found = []
        for answer in answers:
            self.now += seconds
            found += self.detector.observe(answer)
        return found


def through(exit_name: str, answer: Observation, **more: Any) -> Observation:
    return replace(answer, exit_name=exit_name, **more)


def trips(found: list[Finding]) -> list[tuple[str, str]]:
    """(signal, key) of all findings that change anything."""
    return [(finding.signal, finding.key) for finding in found if finding.measures != {Measure.RECORD}]


@pytest.mark.parametrize("verdict", [Verdict.CAPTCHA, Verdict.IP_BANNED])
def test_a_block_cools_its_exit_each_time(verdict):
    stream = Stream()
    for _ in range(2):
        (finding,) = stream.feed(replace(CAPTCHA, verdict=verdict))
        assert (finding.signal, finding.key, finding.measures) == (Signal.BLOCKED, "boss|exit=a", {Measure.COOL_EXIT})
        assert finding.reason == f"boss answered {verdict}"


@pytest.mark.parametrize("verdict", [Verdict.TOKEN_EXPIRED, Verdict.LOGIN_REQUIRED])
def test_a_refused_token_is_marked(verdict):
    (finding,) = Stream().feed(replace(CAPTCHA, verdict=verdict))
    assert (finding.signal, finding.key, finding.measures) == (Signal.TOKEN_REFUSED, "boss|token=t1", {Measure.MARK_TOKEN})
    assert Stream().feed(replace(CAPTCHA, verdict=verdict, token_name="")) == []


def test_captchas_through_one_exit_open_its_lock_and_not_the_sites():
    found = Stream().feed(*[CAPTCHA] * 3)
    assert trips(found)[-1] == (Signal.CAPTCHAS, "boss|exit=a")
    assert found[-1].measures == {Measure.OPEN_LOCK}
    assert found[-1].seen == {"captchas": 3}


def test_several_blocked_exits_open_the_sites_lock():
    found = Stream().feed(*[through(name, CAPTCHA) for name in "abc"])
    assert trips(found)[-1] == (Signal.BLOCKED_EXITS, "boss")
    assert found[-1].seen == {"exits": 3, "exits_seen": 3, "blocks": 3, "answers": 3}


def test_three_bad_proxies_among_many_do_not_stop_the_others():
    healthy = [through(f"good{n}", OK) for n in range(20)]
    found = Stream().feed(*healthy, *[through(name, CAPTCHA) for name in "abc"], seconds=1)
    assert {finding.key for finding in found} == {f"boss|exit={name}" for name in "abc"}


def test_an_exit_that_is_answered_again_is_blocked_no_longer():
    found = Stream().feed(*[through(name, answer) for name in "abc" for answer in (CAPTCHA, OK)])
    assert {finding.signal for finding in found} == {Signal.BLOCKED}


def test_blocks_older_than_the_window_are_forgotten():
    found = Stream(window_seconds=60).feed(*[through(name, CAPTCHA) for name in "abc"], seconds=50)
    assert {finding.signal for finding in found} == {Signal.BLOCKED}


def test_rate_limits_open_the_exits_lock_by_their_share():
    slow = replace(CAPTCHA, verdict=Verdict.RATE_LIMITED)
    assert Stream().feed(*[slow] * 5) == []
    found = Stream().feed(OK, OK, OK, slow, slow, slow)
    assert trips(found) == [(Signal.BLOCK_RATIO, "boss|exit=a")]
    assert found[-1].reason == "3 of 6 answers are blocks"


def test_rate_limits_through_two_exits_open_the_sites_lock():
    slow = replace(CAPTCHA, verdict=Verdict.RATE_LIMITED)
    found = Stream().feed(*[through("ab"[n % 2], slow if n % 4 else OK) for n in range(12)], seconds=70)
    assert trips(found)[-1] == (Signal.BLOCK_RATIO, "boss")
    assert found[-1].seen["exits"] == 2


def test_what_a_window_tells_is_told_once_in_a_while():
    stream = Stream(quiet_seconds=60)
    signals = [[finding.signal for finding in stream.feed(CAPTCHA)] for _ in range(10)]
    told = [n for n, ones in enumerate(signals) if Signal.CAPTCHAS in ones]
    assert told == [2, 8]
    assert all(Signal.BLOCKED in ones for ones in signals)


def test_a_closed_lock_is_not_opened_by_what_opened_it():
    stream = Stream(quiet_seconds=0)
    stream.feed(*[through(name, CAPTCHA) for name in "abc"])
    stream.detector.forget("boss")
    assert [finding.signal for finding in stream.feed(through("d", CAPTCHA))] == [Signal.BLOCKED]


def test_a_token_refused_everywhere_is_locked_and_spares_the_site():
    good = [through(name, OK, token_name="t2") for name in "abcd"]
    found = Stream().feed(*good, *[through(name, CAPTCHA, token_name="t1") for name in "abcd"])
    assert (Signal.BLOCKED_TOKEN, "boss|token=t1") in trips(found)
    assert "boss" not in {finding.key for finding in found}


def test_with_one_token_alone_it_is_the_site():
    found = Stream().feed(*[through(name, CAPTCHA) for name in "abcd"])
    assert {finding.key for finding in found if finding.signal is not Signal.BLOCKED} == {"boss"}


@pytest.mark.parametrize(
    ("answer", "tripped"),
    [
        (replace(EMPTY, expected=300), True),
        (replace(EMPTY, expected=300, page=5), True),
        (replace(EMPTY, expected=300, page=11), False),  # half of them were there: the list may have become shorter
        (replace(EMPTY, expected=19), False),
        (replace(EMPTY, expected=0), False),
        (replace(EMPTY, expected=None), False),
        (replace(OK, expected=300), False),
        (replace(EMPTY, expected=300, page=0, page_kind=PageKind.COMPANY), False),
    ],
)
def test_an_empty_page_against_history_is_a_soft_block(answer, tripped):
    found = Stream().feed(answer)
    assert [finding.signal for finding in found] == [Signal.EMPTY_AGAINST_HISTORY] * tripped
    if tripped:
        assert found[0].measures == {Measure.SOFT_BLOCK, Measure.RECORD}
        assert found[0].reason == f"page {answer.page} of 'python' 上海 is empty; its last healthy rounds saw 300"


def test_empty_pages_of_several_keywords_cool_the_exit():
    found = Stream().feed(*[replace(EMPTY, expected=300, keyword=keyword) for keyword in ("a", "b", "a")])
    assert (Signal.EMPTY_STREAK, "boss|exit=a") in trips(found)
    assert found[-1].measures == {Measure.COOL_EXIT}


def test_one_keyword_that_lost_its_postings_stops_neither_exit_nor_site():
    found = Stream().feed(*[through("abcdef"[n % 6], EMPTY, expected=300) for n in range(30)])
    assert {finding.signal for finding in found} == {Signal.EMPTY_AGAINST_HISTORY}


def test_empty_pages_of_several_keywords_through_several_exits_lock_the_site():
    found = Stream().feed(*[through(name, EMPTY, expected=300, keyword=name) for name in "abc"])
    assert trips(found)[-1] == (Signal.BLOCKED_EXITS, "boss")


def test_a_keyword_that_truly_has_nothing_trips_nothing():
    assert Stream().feed(*[replace(EMPTY, expected=expected) for expected in (None, 0, 3) * 30]) == []


def test_answers_that_become_slow_are_told_and_change_nothing():
    found = Stream().feed(*[OK] * 20, *[replace(OK, latency=6.0)] * 5)
    assert [(finding.signal, finding.measures) for finding in found] == [(Signal.LATENCY_JUMP, {Measure.RECORD})]
    assert found[0].seen == {"usual_seconds": 0.3, "recent_seconds": 6.0}
    assert found[0].reason == "answers take 6.0 s, before 0.3 s"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([OK] * 5, [replace(OK, latency=9.0)] * 5),  # no usual yet
        ([OK] * 40, [replace(OK, latency=9.0)] * 2),  # two slow ones are none
        ([OK] * 40, [replace(OK, latency=1.5)] * 9),  # slower, but not slow
        ([replace(OK, latency=9.0)] * 40, [replace(OK, latency=14.0)] * 9),  # a slow but healthy site
        ([OK] * 40, [replace(OK, latency=9.0, page_kind=PageKind.DETAIL_BATCH)] * 9),  # another kind of page
        ([OK] * 40, [replace(OK, latency=9.0, exit_name="b")] * 9),  # another exit has its own usual
    ],
)
def test_no_jump(before, after):
    assert Stream().feed(*before, *after) == []


def feed_lengths(lengths: list[int]) -> list[Finding]:
    detector = AnomalyDetector(lambda: 0.0)
    return [finding for rows in lengths for finding in detector.observe_length(OK, rows)]


def test_pages_that_shrink_are_told():
    found = feed_lengths([15] * 12 + [4] * 3)
    assert [(finding.signal, finding.key, finding.measures) for finding in found] == [
        (Signal.SHRINKING_PAGES, "boss|exit=a", {Measure.RECORD})
    ]
    assert found[0].seen == {"short_pages": 3, "pages": 5, "full_page": 15}


@pytest.mark.parametrize(
    "lengths",
    [
        [4] * 40,  # a site with short pages of its own
        [15] * 20 + [8] * 20,
        [15] * 3 + [0] * 5,  # too few to tell
    ],
)
def test_no_shrinking(lengths):
    assert feed_lengths(lengths) == []


def test_a_403_in_an_address_is_no_block():
    url = "https://www.zhipin.com/wapi/zpgeek/miniapp/search/joblist.json?query=python&salary=403"
    body = b'{"code":0,"message":"Success","zpData":{"hasMore":false,"list":[{"encryptJobId":"403"}]}}'
    verdict = PLATFORMS["boss"].verdict(Answer(200, {}, body, PageKind.SEARCH, url))
    assert Stream().feed(*[replace(OK, verdict=verdict)] * 40) == []


def test_sites_do_not_share_a_window():
    found = Stream().feed(*[through(name, CAPTCHA, platform=site) for name in "ab" for site in ("boss", "qcwy", "zhilian")])
    assert {finding.signal for finding in found} == {Signal.BLOCKED}


def make_healthy(base: float, factor: float, exit_name: str, kind: int, expected: int | None) -> Observation:
    answer = through(exit_name, OK, latency=base * factor, expected=expected)
    if kind == 0:
        return replace(EMPTY, exit_name=exit_name, latency=base, expected=min(expected or 0, 19))
    if kind == 1:
        return replace(answer, verdict=Verdict.GONE, page=0, page_kind=PageKind.DETAIL)
    if kind == 2:
        return replace(answer, verdict=Verdict.CAPPED, page=20)
    return answer


@given(
    st.floats(0.01, 15),
    st.lists(
        st.tuples(st.floats(1, 3.9), st.sampled_from("abcd"), st.integers(0, 9), st.none() | st.integers(0, 400)),
        max_size=120,
    ),
)
def test_healthy_traffic_trips_nothing_however_slow_the_site(base, drawn):
    answers = [make_healthy(base, factor, name, kind, expected) for factor, name, kind, expected in drawn]
    assert Stream().feed(*answers) == []


@given(st.lists(st.tuples(st.sampled_from(sorted(Verdict)), st.integers(0, 30), st.integers(0, 400)), max_size=80))
def test_whatever_comes_memory_is_bounded_and_keys_name_what_was_seen(drawn):
    stream = Stream(window_length=20)
    for verdict, number, expected in drawn:
        answer = through(f"e{number}", OK, platform=f"p{number}", verdict=verdict, expected=expected)
        for finding in stream.feed(answer, seconds=0):
            assert finding.key in {answer.platform, answer.exit_key, answer.token_key}
            assert finding.reason
    detector = stream.detector
    assert len(detector._sites) <= MAX_SITES
    assert all(len(window) <= 20 for window in detector._sites.values())


def test_what_was_told_is_bounded_too():
    stream = Stream()
    for number in range(MAX_TOLD + 50):
        stream.feed(*[through("e", CAPTCHA, platform=f"p{number}")] * 3, seconds=0)
    assert len(stream.detector._told) == MAX_TOLD
