"""Each question says what plain Python makes of the same rows, whatever is filtered."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.warehouse.analytics import QUESTIONS, ask, relation
from jobdata_scrapy.warehouse.analytics.relation import open_reader
from jobdata_scrapy.warehouse.client import WarehouseClient, connect
from jobdata_scrapy.warehouse.filters import NO_FILTERS, SALARY, parse_filters, where
from jobdata_scrapy.warehouse.schema import apply_schema
from jobdata_scrapy.warehouse.writer import Writer
from tests.warehouse import analytics_model as model
from tests.warehouse.analytics_parts import draw_page
from tests.warehouse.warehouse_parts import make_config

TODAY = date(2026, 4, 20)
A_DAY = "a day from 1970-01-01 to 2149-06-06, YYYY-MM-DD"
FILTERS = [
    [], ["site=boss"], ["city=上海"], ["keyword=数据分析"], ["employer=字节"], ["from=2026-03-10", "to=2026-04-10"],
    ["salary=9000-20000"], ["site=boss,qcwy", "city=上海,北京", "keyword=开发", "salary=-30000"], ["employer=nobody"],
]  # fmt: skip
CASES: list[tuple[str, dict[str, Any], Callable[[list[model.Posting]], list[Any]]]] = [
    ("postings", {"every": "day"}, lambda kept: model.postings(kept, "day")),
    ("postings", {"every": "week"}, lambda kept: model.postings(kept, "week")),
    *(("salary", {"by": by}, lambda kept, by=by: model.salary(kept, by)) for by in ("city", "degree", "experience", "title")),
    *(
        ("distribution", {"of": of}, lambda kept, of=of: model.distribution(kept, of))
        for of in ("experience", "degree", "company_size", "company_stage", "industry", "city")
    ),
    ("skills", {"days": 14, "today": TODAY}, lambda kept: model.skills(kept, 14, TODAY)),
    ("skills", {"days": 100_000, "today": TODAY}, lambda kept: model.skills(kept, 100_000, TODAY)),
    ("skills", {"days": 1, "today": date(1970, 1, 1)}, lambda kept: model.skills(kept, 1, date(1970, 1, 1))),
    ("skills", {"today": date(2149, 6, 6)}, lambda kept: model.skills(kept, 30, date(2149, 6, 6))),
    ("employers", {}, model.employers),
    ("closing", {}, model.closing),
    ("reposts", {}, model.reposts),
    ("overlap", {"certainty": 0.7}, lambda kept: model.overlap(kept, 0.7)),
    ("overlap", {"certainty": 0.0}, lambda kept: model.overlap(kept, 0.0)),
    ("quality", {}, model.quality),
]
# the first columns of an answer, by the conditions that an export has
PLAIN: list[tuple[str, dict[str, Any], str]] = [
    (
        "postings", {}, "SELECT toDate(first_crawled_at, 'Asia/Shanghai') AS day, platform, count() FROM job_analytics "
        "WHERE {kept} GROUP BY day, platform ORDER BY day, platform",
    ),
    (
        "salary", {}, f"SELECT city, count() AS n, count({SALARY}) FROM job_analytics "
        "WHERE {kept} GROUP BY city ORDER BY n DESC, city",
    ),
    (
        "distribution", {"of": "degree"}, "SELECT degree, count() AS n, n / sum(n) OVER () FROM job_analytics "
        "WHERE {kept} GROUP BY degree ORDER BY n DESC, degree",
    ),
    (
        "skills", {}, "SELECT arrayJoin(skills) AS skill, count() AS n FROM job_analytics "
        "WHERE {kept} GROUP BY skill ORDER BY n DESC, skill",
    ),
    (
        "closing", {}, "SELECT platform, count(), countIf((platform, job_id) IN (SELECT platform, job_id FROM job_lifecycle "
        "WHERE closed_at IS NOT NULL)) FROM job_analytics WHERE {kept} GROUP BY platform ORDER BY platform",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def module_client(server_dir: Path) -> Iterator[WarehouseClient]:
    client = connect(make_config(server_dir, clickhouse_db="analytics_questions", local_server_idle_seconds=120))
    yield client
    client.command("DROP DATABASE IF EXISTS analytics_questions")
    client.close()


@pytest.fixture(scope="module")
def asked(module_client: WarehouseClient) -> tuple[WarehouseClient, list[model.Posting]]:
    """Forty pages, and what became of some of their postings."""
    apply_schema(module_client)
    writer, draw = Writer(module_client), random.Random(20)
    for _ in range(40):
        writer.store(draw_page(draw))
    gone = [("boss", "j1", "2026-05-03 01:00:00"), ("boss", "j2", "2026-05-04 20:00:00"), ("qcwy", "j3", "2026-05-20 00:00:00")]
    for platform, job_id, at in gone:
        module_client.command(
            f"INSERT INTO job_gone (platform, job_id, keyword, city, round, run_id, gone_at) "
            f"VALUES ('{platform}', '{job_id}', '', '', 'later', 'r', '{at}')"
        )
    return module_client, model.read_postings(module_client)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", FILTERS, ids=lambda pairs: " ".join(pairs) or "all")
@pytest.mark.parametrize(
    ("name", "options", "expected"), CASES, ids=[f"{name} {' '.join(map(str, o.values()))}" for name, o, _ in CASES]
)
def test_a_question_is_answered_as_plain_python_would(asked, name, options, expected, pairs):
    client, postings = asked
    filters = parse_filters(pairs)
    kept = model.keep(postings, filters)
    answer = ask(client, name, filters, **options)
    wanted = expected(kept) if kept else []
    assert [tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row) for row in wanted] == answer.rows
    assert answer.columns == QUESTIONS[name].columns


@pytest.mark.slow
@pytest.mark.parametrize("pairs", FILTERS, ids=lambda pairs: " ".join(pairs) or "all")
@pytest.mark.parametrize(("name", "options", "sql"), PLAIN, ids=[name for name, *_ in PLAIN])
def test_a_question_is_answered_as_the_views_would(asked, name, options, sql, pairs):
    client, _ = asked
    filters = parse_filters(pairs)
    kept, parameters = where(filters)
    wanted = client.query(sql.format(kept=kept), parameters).result_rows
    width = len(wanted[0]) if wanted else 0
    assert [row[:width] for row in ask(client, name, filters, **options).rows] == [tuple(row) for row in wanted]


@pytest.mark.slow
@pytest.mark.parametrize(("top", "heavy"), [(1, 1), (2, 1), (3, 1), (3, 20)])
def test_the_top_is_exact_however_few_lines_are_looked_at_first(asked, monkeypatch, top, heavy):
    client, _ = asked
    monkeypatch.setattr(relation, "HEAVY_FACTOR", heavy)
    monkeypatch.setattr(relation, "MORE_FACTOR", 2)
    for topic in ("employer", "title", "skill"):
        every = client.query(
            f"SELECT name, sum(n) AS s FROM job_cube WHERE topic = '{topic}' GROUP BY name HAVING s > 0 ORDER BY s DESC, name"
        ).result_rows
        assert [(one.name, one.total) for one in open_reader(client, NO_FILTERS).rank(topic, top)] == every[:top]


@pytest.mark.slow
def test_the_made_up_postings_show_everything_that_is_asked_for(asked):
    _, postings = asked
    assert any(one.reposted for one in postings)
    assert any(one.days_open for one in postings)
    assert len({match for one in postings for match in one.matches.values()}) > 3
    assert any(len(one.keywords) > 1 for one in postings)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("weather", {}, r"^analytics: 'weather' is no question; allowed: postings, salary, "),
        ("salary", {"by": "colour"}, r"^analytics salary: by='colour'; allowed: city, degree, experience, title$"),
        ("salary", {"top": 0}, r"^analytics salary: top=0; allowed: a whole number from 1 to 100000$"),
        ("salary", {"top": 2**32}, r"^analytics salary: top=4294967296; allowed: a whole number from 1 to 100000$"),
        ("skills", {"days": "100001"}, r"^analytics skills: days='100001'; allowed: a whole number from 1 to 100000$"),
        (
            "skills",
            {"today": "2149-06-07"},
            r"^analytics skills: today='2149-06-07'; allowed: a day from 1970-01-01 to 2149-06-06",
        ),
        (
            "skills",
            {"today": "1969-12-31"},
            r"^analytics skills: today='1969-12-31'; allowed: a day from 1970-01-01 to 2149-06-06",
        ),
        ("overlap", {"certainty": "high"}, r"^analytics overlap: certainty='high'; allowed: a number from 0 to 1$"),
        (
            "skills",
            {"today": "yesterday"},
            r"^analytics skills: today='yesterday'; allowed: a day from 1970-01-01 to 2149-06-06, YYYY-MM-DD$",
        ),
        ("quality", {"by": "city"}, r"^analytics quality: 'by' is no option; allowed: none$"),
    ],
)
def test_what_is_not_understood_is_refused_before_anything_is_asked(name, options, told):
    with pytest.raises(ArgumentError, match=told):
        ask(None, name, NO_FILTERS, **options)


def test_options_are_read_from_words():
    read = QUESTIONS["skills"].read_options({"top": "5", "days": "7", "today": "2026-04-20"})
    assert read == {"top": 5, "days": 7, "today": TODAY}
