"""The sandbox as an aiohttp application: a request becomes an `Ask`, meets the faults, is answered by its site, and is logged."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from jobdata_scrapy.sandbox.changes import change_reply
from jobdata_scrapy.sandbox.control import add_control_routes
from jobdata_scrapy.sandbox.options import SandboxOptions
from jobdata_scrapy.sandbox.robots import robots_reply, root_robots
from jobdata_scrapy.sandbox.rules import Rule
from jobdata_scrapy.sandbox.sites import SITES, challenge
from jobdata_scrapy.sandbox.sites.contract import PREFIXES, WEB, Ask, Reply, Site
from jobdata_scrapy.sandbox.state import SandboxState

STATE = web.AppKey("state", SandboxState)
LARGEST_BODY = 1024 * 1024
CHANGING = frozenset({"truncated", "renamed", "retyped", "empty", "empty_silent", "bad_rows"})
OWN_SHAPE = frozenset({"block", "expired_token", "rejected_signature", "freq_limit", "ban_address", "ban_token", "gone"})
NOT_FOUND = Reply(body=b"404: no such path", status=404, content_type="text/plain;charset=utf-8")


def create_app(options: SandboxOptions | None = None, state: SandboxState | None = None) -> web.Application:
    """The application. `state` is for tests that hand in clocks; else one is made from `options`."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[STATE] = state or SandboxState(options or SandboxOptions())
    add_control_routes(app, app[STATE])
    app.router.add_get("/robots.txt", handle_root_robots)
    app.router.add_route("*", "/{site:boss|qcwy|zhilian}{host:(-www)?}/{path:.*}", handle_site)
    return app


async def handle_site(request: web.Request) -> web.StreamResponse:
    """Everything below /boss, /qcwy and /zhilian, and below the same with -www: the host of the pages that people read."""
    state = request.app[STATE]
    started = state.clock(), state.wall_clock()
    ask = await read_ask(request)
    site = SITES[ask.site]
    if ask.kind in API_KINDS:
        site.read(ask)
    rules = state.rules.fire(ask)
    entry = log_entry(ask, *started)
    state.log.append(entry)
    for rule in rules:
        if rule.fault == "slow":
            await asyncio.sleep(rule.seconds or 0)
    main = next((rule for rule in rules if rule.fault not in ("slow", "capped")), None)
    reply = answer_ask(state, site, ask, rules, main)
    entry |= {
        "status": reply.status,
        "fault": "+".join([rule.fault for rule in rules] + [f"check:{reply.refused}"] * bool(reply.refused)),
    }
    try:
        if main is not None and main.fault == "dropped":
            entry["status"] = 0
            return await drop_connection(request, reply, amid=main.amid)
        return respond(reply)
    finally:
        entry["ended"] = state.clock()


API_KINDS = frozenset({"search", "detail", "detail_batch", "company"})


async def read_ask(request: web.Request) -> Ask:
    """The request as its site sees it: without the sandbox's path prefix."""
    site, host = request.match_info["site"], request.match_info["host"]
    target = request.raw_path.removeprefix(PREFIXES[site] + host)
    path, _, query = target.partition("?")
    return Ask(
        site=site,
        kind=page_kind(site, path, host),
        method=request.method,
        path=path,
        target=target,
        web=bool(host),
        params=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=request.cookies,
        body=await request.read(),
        address=request.remote or "",
    )


def page_kind(site: str, path: str, host: str = "") -> str:
    """What is asked for: a page kind of the site, `robots`, `verify` (where redirects lead to), or `unknown`."""
    if path == "/robots.txt":
        return "robots"
    if path == challenge.VERIFY_PATHS[site]:
        return "verify"
    if host:
        return SITES[site].web_paths.get(path.split("/")[1], "unknown")
    return SITES[site].paths.get(path, "unknown")


def answer_ask(state: SandboxState, site: Site, ask: Ask, rules: list[Rule], main: Rule | None) -> Reply:
    """The answer, faults included (but for a delay and a dropped connection)."""
    if ask.kind == "unknown":
        return NOT_FOUND
    if ask.kind == "verify":
        return challenge.captcha(ask.site)
    if main is not None and main.fault not in CHANGING and main.subcalls is None and main.fault != "dropped":
        return fail(site, ask, main)
    if ask.kind == "robots":
        return robots_reply(web=ask.web)
    cap = min((rule.cap for rule in rules if rule.fault == "capped"), default=None)
    reply = site.refuse(ask, state) or site.answer(ask, state, cap)
    if main is not None and main.fault != "dropped":
        return change_reply(main, site, ask, reply)
    return reply


def fail(site: Site, ask: Ask, rule: Rule) -> Reply:
    """A fault that stands instead of the answer."""
    if rule.fault in OWN_SHAPE:
        return site.failure(rule, ask)
    if rule.fault in ("captcha", "robots_captcha"):
        return challenge.captcha(ask.site)
    if rule.fault == "captcha_redirect":
        return challenge.captcha_redirect(ask.site, WEB if ask.web else "")
    if rule.fault == "robots_refuse":
        return robots_reply(refuse=True)
    if rule.fault == "rate_limited":
        return text_reply("429: too many requests", 429, {"Retry-After": str(rule.retry_after)})
    return text_reply("the server could not answer", rule.status or 503, {})


def text_reply(text: str, status: int, headers: dict[str, str]) -> Reply:
    """A plain answer of whatever stands before the site."""
    return Reply(body=text.encode(), status=status, content_type="text/plain;charset=utf-8", headers=headers)


def respond(reply: Reply) -> web.Response:
    """The reply as aiohttp sends it."""
    return web.Response(body=reply.encode(), status=reply.status, headers={"Content-Type": reply.content_type, **reply.headers})


async def drop_connection(request: web.Request, reply: Reply, *, amid: bool) -> web.StreamResponse:
    """Closes the connection before the first byte, or amid a body whose whole length was announced."""
    body = reply.encode()
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
    if amid and request.transport is not None:
        response.content_length = max(len(body), 2)
        await response.prepare(request)
        await response.write(body[: len(body) // 2] or b"{")
    if request.transport is not None:
        request.transport.close() if amid else request.transport.abort()
    return response


def log_entry(ask: Ask, started: float, wall: float) -> dict[str, Any]:
    """One line of `/_log`; of a token its last four characters only."""
    return {
        "time": started,
        "wall": wall,
        "ended": None,
        "site": ask.site,
        "kind": ask.kind,
        "path": ask.path,
        "page": ask.page,
        "filters": "&".join(f"{name}={code}" for name, code in ask.filters or ()),
        "keyword": ask.keyword,
        "city": ask.city_code,
        "address": ask.address,
        "token": ask.token[-4:],
        "status": None,
        "fault": "",
    }


async def handle_root_robots(request: web.Request) -> web.StreamResponse:
    """`/robots.txt` of the host, which is where Scrapy's own middleware looks: the three sites' rules together."""
    state = request.app[STATE]
    refused = []
    for name, site in SITES.items():
        ask = Ask(name, "robots", "GET", "/robots.txt", "/robots.txt", {}, {}, {}, b"", request.remote or "")
        rules = state.rules.fire(ask)
        for rule in rules:
            if rule.fault == "robots_refuse":
                refused.append(PREFIXES[name])
            elif rule.fault not in ("slow", "dropped"):
                return respond(fail(site, ask, rule))
    return respond(root_robots(refused))
