"""A quiet log formatter: one line a page comes from the ledger; a scraped item is never turned into text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.logformatter import LogFormatter

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response
    from scrapy.logformatter import LogFormatterResult
    from twisted.python.failure import Failure


class QuietLogFormatter(LogFormatter):
    """Builds no string for a scraped item (its repr costs more than its parsing), nor prints items, which hold raw answers."""

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> None:  # type: ignore[override]
        return None

    def crawled(self, request: Request, response: Response, spider: Spider) -> None:  # type: ignore[override]
        return None

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        return {
            "level": 40,
            "msg": "Page %(number)s of %(keyword)r failed: %(error)s",
            "args": {
                "number": getattr(item, "number", "?"),
                "keyword": getattr(item, "keyword", "?"),
                "error": f"{type(exception).__name__}: {exception}",
            },
        }
