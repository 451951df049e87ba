"""Boss直聘: mini-program list, detail, batch and company behind a session token (docs/platforms.md 1)."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import orjson

from jobdata_scrapy.sandbox import draws
from jobdata_scrapy.sandbox.companies import find_company
from jobdata_scrapy.sandbox.data import city_names
from jobdata_scrapy.sandbox.filters import read_filters
from jobdata_scrapy.sandbox.postings import SearchKey, make_posting
from jobdata_scrapy.sandbox.sites import boss_shapes
from jobdata_scrapy.sandbox.sites.contract import ITEMS_KEPT, Ask, Fields, Reply, join_object, read_whole

if TYPE_CHECKING:
    from jobdata_scrapy.sandbox.rules import Rule
    from jobdata_scrapy.sandbox.state import SandboxState

SEARCH = "/wapi/zpgeek/miniapp/search/joblist.json"
DETAIL = "/wapi/zpgeek/miniapp/job/detail.json"
COMPANY = "/wapi/zpgeek/miniapp/brand/detail.json"
BATCH = "/wapi/batch/batchRunV3"
PAGE_SIZE, LARGEST_PAGE = 15, 30
STOKEN = "__zp_stoken__"
MESSAGES = {
    1: "该职位已关闭",
    7: "当前登录状态已失效",
    9: "您的操作过于频繁",
    17: "参数值错误",
    19: "参数值错误",
    31: "访问频繁",
    35: "您的IP地址存在异常行为.",
    36: "您的账户存在异常行为.",
    37: "您的环境存在异常.",
    100: "请先登录",
    121: "请求不合法",
    122: "请求不合法",
}
FAILURE_CODES = {
    "block": 37,
    "ban_address": 35,
    "ban_token": 36,
    "expired_token": 7,
    "rejected_signature": 121,
    "freq_limit": 9,
    "gone": 1,
}


class BossSite:
    """A session token opens everything; a detail wants the `securityId` that the list gave to this session."""

    name: str = "boss"
    paths: Mapping[str, str] = {SEARCH: "search", DETAIL: "detail", BATCH: "detail_batch", COMPANY: "company"}
    web_paths: Mapping[str, str] = {}

    def read(self, ask: Ask) -> None:
        """Token, keyword, city and page."""
        ask.token = ask.headers.get("mpt", "")
        if ask.kind == "search":
            ask.keyword, ask.city_code = ask.params.get("query", ""), ask.params.get("city", "100010000")
            ask.page = read_whole(ask.params.get("page"), 1)
            ask.size = min(read_whole(ask.params.get("pageSize"), PAGE_SIZE) or 0, LARGEST_PAGE)
            ask.filters = read_filters(self.name, ask.params)

    def refuse(self, ask: Ask, state: SandboxState) -> Reply | None:
        """Code 7 for an unknown token, 37 for a wrong `__zp_stoken__` where one is required, 17 and 19 for parameters."""
        if ask.token not in state.boss_tokens:
            return failed(7, refused="token")
        if state.require_stoken and not hmac.compare_digest(unquote(ask.cookies.get(STOKEN, "")).encode(), stoken(ask).encode()):
            return failed(37, refused="stoken")
        if ask.kind == "search" and (ask.page is None or not ask.size):
            return failed(17, refused="page")
        if ask.filters is None:
            return failed(17, refused="filter")
        if ask.kind == "search" and not state.replay and ask.city_code not in city_names(self.name):
            return failed(19, refused="city")
        return None

    def answer(self, ask: Ask, state: SandboxState, cap: int | None) -> Reply:
        """A list page, a posting, several postings, or a company."""
        if ask.kind == "search":
            return Reply(state.replay.page(ask) if state.replay else search(ask, state, cap))
        if ask.kind == "detail":
            return Reply(find_detail(ask.params, ask.token, state))
        if ask.kind == "detail_batch":
            return run_batch(ask, state)
        return Reply(find_brand(ask.params, state))

    def failure(self, rule: Rule, ask: Ask) -> Reply:
        """A code in the body, HTTP 200."""
        return failed(rule.code or FAILURE_CODES[rule.fault])

    def records(self, kind: str, payload: Any) -> list[dict[str, Any]]:
        """Rows of a list, the posting of a detail (of each sub-answer of a batch), the company."""
        data = payload.get("zpData") if isinstance(payload, dict) else None
        if not isinstance(data, dict):
            return []
        if kind == "search":
            return list(data.get("list") or data.get("jobList") or [])
        if kind == "detail_batch":
            return [record for one in data.values() for record in self.records("detail", one)]
        if kind == "detail":
            return [data["jobBaseInfoVO"]] if "jobBaseInfoVO" in data else []
        return [data] if "encryptBrandId" in data else []

    def fields(self, kind: str) -> Fields:
        """encryptJobId and jobName in a list, positionName in a detail."""
        if kind == "company":
            return Fields(("encryptBrandId",), ("brandName",))
        return Fields(("encryptJobId",), ("jobName" if kind == "search" else "positionName",))

    def empty(self, payload: Any, *, silent: bool) -> None:
        """The site tells no total: `hasMore` is all that may contradict an empty list."""
        data = payload["zpData"]
        data["list" if "list" in data else "jobList"] = []
        data["hasMore"] = not silent


def envelope(data: Any) -> dict[str, Any]:
    """The site's envelope around a good answer."""
    return {"code": 0, "message": "Success", "zpData": data}


