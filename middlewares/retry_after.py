"""How long a site asks not to be asked again."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.http import Response

MAX_RETRY_AFTER_SECONDS = 600.0


def read_retry_after(response: Response, now: float) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or an HTTP date), 0 where there is none, bounded."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isascii() and value.isdigit():  # "²" is a digit, too, and no number
        return min(float(value), MAX_RETRY_AFTER_SECONDS)
    try:
        return min(max(parsedate_to_datetime(value).timestamp() - now, 0.0), MAX_RETRY_AFTER_SECONDS) if value else 0.0
    except ValueError:
        return 0.0
