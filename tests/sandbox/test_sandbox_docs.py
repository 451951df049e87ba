"""docs/sandbox.md says everything there is, and its sample signer works."""

from __future__ import annotations

import re
import shutil
from argparse import ArgumentParser
from pathlib import Path
from urllib.parse import quote

import pytest

from jobdata_scrapy.js_signer import JsSigner
from jobdata_scrapy.sandbox.options import add_arguments
from jobdata_scrapy.sandbox.rules import FAULTS, Control, Rule

DOCS = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


def test_every_fault_parameter_field_and_argument_is_documented():
    table = dict(re.findall(r"^\| `(\w+)` \|(.*)$", DOCS, re.MULTILINE))
    for fault, (_, parameters) in FAULTS.items():
        assert all(f"`{name}`" in table[fault] for name in parameters), fault
    for name in (*Rule.model_fields, *Control.model_fields):
        assert f"`{name}`" in DOCS, name
    parser = ArgumentParser(add_help=False)
    add_arguments(parser)
    assert all(option in DOCS for action in parser._actions for option in action.option_strings)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
async def test_the_sample_signer_makes_what_the_sandbox_wants(sandbox, tmp_path):
    script = tmp_path / "sign.js"
    script.write_text(re.search(r"```js\n(.*?)```", DOCS, re.DOTALL)[1])
    await sandbox.control({"require_stoken": True})
    target = "/wapi/zpgeek/miniapp/search/joblist.json?query=python&city=101020100"
    signer = JsSigner(str(script), "BOSS_SIGN_JS")
    try:
        value = await signer.sign(target, "sandbox-token", 0)
    finally:
        signer.close()
    answer = (await sandbox.get(f"/boss{target}", mpt="sandbox-token", Cookie=f"__zp_stoken__={quote(value)}"))[1]
    assert answer["code"] == 0
