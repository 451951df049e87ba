"""Crawls of the queue in processes of their own, and what they leave in the database."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import peewee as pw

from jobdata_scrapy.config import Config
from jobdata_scrapy.db.connection import open_database
from jobdata_scrapy.db.keyword_list import KeywordFilter, add_keywords, list_keywords, read_keyword
from tests.conftest import ROOT, clean_environment

LEASES = {"KEYWORD_LEASE_SECONDS": "3", "EXIT_LEASE_SECONDS": "3", "KEYWORD_BACKOFF_SECONDS": "0", "KEYWORD_MAX_ATTEMPTS": "50"}
TOKEN = "sandbox-token"


def open_queue(folder: Path, url: str = "") -> pw.Database:
    return open_database(Config(_env_file=None, jobdata_dir=folder, database_url=url))


def fill_queue(folder: Path, site: str, keywords: Iterable[str], url: str = "") -> None:
    """Puts searches in 上海 into the queue."""
    database = open_queue(folder, url)
    add_keywords(database, [read_keyword(site, keyword, "上海") for keyword in keywords])
    database.close()


def read_states(folder: Path, site: str, url: str = "") -> dict[str, str]:
    """Keyword -> state."""
    database = open_queue(folder, url)
    rows = {row.keyword: str(row.state) for row in list_keywords(database, KeywordFilter(platform=site), limit=1000)}
    database.close()
    return rows


def start_crawler(
    sandbox_url: str, folder: Path, site: str, url: str = "", arguments: dict[str, str] | None = None, **settings: str
) -> subprocess.Popen[bytes]:
    """`scrapy crawl SITE` on the queue, under way. Its leases are short; it waits 20 s for an exit."""
    given = {"SANDBOX": sandbox_url, "BOSS_MPT_TOKEN": TOKEN, "EXIT_WAIT_SECONDS": "20", **LEASES, **settings}
    options = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
    options += [part for name, value in (arguments or {}).items() for part in ("-a", f"{name}={value}")]
    return subprocess.Popen(
        [sys.executable, "-m", "scrapy", "crawl", site, *options],
        cwd=ROOT,
        env=clean_environment(JOBDATA_DIR=str(folder), DATABASE_URL=url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def pauses(log: Iterable[dict[str, Any]]) -> dict[str, list[float]]:
    """Seconds from the end of an answer to the next request, as the site saw them, by exit address."""
    by_address = defaultdict(list)
    for one in sorted(log, key=lambda entry: entry["time"]):
        by_address[one["address"]].append(one)
    return {
        address: [later["time"] - earlier["ended"] for earlier, later in pairwise(entries)]
        for address, entries in by_address.items()
    }
