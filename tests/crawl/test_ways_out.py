"""A run with several exits, tokens and locks goes on by whatever way is left, and leaves alone what is not. Real proxies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import peewee as pw
import pytest

from jobdata_scrapy.config import Config
from jobdata_scrapy.db import site_locks, tokens
from jobdata_scrapy.db.cipher import Cipher, make_key
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.exit_leases import list_uses
from tests.crawl.proxies import addresses, http_proxy, running_proxies

pytestmark = pytest.mark.slow
KEPT = (0, "finished")
KEY = make_key()
DEAD = "socks5://127.0.0.1:1"  # nobody listens there, and its name sorts first: it is the first that is leased


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A JOBDATA_DIR whose exits, tokens and locks no other tests use."""
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture
def database(store) -> Iterator[pw.Database]:
    with closing(open_database(Config(_env_file=None, jobdata_dir=store))) as database:
        yield database
    with closing(sqlite3.connect(store / "jobdata.sqlite", timeout=30)) as rows, rows:
        for table in ("exit", "exit_lease", "site_lock", "token"):
            rows.execute(f'DELETE FROM "{table}"')


@pytest.fixture
def run(crawl, database, store):
    """`run("zhilian", "关键词", PROXY_LIST=...)`"""

    def run(site: str, keyword: str, **settings: str):
        given = {"EXIT_WAIT_SECONDS": "0", "TOKEN_KEY": KEY, **settings}
        return crawl(site, keyword=keyword, city="上海", directory=store, settings=given)

    return run


@pytest.fixture
def run_pool(run, database):
    """`run_pool({"name": "value"}, "关键词")`: boss with these tokens in the pool and none in the settings."""

    def run_boss(given: dict[str, str], keyword: str, **settings: str):
        for name, value in given.items():
            tokens.add_token(database, Cipher(KEY), "boss", value, name=name)
        return run("boss", keyword, BOSS_MPT_TOKEN="", **settings)

    return run_boss


def ended(run) -> tuple[int, str]:
    return run.code, run.report["run"]["finish_reason"]


def searches(sandbox) -> list[dict]:
    return [one for one in sandbox.log() if one["kind"] == "search"]


def test_one_token_moves_from_the_blocked_exit_to_the_next(run_pool, sandbox):
    sandbox.control({"site": "boss", "kind": "search", "fault": "captcha", "times": 1})
    with running_proxies(2) as proxies:
        done = run_pool({"only": "sandbox-token"}, "移动", PROXY_LIST=",".join(proxies))
    assert ended(done) == KEPT, done.err
    blocked, *others = searches(sandbox)
    assert {one["address"] for one in others} == set(addresses(2)) - {blocked["address"]}


def test_two_exits_and_one_token(run_pool, sandbox):
    with running_proxies(2) as proxies:
        settings = {"PROXY_LIST": ",".join(proxies), "EXITS_PER_PROCESS": "2"}
        done = run_pool({"only": "sandbox-token"}, "只有一个一,只有一个二", **settings)
    assert ended(done) == KEPT, done.err
    assert len({one["address"] for one in sandbox.log()}) == 1


def test_a_locked_token_is_left_alone(run_pool, database, sandbox):
    site_locks.trip_lock(database, "boss|token=one", "by hand", 900)
    done = run_pool({"one": "wrong-0001", "two": "sandbox-token"}, "锁令牌")
    assert ended(done) == KEPT, done.err
    assert {one["token"] for one in searches(sandbox)} == {"oken"}
    site_locks.trip_lock(database, "boss|token=two", "by hand", 900)
    done = run_pool({}, "锁令牌")
    assert (ended(done), done.round["stop_reason"]) == ((1, "no_token_free"), "no_token_free"), done.err


