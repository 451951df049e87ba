"""How long a site asks not to be asked again."""

import pytest
from scrapy.http import Response

from middlewares.retry_after import MAX_RETRY_AFTER_SECONDS, read_retry_after

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
        ("²".encode("latin-1"), 0),
        (b"-5", 0),
        (b"", 0),
    ],
)
def test_retry_after(value, seconds):
    response = Response("http://x.example/", headers={"Retry-After": value})
    assert read_retry_after(response, NOW) == seconds


def test_no_retry_after():
    assert read_retry_after(Response("http://x.example/"), NOW) == 0
