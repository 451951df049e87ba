"""The sandbox's own endpoints: `/_control`, `/_truth`, `/_log`."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from jobdata_scrapy.sandbox.data import CITIES, city_names
from jobdata_scrapy.sandbox.rules import SITES, ControlError, read_control
from jobdata_scrapy.sandbox.state import SandboxState


def add_control_routes(app: web.Application, state: SandboxState) -> None:
    """Adds the endpoints to an application. Wrong input is answered with HTTP 400 and one line of text."""

    async def post_control(request: web.Request) -> web.Response:
        try:
            state.apply(read_control(await request.read()))
        except ControlError as error:
            return web.Response(text=f"{error}\n", status=400)
        return _json(state.describe())

    async def get_control(request: web.Request) -> web.Response:
        return _json(state.describe())

    async def get_truth(request: web.Request) -> web.Response:
        site, city = request.query.get("site", ""), request.query.get("city", "")
        if site not in SITES:
            return web.Response(text=f"site: {site!r} is unknown; allowed: {', '.join(SITES)}\n", status=400)
        name = _national_name(site, city)
        if name is None:
            return web.Response(
                text=f"city: {city!r} is unknown; use a national name such as 上海, or the site's own code\n", status=400
            )
        return _json(state.truth(site, request.query.get("keyword", ""), name))

    async def get_log(request: web.Request) -> web.Response:
        return _json(list(state.log))

    async def delete_log(request: web.Request) -> web.Response:
        state.log.clear()
        return _json({"cleared": True})

    app.router.add_post("/_control", post_control)
    app.router.add_get("/_control", get_control)
    app.router.add_get("/_truth", get_truth)
    app.router.add_get("/_log", get_log)
    app.router.add_delete("/_log", delete_log)


def _national_name(site: str, city: str) -> str | None:
    names = city_names(site)
    if not city or city in CITIES or city in names.values():
        return city
    return names.get(city)


def _json(content: Any) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json", charset="utf-8")
