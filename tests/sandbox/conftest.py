"""A sandbox in this process: `sandbox` asks it what a spider asks."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from jobdata_scrapy.sandbox.app import create_app
from jobdata_scrapy.sandbox.options import DEFAULT_TOKEN, SandboxOptions
from jobdata_scrapy.sandbox.state import SandboxState

BOSS = "/boss/wapi/zpgeek/miniapp"
SHANGHAI = {"boss": "101020100", "qcwy": "020000", "zhilian": "538"}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


class Asker:
    """One sandbox and how its sites are asked: each method returns (HTTP status, JSON)."""

    def __init__(self, client: TestClient, state: SandboxState, clock: Clock) -> None:
        self.client, self.state, self.clock = client, state, clock
        self._numbers = itertools.count(1)

    async def get(self, target: str, **headers: str) -> tuple[int, Any]:
        async with self.client.get(target, headers=headers, allow_redirects=False) as response:
            return await read(response)

    async def boss(self, keyword: str = "python", page: int = 1, *, token: str = DEFAULT_TOKEN, **more: Any) -> tuple[int, Any]:
        params = {"query": keyword, "city": SHANGHAI["boss"], "page": page, "pageSize": 15} | more
        return await self.get(f"{BOSS}/search/joblist.json?{urlencode(params)}", mpt=token)

    async def qcwy(self, keyword: str = "python", page: int = 1, *, size: int = 20, area: str = "020000") -> tuple[int, Any]:
        params = {"keyword": keyword, "jobArea": area, "pageNum": page, "pageSize": size}
        return await self.get(f"/qcwy/pc/open/noauth/search-h5?{urlencode(params)}")

    def zhilian_headers(self) -> dict[str, str]:
        number = next(self._numbers)
        return {
            "x-zp-page-request-id": f"{number:032x}-1778641411978-{number:06d}",
            "x-zp-client-id": str(uuid.UUID(int=7)),
            "Content-Type": "application/json",
        }

    async def zhilian(
        self, keyword: str = "python", page: int = 1, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, Any]:
        body = {"S_SOU_FULL_INDEX": keyword, "S_SOU_WORK_CITY": "538", "pageIndex": page, "pageSize": 20} | more
        given = self.zhilian_headers() if headers is None else headers
        async with self.client.post("/zhilian/c/i/search/positions", data=orjson.dumps(body), headers=given) as response:
            return await read(response)

    async def list_page(self, site: str, keyword: str = "python", page: int = 1) -> tuple[int, Any]:
        return await getattr(self, site)(keyword, page)

    async def control(self, document: Any) -> tuple[int, Any]:
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        async with self.client.post("/_control", data=body) as response:
            return await read(response)

    async def truth(self, site: str, keyword: str = "python", city: str = "上海") -> dict[str, Any]:
        return (await self.get(f"/_truth?{urlencode({'site': site, 'keyword': keyword, 'city': city})}"))[1]

    async def log(self) -> list[dict[str, Any]]:
        return (await self.get("/_log"))[1]


async def read(response: ClientResponse) -> tuple[int, Any]:
    body = await response.read()
    is_json = response.content_type == "application/json"
    return response.status, orjson.loads(body) if is_json else body.decode()


@pytest.fixture
def options() -> SandboxOptions:
    return SandboxOptions()


@pytest.fixture
async def sandbox(options: SandboxOptions) -> AsyncIterator[Asker]:
    clock = Clock()
    state = SandboxState(options, clock=clock, wall_clock=clock)
    async with TestClient(TestServer(create_app(state=state))) as client:
        yield Asker(client, state, clock)
