"""What tests of whole crawls share: a sandbox, a store of one's own, and `scrapy` as a user calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.sandbox.process import RunningSandbox, running_sandbox

ROOT = Path(__file__).parents[1]
CRAWL_SECONDS = 120


@dataclass(frozen=True)
class Finished:
    """A `scrapy` command that has ended; `report` is the newest run's report in its JOBDATA_DIR (crawls only)."""

    code: int
    out: str
    err: str
    report: dict[str, Any]

    @property
    def round(self) -> dict[str, Any]:
        """The only search of the run."""
        (only,) = self.report["rounds"]
        return only


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: begun last, one of a minute would be waited for alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> None:
    """Started in the background (`&` in a script, nohup), pytest ignores signals, and would hand that on to what it starts."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[RunningSandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox) -> Iterator[RunningSandbox]:
    """The worker's sandbox, without rules or log of the test before."""
    sandbox_process.reset()
    yield sandbox_process
    sandbox_process.reset()


@pytest.fixture(scope="session")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JOBDATA_DIR that the tests of one worker share: one embedded server, warm after the first crawl."""
    return tmp_path_factory.mktemp("jobdata")


def clean_environment(**values: str) -> dict[str, str]:
    """The environment without settings of ours, so that a developer's own do not change a test."""
    from jobdata_scrapy.config import Config

    ours = {name.upper() for name in Config.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "LOCAL_SERVER_IDLE_SECONDS": "20", **values}


@pytest.fixture
def scrapy_command(store_dir: Path) -> Callable[..., Finished]:
    """`scrapy_command("crawl", "boss", "-a", ..., env={...})`: runs it from the checkout and waits for its end."""

    def run(*arguments: str, env: dict[str, str] | None = None, directory: Path | None = None) -> Finished:
        folder = directory or store_dir
        known = set((folder / "reports").glob("*.json"))
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", *arguments],
            cwd=ROOT,
            env=clean_environment(JOBDATA_DIR=str(folder), **(env or {})),
            capture_output=True,
            text=True,
            timeout=CRAWL_SECONDS,
            check=False,
        )
        new = set((folder / "reports").glob("*.json")) - known
        report = json.loads(new.pop().read_text("utf-8")) if new else {}
        return Finished(done.returncode, done.stdout, done.stderr, report)

    return run


@pytest.fixture
def crawl(scrapy_command: Callable[..., Finished], sandbox: RunningSandbox) -> Callable[..., Finished]:
    """`crawl("boss", keyword="数据分析", city="上海", settings={...})` against the sandbox."""

    def run(site: str, *, settings: dict[str, str] | None = None, directory: Path | None = None, **arguments: str) -> Finished:
        spider_arguments = [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
        given = {"SANDBOX": sandbox.url, "BOSS_MPT_TOKEN": "sandbox-token", **(settings or {})}
        options = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        return scrapy_command("crawl", site, *spider_arguments, *options, directory=directory)

    return run
