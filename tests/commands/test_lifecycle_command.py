"""`scrapy lifecycle`: what the operator reads, and the exit codes. Whole histories: tests/crawl/test_lifecycle.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobdata_scrapy.commands.lifecycle import _as_json, _rows, _say_lifecycle, _show_change
from jobdata_scrapy.warehouse.lifecycle import COMPARED, PostingHistory, Version, collapse, diff_versions
from jobdata_scrapy.warehouse.lifecycle_rule import Lifecycle

START = datetime(2026, 11, 1, 2, tzinfo=UTC)


def make_version(day: int, page_kind: str = "search", **values: object) -> Version:
    empty = {name: [] if name in ("skills", "welfare") else "" for name in COMPARED}
    given = empty | {"title": "数据分析师", "salary_text": "15-25K"} | values
    return Version(page_kind, START + timedelta(days=day), repr(sorted(given.items())), "run", 1, given)


def make_history(*versions: Version, lifecycle: Lifecycle | None = None) -> PostingHistory:
    return PostingHistory("boss", "j1", lifecycle, tuple(diff_versions(collapse(versions))), (("数据分析", "上海"),))


def test_changes_are_told_within_one_kind_of_row():
    history = make_history(
        make_version(0, "detail", description="负责数据"),
        make_version(3, "detail", description="负责数据平台"),
        make_version(0),
        make_version(1),
        make_version(2, salary_text="20-30K", skills=["SQL", "Python"]),
        make_version(4, salary_text="20-30K", skills=["Python", "SQL"]),
    )
    told = [
        (one.version.page_kind, one.version.crawled_at.day, [change.field for change in one.changes]) for one in history.versions
    ]
    assert told == [
        ("search", 1, []),
        ("detail", 1, []),
        ("search", 3, ["salary_text", "skills"]),
        ("detail", 4, ["description"]),
        ("search", 5, []),  # another hash, but only the order of the skills differs
    ]
    rows = [tuple(row[1:]) for row in _rows(history)]
    assert rows == [
        ("list", "(first version)", "", "15-25K"),
        ("detail", "(first version)", "", "15-25K"),
        ("list", "salary_text", "15-25K", "20-30K"),
        ("list", "skills", "", "SQL、Python"),
        ("detail", "description", "负责数据", "负责数据平台"),
    ]


def test_of_long_texts_the_place_that_differs_is_shown():
    old, new = _show_change("岗位职责：" * 30 + "三年经验", "岗位职责：" * 30 + "五年经验")
    assert old == "…岗位职责：岗位职责：三年经验"
    assert new == "…岗位职责：岗位职责：五年经验"


def test_a_closed_and_reopened_posting_is_told_in_words(capsys):
    days = [START + timedelta(days=day) for day in range(5)]
    lifecycle = Lifecycle(days[0], days[3], 3, ((days[1], days[2]), (days[4], None)))
    _say_lifecycle(make_history(make_version(0, title="数据\x1b[31m分析师"), lifecycle=lifecycle))
    assert capsys.readouterr().out.splitlines() == [
        "boss j1  数据 [31m分析师",
        "first seen 2026-11-01 10:00 (Beijing), last seen 2026-11-04 10:00 (Beijing), in 3 rounds",
        "found by 数据分析 / 上海",
        "closed 2026-11-05 10:00 (Beijing)",
        "was closed 2026-11-02 10:00 (Beijing), seen again 2026-11-03 10:00 (Beijing)",
    ]
    told = _as_json(make_history(make_version(0), lifecycle=lifecycle))["lifecycle"]
    assert (told["closed_at"], told["reopened_at"], told["reopened"]) == (days[4], days[2], 1)


def test_a_posting_that_no_list_has_shown(capsys):
    _say_lifecycle(make_history(make_version(0, "detail")))
    assert "never sighted on a list" in capsys.readouterr().out
    assert _as_json(make_history(make_version(0, "detail")))["lifecycle"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "SUBCOMMAND"),
        (("show", "boss"), 2, "job_id"),
        (("show", "lagou", "j1"), 2, "platform: 'lagou' is unknown; allowed: boss, qcwy, zhilian"),
        (("show", "boss", "no-such-posting"), 1, "no such posting was ever stored"),
    ],
)
def test_what_is_wrong_is_one_line(scrapy_command, arguments: tuple[str, ...], code: int, message: str):
    scrapy_command("warehouse", "migrate")
    done = scrapy_command("lifecycle", *arguments)
    assert done.code == code, done.err
    assert message in done.err


@pytest.mark.slow
def test_before_the_first_crawl_it_says_what_to_do(scrapy_command, tmp_path):
    done = scrapy_command("lifecycle", "show", "boss", "j1", directory=tmp_path / "data")
    assert done.code == 1
    assert "scrapy warehouse migrate" in done.err
    audit = scrapy_command("warehouse", "verify", directory=tmp_path / "data")
    assert audit.code == 0, audit.err
    assert "no round has ended since 7d" in audit.out
    wrong = scrapy_command("warehouse", "verify", "--since", "soon", directory=tmp_path / "data")
    assert wrong.code == 2
    assert "since: 'soon' is not allowed" in wrong.err
