"""What the anomaly middleware does with an answer, beside the site's own verdict."""

from scrapy import Request
from scrapy.http import Response

from jobdata_scrapy.platform import PageKind, Verdict
from middlewares.anomaly import make_again, read_answer


def test_asking_again_is_not_filtered_and_counts_by_verdict():
    request = Request("http://x.example/", meta={"verdict_attempts": {Verdict.EMPTY: 1}})
    again = make_again(request, Verdict.RATE_LIMITED, 0)
    assert again.dont_filter
    assert again.meta["verdict_attempts"] == {Verdict.EMPTY: 1, Verdict.RATE_LIMITED: 1}
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
