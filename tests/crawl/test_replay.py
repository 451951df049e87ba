"""Real input: a crawl over captured answers stores every posting that has an id."""

import os
from pathlib import Path

import pytest

from jobdata_scrapy.sandbox.process import running_sandbox

SAMPLES = Path(os.environ.get("JOBDATA_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not SAMPLES.is_dir(), reason="no captured answers beside the checkout")]


@pytest.mark.parametrize("site", ["boss", "qcwy", "zhilian"])
def test_captured_answers_are_stored(scrapy_command, site):
    with running_sandbox("--replay", str(SAMPLES)) as sandbox:
        expected = sandbox.truth(site, "任何", "上海")["ids"]
        arguments = (
            "-a",
            "keyword=任何",
            "-a",
            "city=上海",
            "-s",
            f"SANDBOX={sandbox.url}",
            "-s",
            "BOSS_MPT_TOKEN=sandbox-token",
        )
        run = scrapy_command("crawl", site, *arguments)
    assert expected
    assert run.round["stored"] == len(expected), run.err
