"""`scrapy demo`: a stranger's first minute. Run twice, nothing is written twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobdata_scrapy.commands.demo import QUERIES
from spiders.registry import PLATFORMS
from tests.conftest import Finished

pytestmark = pytest.mark.slow


def read_rounds(folder: Path) -> list[dict[str, Any]]:
    """Every round of every run of the demo, in the order of time."""
    paths = sorted((folder / "demo" / "reports").glob("*.json"))
    return [line for path in paths for line in json.loads(path.read_text("utf-8"))["rounds"]]


def test_the_demo_stores_each_site_once_answers_its_questions_and_can_be_run_again(
    scrapy_command: Callable[..., Finished], tmp_path: Path
) -> None:
    unreachable = {"CLICKHOUSE_HOST": "192.0.2.1", "PROXY_URL": "http://192.0.2.1:9", "SLEEP_MIN_SECONDS": "9"}
    first = scrapy_command("demo", directory=tmp_path, env=unreachable)  # what an operator has configured is left aside
    assert first.code == 0, first.out + first.err
    assert [question for question, _ in QUERIES if question not in first.out] == []
    assert "Try next" in first.out
    rounds = read_rounds(tmp_path)
    assert [line["platform"] for line in rounds] == list(PLATFORMS)
    assert all(line["new"] == line["stored"] > 0 for line in rounds)

    second = scrapy_command("demo", directory=tmp_path)
    assert second.code == 0, second.out + second.err
    assert [line["new"] for line in read_rounds(tmp_path)[len(rounds) :]] == [0] * len(rounds)


def test_the_demo_takes_no_argument(scrapy_command: Callable[..., Finished]) -> None:
    refused = scrapy_command("demo", "boss")
    assert refused.code == 2
    assert "demo takes no argument, got 'boss'" in refused.err
