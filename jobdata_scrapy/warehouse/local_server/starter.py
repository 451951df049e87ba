"""Starts the local server on demand and keeps it alive while this process needs it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from jobdata_scrapy.exceptions import LocalServerError
from jobdata_scrapy.warehouse.local_server.files import POLL_SECONDS, ServerFiles, ServerState, try_lock, wait_lock

START_SECONDS = 60.0
LOG_MAX_BYTES = 5_000_000


class LocalServerLease:
    """This process' claim on the local server of one JOBDATA_DIR: while it is held, the server does not end by itself."""

    def __init__(self, jobdata_dir: Path, idle_seconds: float) -> None:
        self.files = ServerFiles(jobdata_dir)
        self._idle_seconds = idle_seconds
        self._lock: IO[bytes] | None = None

    def acquire(self) -> ServerState:
        """The running server, started if need be; again after it was lost. Raises LocalServerError."""
        deadline = time.monotonic() + START_SECONDS
        try:
            self.files.make()
            if self._lock is None:  # the ending server holds it alone to its last moment
                self._lock = wait_lock(self.files.client_lock, fcntl.LOCK_SH, START_SECONDS)
            if self._lock is None:
                raise LocalServerError(f"the local ClickHouse server did not let go of {self.files.client_lock}")
            return self._wait_until_ready(deadline)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise LocalServerError(f"JOBDATA_DIR {self.files.jobdata_dir} cannot be used: {reason}") from error

    def close(self) -> None:
        """Gives the claim back; the server may end when it has been idle long enough."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _wait_until_ready(self, deadline: float) -> ServerState:
        while time.monotonic() < deadline:
            if state := self.files.running_state():
                return state
            starting = try_lock(self.files.start_lock, fcntl.LOCK_EX)
            if starting is not None:
                with starting:
                    if not self.files.owner_alive():
                        launch(self.files, self._idle_seconds)
                        continue
            time.sleep(POLL_SECONDS)
        raise LocalServerError(_too_slow(self.files))


def launch(files: ServerFiles, idle_seconds: float) -> None:
    """Starts the owner process, detached, and returns when it answers. Raises LocalServerError with its last log line.

    Stdio goes to a file: an inherited pipe would keep the parent's reader (a Scrapyd job) waiting. The code may live in a zipped
    egg on sys.path, so the whole path is passed on.
    """
    command = [sys.executable, "-P", "-m", "jobdata_scrapy.warehouse.local_server", "--jobdata-dir", str(files.jobdata_dir)]
    command += ["--idle-seconds", str(idle_seconds), "--detach"]
    path = os.pathsep.join(os.path.abspath(entry or os.curdir) for entry in sys.path)
    if files.log.exists() and files.log.stat().st_size > LOG_MAX_BYTES:
        files.log.replace(files.log.with_suffix(".log.1"))
    with files.log.open("ab") as log:
        try:
            done = subprocess.run(  # noqa: S603 - our own module, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=files.home,
                env={**os.environ, "PYTHONPATH": path, "TZ": "UTC"},
                start_new_session=True,
                timeout=START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LocalServerError(
                f"the local ClickHouse server was not ready within {START_SECONDS:g} s, see {files.log}"
            ) from error
    if done.returncode:
        raise LocalServerError(f"the local ClickHouse server did not start: {files.last_log_line()} (log: {files.log})")


def _too_slow(files: ServerFiles) -> str:
    return f"the local ClickHouse server was not ready within {START_SECONDS:g} s: {files.last_log_line()} (log: {files.log})"
