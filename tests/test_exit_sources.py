"""Exits from settings, file and provider: every accepted form, bad lines told without secrets, never a silent way around."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError, ExitSourceError
from jobdata_scrapy.exit_sources import ExitList, fetch_exits, has_exits, parse_answer, parse_lines, read_exits
from jobdata_scrapy.exits import SCHEMES, Exit, read_exit, tunnel_exits


def config(**given: object) -> Config:
    return Config(_env_file=None, **given)


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("1.2.3.4:8080", "http://1.2.3.4:8080"),
        (" Proxy.example:80 ", "http://proxy.example:80"),
        ("socks5://1.2.3.4:1080", "socks5://1.2.3.4:1080"),
        ("SOCKS5H://1.2.3.4:1080/", "socks5h://1.2.3.4:1080"),
        ("https://u:p@h.example:443", "https://u:p@h.example:443"),
        ("http://u:p%40%3A@h:1", "http://u:p%40%3A@h:1"),
        ("http://u:p:q://r@h:1", "http://u:p%3Aq%3A%2F%2Fr@h:1"),
        ("u:p@h:1", "http://u:p@h:1"),
        ("u:100%@h:1", "http://u:100%25@h:1"),
        ("u@h:1", "http://u:@h:1"),
        ("h:1:u:p", "http://u:p@h:1"),
        ("h:1:u:p:@/", "http://u:p%3A%40%2F@h:1"),
        ("socks5://h:1:u:p", "socks5://u:p@h:1"),
        ("[::1]:1080", "http://[::1]:1080"),
        ("h:0080", "http://h:80"),
    ],
)
def test_every_form_of_a_line_is_read(line, url):
    assert read_exit(line).proxy_url == url


@pytest.mark.parametrize(
    "line",
    [
        "secret",
        "h",
        "h:0",
        "h:65536",
        "h:1:secret",
        "ftp://u:secret@h:1",
        "http://u:secret@h",
        "://u:secret@h:1",
        "http://:secret@h:1",
        "1.2.3:80:u:secret",
        "256.1.1.1:80:u:secret",
        "[secret]:1",
        "u:secret@h:1:2",
        "主机:80:u:secret",
        "http://",
    ],
)
def test_a_wrong_line_is_refused_without_showing_it(line):
    with pytest.raises(ValueError, match=r"is not a proxy address|scheme is none|user name is empty") as caught:
        read_exit(line)
    assert "secret" not in str(caught.value)


def test_names_hold_no_credentials_and_tell_the_users_of_a_gateway_apart():
    one, other, plain = read_exit("gate:7000:user-1:secret"), read_exit("gate:7000:user-2:secret"), read_exit("gate:7000")
    assert len({one.name, other.name, plain.name}) == 3
    assert one.name == read_exit("http://user-1:changed@GATE:7000").name
    assert plain.name == "http://gate:7000"
    assert not {"user", "secret"} & set(one.name.replace("#", ":").split(":"))
    assert "secret" not in repr(one)


credentials = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=":@/"), min_size=1)


@given(credentials, credentials, st.sampled_from(SCHEMES), st.integers(1, 65535))
def test_credentials_arrive_as_they_were_given(user, password, scheme, port):
    exit_ = read_exit(f"h.example:{port}:{user}:{password}", scheme)
    parts = urlsplit(exit_.proxy_url)
    assert (parts.scheme, parts.hostname, parts.port) == (scheme, "h.example", port)
    assert (unquote(parts.username), unquote(parts.password)) == (user, password)
    assert read_exit(exit_.proxy_url) == exit_


@given(st.text())
def test_whatever_a_line_is_it_is_an_exit_or_refused(line):
    try:
        exit_ = read_exit(line)
    except ValueError:
        return
    assert exit_.name.startswith("http")
    assert read_exit(exit_.proxy_url) == exit_


def test_bad_lines_are_told_by_number_and_the_good_ones_used():
    found = parse_lines(
        ["# mine", "", "1.2.3.4:80", "nonsense:secret", "u:p@h:1", "1.2.3.4:80", "socks5://1.2.3.4:80", "u:q@h:1"]
    )
    assert [exit_.proxy_url for exit_ in found.exits] == ["http://1.2.3.4:80", "http://u:p@h:1"]
    assert [line.number for line in found.bad] == [4, 7, 8]
    assert found.describe_bad(limit=2).startswith("line 4: is not a proxy address")
    assert found.describe_bad(limit=2).endswith(
        "line 7: the same proxy as in line 3, with another scheme or password; and 1 more"
    )
    assert "secret" not in found.describe_bad()


def test_nothing_configured_names_nothing():
    assert has_exits(config()) is False
    assert read_exits(config()) == {"settings": ExitList(), "file": ExitList()}


def test_settings_and_file_together(tmp_path):
    path = tmp_path / "proxies.txt"
    path.write_text("\ufeffh1:1\n# second\nh2:2:u:p\nbroken\n", "utf-8")
    given = config(proxy_list="a:1, socks5://b:2,", proxy_url="http://c:3", proxy_file=str(path), proxy_scheme="https")
    found = read_exits(given)
    assert [one.proxy_url for one in found["settings"].exits] == ["http://c:3", "https://a:1", "socks5://b:2"]
    assert [one.proxy_url for one in found["file"].exits] == ["https://h1:1", "https://u:p@h2:2"]
    assert [line.number for line in found["file"].bad] == [4]
    assert has_exits(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"proxy_list": "u:secret@h, u:secret"}, "^PROXY_LIST: names no proxy that can be used; line 1: .*; line 2: "),
        ({"proxy_list": ","}, "^PROXY_LIST: names no proxy that can be used; it is empty"),
        ({"proxy_file": "missing.txt"}, "^PROXY_FILE: 'missing.txt' cannot be read: No such file"),
        ({"proxy_url": "h:1:u:secret"}, "^PROXY_URL: is not a proxy address"),
        ({"proxy_tunnel": "h", "proxy_username": "secret"}, "^PROXY_TUNNEL: is not a proxy address"),
        ({"proxy_tunnel": "h:1", "proxy_tunnel_sessions": 2}, "^PROXY_TUNNEL_SESSIONS: needs PROXY_USERNAME"),
    ],
)
def test_a_source_that_names_nothing_is_refused_instead_of_going_without(given, message):
    assert has_exits(config(**given))
    with pytest.raises(ConfigError, match=message) as caught:
        read_exits(config(**given))
    assert "secret" not in str(caught.value)


def test_an_unreadable_or_empty_file_is_refused(tmp_path):
    path = tmp_path / "proxies.txt"
    for content, reason in ((b"\xff\xfe", "it is not text in UTF-8"), (b"# none\n", "it is empty")):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=reason):
            read_exits(config(proxy_file=str(path)))


def test_each_session_of_a_tunnel_is_an_exit_of_its_own():
    given = {"proxy_tunnel": "tunnel.example:15818", "proxy_username": "me", "proxy_password": "p@", "proxy_scheme": "socks5"}
    assert [one.name for one in tunnel_exits(config(**given))] == ["socks5://tunnel.example:15818"]
    sessions = tunnel_exits(config(**given, proxy_tunnel_sessions=2))
    assert [one.name for one in sessions] == [f"socks5://tunnel.example:15818#session-{number}" for number in (1, 2)]
    assert sessions[1].proxy_url == "socks5://me-session-2:p%40@tunnel.example:15818"
    named = config(**given, proxy_tunnel_sessions=3, proxy_tunnel_username_template="{username};sid={session}")
    assert read_exits(named)["settings"].exits[2].proxy_url == "socks5://me%3Bsid%3D3:p%40@tunnel.example:15818"


@pytest.mark.parametrize("template", ["{username}", "", "{session", "{other}-{session}", "{session.x}", "{}{session}"])
def test_a_template_without_a_session_is_refused(template):
    with pytest.raises(ConfigError, match=r"^PROXY_TUNNEL_USERNAME_TEMPLATE: "):
        Config.from_settings({"PROXY_TUNNEL_USERNAME_TEMPLATE": template})


def test_a_wrong_provider_address_is_refused_without_showing_it():
    with pytest.raises(ConfigError, match=r"^PROXY_PROVIDER_URL: is not an http") as caught:
        Config.from_settings({"PROXY_PROVIDER_URL": "ftp://secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "1.2.3.4:80\r\nh:2:u:p\r\n",
        '["1.2.3.4:80", "u:p@h:2"]',
        '[{"ip": "1.2.3.4", "port": 80}, {"host": "h", "port": "2", "username": "u", "password": "p", "protocol": "http"}]',
        '{"code": 0, "data": [{"ip": "1.2.3.4", "port": 80, "life": 60}, {"ip": "h", "port": 2, "user": "u", "pass": "p"}]}',
        '{"code": 0, "msg": "", "data": {"count": 2, "proxy_list": ["1.2.3.4:80", "h:2:u:p"]}}',
    ],
)
def test_a_providers_answer_is_read_in_its_forms(body):
    assert [one.proxy_url for one in parse_answer(body.encode()).exits] == ["http://1.2.3.4:80", "http://u:p@h:2"]


def test_an_empty_list_is_an_answer():
    assert parse_answer(b"") == parse_answer(b"[]") == parse_answer(b'{"data": []}') == ExitList()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"code": 111, "msg": "key=secret is used up"}', "holds no list of proxies; it says code 111"),
        (b'{"data": {"data": {"data": []}}}', "holds no list"),
        (b"null", "holds no list"),
        (b"<html>secret</html>", "neither a list of proxies nor whole JSON"),
        (b'{"data": ["secret', "neither a list of proxies nor whole JSON"),
    ],
)
def test_an_answer_without_a_list_is_an_error(body, message):
    with pytest.raises(ExitSourceError, match=message) as caught:
        parse_answer(body)
    assert "secret" not in str(caught.value)


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["data", "ip", "port", "list"]), inner)).map(lambda content: json.dumps(content).encode()))  # fmt: skip
def test_whatever_a_provider_says_is_read_or_refused(body):
    try:
        found = parse_answer(body)
    except ExitSourceError:
        return
    assert len({one.name for one in found.exits}) == len(found.exits)


@pytest.fixture
async def provider() -> AsyncIterator[TestServer]:
    """A provider that answers with its query's `status` and `body`."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(request.query.get("status", 200)), text=request.query.get("body", ""))

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        yield server


async def ask(provider: TestServer, **query: str) -> ExitList:
    url = provider.make_url("/").with_query(key="secret", **query)
    return await asyncio.to_thread(fetch_exits, config(proxy_provider_url=str(url), proxy_scheme="socks5"))


async def test_the_provider_is_asked(provider):
    assert await ask(provider, body="1.2.3.4:80\nnonsense\n") == ExitList(
        (Exit("socks5://1.2.3.4:80", "socks5://1.2.3.4:80"),), parse_lines(["", "nonsense"]).bad
    )
    assert await ask(provider) == ExitList()


async def test_a_provider_that_fails_is_told_without_its_key(provider):
    for query, message in (({"status": "503"}, "127.0.0.1 answered HTTP 503"), ({"body": "nonsense"}, "named no proxy")):
        with pytest.raises(ExitSourceError, match=message) as caught:
            await ask(provider, **query)
        assert "secret" not in str(caught.value)
    given = config(proxy_provider_url=f"http://127.0.0.1:{provider.port}/?key=secret")
    await provider.close()
    with pytest.raises(ExitSourceError, match=r"127.0.0.1 could not be asked: ConnectionError$"):
        await asyncio.to_thread(fetch_exits, given)
