"""What the anomaly middleware does with an answer, beside the site's own verdict."""

import pytest
from scrapy import Request
from scrapy.http import Response

from jobdata_scrapy.platform import PageKind, Verdict
from middlewares.anomaly import MAX_RETRY_AFTER_SECONDS, make_again, read_answer, read_retry_after

NOW = 1_795_312_345.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120),
        (b" 7 ", 7),
        (b"Sun, 22 Nov 2026 01:53:05 GMT", 40),
        (b"Sun, 22 Nov 2020 00:00:00 GMT", 0),
        (b"86400", MAX_RETRY_AFTER_SECONDS),
        (b"soon", 0),
        (b"-5", 0),
        (b"", 0),
    ],
)
def test_retry_after(value, seconds):
    response = Response("http://x.example/", headers={"Retry-After": value})
    assert read_retry_after(response, NOW) == seconds


def test_no_retry_after():
    assert read_retry_after(Response("http://x.example/"), NOW) == 0


def test_asking_again_is_not_filtered_and_counts_by_verdict():
    request = Request("http://x.example/", meta={"verdict_attempts": {Verdict.EMPTY: 1}})
    again = make_again(request, Verdict.RATE_LIMITED, 0, at_least=9)
    assert again.dont_filter
    assert again.meta["verdict_attempts"] == {Verdict.EMPTY: 1, Verdict.RATE_LIMITED: 1}
    assert again.meta["pause_at_least"] == 9
    assert request.meta["verdict_attempts"] == {Verdict.EMPTY: 1}


def test_an_answer_is_plain_data_with_lower_case_header_names():
    response = Response("http://x.example/a", status=405, headers={"Content-Type": "text/html"}, body=b"<html>")
    answer = read_answer(response, PageKind.SEARCH)
    assert (answer.status, answer.headers, answer.body, answer.url) == (
        405,
        {"content-type": "text/html"},
        b"<html>",
        "http://x.example/a",
    )
