"""What of a request reaches the browser."""

from scrapy import Request

from middlewares.browser_handler import is_unneeded, proxy_url_of


def make_request(proxy: str | None, authorization: str = "") -> Request:
    headers = {"Proxy-Authorization": authorization} if authorization else {}
    return Request("http://127.0.0.1/", headers=headers, meta={"proxy": proxy})


def test_the_proxy_gets_back_the_credentials_that_scrapy_moved_into_a_header():
    request = make_request("http://host:8080", "Basic dXNlckB4OnA6dw==")
    assert proxy_url_of(request) == "http://user%40x:p%3Aw@host:8080"


def test_a_proxy_without_credentials_and_none_at_all():
    assert proxy_url_of(make_request("http://host:8080")) == "http://host:8080"
    assert proxy_url_of(make_request(None)) == ""


def test_pictures_are_not_asked_for():
    class Asked:
        def __init__(self, kind: str) -> None:
            self.resource_type = kind

    assert [kind for kind in ("document", "script", "image", "font", "media", "xhr") if is_unneeded(Asked(kind))] == [
        "image",
        "font",
        "media",
    ]
