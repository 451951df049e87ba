"""The folder of spool files: durable when `put` returns, in the order the pages were fetched, bounded in size.

A file is written under another name, synced, and renamed: what has its name is whole, unless the disk itself lost something.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from jobdata_scrapy.exceptions import DamagedFile, StorageError
from jobdata_scrapy.items import Page
from jobdata_scrapy.spool.files import decode_page, encode_page, page_unit

logger = logging.getLogger(__name__)
SUFFIX, DAMAGED, BEGUN = ".page", ".damaged", ".tmp"
TIME_FORMAT = "%Y%m%dT%H%M%S.%f"
SIZED_EVERY = 64  # puts: other processes add and remove, too, but to add up all files at each page would grow with their number
FORGOTTEN_SECONDS = 3600.0  # nobody writes one file for so long: its process was killed, and its page never reported


@dataclass(frozen=True, slots=True)
class SpoolName:
    """What a file's name tells, also where the file itself cannot be read any more."""

    fetched_at: datetime
    platform: str
    round: str
    unit: str

    @classmethod
    def of(cls, page: Page) -> SpoolName:
        """The name of a page."""
        return cls(page.fetched_at.astimezone(UTC), page.platform, page.round, page_unit(page))

    @classmethod
    def parse(cls, file_name: str) -> SpoolName | None:
        """None for a file that is none of ours."""
        parts = file_name.removesuffix(DAMAGED).removesuffix(SUFFIX).split("@")
        if len(parts) != 4:
            return None
        try:
            at = datetime.strptime(parts[0], TIME_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(at, parts[1], unquote(parts[2]), parts[3])

    def __str__(self) -> str:
        return f"{self.fetched_at:{TIME_FORMAT}}@{self.platform}@{quote(self.round, safe='')}@{self.unit}{SUFFIX}"


class SpoolFolder:
    """Blocking. Several processes may use one folder; `replaying` lets one at a time take from it."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._used: int | None = None  # None: to be added up anew
        self._puts = 0

    def put(self, page: Page) -> str:
        """Keeps the page; returns its file name. The same page again is the same file.

        Raises StorageError where the folder is full (SPOOL_MAX_MB) or cannot be written to.
        """
        data, name = encode_page(page), str(SpoolName.of(page))
        try:
            self._make()
            if not (self.path / name).exists():
                self._take_room(len(data))
            self._write(name, data)
        except OSError as error:
            reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
            raise StorageError(f"the spool {self.path} cannot be written to: {reason}") from error
        return name

    def names(self) -> list[str]:
        """Files to replay, the page that was fetched first in front."""
        return sorted(name for name in self._list() if name.endswith(SUFFIX) and SpoolName.parse(name))

    def damaged(self) -> list[str]:
        """Files that were set aside."""
        return sorted(name for name in self._list() if name.endswith(DAMAGED))

    def size(self) -> int:
        """Bytes of all that lies in the folder."""
        return sum(map(self.file_size, self._list()))

    def file_size(self, name: str) -> int:
        """Bytes of a file, 0 for one that was replayed meanwhile."""
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, name: str) -> Page | None:
        """The page; None where somebody else has replayed it. Raises DamagedFile, StorageError."""
        try:
            data = (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"the spool file {name} cannot be read: {error.strerror}") from error
        page = decode_page(data)
        if str(SpoolName.of(page)) != name:
            raise DamagedFile("is not the page that its name tells")
        return page

    def set_aside(self, name: str, reason: str) -> str:
        """Gives a damaged file another ending, so that it is replayed by nobody; its new name. Its content stays as it is.

        Raises StorageError.
        """
        logger.error("spool: %s %s; set aside as %s%s, its round is read again", name, reason, name, DAMAGED)
        with self._telling(name), suppress(FileNotFoundError):
            (self.path / name).rename(self.path / f"{name}{DAMAGED}")
            self._sync_folder()
        return f"{name}{DAMAGED}"

    def remove(self, names: Iterable[str]) -> None:
        """What is written (or replayed by somebody else) needs its file no more. Raises StorageError."""
        self._used = None
        for name in names:
            with self._telling(name):
                (self.path / name).unlink(missing_ok=True)
        with self._telling("it"):
            self._sync_folder()

    @contextmanager
    def replaying(self) -> Iterator[bool]:
        """Whether this process alone may take from the folder now; False: another one does. To be left by the same thread."""
        if not self.path.exists():
            yield True
            return
        lock = FileLock(self.path / "replay.lock")  # flock: ends with its process, however that ends
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise StorageError(f"the spool {self.path} cannot be used: {error.strerror}") from error
        try:
            self._forget_begun()
            yield True
        finally:
            lock.release()

    def _make(self) -> None:
        """A folder lasts, with all in it, once the one that it stands in is synced. It holds postings: nobody else may look."""
        missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in missing:
            _sync(path.parent)

    def _take_room(self, more: int) -> None:
        """Raises StorageError where so many further bytes are too many."""
        self._puts += 1
        is_full = self._used is not None and self._used + more > self._max_bytes  # others may have made room
        if self._used is None or is_full or self._puts % SIZED_EVERY == 0:
            self._used = self.size()
        if self._used + more > self._max_bytes:
            raise StorageError(
                f"the spool {self.path} is full: {self._used:,} bytes wait there, SPOOL_MAX_MB allows {self._max_bytes:,}"
            )
        self._used += more

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"the spool {self.path} cannot be changed: {name}: {error.strerror}") from error

    def _write(self, name: str, data: bytes) -> None:
        begun = self.path / f"{name}.{os.getpid()}{BEGUN}"
        try:
            with begun.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            begun.rename(self.path / name)
        except OSError:
            with suppress(OSError):
                begun.unlink(missing_ok=True)
            raise
        self._sync_folder()

    def _sync_folder(self) -> None:
        """A rename or removal lasts once the folder itself is synced."""
        with suppress(FileNotFoundError):
            _sync(self.path)

    def _list(self) -> list[str]:
        try:
            return os.listdir(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"the spool {self.path} cannot be read: {error.strerror}") from error

    def _forget_begun(self) -> None:
        for name in self._list():
            path = self.path / name
            with suppress(FileNotFoundError):
                if name.endswith(BEGUN) and path.stat().st_mtime < time.time() - FORGOTTEN_SECONDS:
                    path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
