"""What tests of the queue share."""

from datetime import UTC, datetime, timedelta

import peewee as pw

from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.keyword_list import KeywordFilter, NewKeyword, add_keywords, list_keywords
from jobdata_scrapy.db.keyword_states import QueueRules
from jobdata_scrapy.db.keywords import RoundReport, lease_keyword, release_keyword, report_rounds
from jobdata_scrapy.db.models import Keyword
from jobdata_scrapy.leases import KeywordLease, Owner

T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)  # 14:00 in Beijing
RULES = QueueRules(lease_seconds=300, max_attempts=3, backoff_seconds=60)
ANNE, BEN = Owner("anne", "node-1", "job-1"), Owner("ben", "node-2")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def add(database: pw.Database, *words: str, when: float = 0, **values) -> None:
    add_keywords(database, [NewKeyword("boss", word, "上海", **values) for word in words], now=at(when))


def lease(database: pw.Database, owner: Owner = ANNE, when: float = 0) -> KeywordLease | None:
    return lease_keyword(database, "boss", owner, RULES, now=at(when))


def leased_words(database: pw.Database, owner: Owner = ANNE, when: float = 0) -> list[str]:
    words = []
    while (taken := lease(database, owner, when)) is not None:
        words.append(taken.keyword)
    return words


def report(database: pw.Database, taken: KeywordLease, when: float = 0, pages: int = 1) -> Exception | None:
    """One more page was read."""
    taken.coverage.pages_ok += pages
    taken.coverage.seen += 30 * pages
    return report_rounds(database, [RoundReport(taken.coverage)], RULES, now=at(when))[0]


def end(database: pw.Database, taken: KeywordLease, state: RoundState, error: str = "", when: float = 0) -> None:
    """The round ends: its last line, then the keyword is given back."""
    taken.coverage.state = state
    assert report_rounds(database, [RoundReport(taken.coverage)], RULES, now=at(when)) == [None]
    release_keyword(database, taken, error, RULES, now=at(when))


def row_of(database: pw.Database, word: str) -> Keyword:
    (row,) = list_keywords(database, KeywordFilter(keywords=[word]))
    return row
