"""The file of an export: written beside its place, moved there when it is whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobdata_scrapy.exceptions import ArgumentError, ExportError


def check_target(path: Path, *, replace: bool) -> None:
    """Raises ArgumentError where the file could not be made, or is there and may not be replaced."""
    folder = path.parent
    if path.is_dir():
        raise ArgumentError(f"-o: {str(path)!r} is a directory; allowed: the name of a file")
    if path.exists() and not path.is_file():
        raise ArgumentError(f"-o: {str(path)!r} is no ordinary file; allowed: a name that is free, or a file")
    if not folder.is_dir():
        raise ArgumentError(f"-o: {str(folder)!r} is no directory; allowed: a file in one that exists")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ArgumentError(f"-o: no file may be made in {str(folder)!r}; allowed: a directory that you may write to")
    if path.exists() and not replace:
        raise ArgumentError(f"-o: {str(path)!r} is there already; allowed: a name that is free, or --force to replace it")


@contextmanager
def new_file(path: Path, *, replace: bool) -> Iterator[Path]:
    """A name in a hidden directory of its own beside `path`, for the file and what is temporary.

    The file is moved to `path` when the block ends well, in one step; else nothing is left, and what was there stays. Only a
    killed process leaves the directory (.NAME.*.part). Raises ExportError where another file is there by then and may not be
    replaced.
    """
    path = path.resolve()
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent) as folder:
        draft = Path(folder) / "draft"
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        if not replace:
            _claim(draft, path)
        draft.replace(path)


def _claim(draft: Path, path: Path) -> None:
    """Makes `path`, which must be free: with a link to the draft it is whole from the first moment on."""
    with suppress(OSError):  # FAT and some shares have no hard links
        os.link(draft, path)
        return
    try:
        path.touch(exist_ok=False)
    except FileExistsError as error:
        told = "was made by somebody else meanwhile; allowed: another name, or --force to replace it"
        raise ExportError(f"{path} {told}") from error