def failed(code: int, *, message: str = "", refused: str = "") -> Reply:
    """A refusal in the body. Code 37 hands out a new seed."""
    if code == 37:
        now = int(time.time() * 1000)
        data: dict[str, Any] = {
            "name": draws.digest("name", now, size=4).hex(),
            "seed": draws.text("seed", now, length=44),
            "ts": now,
        }
    else:
        data = {}
    return Reply({"code": code, "message": message or MESSAGES[code], "zpData": data}, refused=refused)


def stoken(ask: Ask) -> str:
    """What the sandbox wants in the cookie `__zp_stoken__`: hex MD5 of target + "|" + session token."""
    return hashlib.md5(f"{ask.target}|{ask.token}".encode(), usedforsecurity=False).hexdigest()


def ticket(job_id: str, token: str, state: SandboxState) -> str:
    """The `securityId` of a posting for one session."""
    return draws.text(state.options.seed, "ticket", job_id, token, length=64) + "~~"


def search(ask: Ask, state: SandboxState, cap: int | None) -> dict[str, Any]:
    """A page of the mini-program list. It tells no total; half of the searches say `list`, the others `jobList`."""
    key = SearchKey("boss", ask.keyword, city_names("boss")[ask.city_code])
    window, first = state.world.window(key, cap, ask.filters or ()), ((ask.page or 1) - 1) * ask.size
    lid = draws.text(state.options.seed, "lid", *key, ask.token, length=10)
    rows = []
    for rank, slot in enumerate(window.page(ask.page or 1, ask.size), first + 1):
        job_id, item = _item(state.options.seed, key, slot, state.world.revision(key, slot))
        state.world.remember(key, slot, job_id)
        rows.append(join_object({"lid": f"{lid}.search.{rank}", "securityId": ticket(job_id, ask.token, state)}, item))
    name = "list" if draws.number(*key) % 2 else "jobList"
    return envelope({name: rows, "hasMore": first + ask.size < len(window.rows)})


@lru_cache(maxsize=ITEMS_KEPT)
def _item(seed: int, key: SearchKey, slot: int, revision: int) -> tuple[str, bytes]:
    posting = make_posting(seed, key, slot, revision)
    return posting.job_id, orjson.dumps(boss_shapes.list_item(posting))


def find_detail(params: Any, token: str, state: SandboxState) -> dict[str, Any]:
    """The answer to one detail call, good or not."""
    job_id, given = params.get("jobId", ""), params.get("securityId", "")
    if state.replay:
        return state.replay.detail("boss", job_id) or dict(failed(1).payload)
    if not hmac.compare_digest(given.encode(), ticket(job_id, token, state).encode()):
        return dict(failed(1, message="参数错误").payload)
    posting = state.world.find("boss", job_id)
    if posting is None:
        return dict(failed(1).payload)
    other = make_posting(state.options.seed, SearchKey("boss", "", posting.city), posting.dirt, 0)
    related = [boss_shapes.list_item(other) | {"lid": "", "securityId": ""}] if posting.dirt % 2 else []
    return envelope(boss_shapes.detail(posting, given, related))


def find_brand(params: Any, state: SandboxState) -> dict[str, Any]:
    """The answer to one company call, good or not."""
    brand_id = params.get("brandId", "")
    if state.replay:
        return state.replay.company("boss", brand_id) or dict(failed(1, message="公司不存在").payload)
    company = find_company(state.options.seed, "boss", brand_id)
    return envelope(boss_shapes.company_info(company)) if company else dict(failed(1, message="公司不存在").payload)


def run_batch(ask: Ask, state: SandboxState) -> Reply:
    """Each sub-call judged alone; the first of a path is keyed by the path, repeats by `<path>#1`, `<path>#2`."""
    form = dict(parse_qsl(ask.body.decode("utf-8", "replace"))) if ask.method == "POST" else {}
    try:
        feed = orjson.loads(ask.params.get("batch_method_feed") or form.get("batch_method_feed", ""))
    except orjson.JSONDecodeError:
        return failed(17, refused="batch")
    if not isinstance(feed, list) or not feed or not all(isinstance(call, str) and call.startswith("method=") for call in feed):
        return failed(17, refused="batch")
    answers: dict[str, Any] = {}
    for call in feed:
        path, _, query = call.removeprefix("method=").partition("&")
        repeat = sum(key.partition("#")[0] == path for key in answers)
        answers[f"{path}#{repeat}" if repeat else path] = _run_call(path, dict(parse_qsl(query)), ask.token, state)
    return Reply(envelope(answers))


def _run_call(path: str, params: dict[str, str], token: str, state: SandboxState) -> dict[str, Any]:
    if path == DETAIL:
        return find_detail(params, token, state)
    if path == COMPANY:
        return find_brand(params, state)
    return dict(failed(17).payload)