@pytest.mark.parametrize("keyword", ["死代理", "死代理一,死代理二,死代理三"])
def test_a_dead_proxy_is_left_for_a_living_one(run, database, sandbox, keyword):
    with running_proxies(1) as living:
        done = run("zhilian", keyword, PROXY_LIST=",".join([DEAD, *living]))
    assert ended(done) == KEPT, done.err
    assert {one["address"] for one in sandbox.log()} == set(addresses(1))
    assert {use.exit_name: use.cool_reason for use in list_uses(database)} == {DEAD: "brings no answers", living[0]: ""}


def test_a_proxy_that_refuses_us_is_left_for_another_one(run, sandbox):
    with http_proxy("127.0.0.3", "BasicAuth anna geheim-4711") as port, running_proxies(1) as living:
        done = run("qcwy", "换代理一,换代理二", PROXY_LIST=",".join([f"http://127.0.0.1:{port}", *living]))
    assert ended(done) == KEPT, done.err
    assert {one["address"] for one in sandbox.log()} == set(addresses(1))


def test_retry_after_binds_every_request_through_the_exit(run, sandbox):
    sandbox.control({"site": "qcwy", "kind": "search", "fault": "rate_limited", "retry_after": 2, "times": 1})
    done = run("qcwy", "等一,等二,等三", EXIT_WAIT_SECONDS="600")
    assert ended(done) == KEPT, done.err
    told, *others = searches(sandbox)
    assert told["status"] == 429
    assert min(one["time"] for one in others) - told["ended"] >= 1.9


def locks(database) -> dict[str, tuple[bool, int]]:
    """Whether each is open, and how often in a row it was opened."""
    return {row.key: (row.is_open, row.trips) for row in site_locks.list_locks(database)}


def test_a_failed_probe_of_one_exit_locks_that_exit_alone_for_longer(run, database, sandbox):
    sandbox.control({"site": "boss", "kind": "search", "fault": "captcha", "times": 1})
    with running_proxies(2) as proxies:
        first = min(proxies)
        site_locks.trip_lock(database, f"boss|exit={first}", "CAPTCHA", 0)  # open, and its time is over
        done = run("boss", "单个出口一,单个出口二", PROXY_LIST=",".join(proxies))
    assert ended(done) == KEPT, done.err
    assert locks(database) == {f"boss|exit={first}": (True, 2)}
    assert searches(sandbox)[0]["address"] == addresses(2)[proxies.index(first)]


def test_a_healthy_probe_closes_what_it_was_the_probe_of(run, database, sandbox):
    with running_proxies(2) as proxies:
        first, second = sorted(proxies)
        for exit_name, seconds in ((first, 0), (second, 900)):
            site_locks.trip_lock(database, f"zhilian|exit={exit_name}", "CAPTCHA", seconds)
        done = run("zhilian", "探路一", PROXY_LIST=",".join(proxies))
    assert ended(done) == KEPT, done.err
    assert locks(database) == {f"zhilian|exit={first}": (False, 0), f"zhilian|exit={second}": (True, 1)}


def test_one_probe_goes_out_through_three_exits(run, database, sandbox):
    sandbox.control({"site": "zhilian", "kind": "search", "fault": "captcha"})
    site_locks.trip_lock(database, "zhilian", "CAPTCHA", 0)
    with running_proxies(3) as proxies:
        done = run("zhilian", "探一,探二,探三", PROXY_LIST=",".join(proxies), EXITS_PER_PROCESS="3")
    assert ended(done) == (1, "blocked"), done.err
    assert len(searches(sandbox)) == 1
    assert locks(database)["zhilian"] == (True, 2)


def test_a_locked_exit_is_left_for_another_one(run, database, sandbox):
    with running_proxies(2) as proxies:
        site_locks.trip_lock(database, f"zhilian|exit={proxies[0]}", "by hand", 900)
        done = run("zhilian", "锁出口一,锁出口二", PROXY_LIST=",".join(proxies), EXITS_PER_PROCESS="2")
    assert ended(done) == KEPT, done.err
    assert {one["address"] for one in sandbox.log()} == {addresses(2)[1]}
