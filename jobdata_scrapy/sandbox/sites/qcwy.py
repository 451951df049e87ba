"""前程无忧 (51job): the open list, the signed list, the company page (docs/platforms.md 2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from jobdata_scrapy.sandbox import draws
from jobdata_scrapy.sandbox.companies import find_company
from jobdata_scrapy.sandbox.data import COUNTRY, city_names
from jobdata_scrapy.sandbox.filters import read_filters
from jobdata_scrapy.sandbox.postings import SearchKey, make_posting
from jobdata_scrapy.sandbox.sites import challenge, qcwy_shapes
from jobdata_scrapy.sandbox.sites.contract import ITEMS_KEPT, Ask, Fields, Reply, join_object, read_whole

if TYPE_CHECKING:
    from jobdata_scrapy.sandbox.rules import Rule
    from jobdata_scrapy.sandbox.state import SandboxState

OPEN_SEARCH = "/pc/open/noauth/search-h5"
SIGNED_SEARCH = "/open/noauth/search-pc"
COMPANY = "/pc/open/noauth/company-info/pc-info"
PAGE_SIZE, LARGEST_PAGE = 20, 100
FRESH_SECONDS = 60
MILLISECONDS = 10**11  # a timestamp above this is in milliseconds


class QcwySite:
    """No login. Only `search-pc` wants a signature; an unknown area is not rejected but searched as the whole country."""

    name: str = "qcwy"
    paths: Mapping[str, str] = {OPEN_SEARCH: "search", SIGNED_SEARCH: "search", COMPANY: "company"}
    web_paths: Mapping[str, str] = {}

    def read(self, ask: Ask) -> None:
        """Keyword, area and page."""
        ask.token = ask.headers.get("user-token", "")
        if ask.kind == "search":
            ask.keyword, ask.city_code = ask.params.get("keyword", ""), ask.params.get("jobArea", "000000")
            ask.page = read_whole(ask.params.get("pageNum"), 1)
            ask.size = min(read_whole(ask.params.get("pageSize"), PAGE_SIZE) or 0, LARGEST_PAGE)
            ask.filters = read_filters(self.name, ask.params)

    def refuse(self, ask: Ask, state: SandboxState) -> Reply | None:
        """The signature and its age on `search-pc`; page numbers."""
        if ask.path == SIGNED_SEARCH and not _is_signed(ask, state):
            return failed("签名错误", refused="sign")
        if ask.kind == "search" and (ask.page is None or not ask.size):
            return failed("参数错误", refused="page")
        if ask.filters is None:
            return failed("参数错误", refused="filter")
        return None

    def answer(self, ask: Ask, state: SandboxState, cap: int | None) -> Reply:
        """A list page or a company."""
        if ask.kind == "search":
            return Reply(state.replay.page(ask) if state.replay else search(ask, state, cap))
        given = next((ask.params[name] for name in ("encCoId", "coId", "companyId") if name in ask.params), "")
        company = None if state.replay else find_company(state.options.seed, "qcwy", given)
        return Reply(envelope(qcwy_shapes.company(company))) if company else failed("公司不存在")

    def failure(self, rule: Rule, ask: Ask) -> Reply:
        """The firewall's HTTP 405, or a status "0" with a message."""
        if rule.fault in ("block", "ban_address"):
            return challenge.blocked()
        return failed({"rejected_signature": "签名错误", "freq_limit": "系统繁忙，请稍后再试", "gone": "公司不存在"}[rule.fault])

    def records(self, kind: str, payload: Any) -> list[dict[str, Any]]:
        """Rows of a list; the company."""
        body = payload.get("resultbody") if isinstance(payload, dict) else None
        if not isinstance(body, dict):
            return []
        return list(body["job"]["items"]) if kind == "search" else [body["coinfo"]]

    def fields(self, kind: str) -> Fields:
        """jobId and jobName; coid and coname of a company."""
        return Fields(("coid",), ("coname",)) if kind == "company" else Fields(("jobId",), ("jobName",))

    def empty(self, payload: Any, *, silent: bool) -> None:
        """With its totals kept this is the site's soft throttle."""
        job = payload["resultbody"]["job"]
        job["items"] = []
        if silent:
            job |= {name: 0 for name in ("totalCount", "totalcount") if name in job}


def envelope(body: Any) -> dict[str, Any]:
    """The site's envelope around a good answer: the status is a string."""
    return {"status": "1", "message": "成功", "resultbody": body}


def failed(message: str, *, refused: str = "") -> Reply:
    """A refusal in the body."""
    return Reply({"status": "0", "message": message}, refused=refused)


def search(ask: Ask, state: SandboxState, cap: int | None) -> dict[str, Any]:
    """A page of the list. Repeats count in the total, as the site counts rows; one search in four says `totalcount` only."""
    key = SearchKey("qcwy", ask.keyword, city_names("qcwy").get(ask.city_code, COUNTRY))
    window, page = state.world.window(key, cap, ask.filters or ()), ask.page or 1
    request_id = draws.digest(state.options.seed, "request", state.next_number()).hex()
    columns = qcwy_shapes.RequestColumns(request_id, page, ask.keyword)
    rows = []
    for rank, slot in enumerate(window.page(page, ask.size)):
        job_id, pinyin, item = _item(state.options.seed, key, slot, state.world.revision(key, slot))
        rows.append(join_object(columns.of(job_id, pinyin, rank), item))
    names = ("totalcount",) if draws.number(*key) % 4 == 0 else ("totalCount", "totalcount")
    job = {"items": rows, **dict.fromkeys(names, len(window.rows)), "requestId": request_id, "policies": ""}
    return envelope({"searchType": 2, "engineKeywordType": 0, "requestId": request_id, "job": job})


@lru_cache(maxsize=ITEMS_KEPT)
def _item(seed: int, key: SearchKey, slot: int, revision: int) -> tuple[str, str, bytes]:
    item = qcwy_shapes.list_item(make_posting(seed, key, slot, revision))
    return str(item["jobId"]), item["hrefAreaPinYin"], orjson.dumps(item)


def _is_signed(ask: Ask, state: SandboxState) -> bool:
    message = ask.target.encode() + (ask.body if ask.method == "POST" else b"")
    wanted = hmac.new(state.options.qcwy_key.encode(), message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), ask.headers.get("sign", "").encode()):
        return False
    stamp = ask.params.get("timestamp", "")
    if not (stamp.isascii() and stamp.isdigit()):
        return False
    seconds = int(stamp) / 1000 if int(stamp) > MILLISECONDS else int(stamp)
    return abs(state.wall_clock() - seconds) <= FRESH_SECONDS
