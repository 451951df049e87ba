"""The operator's own script signs the requests of boss, and the sandbox verifies what it made."""

import shutil

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: the signing script cannot run either"),
]
SCRIPT = """
const crypto = require('crypto');
function sign(target, token, nowMs) { return crypto.createHash('md5').update(target + '|' + token).digest('hex'); }
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "sign.js"
    path.write_text(SCRIPT, "utf-8")
    return str(path)


def test_a_script_makes_what_the_site_wants(crawl, sandbox, script):
    sandbox.control({"require_stoken": True})
    run = crawl("boss", keyword="脚本", city="上海", pages="2", settings={"BOSS_SIGN_JS": script})
    assert run.code == 0, run.err
    assert run.round["pages_ok"] == 2


def test_without_the_script_the_site_blocks(crawl, sandbox):
    sandbox.control({"require_stoken": True})
    run = crawl("boss", keyword="无脚本", city="上海", pages="2")
    assert run.code == 1
    assert run.report["run"]["finish_reason"] == "blocked"
