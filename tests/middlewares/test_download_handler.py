"""The signature is applied as the request leaves; the Request itself keeps the unsigned address."""

from scrapy import Request

from jobdata_scrapy.platform import PageKind, RequestSpec
from middlewares.download_handler import apply_signature


def test_signed_target_headers_and_body_leave():
    spec = RequestSpec(PageKind.SEARCH, "/a", "POST", params=(("k", "数"),), headers=(("sign", "s1"),), body=b"{}")
    meta = {"signed_spec": spec, "base_url": "http://127.0.0.1:8077/boss"}
    request = Request("http://127.0.0.1:8077/boss/a", headers={"User-Agent": "jobdata"}, meta=meta)
    signed = apply_signature(request)
    assert signed.url == "http://127.0.0.1:8077/boss/a?k=%E6%95%B0"
    assert (signed.method, signed.body) == ("POST", b"{}")
    assert (signed.headers["sign"], signed.headers["User-Agent"]) == (b"s1", b"jobdata")
    assert "sign" not in request.headers


def test_an_unsigned_request_leaves_as_it_is():
    request = Request("http://127.0.0.1:8077/robots.txt")
    assert apply_signature(request) is request
