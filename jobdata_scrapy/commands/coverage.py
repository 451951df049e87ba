"""`scrapy coverage`: which searches are covered, which are not, and why."""

from __future__ import annotations

import argparse
from collections import Counter

from scrapy.commands import ScrapyCommand

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands._sites import check_search, find_platform
from jobdata_scrapy.commands._subcommands import (
    LineParser,
    opened,
    print_json,
    print_table,
    read_limit,
    run_subcommand,
    say,
    show_value,
)
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.coverage_list import NEVER, STATES, SearchCoverage, list_coverage

LISTED = 200
FILTERS = ("platform", "keyword", "city", "state")
COLUMNS = ("platform", "keyword", "city", "state", "pages", "on site", "reached", "new", "last", "why")


class Command(OneLineErrors, ScrapyCommand):
    """One line a search: its latest round."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own attribute

    def syntax(self) -> str:
        return "[--platform PLATFORM] [--keyword KEYWORD] [--city CITY] [--state STATE] [--limit N] [--json]"

    def short_desc(self) -> str:
        return "Show which searches are covered, which are not, and why"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. STATE is of the latest round: {', '.join(STATES)} (in the queue, but not begun)."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--platform", default="", help="one site")
        parser.add_argument("--keyword", default="", help="one keyword")
        parser.add_argument("--city", default="", help="one city")
        parser.add_argument("--state", default="", metavar="STATE", help=f"one of {', '.join(STATES)}")
        parser.add_argument("--limit", default=str(LISTED), metavar="N", help=f"searches to show (default: {LISTED})")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        words = [f"--{name}={value}" for name in (*FILTERS, "limit") if (value := getattr(opts, name))]
        run_subcommand(self, _build_parser(), [*words, *(["--json"] if opts.json else []), *args])


def show_coverage(config: Config, given: argparse.Namespace) -> None:
    """The table, and how many searches are in which state."""
    platform = find_platform(given.platform).name if given.platform else ""
    city = check_search(platform, given.city)[1] if platform and given.city else given.city
    with opened(config) as database:
        found = list_coverage(
            database, platform=platform, keyword=given.keyword, city=city, state=given.state, limit=given.limit + 1
        )  # fmt: skip
    rows = found[: given.limit]
    if given.json:
        print_json([{**_fields(row), "why": explain(row)} for row in rows])
        return
    print_table(COLUMNS, [_cells(row) for row in rows])
    if not rows:
        asked = ", ".join(f"{name} {value!r}" for name in FILTERS if (value := getattr(given, name)))
        say(f"no search has {asked}" if asked else "nothing was crawled yet, and the queue is empty")
        return
    say(", ".join(f"{count} {state}" for state, count in Counter(row.state for row in rows).items()))
    if len(found) > len(rows):
        say(f"these are the first {len(rows)} only: --limit shows more")


def explain(row: SearchCoverage) -> str:
    """Why a search is (not) covered, in one line."""
    total, distinct, cap = (row.counts.get(name) for name in ("total", "distinct", "cap"))
    told_already = (row.state, "", "pending" if row.state == NEVER else "")
    queue = "" if row.queue_state in told_already else f"; in the queue: {row.queue_state}"
    queue += ", paused" if row.paused else ""
    queue += f", due {show_value(row.due_at)}" if row.due_at and row.queue_state in ("done", "capped") else ""
    if row.state == RoundState.DONE:
        return f"read to the end{queue}"
    if row.state == RoundState.CAPPED:
        if row.uncovered_parts:
            return f"{row.uncovered_parts}{queue}"
        left = f"{max(total - (distinct or 0), 0)} of {total} out of reach" if total else "the rest is out of reach"
        return f"the site shows at most {cap} a search: {left}{queue}" if cap else f"{left}{queue}"
    if row.state == RoundState.RUNNING:
        return f"under way{queue}"
    if waiting := row.counts.get("spooled"):
        return f"{row.stop_reason}: {waiting} postings wait in the spool (scrapy spool replay){queue}"
    told = " ".join(filter(None, (row.stop_reason, f"({row.last_error})" if row.last_error not in ("", row.stop_reason) else "")))
    return (told or "not begun") + queue


def _build_parser() -> LineParser:
    parser = LineParser(prog="scrapy coverage")
    for name in ("platform", "keyword", "city"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--state", default="", choices=[str(state) for state in STATES])
    parser.add_argument("--limit", type=read_limit)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(action=show_coverage, subcommand="")
    return parser


def _cells(row: SearchCoverage) -> list[object]:
    counts = row.counts
    return [
        row.platform, row.keyword, row.city, row.state, counts.get("pages_ok"), counts.get("total"), counts.get("distinct"),
        counts.get("new"), row.updated_at, explain(row),
    ]  # fmt: skip


def _fields(row: SearchCoverage) -> dict[str, object]:
    return {name: getattr(row, name) for name in SearchCoverage.__dataclass_fields__}
