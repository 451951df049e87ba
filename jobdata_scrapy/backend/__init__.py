"""The one door between a spider and everything that outlives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobdata_scrapy.backend.base import Backend
    from jobdata_scrapy.config import Config


def open_backend(config: Config) -> Backend:
    """The backend that the configuration asks for. Connects to nothing yet. Raises ConfigError."""
    from jobdata_scrapy.backend.direct import DirectBackend  # late: who wants the protocol alone loads no database driver

    return DirectBackend.from_config(config)
