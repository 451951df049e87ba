"""The operator's script through PyExecJS: its value, its failures, its time limit; never its secrets."""

import shutil

import pytest

from jobdata_scrapy.exceptions import ConfigError, SignerError
from jobdata_scrapy.js_signer import JsSigner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: the signing script cannot run either"),
]


@pytest.fixture
def make_signer(tmp_path):
    signers = []

    def make(source: str, **options) -> JsSigner:
        script = tmp_path / "sign.js"
        script.write_text(source, "utf-8")
        signers.append(JsSigner(str(script), "BOSS_SIGN_JS", **options))
        return signers[-1]

    yield make
    for signer in signers:
        signer.close()


async def test_returns_what_the_script_makes(make_signer):
    signer = make_signer("function sign(target, token, nowMs) { return [target, token, nowMs, '签'].join('|') }")
    assert await signer.sign("/a?q=数据", "tok", 1.5) == "/a?q=数据|tok|1500|签"


@pytest.mark.parametrize(
    "source",
    [
        "function sign() { throw new Error('token is ' + arguments[1]) }",
        "function other() {}",
        "function sign(",
        "process.exit(3)",
    ],
)
async def test_a_failing_script_is_named_without_its_words(make_signer, source):
    with pytest.raises(SignerError, match=r"^BOSS_SIGN_JS: ") as caught:
        await make_signer(source).sign("/a", "s3cret", 0)
    assert "s3cret" not in str(caught.value)


async def test_a_value_that_is_no_string_is_refused(make_signer):
    with pytest.raises(SignerError, match="must return a non-empty string, got int"):
        await make_signer("function sign() { return 1 }").sign("/a", "", 0)


async def test_an_endless_script_is_ended(make_signer):
    with pytest.raises(SignerError, match="time limit"):
        await make_signer("function sign() { while (true) {} }", time_limit=1).sign("/a", "", 0)


def test_a_missing_script_is_refused_with_the_settings_name(tmp_path):
    with pytest.raises(ConfigError, match=r"^BOSS_SIGN_JS: cannot read the script"):
        JsSigner(str(tmp_path / "none.js"), "BOSS_SIGN_JS")
