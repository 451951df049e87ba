"""智联招聘: the list by POST, the detail by GET, request identifiers on both (docs/platforms.md 3)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from jobdata_scrapy.sandbox import draws
from jobdata_scrapy.sandbox.data import city_names
from jobdata_scrapy.sandbox.filters import read_filters
from jobdata_scrapy.sandbox.postings import SearchKey, make_posting
from jobdata_scrapy.sandbox.sites import zhilian_shapes
from jobdata_scrapy.sandbox.sites.contract import HTML, ITEMS_KEPT, Ask, Fields, Reply, read_whole

if TYPE_CHECKING:
    from jobdata_scrapy.sandbox.rules import Rule
    from jobdata_scrapy.sandbox.state import SandboxState

SEARCH = "/c/i/search/positions"
DETAIL = "/c/i/jobs/position-detail-new"
DETAIL_V2 = "/c/i/jobs/position-detailv2"
PAGE_SIZE = 20
AD_RANK = 5  # every other page has a card in this place
REQUEST_ID = re.compile(r"[0-9a-f]{32}-\d{13}-\d{6}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
GONE = 211
POSTING_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>智联招聘</title></head>
<body><div id="root">加载中…</div><img src="logo.png" alt="">
<script id="data" type="text/plain">%DATA%</script>
<script>
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (c) => c.charCodeAt(0));
  window.__INITIAL_STATE__ = JSON.parse(new TextDecoder().decode(bytes));
  const position = window.__INITIAL_STATE__.jobDetail.detailedPosition;
  document.title = `${position.positionName}招聘 - 智联招聘`;
  document.getElementById("root").textContent = position.positionName;
</script></body></html>""".encode()
MISSING_PAGE = "<!DOCTYPE html><html><head><title>404</title></head><body>您访问的页面不存在</body></html>".encode()
REFUSED_PAGE = b"<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
FAILURES = {
    "block": (403, 403, "forbidden"),
    "ban_address": (403, 403, "forbidden"),
    "expired_token": (200, 401, "unauthorized"),
    "rejected_signature": (200, 400, "bad request"),
    "freq_limit": (200, 500, "freq limit"),
    "gone": (200, GONE, "success"),
}


class ZhilianSite:
    """No login, no signature; identifiers must be there, well-formed and used once."""

    name: str = "zhilian"
    paths: Mapping[str, str] = {SEARCH: "search", DETAIL: "detail", DETAIL_V2: "detail"}
    web_paths: Mapping[str, str] = {"jobdetail": "html"}

    def read(self, ask: Ask) -> None:
        """Keyword, city and page out of the JSON body; `at` is the login, where there is one."""
        ask.token = ask.params.get("at", "")
        if ask.kind != "search":
            return
        body = _read_body(ask.body)
        ask.keyword, ask.city_code = str(body.get("S_SOU_FULL_INDEX", "")), str(body.get("S_SOU_WORK_CITY", "489"))
        ask.page = read_whole(body.get("pageIndex"), 1)
        ask.size = min(read_whole(body.get("pageSize"), PAGE_SIZE) or 0, PAGE_SIZE)
        ask.filters = read_filters(self.name, body)

    def refuse(self, ask: Ask, state: SandboxState) -> Reply | None:
        """A GET of the list, identifiers that are missing, malformed or used before, page numbers: code 400."""
        if ask.kind == "search" and ask.method != "POST":
            return failed(400, "bad request", status=405, refused="method")
        wrong = _check_identifiers(ask, state.seen_request_ids)
        if wrong:
            return failed(400, f"bad request: {wrong}", refused=wrong)
        if ask.kind == "search" and (ask.page is None or not ask.size):
            return failed(400, "bad request", refused="page")
        if ask.filters is None:
            return failed(400, "bad request", refused="filter")
        return None

    def answer(self, ask: Ask, state: SandboxState, cap: int | None) -> Reply:
        """A list page or a posting; apiCode 211 for one that is gone."""
        if ask.kind == "search":
            return Reply(state.replay.page(ask) if state.replay else search(ask, state, cap))
        if ask.kind == "html":
            return posting_page(ask, state)
        job_id = ask.params.get("number", "")
        if state.replay:
            found = state.replay.detail("zhilian", job_id)
            return Reply(found) if found else failed(GONE, "success")
        posting = state.world.find("zhilian", job_id)
        return Reply(envelope(zhilian_shapes.detail(posting))) if posting else failed(GONE, "success")

    def failure(self, rule: Rule, ask: Ask) -> Reply:
        """HTTP 403 for a block, else a code in the body; in front of a page that people read, a page."""
        if ask.kind == "html":
            return Reply(body=MISSING_PAGE, status=404, content_type=HTML) if rule.fault == "gone" else refused_page()
        status, code, message = FAILURES[rule.fault]
        return failed(code, message, status=status)

    def records(self, kind: str, payload: Any) -> list[dict[str, Any]]:
        """Rows of a list (advertisements left out); the posting of a detail."""
        if kind == "html":
            return [payload["jobDetail"]["detailedPosition"]]
        data = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(data, dict):
            return []
        if kind == "search":
            return [row for row in data["list"] if "adResponse" not in row]
        return [data["detailedPosition"]] if "detailedPosition" in data else []

    def fields(self, kind: str) -> Fields:
        """Both stand twice in a row."""
        if kind == "search":
            base = "jobDetailData.position.base"
            return Fields(("number", f"{base}.positionNumber"), ("name", f"{base}.positionName"))
        return Fields(("positionNumber",), ("positionName",))

    def empty(self, payload: Any, *, silent: bool) -> None:
        """A count above 0 with an empty list is the site's soft block."""
        payload["data"]["list"] = []
        if silent:
            payload["data"] |= {"count": 0, "isEndPage": 1}


