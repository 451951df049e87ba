"""What a user can meet is in the docs, and the docs name nothing that is not there: settings, stat keys, reasons, log lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from scrapy.settings import default_settings

from jobdata_scrapy import settings, stats
from jobdata_scrapy.config import Config
from jobdata_scrapy.coverage import RoundState
from jobdata_scrapy.db.keyword_states import KeywordState
from jobdata_scrapy.platform import Verdict
from jobdata_scrapy.report.judge import EXIT_CODES
from jobdata_scrapy.report.labels import PROBLEMS
from jobdata_scrapy.verdict_policy import CLOSE_REASONS, TABLE, Action

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("jobdata_scrapy", "spiders", "middlewares", "pipelines")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
NAME_CELL = re.compile(r"^`([^`]+)`$")


def read_tables(page: str, heading: str) -> dict[str, list[str]]:
    """The rows below `## heading` of docs/page: first cell (its backticks removed) -> the other cells."""
    text = (DOCS / page).read_text("utf-8")
    section = re.split(r"^## ", text.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in section.splitlines() if line.startswith("|")
    ]
    return {found[1]: cells[1:] for cells in rows if (found := NAME_CELL.match(cells[0]))}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def show_default(name: str) -> str:
    default = Config.model_fields[name].get_default(call_default_factory=True)
    if default is None:
        return "unset"
    if isinstance(default, SecretStr) or default in ("", {}):
        return ""
    if isinstance(default, dict):
        return f"`{','.join(f'{name}={value:g}' for name, value in default.items())}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_environment_setting_is_documented_with_its_default() -> None:
    documented = {name: cells[0] for name, cells in read_tables("settings.md", "From the environment").items()}
    assert documented == {name.upper(): show_default(name) for name in Config.model_fields}


def test_every_secret_is_marked_as_one() -> None:
    marked = {name for name, cells in read_tables("settings.md", "From the environment").items() if cells[1] == "yes"}
    assert marked == {name.upper() for name, field in Config.model_fields.items() if field.annotation is SecretStr}


def test_every_switch_is_documented() -> None:
    asked = {
        node.args[0].value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "getbool"
        if isinstance(node.args[0], ast.Constant)
    }
    assert set(read_tables("settings.md", "Switches of single components")) == asked


def test_every_changed_scrapy_setting_is_documented() -> None:
    environment = {name.upper() for name in Config.model_fields}
    ours = {name for name in vars(settings) if name.isupper() and not name.startswith("_")} - environment
    documented = read_tables("settings.md", "Scrapy settings that differ from Scrapy's defaults")
    switch = {"ROBOTSTXT_OBEY"}
    assert set(documented) == ours - switch
    assert [name for name in ours if not hasattr(default_settings, name)] == []


def test_every_environment_name_is_in_the_example_file() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    named = [line.removeprefix("#").partition("=")[0].strip() for line in lines if re.match(r"#?[A-Z_]+=", line)]
    assert sorted(named) == sorted(name.upper() for name in Config.model_fields)


def test_the_example_file_says_what_each_name_is_and_sets_no_secret() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    secret = {name.upper() for name, field in Config.model_fields.items() if field.annotation is SecretStr}
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"#?[A-Z_]+=", line):
            name, _, value = line.removeprefix("#").partition("=")
            assert before.startswith("# "), f"{name} has no comment above it"
            assert not (name in secret and value), f"{name} is a secret and has a value"


def test_every_stat_key_is_documented() -> None:
    keys = {value for name, value in vars(stats).items() if name.isupper()}
    assert set(re.findall(r"^\| `([^`]+)`", read("stats.md"), flags=re.M)) == keys


def read(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def test_every_close_reason_is_documented() -> None:
    assert set(read_tables("operations.md", "Close reasons")) == {*CLOSE_REASONS, "shutdown"}


def test_every_verdict_is_documented() -> None:
    assert set(read_tables("operations.md", "Verdicts")) == set(Verdict)


def test_every_round_state_is_documented() -> None:
    assert set(read_tables("operations.md", "States of a round")) == set(RoundState)


def test_every_keyword_state_is_documented() -> None:
    assert set(read_tables("operations.md", "States of a keyword")) == set(KeywordState)


def test_every_exit_code_is_documented() -> None:
    documented = {name: cells[0] for name, cells in read_tables("operations.md", "Exit codes of `scrapy crawl`").items()}
    assert documented == {"2": "", **{str(code): state for state, code in EXIT_CODES.items()}}


def test_every_problem_code_is_documented() -> None:
    assert set(read_tables("operations.md", "Problems in a report")) == set(PROBLEMS)


def test_every_stop_reason_is_documented() -> None:
    """Constants given to `stop_search`, returned by `stop_reason`, assigned by `coverage.finish`; verdicts that stop a search."""
    spoken = {"lost", *(verdict.lower() for verdict, rule in TABLE.items() if rule.then is Action.STOP)}
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "stop_search":
                spoken |= constants(node.args[1])
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in ("RequestRefused", "super().__init__"):
                spoken |= {text.lower() for text in constants(node.args[0]) if text.isupper()}
            if isinstance(node, ast.FunctionDef) and node.name == "stop_reason":
                spoken |= {
                    text for one in ast.walk(node) if isinstance(one, ast.Return) and one.value for text in constants(one.value)
                }
            if (
                isinstance(node, ast.Assign)
                and path.name == "coverage.py"
                and ast.unparse(node.targets[0]) == "coverage.stop_reason"
            ):
                spoken |= constants(node.value)
    assert set(read_tables("operations.md", "Stop reasons of a round")) == spoken


def constants(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return constants(node.body) | constants(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value else set()


def test_every_warning_and_error_is_documented() -> None:
    """A line that is nothing but "%s" shows an error's own text."""
    levels = ("warning", "error", "critical", "exception", "log")
    calls = [
        node
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in levels and ast.unparse(node.func.value).endswith("logger")
    ]
    lines = {text for call in calls for argument in call.args[:2] for text in constants(argument)} - {"%s"}
    assert set(read_tables("operations.md", "Log lines")) == lines


def test_every_row_says_what_to_do() -> None:
    rows = [line for line in read("operations.md").splitlines() if line.startswith("| `")]
    assert [row for row in rows if not row.rstrip(" |").rpartition("|")[2].strip()] == []


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = {target for page in PAGES for target in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text("utf-8"), flags=re.M)}
    assert [target for target in sorted(named) if not re.search(rf"^{target}:", makefile, flags=re.M)] == []


def test_every_scrapy_command_that_is_named_exists() -> None:
    ours = {path.stem for path in (ROOT / "jobdata_scrapy" / "commands").glob("[a-z]*.py")}
    named = {name for page in PAGES for name in re.findall(r"(?:`|^|/)scrapy ([a-z]+)", page.read_text("utf-8"), flags=re.M)}
    assert named - ours - {"list", "shell"} == set()


def test_both_readmes_have_the_same_sections() -> None:
    def shape(name: str) -> tuple[int, int]:
        text = (ROOT / name).read_text("utf-8")
        return len(re.findall(r"^## ", text, flags=re.M)), text.count("\n```")

    assert shape("README.md") == shape("README.zh-CN.md")
