"""Scrapy settings: every component dict in order with a reason, every changed default with the default and why.

Values from the environment come through `config.py`; docs/settings.md lists them all.
"""

import logging
import sys

from scrapy.settings import default_settings

from jobdata_scrapy.config import Config
from jobdata_scrapy.exceptions import ConfigError

try:
    _CONFIG = Config.from_environment()
except ConfigError as _error:
    print(f"jobdata: {_error}", file=sys.stderr)  # noqa: T201 - before logging is set up
    raise SystemExit(2) from None
globals().update(_CONFIG.as_settings())

BOT_NAME = "jobdata"
SPIDER_MODULES = ["spiders"]
COMMANDS_MODULE = "jobdata_scrapy.commands"
USER_AGENT = "jobdata-scrapy (+https://github.com/jobdata/jobdata)"  # says who asks; no disguise

# --- the way of a request: low numbers first on the way out, last on the way back
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # addresses come from the site's own code, never from a page
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # takes an error or a captcha page for a permission
    "middlewares.robots.RobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "middlewares.anomaly.AnomalyMiddleware": 560,  # sees the decompressed body (590) before Retry (550) sees the status
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,  # at 560 a followed redirect would hide a captcha page
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,  # the sites' own code sends the cookies it needs
    "middlewares.proxy.ProxyMiddleware": 710,  # exit and pace; before HttpProxy (750), which turns user:pass@ into a header
    "middlewares.token.TokenMiddleware": 720,  # after the exit is known: a token is used through one exit at a time
    "middlewares.signing.SigningMiddleware": 730,  # after the gate, so that what is signed is fresh
}
# Pages are addressed by the ledger, their errors by the verdicts: none of these is needed, and each costs on every page.
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
}
# --- the way of a page
ITEM_PIPELINES = {
    "pipelines.validate.ValidatePipeline": 100,  # bad postings leave the page, each alone
    "pipelines.privacy.PrivacyPipeline": 150,  # before anything is stored or written to a feed; cannot be switched off
    "pipelines.normalize.NormalizePipeline": 200,
    "pipelines.dedup.DedupPipeline": 300,  # marks repeats, removes nothing
    "pipelines.clickhouse.ClickHousePipeline": 900,  # durable when it returns
    "pipelines.ledger.LedgerPipeline": 950,  # rows first, then the page is reported; cannot be switched off
}
ITEM_PROCESSOR = "pipelines.manager.PagePipelineManager"  # Scrapy's own waits for ever for a cancelled step
# Without two closed doors (see below) and what ours replaces: told None instead, they would be loaded to be left out.
EXTENSIONS_BASE = {
    name: place
    for name, place in default_settings.EXTENSIONS_BASE.items()
    if not name.endswith((".TelnetConsole", ".RemoteControl", ".FeedExporter"))
}
EXTENSIONS = {
    "jobdata_scrapy.extensions.progress.ProgressExtension": 50,  # before the report, which is printed below the bar
    "jobdata_scrapy.extensions.feeds.FeedExporter": 55,  # Scrapy's own, whose failures count
    "jobdata_scrapy.extensions.drain.DrainExtension": 60,  # ends the run when asked to; in place of Scrapy's signal handlers
    "jobdata_scrapy.extensions.monitors.MonitorsExtension": 90,  # looks at the run before it is judged
    "jobdata_scrapy.extensions.run_report.RunReportExtension": 100,  # closes the run in order, judges it
    "scrapy.extensions.logstats.LogStats": None,  # progress tells more
}
DOWNLOAD_HANDLERS = {  # puts the signature on the wire; SOCKS beside HTTP
    "http": "middlewares.download_handler.SignedDownloadHandler",
    "https": "middlewares.download_handler.SignedDownloadHandler",
}
FEED_EXPORTERS = {  # unfold pages: one row a posting
    "csv": "pipelines.feed_exporters.JobCsvExporter",
    "json": "pipelines.feed_exporters.JobJsonExporter",
    "jsonl": "pipelines.feed_exporters.JobJsonLinesExporter",
    "jsonlines": "pipelines.feed_exporters.JobJsonLinesExporter",
    "jl": "pipelines.feed_exporters.JobJsonLinesExporter",
    "xml": None,  # Scrapy's own would write a page as one item
    "marshal": None,
    "pickle": None,
}
FEED_EXPORT_ENCODING = "utf-8"  # default: escapes everything but ASCII in JSON
LOG_FORMATTER = "jobdata_scrapy.log_formatter.QuietLogFormatter"

# --- polite and bounded
ROBOTSTXT_OBEY = True  # default False
DOWNLOAD_DELAY = 0  # default 0; the pace gate in middlewares/proxy.py paces at the server's side
CONCURRENT_REQUESTS = 32  # default 16; waiters at the gate count, too
CONCURRENT_REQUESTS_PER_DOMAIN = 32  # default 8; the gate lets one request of an exit through at a time
CONCURRENT_ITEMS = 1  # default 100; a page is one item, and 100 idle workers an answer cost more than its parsing
DOWNLOAD_TIMEOUT = 15  # default 180; a drain has 20 seconds
DOWNLOAD_VERIFY_CERTIFICATES = True  # default False
DOWNLOAD_MAXSIZE = 16 * 1024 * 1024  # default 1 GiB; the largest list page seen has 0.5 MB
RETRY_TIMES = 2  # default 2; for exceptions and server errors
RETRY_HTTP_CODES: list[int] = []  # default 5xx, 408, 429; statuses are the anomaly middleware's
REFERER_ENABLED = False
COOKIES_ENABLED = False
REDIRECT_ENABLED = False

# --- closed doors
TELNETCONSOLE_ENABLED = False  # default True: a console that executes Python
REMOTE_CONTROL_ENABLED = False  # default True: an HTTP server that executes Python
WARN_ON_GENERATOR_RETURN_VALUE = False  # default True: reads the source of every callback, which an egg may not have

STATS_CLASS = "jobdata_scrapy.extensions.stats_collector.QuickStatsCollector"  # Scrapy's own checks each call
LOG_LEVEL = "INFO"  # default DEBUG: prints every request
STATS_DUMP = False  # default True; the run's report has them
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # default ERROR: with the whole address, tickets and all; the spider tells what failed
# Scrapy quiets httpx and httpcore only. At INFO httpx2 tells every address: signatures, tickets, the key in DRAIN_URL.
for _name in ("httpx2", "httpcore2", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)
