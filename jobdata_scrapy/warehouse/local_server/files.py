"""The files that owner and clients of one JOBDATA_DIR meet at: locks, the 0600 state file, the log."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from jobdata_scrapy.exceptions import LocalServerError

HOST = "127.0.0.1"
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ServerState:
    """What `server.json` says. state: starting | ready | stopped; started_at: POSIX seconds."""

    port: int
    password: str = field(repr=False)
    username: str = "default"
    host: str = HOST
    pid: int = 0
    state: str = "stopped"
    started_at: float = 0.0


class ServerFiles:
    """Paths below one JOBDATA_DIR. All absolute, so that a later chdir changes nothing."""

    def __init__(self, jobdata_dir: Path) -> None:
        self.jobdata_dir = jobdata_dir.absolute()
        self.home = self.jobdata_dir / "clickhouse"
        self.store = self.home / "store"
        self.state = self.home / "server.json"
        self.owner_lock = self.home / "owner.lock"
        self.client_lock = self.home / "client.lock"
        self.start_lock = self.home / "start.lock"
        self.log = self.jobdata_dir / "logs" / "local_server.log"

    def has_store(self) -> bool:
        """Whether a server has ever made the store. Raises LocalServerError where another user's folder does not tell."""
        try:
            return self.store.exists()
        except PermissionError as error:
            raise LocalServerError(f"JOBDATA_DIR {self.jobdata_dir} cannot be used: {error.strerror}") from error

    def make(self) -> None:
        """Makes the folders; the store's own is closed to other users."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)

    def read_state(self) -> ServerState | None:
        """The last state written, None before the first start (or when the file is unreadable: the owner writes it anew)."""
        try:
            return ServerState(**json.loads(self.state.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_state(self, state: ServerState) -> None:
        """Replaces the state file as a whole; it is never readable by others, not even for a moment."""
        draft = self.state.with_name(f".server.json.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(state), file)
        draft.replace(self.state)

    def owner_alive(self) -> bool:
        """Whether a process holds the owner lock."""
        lock = try_lock(self.owner_lock, fcntl.LOCK_SH) if self.owner_lock.exists() else None
        if lock is None:
            return self.owner_lock.exists()
        lock.close()
        return False

    def running_state(self) -> ServerState | None:
        """The state of a server that is up and answers, else None."""
        state = self.read_state() if self.owner_alive() else None
        return state if state and state.state == "ready" else None

    def last_log_line(self) -> str:
        """The last line of the log that is not blank, without its time and level."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "no log was written"
        last = next((line.strip() for line in reversed(lines) if line.strip()), "the log is empty")
        return re.sub(r"^\S+ \S+ \[\d+\] [A-Z]+ ", "", last)


def try_lock(path: Path, kind: int) -> IO[bytes] | None:
    """Takes a flock (LOCK_SH or LOCK_EX) without waiting; None when somebody else holds it. Closing the file lets it go."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return file


def wait_lock(path: Path, kind: int, seconds: float) -> IO[bytes] | None:
    """Takes a flock, trying again for `seconds`; None when the time is over."""
    deadline = time.monotonic() + seconds
    while (lock := try_lock(path, kind)) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return lock
