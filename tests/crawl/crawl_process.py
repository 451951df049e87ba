"""A crawl as a process of its own, which a test meddles with while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobdata_scrapy.sandbox.process import RunningSandbox
from tests.conftest import CRAWL_SECONDS, ROOT, Finished, clean_environment


class CrawlProcess:
    """A crawl under way; `folder` is its JOBDATA_DIR."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, sandbox: RunningSandbox) -> None:
        self.process = process
        self._folder = folder
        self._sandbox = sandbox

    def wait_for_pages(self, count: int) -> None:
        """Until so many list pages were asked for."""
        deadline = time.monotonic() + CRAWL_SECONDS
        while count_pages(self._sandbox) < count:
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def wait_for_spool(self, count: int) -> None:
        """Until so many pages wait on disk."""
        deadline = time.monotonic() + CRAWL_SECONDS
        while len(spool_files(self._folder)) < count:
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> Finished:
        """Waits for its end."""
        out, err = self.process.communicate(timeout=CRAWL_SECONDS)
        reports = sorted((self._folder / "reports").glob("*.json"))
        return Finished(self.process.returncode, out, err, json.loads(reports[-1].read_text("utf-8")) if reports else {})


def count_pages(sandbox: RunningSandbox) -> int:
    """List pages that the sandbox was asked for."""
    return sum(one["kind"] == "search" for one in sandbox.log())


def spool_files(folder: Path) -> list[str]:
    """What waits in the spool of a JOBDATA_DIR."""
    return sorted(path.name for path in (folder / "spool").glob("*.page"))


@contextmanager
def crawling(sandbox: RunningSandbox, folder: Path, *arguments: str, **environment: str) -> Iterator[CrawlProcess]:
    """`scrapy crawl ARGUMENTS`, begun and not waited for; killed at the end where it still runs."""
    given = {"JOBDATA_DIR": str(folder), "SANDBOX": sandbox.url, "BOSS_MPT_TOKEN": "sandbox-token", **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "scrapy", "crawl", *arguments],
        cwd=ROOT,
        env=clean_environment(**given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    crawl = CrawlProcess(process, folder, sandbox)
    try:
        yield crawl
    finally:
        if process.poll() is None:
            crawl.kill()
