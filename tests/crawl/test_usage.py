"""A wrong argument or setting: one clear line that names it, exit code 2, nothing asked and nothing made."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

GOOD = {"keyword": "会计"}
SECRET = "geheim-4711"
WRONG = [
    pytest.param("nosuch", GOOD, {}, "spider: 'nosuch' is unknown; allowed: boss, qcwy, zhilian", id="spider"),
    pytest.param(
        "qcwy", {**GOOD, "foo": "1"}, {}, "foo: unknown argument; allowed: keyword, city, pages, details", id="argument"
    ),
    pytest.param("qcwy", {**GOOD, "city": "Atlantis"}, {}, "city: 'Atlantis' is unknown to qcwy", id="city"),
    pytest.param("qcwy", {**GOOD, "pages": "0"}, {}, "pages: '0' must be a whole number from 1", id="pages"),
    pytest.param("qcwy", {"keyword": " "}, {}, "keyword: is empty", id="keyword"),
    pytest.param("qcwy", {"city": "上海"}, {}, "city: needs a keyword", id="city without keyword"),
    pytest.param("qcwy", {**GOOD, "max_keywords": "2"}, {}, "max_keywords: is for a run over the queue", id="max_keywords"),
    pytest.param("boss", GOOD, {"BOSS_MPT_TOKEN": ""}, "BOSS_MPT_TOKEN: is missing", id="token"),
    pytest.param(
        "boss", GOOD, {"BOSS_SIGN_JS": "/nowhere/sign.js"}, "BOSS_SIGN_JS: cannot read the script '/nowhere/sign.js'", id="script"
    ),
    pytest.param("qcwy", GOOD, {"SANDBOX": "ftp://x"}, "SANDBOX: 'ftp://x' is not an http(s) URL", id="sandbox"),
    pytest.param("qcwy", GOOD, {"PROXY_URL": f"http://u:{SECRET}@h"}, "PROXY_URL: ", id="proxy"),
    pytest.param("qcwy", GOOD, {"PROXY_TUNNEL": "h", "PROXY_PASSWORD": SECRET}, "PROXY_TUNNEL: ", id="tunnel"),
    pytest.param("qcwy", GOOD, {"DATABASE_URL": f"db2://u:{SECRET}@h/x"}, "DATABASE_URL: ", id="database"),
    pytest.param("qcwy", GOOD, {"DEDUP_ENABLED": "maybe"}, "DEDUP_ENABLED: 'maybe' is not allowed", id="switch"),
    pytest.param("qcwy", GOOD, {"FEEDS": '{"/proc/z.csv": {"format": "csv"}}'}, "feed /proc/z.csv: cannot be written", id="feed"),
    pytest.param(
        "qcwy",
        GOOD,
        {"SLEEP_MIN_SECONDS": "9", "SLEEP_MAX_SECONDS": "3"},
        "SLEEP_MIN_SECONDS (9) must not be greater",
        id="pause",
    ),
]


def check_refusal(done, message: str) -> None:
    (line,) = done.err.strip().splitlines()
    assert done.code == 2
    assert message in line
    assert "Traceback" not in done.err
    assert SECRET not in done.err + done.out
    assert done.report == {}


@pytest.mark.parametrize(("spider", "arguments", "settings", "message"), WRONG)
def test_a_wrong_call_is_refused(crawl, sandbox, tmp_path, spider, arguments, settings, message):
    done = crawl(spider, settings=settings, directory=tmp_path / "data", **arguments)
    check_refusal(done, message)
    assert sandbox.log() == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CLICKHOUSE_PORT", "abc", "CLICKHOUSE_PORT: "),
        ("SANDBOX", "127.0.0.1:8077", "SANDBOX: '127.0.0.1:8077' is not an http(s) URL"),
        ("PROXY_URL", f"socks4://u:{SECRET}@h:1", "PROXY_URL: "),
        ("PROXY_SCHEME", "ftp", "PROXY_SCHEME: "),
    ],
)
def test_a_wrong_environment_is_refused(scrapy_command, sandbox, tmp_path, name, value, message):
    environment = {"SANDBOX": sandbox.url, name: value}
    done = scrapy_command("crawl", "qcwy", "-a", "keyword=会计", env=environment, directory=tmp_path / "data")
    check_refusal(done, message)
    assert sandbox.log() == []


def test_a_folder_that_cannot_be_written_is_refused(crawl, sandbox):
    done = crawl("qcwy", keyword="会计", directory=Path("/proc/nowhere"))
    check_refusal(done, "JOBDATA_DIR /proc/nowhere: cannot be written: ")
    assert sandbox.log() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("crawl", "boss", "-a", "keyword"), ": error: Invalid -a value, use -a NAME=VALUE"),  # Scrapy's own refusals, too
        (("coverage", "--limit"), ": error: argument --limit: expected one argument"),
        (("keywords", "add", "boss"), ": error: scrapy keywords add: the following arguments are required: keyword"),
        (("report", "a", "b"), ": error: report takes at most one RUN, got 'a b'"),
        (("sandbox", "x"), ": error: unknown argument 'x'"),
    ],
)
def test_a_wrong_word_is_one_line(scrapy_command, tmp_path, words, message):
    done = scrapy_command(*words, directory=tmp_path / "data")
    check_refusal(done, message)


def test_help_shows_the_usage(scrapy_command, tmp_path):
    done = scrapy_command("coverage", "-h", directory=tmp_path / "data")
    assert done.code == 0
    assert "scrapy coverage [--platform PLATFORM]" in done.out


def test_a_secret_of_the_environment_is_not_shown_by_a_run(scrapy_command, sandbox):
    environment = {"SANDBOX": sandbox.url, "BOSS_MPT_TOKEN": "sandbox-token", "QCWY_SIGN_KEY": SECRET, "CLICKHOUSE_PASS": SECRET}
    done = scrapy_command("crawl", "boss", "-a", "keyword=会计", "-a", "pages=1", "-a", "city=上海", env=environment)
    assert done.code == 0, done.err
    for secret in (SECRET, "sandbox-token"):
        assert secret not in done.err + done.out + str(done.report)
