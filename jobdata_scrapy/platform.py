"""THE contract of a site.

A site is one `Platform` value: plain data and pure functions over plain data. No clock, no I/O, no Scrapy, so that
requests, signing, parsing and block detection run anywhere: in a spider, in the admin, in a test, on a saved answer.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlencode

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.items import Company, Job, RejectedRow

NATIONWIDE = "全国"  # the city of a search over the whole country; every site has a code for it
MAX_KEYWORD_LENGTH = 64


class Verdict(StrEnum):
    """What an answer is worth; what each verdict does is one table, `jobdata_scrapy.verdict_policy`."""

    OK = "OK"
    EMPTY = "EMPTY"
    CAPPED = "CAPPED"
    GONE = "GONE"
    RATE_LIMITED = "RATE_LIMITED"
    CAPTCHA = "CAPTCHA"
    IP_BANNED = "IP_BANNED"
    SIGN_REJECTED = "SIGN_REJECTED"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - a verdict, not a password
    LOGIN_REQUIRED = "LOGIN_REQUIRED"
    LAYOUT_CHANGED = "LAYOUT_CHANGED"
    SERVER_ERROR = "SERVER_ERROR"


class PageKind(StrEnum):
    """What is asked for: a list page, one posting, several postings in one request, a company, or the page of a posting that
    people read."""

    SEARCH = "search"
    DETAIL = "detail"
    DETAIL_BATCH = "detail_batch"
    COMPANY = "company"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Query:
    """One search: what the user asked for, and the site's own code for the city.

    `city` is the national name ("上海"; "全国" for the whole country), `city_code` the site's code for it, `filters` further
    (name, site code) pairs such as a district or a salary band.
    """

    keyword: str
    city: str
    city_code: str
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One HTTP request, before or after signing. `path` starts with "/" and is relative to the base URL of its host.

    host: "" for the site's base URL, else a name in `Platform.hosts`; needs_browser: a browser reads the page, scripts and all;
    state: the page's own JavaScript variable that the browser waits for and writes into the document, "" for none.
    """

    page_kind: PageKind
    path: str
    method: str = "GET"
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    host: str = ""
    needs_browser: bool = False
    state: str = ""

    @property
    def target(self) -> str:
        """Path and query exactly as they go on the wire (what a signature is made over)."""
        return f"{self.path}?{urlencode(self.params)}" if self.params else self.path

    def url(self, base_url: str) -> str:
        """The absolute URL below `base_url` (no trailing slash needed)."""
        return base_url.rstrip("/") + self.target

    def with_params(self, *params: tuple[str, str], first: bool = False) -> RequestSpec:
        """A copy with `params` appended (or put in front with `first`)."""
        return replace(self, params=(*params, *self.params) if first else (*self.params, *params))

    def with_headers(self, *headers: tuple[str, str]) -> RequestSpec:
        """A copy with `headers` appended."""
        return replace(self, headers=(*self.headers, *headers))


@dataclass(frozen=True, slots=True)
class SignContext:
    """Everything a signature may depend on. Made by the signing middleware the moment before the request leaves.

    now: POSIX time in seconds; nonce: 32 random lower-case hex digits, fresh for each request; token: the operator's session
    token; secret: the operator's signing key; script_value: what the operator's script (`Platform.script_setting`) returned.
    """

    now: float
    nonce: str
    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    script_value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Header names are lower case; `url` is the address it came from, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    page_kind: PageKind
    url: str = ""


@dataclass(slots=True)
class SearchPage:
    """A parsed list page.

    total: postings the site advertises for this search, None where it tells none; next_page: number of the page after this one,
    None at the site's end; capped: the site shows no more than its result cap, so that postings may stay out of reach.
    rejected: rows that are no posting in the site's known shape (each with field and reason); skipped: advertisement cards.
    """

    jobs: list[Job]
    rejected: list[RejectedRow]
    total: int | None
    next_page: int | None
    capped: bool = False
    skipped: int = 0


@dataclass(slots=True)
class DetailPage:
    """A parsed posting page: the posting, and its company where the site tells one."""

    job: Job
    company: Company | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """One way to divide a search: a filter of the site's and the values that between them show its postings.

    parameter: the filter's name, as in `Query.filters`; codes: label -> site code, without the code for "any"; they may overlap.
    misses: the postings that no code shows, in words ("postings without a salary"), "" where each one is shown by some code.
    """

    parameter: str
    codes: Mapping[str, str]
    misses: str = ""


class SignFunction(Protocol):
    """Returns the spec as it goes on the wire. Pure: all that changes from call to call is in the context."""

    def __call__(self, spec: RequestSpec, context: SignContext) -> RequestSpec: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One site. Optional functions are None where the site has no such page.

    name: as in the registry and the table names; title: as people write it; base_url: of the live site; parser_version: raised
    whenever `parse` gives other values for the same answer; page_size: postings a list page asks for; result_cap: postings a
    search shows at most; cities: national city name -> the site's code; token_setting, secret_setting, script_setting: names of
    the settings that hold the operator's credentials ("" = the site has none); token_required: refused at start without it.
    personal_paths: what `privacy.strip_personal` removes from a raw answer, dotted, "[]" for each item of a list, relative to the
    raw posting or company; free_text_paths: where phone numbers and e-mail addresses are masked. splits: how a capped search is
    divided, in the order to try (`jobdata_scrapy.search_plan`). hosts: further hosts of the site, name -> base URL.
    """

    name: str
    title: str
    base_url: str
    parser_version: int
    page_size: int
    result_cap: int
    cities: Mapping[str, str]
    personal_paths: tuple[str, ...]
    free_text_paths: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    token_setting: str = ""
    token_required: bool = False
    secret_setting: str = ""
    script_setting: str = ""
    search_request: Callable[[Query, int], RequestSpec]
    sign: SignFunction
    verdict: Callable[[Answer], Verdict]
    parse_search: Callable[[bytes, int], SearchPage]
    detail_request: Callable[[Job], RequestSpec] | None = None
    detail_batch_request: Callable[[Sequence[Job]], RequestSpec] | None = None
    detail_batch_size: int = 1
    split_detail_batch: Callable[[bytes, int], list[bytes | None]] | None = None
    parse_detail: Callable[[bytes], DetailPage] | None = None
    html_request: Callable[[Job], RequestSpec] | None = None
    parse_html: Callable[[bytes], DetailPage] | None = None
    company_request: Callable[[str], RequestSpec] | None = None
    parse_company: Callable[[bytes], Company] | None = None

    def live_url(self, host: str = "") -> str:
        """The base URL of one of the live site's hosts (see `RequestSpec.host`)."""
        return self.hosts[host] if host else self.base_url

    def query(self, keyword: str, city: str) -> Query:
        """The search for `keyword` in `city` (national name). Raises KeyError for a city the site has no code for."""
        return Query(keyword, city, self.cities[city])


def find_city(platform: Platform, text: str) -> str:
    """The city as the site's table names it ("上海" for "上海市"); "" is the whole country. Raises ArgumentError."""
    wanted = text.strip() or NATIONWIDE
    found = wanted if wanted in platform.cities else wanted.removesuffix("市")
    if found not in platform.cities:
        near = difflib.get_close_matches(found, platform.cities, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"{len(platform.cities)} are known, such as 北京, 上海, 深圳"
        raise ArgumentError(f"city: {wanted!r} is unknown to {platform.name}; {hint}")
    return found
