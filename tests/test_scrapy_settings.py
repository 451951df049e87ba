"""Scrapy's settings are looked at before anything is asked: switches, numbers, and feeds that no row could be written to."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from scrapy.settings import Settings, default_settings

from jobdata_scrapy.exceptions import ConfigError
from jobdata_scrapy.scrapy_settings import SWITCHES, check_feeds, check_scrapy_settings

ROOT = Path(__file__).parents[1]


def test_every_switch_is_looked_at_and_documented():
    files = [path for name in ("middlewares", "pipelines", "jobdata_scrapy") for path in (ROOT / name).rglob("*.py")]
    code = "".join(path.read_text() for path in files)
    assert set(re.findall(r'getbool\("(\w+)"', code)) == set(SWITCHES)
    section = (ROOT / "docs" / "settings.md").read_text().split("## Switches of single components")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(SWITCHES)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VALIDATE_ENABLED", "maybe", "'maybe' is not allowed; allowed: true or false"),
        ("DOWNLOAD_TIMEOUT", "soon", "'soon' is not allowed; allowed: a number"),
        ("PROGRESS_LOG_PAGES", "2.5", "'2.5' is not allowed; allowed: a whole number"),
        ("CONCURRENT_REQUESTS", "many", "'many' is not allowed; allowed: a whole number"),
        ("CLOSESPIDER_TIMEOUT_NO_ITEM", "2.5", "'2.5' is not allowed; allowed: a whole number"),
        ("LOG_FILE", "/", "cannot be written: it is a folder"),
        ("AUTOTHROTTLE_ENABLED", "maybe", "'maybe' is not allowed; allowed: true or false"),
        ("LOG_LEVEL", "LOUD", "'LOUD' is not allowed; allowed: DEBUG, INFO"),
        ("LOG_FILE", "/nowhere/crawl.log", "cannot be written: there is no folder /nowhere"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str, words: str):
    check_scrapy_settings(Settings(), vars(default_settings))
    with pytest.raises(ConfigError) as refused:
        check_scrapy_settings(Settings({name: value}), vars(default_settings))
    assert str(refused.value).startswith(f"{name}: ") or name == "LOG_FILE"
    assert words in str(refused.value)


def test_scrapys_own_defaults_and_fractions_are_let_through(tmp_path: Path):
    given = {
        "DOWNLOAD_TIMEOUT": "2.5",
        "FEED_EXPORT_INDENT": None,
        "LOG_LEVEL": "WARNING",
        "LOG_FILE": str(tmp_path / "crawl.log"),
    }
    check_scrapy_settings(Settings(given), vars(default_settings))
    assert not list(tmp_path.iterdir())


def test_what_can_be_written_is_let_through_and_left_alone(tmp_path: Path):
    there = tmp_path / "there.csv"
    there.write_text("job_id\n")
    names = [there, f"file://{tmp_path}/new/jobs.jsonl", tmp_path / "new.json", "stdout:", "s3://bucket/jobs.csv"]
    check_feeds({name: {"format": "jsonl" if "jsonl" in str(name) else "csv"} for name in names})
    check_feeds({f"{tmp_path}/%(name)s/%(time)s.json": {"format": "json"}, there: {"format": "json", "overwrite": True}})
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]
    assert there.read_text() == "job_id\n"


def test_a_pipe_is_not_opened(tmp_path: Path):
    """Its reader may come later."""
    os.mkfifo(tmp_path / "pipe")
    check_feeds({tmp_path / "pipe": {"format": "csv"}})


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("jobs.xml", "xml", "format 'xml' has no rows of postings; allowed: csv, json"),
        ("jobs", "", "format '' has no rows"),
        ("folder", "csv", "is a folder; allowed: a file's name"),
        ("full.json/jobs.csv", "csv", "cannot be written: Not a directory"),
        ("full.json", "json", "JSON cannot be added to; -O writes it anew"),
    ],
)
def test_others_are_refused_by_name(tmp_path: Path, name: str, kind: str, words: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "full.json").write_text("[]")
    with pytest.raises(ConfigError) as refused:
        check_feeds({tmp_path / name: {"format": kind}})
    assert str(refused.value).startswith(f"feed {tmp_path / name}: ")
    assert words in str(refused.value)
