"""Settings are typed, read once, refused early; secrets are never shown."""

from pathlib import Path

import pytest

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import ConfigError
from tests.warehouse.tls_parts import make_certificates


@pytest.fixture(autouse=True)
def _no_dotenv(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_reads_the_environment(monkeypatch):
    monkeypatch.setenv("CLICKHOUSE_HOST", "ch.example")
    monkeypatch.setenv("SLEEP_MIN_SECONDS", "12")
    config = Config.from_environment()
    assert config.clickhouse_host == "ch.example"
    assert config.pause_range() == (12, 20)


def test_reads_a_dotenv_file(tmp_path):
    Path(tmp_path / ".env").write_text("BOSS_MPT_TOKEN=abc\nUNRELATED=1\n")
    config = Config.from_environment()
    assert secret_value(config.boss_mpt_token) == "abc"
    assert "abc" not in repr(config)
    assert "abc" not in repr(config.as_settings())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"CLICKHOUSE_PORT": "many"}, "CLICKHOUSE_PORT: "),
        ({"CLICKHOUSE_DB": "a-b"}, "CLICKHOUSE_DB: "),
        ({"PROXY_SCHEME": "gopher"}, "PROXY_SCHEME: .*'http'"),
        ({"SANDBOX": "8077"}, "SANDBOX: '8077' is not an http"),
        ({"SITE_BASE_URLS": "boss"}, "SITE_BASE_URLS: "),
        ({"SLEEP_MIN_SECONDS": "30", "SLEEP_MAX_SECONDS": "20"}, "SLEEP_MIN_SECONDS .30. must not be greater than"),
        ({"CLICKHOUSE_CA_FILE": "/nowhere.pem"}, "CLICKHOUSE_CA_FILE: there is no file '/nowhere.pem'"),
        ({"CLICKHOUSE_CA_FILE": __file__}, "CLICKHOUSE_CA_FILE: .* holds no certificate in PEM format"),
        ({"CLICKHOUSE_COMPRESSION": "rar"}, "CLICKHOUSE_COMPRESSION: .*'lz4'"),
        ({"CLICKHOUSE_CONNECTIONS": "0"}, "CLICKHOUSE_CONNECTIONS: "),
        ({"CLICKHOUSE_SETTINGS": "max_threads"}, "CLICKHOUSE_SETTINGS: 'max_threads=' is not name=value"),
        ({"CLICKHOUSE_SETTINGS": "async_insert=1"}, "CLICKHOUSE_SETTINGS: async_insert is set by this program itself"),
        ({"CLICKHOUSE_CLUSTER": "c", "CLICKHOUSE_HOST": ""}, "CLICKHOUSE_CLUSTER needs a server: set CLICKHOUSE_HOST"),
        ({"CLICKHOUSE_CLUSTER": "c'; DROP"}, "CLICKHOUSE_CLUSTER: "),
        ({"RETENTION_DAYS": "job_sightings=400"}, "RETENTION_DAYS: 'job_sightings' is not one of <site>_job"),
        ({"RETENTION_DAYS": "pending_company=9"}, "RETENTION_DAYS: 'pending_company' is not one of"),
        ({"RETENTION_DAYS": "boss_job=-1"}, "RETENTION_DAYS: boss_job=-1 must be a number of days"),
        (
            {"RETENTION_DAYS": "reports=18251"},
            "RETENTION_DAYS: reports=18251 must be .* at most 18250, or 0 for ever",
        ),
        ({"SLEEP_MIN_SECONDS": "fast"}, "^SLEEP_MIN_SECONDS: 'fast' is not allowed; allowed: a valid number$"),
        (
            {"CLICKHOUSE_COMPRESSION": "rar"},
            "^CLICKHOUSE_COMPRESSION: 'rar' is not allowed; allowed: 'lz4', 'zstd', 'gzip' or 'none'$",
        ),
        ({"RETENTION_DAYS": "boss_job=soon"}, "RETENTION_DAYS.BOSS_JOB: .* valid integer"),
        ({"RETENTION_DAYS": "job_sighting=7"}, "RETENTION_DAYS: job_sighting=7 must be at least 30 days"),
    ],
)
def test_refuses_with_name_and_rule(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config.from_settings(settings)


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        Config.from_settings({"DATABASE_URL": ["hunter2"]})
    assert "hunter2" not in str(caught.value)


def test_pace_is_slow_by_default_and_free_against_the_sandbox():
    assert Config.from_settings({}).pause_range() == (10, 20)
    assert Config.from_settings({"SANDBOX": "http://127.0.0.1:1"}).pause_range() == (0, 0)
    assert Config.from_settings({"SANDBOX": "http://127.0.0.1:1", "SLEEP_MAX_SECONDS": 2}).pause_range() == (0, 2)


def test_base_url_of_a_site():
    live = "https://www.example.com"
    assert Config.from_settings({}).base_url("boss", live) == live
    sandbox = Config.from_settings({"SANDBOX": "http://127.0.0.1:8077/"})
    assert sandbox.base_url("boss", live) == "http://127.0.0.1:8077/boss"
    named = Config.from_settings({"SITE_BASE_URLS": "boss=http://a.example, qcwy=http://b.example"})
    assert named.base_url("qcwy", live) == "http://b.example"
    assert named.base_url("zhilian", live) == live


def test_base_url_of_a_further_host_of_a_site():
    live = "https://www.example.com"
    assert Config.from_settings({}).base_url("zhilian", live, "www") == live
    sandbox = Config.from_settings({"SANDBOX": "http://127.0.0.1:8077"})
    assert sandbox.base_url("zhilian", live, "www") == "http://127.0.0.1:8077/zhilian-www"
    named = Config.from_settings({"SITE_BASE_URLS": "zhilian-www=http://a.example"})
    assert named.base_url("zhilian", live, "www") == "http://a.example"
    assert named.base_url("zhilian", live) == live


@pytest.mark.parametrize("text", ["price=1", "title=2", "title=-1"])
def test_field_coverage_is_a_share_of_a_known_field(text):
    with pytest.raises(ConfigError, match=r"MONITOR_FIELD_COVERAGE: .*one of title, company_name, salary_text, city"):
        Config.from_settings({"MONITOR_FIELD_COVERAGE": text})


def test_field_coverage_reads_pairs():
    config = Config.from_settings({"MONITOR_FIELD_COVERAGE": "title=1, city=0.5"})
    assert config.monitor_field_coverage == {"title": 1, "city": 0.5}


def test_lists_of_names_and_values_are_read():
    config = Config.from_settings(
        {"RETENTION_DAYS": "job_sighting=400, rejected_row=90,boss_job=0", "CLICKHOUSE_SETTINGS": "max_execution_time=60"}
    )
    assert config.retention_days == {"job_sighting": 400, "rejected_row": 90, "boss_job": 0}
    assert config.clickhouse_settings == {"max_execution_time": "60"}
    assert Config.from_settings(config.as_settings()).retention_days == config.retention_days


def test_a_certificate_authority_without_https_is_refused(tmp_path):
    ca = make_certificates(tmp_path / "own").ca
    with pytest.raises(ConfigError, match="CLICKHOUSE_CA_FILE is for HTTPS: set CLICKHOUSE_SECURE=true too"):
        Config.from_settings({"CLICKHOUSE_CA_FILE": str(ca)})
    assert Config.from_settings({"CLICKHOUSE_CA_FILE": str(ca), "CLICKHOUSE_SECURE": "true"}).clickhouse_ca_file == str(ca)
