"""`scrapy demo` (`make demo`): the three sites faked on this machine, one keyword crawled on each, and what was stored.

Everything goes to JOBDATA_DIR/demo and to the embedded ClickHouse engine, whatever else is configured; no live site is asked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands.newplatform import find_project
from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError
from jobdata_scrapy.sandbox.options import DEFAULT_TOKEN
from jobdata_scrapy.sandbox.process import running_sandbox

KEYWORD, CITY = "数据分析", "上海"
KEPT = (0, 3)  # 3: all promises kept, but the site's own result cap hides postings
QUERIES = (
    (
        "How many postings of each site are in the warehouse?",
        "SELECT platform, count() AS postings, uniqExact(company_name) AS companies, countIf(monthly_low > 0) AS with_salary "
        "FROM job_analytics GROUP BY platform ORDER BY platform",
    ),
    (
        "What does experience pay? (median of the middle of the monthly range, CNY)",
        "SELECT ifNull(toString(experience_min), 'not stated') AS years_from, count() AS postings, "
        "toUInt32(median((monthly_low + monthly_high) / 2)) AS pay FROM job_analytics "
        "WHERE monthly_low > 0 AND monthly_high > 0 GROUP BY experience_min ORDER BY experience_min NULLS FIRST",
    ),
    (
        "Which skills are asked for most?",
        "SELECT arrayJoin(skills) AS skill, count() AS postings, uniqExact(platform) AS sites "
        "FROM job_analytics GROUP BY skill ORDER BY postings DESC, skill LIMIT 8",
    ),
)
# what the operator's own configuration may say and the demo must not use
NOT_USED = ("CLICKHOUSE_HOST", "DATABASE_URL", "PROXY_URL", "PROXY_TUNNEL", "SITE_BASE_URLS", "BOSS_SIGN_JS", "QCWY_SIGN_KEY")


class Command(OneLineErrors, ScrapyCommand):
    """Exit code 0 when the three runs kept their promises."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own form

    def short_desc(self) -> str:
        return "Crawl one keyword on each site against the sandbox and show what was stored"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from spiders.registry import PLATFORMS

        if args:
            raise UsageError(f"demo takes no argument, got {args[0]!r}", print_help=False)
        try:
            folder = Config.from_settings(self.settings).jobdata_dir / "demo"
        except ConfigError as error:
            raise UsageError(str(error), print_help=False) from None
        try:
            with running_sandbox() as sandbox:
                kept = run_demo(Demo(find_project(), folder, sandbox.url), list(PLATFORMS))
        except KeyboardInterrupt:
            kept = False
        self.exitcode = 0 if kept else 1


class Demo:
    """Runs `scrapy` commands in the project against the sandbox at `url`, storing below `folder`."""

    def __init__(self, project: Path, folder: Path, url: str) -> None:
        self.project = project
        self.folder = folder
        values = {
            "SANDBOX": url,
            "JOBDATA_DIR": str(folder),
            "BOSS_MPT_TOKEN": DEFAULT_TOKEN,
            "SLEEP_MIN_SECONDS": "0",
            "SLEEP_MAX_SECONDS": "0",
            "LOCAL_SERVER_IDLE_SECONDS": "20",
            "LOG_LEVEL": "WARNING",
            **dict.fromkeys(NOT_USED, ""),
        }
        self._settings = [part for name, value in values.items() for part in ("-s", f"{name}={value}")]

    def scrapy(self, *arguments: str) -> int:
        """Shows and runs one command; returns its exit code."""
        say("$ scrapy " + " ".join(f'"{part}"' if " " in part else part for part in arguments))
        command = [sys.executable, "-m", "scrapy", *arguments, *self._settings]
        return subprocess.run(command, cwd=self.project, check=False).returncode  # noqa: S603 - our own commands


def run_demo(demo: Demo, sites: list[str]) -> bool:
    """Crawls, asks, says what to try next; False when a run did not keep its promises."""
    say(f"The sandbox plays {', '.join(sites)} on this machine; what is collected goes to {demo.folder}.")
    codes = {site: demo.scrapy("crawl", site, "-a", f"keyword={KEYWORD}", "-a", f"city={CITY}") for site in sites}
    for question, sql in QUERIES:
        say(f"\n{question}")
        codes[question] = demo.scrapy("warehouse", "query", sql)
    failed = [name for name, code in codes.items() if code not in KEPT]
    say(f"\nNot as promised: {', '.join(failed)}; the lines above tell why." if failed else advice(demo.folder))
    return not failed


def advice(folder: Path) -> str:
    """What to try next."""
    option = f"-s JOBDATA_DIR={folder}"
    rows = (
        (f"scrapy report {option}", f"the last run's report; as a page, with pictures, it is in {folder / 'reports'}"),
        (f"scrapy warehouse status {option}", "what runs where, and what is stored"),
        ("scrapy demo", "the same once more: the postings are seen again, and none is written twice"),
        ("scrapy sandbox", "the fake sites for trials of your own: scrapy crawl ... -s SANDBOX=http://127.0.0.1:8077"),
        ("cp .env.example .env", "the settings of a real crawl; README.md tells which you need"),
    )
    width = max(len(command) for command, _ in rows)
    lines = (f"  {command:{width}}  {what}" for command, what in rows)
    head = (
        "That was the whole way: asked, checked, normalised, stored, counted again. Try next (source .venv/bin/activate first):"
    )
    return "\n".join(("", head, *lines))


def say(text: str) -> None:
    """Prints a line at once: what follows is printed by another process."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
