"""One class per cause. The message is one line for a person: field, value, what is allowed."""

from __future__ import annotations


class JobDataError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(JobDataError):
    """A setting or environment variable is missing or wrong. Raised by `jobdata_scrapy.config`."""


class ArgumentError(JobDataError):
    """A spider or command argument is wrong. Raised before the first request."""


class ParseError(JobDataError):
    """An answer does not have the shape its site is known for. Raised by `spiders.<site>.parse`."""

    def __init__(self, platform: str, page_kind: str, field: str, reason: str = "missing") -> None:
        super().__init__(f"{platform} {page_kind}: field {field!r} {reason}")
        self.platform = platform
        self.page_kind = page_kind
        self.field = field
        self.reason = reason


class StorageError(JobDataError):
    """A page did not become durable. Raised by a `Backend` and set as the outcome of the page."""


class LeaseLost(StorageError):
    """Somebody else has the keyword or exit by now. Raised by a `Backend`: what holds it stops working on it."""


class DamagedFile(StorageError):
    """A file of the spool is cut short or changed; the message goes on after its name. Raised by `jobdata_scrapy.spool`."""


class RowsRefused(StorageError):
    """The warehouse refuses these rows, however often, and more of them than are left out one by one. Raised by `warehouse`."""


class WarehouseUnavailable(StorageError):
    """The warehouse did not answer within the retries. Raised by `warehouse.client`."""


class LocalServerError(WarehouseUnavailable):
    """The embedded ClickHouse server could not be started. Raised by `warehouse.local_server`."""


class ExportError(StorageError):
    """An export ended before its file was whole; none is left. Raised by `warehouse.export`."""


class PageFailed(JobDataError):
    """A pipeline failed on a page or dropped it. Set as the outcome of the page by `extensions.run_report`."""


class ExitSourceError(JobDataError):
    """A provider's list of proxies could not be fetched or read; the list in use stays. Raised by `exit_sources`."""


class RobotsUnreadable(JobDataError):
    """A site's robots.txt brought no rules: that is no permission. Raised by `jobdata_scrapy.robots`."""


class SignerError(JobDataError):
    """The operator's signing script failed or took too long. Raised by `jobdata_scrapy.js_signer`."""


class RequestRefused(JobDataError):
    """A request ended by its verdict: not to be parsed. Raised by `middlewares.anomaly`, handled in the errback.

    close_reason: what the run is closed as; "" where only this search ends. body: the answer, for the engineer. cause: in words,
    where the verdict does not say it all.
    """

    def __init__(self, verdict: str, close_reason: str, body: bytes = b"", cause: str = "") -> None:
        stop = f", the run stops as {close_reason!r}" if close_reason else ""
        super().__init__((f"{cause} ({verdict})" if cause else f"verdict {verdict}") + stop)
        self.verdict = verdict
        self.close_reason = close_reason
        self.body = body
        self.cause = cause


class Drained(RequestRefused):
    """The run ends, and the request had not left yet: nothing is wrong with the site. Raised by `jobdata_scrapy.draining`."""

    def __init__(self) -> None:
        super().__init__("DRAINED", "drained")
