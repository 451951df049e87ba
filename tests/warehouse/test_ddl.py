"""Our own CREATE TABLE and ALTER TABLE are read part by part."""

from __future__ import annotations

import pytest

from jobdata_scrapy.warehouse.ddl import (
    Column,
    altered_table,
    read_actions,
    read_brackets,
    read_column,
    read_create_table,
    split_top_level,
    strip_comments,
)
from jobdata_scrapy.warehouse.schema import plan_steps

SQL = """
-- a table, its comma, (a bracket
CREATE TABLE IF NOT EXISTS some_table
(
    a     String DEFAULT 'x, (y', -- a quoted comma
    b     Decimal(10, 2) CODEC(ZSTD(3)),
    c     Array(LowCardinality(String)) /* , */,
    INDEX one a TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(b)
PARTITION BY c
ORDER BY (a, cityHash64(b, c))
SETTINGS index_granularity = 256
"""


def test_a_create_table_is_taken_apart():
    create = read_create_table(SQL)
    assert create is not None
    assert (create.name, create.engine, create.arguments) == ("some_table", "ReplacingMergeTree", "b")
    assert create.columns == (
        Column("a", "String", "DEFAULT 'x, (y'"),
        Column("b", "Decimal(10, 2)", "CODEC(ZSTD(3))"),
        Column("c", "Array(LowCardinality(String))"),
    )
    assert create.extras == ("INDEX one a TYPE bloom_filter(0.01) GRANULARITY 1",)
    assert create.sorting_key == ["a", "cityHash64(b, c)"]
    assert create.tail.startswith("PARTITION BY c")
    assert create.tail.endswith("index_granularity = 256")


def test_an_alter_table_is_taken_apart():
    sql = "-- why\nALTER TABLE t\n    ADD COLUMN IF NOT EXISTS x DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),\n    DROP INDEX y"
    assert altered_table(sql) == "t"
    assert read_actions(sql) == ["ADD COLUMN IF NOT EXISTS x DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')", "DROP INDEX y"]
    assert altered_table("CREATE VIEW v AS SELECT 1") == ""


@pytest.mark.parametrize("sql", ["SELECT 1", "CREATE TABLE t (a Int8) ENGINE = Memory", "CREATE OR REPLACE VIEW v AS SELECT 1"])
def test_other_statements_are_none(sql: str):
    assert read_create_table(sql) is None


def test_small_parts():
    assert strip_comments("a -- b\n, '--c' /* d\n */ e") == "a \n, '--c'  e"
    assert split_top_level("a, f(b, c), 'd, e'") == ["a", " f(b, c)", " 'd, e'"]
    assert read_brackets("(a ')' (b)) c") == "(a ')' (b))"
    assert str(read_column("x   String   CODEC(LZ4)")) == "x String CODEC(LZ4)"
    with pytest.raises(ValueError, match="no closing bracket"):
        read_brackets("(a")


def test_every_table_of_ours_is_read():
    steps = [step for step in plan_steps(["boss"]) if "CREATE TABLE" in strip_comments(step.sql)]
    assert steps
    for step in steps:
        create = read_create_table(step.sql)
        assert create is not None, step.name
        assert create.sorting_key, step.name
        assert len(create.columns) == len(set(create.column_names)), step.name
