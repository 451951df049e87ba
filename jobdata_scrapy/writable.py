"""Can a file be written there?"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from jobdata_scrapy.exceptions import ConfigError


def check_writable(name: str, path: Path) -> None:
    """Refuses a file that cannot be added to, and a folder, there or yet to be made, that takes no file; leaves nothing behind.

    A device or a pipe is let through: opening one may wait for its other end. Raises ConfigError, with `name` of the setting.
    """
    try:
        if path.is_file():
            with path.open("ab"):
                return
        if path.exists() and not path.is_dir():
            return
        folder = path if path.exists() else next(parent for parent in path.absolute().parents if parent.exists())
        with TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise ConfigError(f"{name} {path}: cannot be written: {error.strerror}") from None
