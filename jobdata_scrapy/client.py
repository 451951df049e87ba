"""PlatformClient: the same site code over `requests`, for one-off look-ups outside a crawl (SOCKS proxies by PySocks)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import requests

from jobdata_scrapy.exceptions import RequestRefused, RobotsUnreadable
from jobdata_scrapy.items import Company, Job
from jobdata_scrapy.platform import Answer, DetailPage, PageKind, Platform, RequestSpec, SearchPage, SignContext
from jobdata_scrapy.robots import read_rules, robots_url
from jobdata_scrapy.verdict_policy import TABLE, Action

TIMEOUT_SECONDS = 15


class PlatformClient:
    """Asks one site, one request at a time. Blocking: never call it on an event loop thread.

    base_url: of the site or the sandbox; token, secret: the operator's credentials; proxy_url: http(s):// or socks5(h)://, "" for
    none; clock: POSIX seconds; nonce: 32 random hex digits. Every method raises `RequestRefused` where the site's verdict is not
    healthy, `ParseError` for a changed layout, and `requests.RequestException` where no answer came.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        base_url: str = "",
        token: str = "",
        secret: str = "",
        proxy_url: str = "",
        user_agent: str = "jobdata-scrapy",
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._platform = platform
        self._base_url = base_url or platform.base_url
        self._token, self._secret = token, secret
        self._clock, self._nonce = clock, nonce
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["User-Agent"] = self._user_agent = user_agent
        self.session.proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else {}

    def check_robots(self, spec: RequestSpec) -> None:
        """Asks robots.txt, unsigned. Raises RequestRefused (`robots_disallowed`) where it refuses the request or has no rules."""
        url = robots_url(self._base_url)
        response = self.session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        answer = Answer(response.status_code, {"content-type": "text/html"}, response.content, PageKind.SEARCH, url)
        try:
            rules = read_rules(answer, self._platform.verdict)
        except RobotsUnreadable as unreadable:
            cause = f"{unreadable}; that is no permission"
            raise RequestRefused("ROBOTS_DISALLOWED", "robots_disallowed", cause=cause) from None
        address = spec.url(self._base_url)
        if rules is not None and not rules.can_fetch(address, self._user_agent):
            cause = f"robots.txt of {self._base_url} refuses {address.partition('?')[0]}"
            raise RequestRefused("ROBOTS_DISALLOWED", "robots_disallowed", cause=cause)

    def search(self, keyword: str, city: str, page: int = 1) -> SearchPage:
        """One list page. Raises KeyError for a city the site has no code for."""
        answer = self.ask(self._platform.search_request(self._platform.query(keyword, city), page))
        return self._platform.parse_search(answer.body, page)

    def detail(self, job: Job) -> DetailPage:
        """The posting page of a job that `search` brought. Raises ValueError where the site has none."""
        if self._platform.detail_request is None or self._platform.parse_detail is None:
            raise ValueError(f"{self._platform.name} has no posting page")
        return self._platform.parse_detail(self.ask(self._platform.detail_request(job)).body)

    def company(self, company_id: str) -> Company:
        """A company profile. Raises ValueError where the site has none."""
        if self._platform.company_request is None or self._platform.parse_company is None:
            raise ValueError(f"{self._platform.name} has no company page")
        return self._platform.parse_company(self.ask(self._platform.company_request(company_id)).body)

    def ask(self, spec: RequestSpec) -> Answer:
        """Signs and sends one request; returns its answer when its verdict is healthy."""
        context = SignContext(self._clock(), self._nonce(), self._token, self._secret)
        signed = self._platform.sign(spec, context)
        response = self.session.request(
            signed.method,
            signed.url(self._base_url),
            headers=dict(signed.headers),
            data=signed.body or None,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status_code, headers, response.content, spec.page_kind, response.url)
        verdict = self._platform.verdict(answer)
        if TABLE[verdict].then is not Action.PARSE:
            raise RequestRefused(verdict, TABLE[verdict].close_reason, answer.body)
        return answer

    def close(self) -> None:
        """Lets go of the connections."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