def posting_page(ask: Ask, state: SandboxState) -> Reply:
    """The page of a posting: its script sets `__INITIAL_STATE__`, and only then it shows anything."""
    job_id = ask.path.rpartition("/")[2].removesuffix(".htm")
    posting = state.world.find("zhilian", job_id)
    if posting is None:
        return Reply(body=MISSING_PAGE, status=404, content_type=HTML)
    detail = zhilian_shapes.detail(posting)
    return Reply({"jobDetail": detail, "queryParams": {"number": job_id}}, content_type=HTML, shell=POSTING_PAGE)


def refused_page() -> Reply:
    """What the guard in front of the site shows to an address it has blocked."""
    return Reply(body=REFUSED_PAGE, status=403, content_type=HTML)


def envelope(data: Any) -> dict[str, Any]:
    """The site's envelope around a good answer."""
    return {"code": 200, "apiCode": 200, "data": data}


def failed(code: int, message: str, *, status: int = 200, refused: str = "") -> Reply:
    """A refusal in the body; a posting that is gone has code 200 and apiCode 211."""
    outer = 200 if code == GONE else code
    return Reply({"code": outer, "apiCode": code, "msg": message, "data": None}, status=status, refused=refused)


def search(ask: Ask, state: SandboxState, cap: int | None) -> dict[str, Any]:
    """A page of the list. `count` stops at the cap; an unknown city has no postings."""
    city, page = city_names("zhilian").get(ask.city_code), ask.page or 1
    rows: list[Any] = []
    shown = 0
    if city is not None:
        key = SearchKey("zhilian", ask.keyword, city)
        window = state.world.window(key, cap, ask.filters or ())
        shown = len(window.rows)
        for slot in window.page(page, ask.size):
            job_id, item = _item(state.options.seed, key, slot, state.world.revision(key, slot))
            state.world.remember(key, slot, job_id)
            rows.append(item)
    if page % 2 and len(rows) > AD_RANK:
        rows.insert(AD_RANK, zhilian_shapes.advertisement(page))
    task = draws.digest(state.options.seed, "task", state.next_number()).hex()
    at_end = int(page * ask.size >= shown)
    return envelope(
        {
            "count": shown,
            "isEndPage": at_end,
            "list": rows,
            "isVerification": False,
            "kw": ask.keyword,
            "taskId": task,
            "statusCode": 200,
        }
    )


@lru_cache(maxsize=ITEMS_KEPT)
def _item(seed: int, key: SearchKey, slot: int, revision: int) -> tuple[str, orjson.Fragment]:
    posting = make_posting(seed, key, slot, revision)
    return posting.job_id, orjson.Fragment(orjson.dumps(zhilian_shapes.list_item(posting)))


def _read_body(body: bytes) -> Mapping[str, Any]:
    """{} for what is no JSON object: the identifiers or the page are then refused by name."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"pageIndex": "?"}
    return given if isinstance(given, dict) else {"pageIndex": "?"}


def _check_identifiers(ask: Ask, seen: OrderedDict[str, None]) -> str:
    """The name of the identifier that is wrong, "" where all is well. A detail needs none, but one it carries is checked."""
    request_id = _identifier(ask, "x-zp-page-request-id")
    client_id = _identifier(ask, "x-zp-client-id")
    action_id = ask.headers.get("x-zp-action-id", "")
    needed = ask.kind == "search"
    if (needed or client_id) and not UUID.fullmatch(client_id):
        return "x-zp-client-id"
    if action_id and (not UUID.fullmatch(action_id) or action_id != _read_body(ask.body).get("actionid", action_id)):
        return "x-zp-action-id"
    if not needed and not request_id:
        return ""
    if not REQUEST_ID.fullmatch(request_id) or request_id in seen:
        return "x-zp-page-request-id"
    seen[request_id] = None
    if len(seen) > 100_000:
        seen.popitem(last=False)
    return ""


def _identifier(ask: Ask, name: str) -> str:
    return ask.params.get(name) or ask.headers.get(name, "")
