"""Answers that could not be understood are kept for the engineer, personal fields out, also when the JSON is broken."""

import orjson
import pytest

from jobdata_scrapy.answers import MAX_KEPT, keep_answer, redact_answer
from spiders.registry import PLATFORMS

BOSS = PLATFORMS["boss"]
ANSWER = orjson.dumps(
    {"code": 0, "zpData": {"list": [{"title": "t", "bossName": '张三"李', "bossAvatar": "http://x/1.png", "n": "13912345678"}]}}
)


@pytest.mark.parametrize("cut", range(1, len(ANSWER) + 1))
def test_no_personal_value_survives_at_any_cut(cut):
    kept = redact_answer(ANSWER[:cut], BOSS).decode()
    for secret in ("张三", "李", "1.png", "13912345678"):
        assert secret not in kept


def test_what_is_not_personal_stays():
    kept = orjson.loads(redact_answer(ANSWER, BOSS))
    assert kept["zpData"]["list"][0]["title"] == "t"


def test_html_is_kept_as_it_is():
    assert redact_answer(b"<html>Security Verification</html>", BOSS) == b"<html>Security Verification</html>"


def test_no_more_than_a_handful_is_kept(tmp_path):
    paths = [keep_answer(tmp_path / "a", f"{n}.json", ANSWER, BOSS) for n in range(MAX_KEPT + 1)]
    assert paths[-1] is None
    assert all(paths[:-1])
