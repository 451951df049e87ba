"""What the warehouse tests build with: settings, pages and postings, and the end of a local server."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any

from jobdata_scrapy.config import Config
from jobdata_scrapy.items import Job, Page
from jobdata_scrapy.warehouse.local_server.files import ServerFiles, wait_lock

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 30
NOW = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)


def make_config(jobdata_dir: Path, **given: Any) -> Config:
    return Config(_env_file=None, **({"jobdata_dir": jobdata_dir, "clickhouse_host": ""} | given))


def wait_until_gone(files: ServerFiles, seconds: float = WAIT_SECONDS) -> None:
    """Waits for the end of the owner process (it holds its lock to the last moment)."""
    lock = wait_lock(files.owner_lock, fcntl.LOCK_EX, seconds)
    assert lock is not None, "the local server did not end"
    lock.close()


def end_server(files: ServerFiles, number: int = signal.SIGTERM) -> None:
    """Ends the local server of `files` where one runs, and waits for it."""
    if not files.owner_alive():
        return
    state = files.read_state()
    assert state is not None
    with suppress(ProcessLookupError):
        os.kill(state.pid, number)
    wait_until_gone(files)


def make_job(job_id: str = "j1", **given: Any) -> Job:
    job = Job(job_id=job_id, title=f"数据分析师 {job_id}", company_id="c1", raw={"encryptJobId": job_id, "jobName": "数据分析师"})
    for name, value in ({"content_hash": f"hash of {job_id}"} | given).items():
        setattr(job, name, value)
    return job


def make_page(jobs: list[Job] | None = None, **given: Any) -> Page:
    values: dict[str, Any] = {
        "platform": "boss",
        "page_kind": "search",
        "keyword": "数据分析",
        "city": "上海",
        "round": "round-1",
        "run_id": "run-1",
        "number": 1,
        "fetched_at": NOW,
        "parser_version": 1,
        "jobs": jobs or [],
    }
    return Page(**(values | given))


def make_ids(count: int, salt: str = "") -> list[str]:
    return [md5(f"{salt}{number}".encode(), usedforsecurity=False).hexdigest() for number in range(count)]
