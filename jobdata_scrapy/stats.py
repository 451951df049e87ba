"""The only place that spells a stat key. Shape: `area/event` and `area/event_count/{label}`. docs/stats.md explains each."""

from __future__ import annotations

PAGE_YIELDED = "page/yielded"
PAGE_STORED = "page/stored"
PAGE_FAILED = "page/failed"

POSTING_SEEN = "posting/seen"
POSTING_NEW = "posting/new"
POSTING_CHANGED = "posting/changed"
POSTING_UNCHANGED = "posting/unchanged"
POSTING_REPEATED = "posting/repeated"
POSTING_REJECTED = "posting/rejected"
POSTING_SKIPPED = "posting/skipped"
COMPANY_SEEN = "company/seen"
COMPANY_WRITTEN = "company/written"

VALIDATE_REJECTED_COUNT = "validate/rejected_count/{field}"
PRIVACY_DROPPED = "privacy/dropped_fields"
PRIVACY_MASKED = "privacy/masked_contacts"
NORMALIZE_UNREADABLE_COUNT = "normalize/unreadable_count/{field}"

VERDICT_COUNT = "anomaly/verdict_count/{verdict}"
ANOMALY_RETRY_COUNT = "anomaly/retry_count/{verdict}"
ANOMALY_GIVEUP_COUNT = "anomaly/giveup_count/{verdict}"

PROXY_REQUESTS_COUNT = "proxy/request_count/{exit}"
PROXY_WAITED_SECONDS = "proxy/waited_seconds"
SIGNING_SIGNED = "signing/signed"
SIGNING_SCRIPT_CALLS = "signing/script_calls"
ROBOTS_REFUSED = "robots/refused"
ROBOTS_UNREADABLE = "robots/unreadable"

DETAIL_ASKED = "detail/asked"
DETAIL_STORED = "detail/stored"
DETAIL_GONE = "detail/gone"
DETAIL_FAILED = "detail/failed"

LEDGER_REPORTED = "ledger/pages_reported"

SPOOL_PAGES = "spool/pages"
SPOOL_POSTINGS = "spool/postings"
SPOOL_REPLAYED_PAGES = "spool/replayed_pages"
SPOOL_REPLAYED_POSTINGS = "spool/replayed_postings"
SPOOL_WAITING_PAGES = "spool/waiting_pages"
SPOOL_DAMAGED = "spool/damaged_files"

RUN_EXIT_CODE = "run/exit_code"
RUN_STATE = "run/state"


def labelled(key: str, **labels: str) -> str:
    """The stat key with its label filled in: `labelled(VERDICT_COUNT, verdict="OK")`."""
    return key.format(**labels)
