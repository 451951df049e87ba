"""`scrapy checkall [SITE ...]`: does every site keep the contract? Asks nothing of the live sites."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands._one_line import OneLineErrors
from jobdata_scrapy.commands.newplatform import find_project

Results = Mapping[str, Mapping[str, list[str]]]


class Command(OneLineErrors, ScrapyCommand):
    """Exit code 0: every site keeps its contract; 1: one does not; 2: wrong argument."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own form

    def syntax(self) -> str:
        return "[SITE ...]"

    def short_desc(self) -> str:
        return "Check the contract of every site (or of those named): structure, codes, behaviour, privacy, cases"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        console = Console(highlight=False)
        results = check_sites(find_project(), args)
        print_results(results, console)
        self.exitcode = int(any(problems for checks in results.values() for problems in checks.values()))


def check_sites(root: Path, names: list[str]) -> dict[str, dict[str, list[str]]]:
    """Site -> check -> problems, for the sites named (all without a name). Raises UsageError for an unknown one."""
    try:
        from spiders.checks import Site, check_site
        from spiders.registry import PLATFORMS
    except Exception as error:  # whatever a half-written site raises on import
        return {"registry": {"import": [f"spiders/registry.py cannot be imported: {type(error).__name__}: {error}"]}}
    unknown = next((name for name in names if name not in PLATFORMS), None)
    if unknown is not None:
        allowed = ", ".join(PLATFORMS)
        raise UsageError(f"SITE: {unknown!r} is not in spiders/registry.py; allowed: {allowed}", print_help=False)
    return {
        name: check_site(Site(name, PLATFORMS[name], root / "spiders" / name, root / "tests" / "cases" / name))
        for name in names or PLATFORMS
    }


def print_results(results: Results, console: Console) -> None:
    """One row a site, one column a check; below it each problem in one line."""
    columns = list(dict.fromkeys(check for checks in results.values() for check in checks))
    table = Table("site", *columns)
    for site, checks in results.items():
        table.add_row(site, *(_show(checks.get(column, [])) for column in columns))
    console.print(table)
    for site, checks in results.items():
        for check, problems in checks.items():
            for problem in problems:
                console.print(f"{site} {check}: {problem}", markup=False, soft_wrap=True)


def _show(problems: list[str]) -> str:
    if not problems:
        return "[green]ok[/]"
    return f"[red]{len(problems)} problem{'s' if len(problems) > 1 else ''}[/]"
