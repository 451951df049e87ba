"""`scrapy newplatform NAME`: the folder of a new site and of its cases, working and with its open places marked.

What is written answers to an invented API, passes `scrapy checkall`, the marks aside, and is filled in from there.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.conf import closest_scrapy_cfg

from jobdata_scrapy.commands._one_line import OneLineErrors

SITE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME_LENGTH = 20
SUFFIX = ".tmpl"


class Command(OneLineErrors, ScrapyCommand):
    """Writes spiders/NAME/ and tests/cases/NAME/; a wrong name ends with one line and exit code 2."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012 - Scrapy's own form

    def syntax(self) -> str:
        return "NAME"

    def short_desc(self) -> str:
        return "Begin a new site: its folder below spiders/ and its cases below tests/cases/"

    def long_desc(self) -> str:
        return f"{self.short_desc()}. NAME is lower-case words joined by underscores, such as zhipin or my_site."

    def run(self, args: list[str], opts: object) -> None:
        if len(args) != 1:
            raise UsageError(f"NAME: give one name, such as my_site; got {len(args)}", print_help=False)
        [name] = args
        root = find_project()
        check_name(name, root)
        written = [*write_site(name, root)]
        lines = [f"written: {path.relative_to(root)}" for path in written]
        lines += ["", f'Next: add the line "{name}", to spiders/registry.py, then fill in every place marked FILL IN.']
        lines += [f"CONTRIBUTING.md tells the seven steps; what is still open, tells: scrapy checkall {name}", ""]
        sys.stdout.write("\n".join(lines))


def find_project() -> Path:
    """The project's folder. Raises UsageError outside of one: an egg cannot be written to."""
    configuration = closest_scrapy_cfg()
    root = Path(configuration).parent
    if not configuration or not (root / "spiders" / "registry.py").is_file():
        raise UsageError("no project here: run it in the folder that has scrapy.cfg and spiders/", print_help=False)
    return root


def check_name(name: str, root: Path) -> None:
    """Raises UsageError for a name that cannot be a site's, or is taken."""
    if not SITE_NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > MAX_NAME_LENGTH:
        allowed = f"lower-case words joined by underscores, at most {MAX_NAME_LENGTH} characters, no Python keyword"
        raise UsageError(f"NAME: {name!r} is not allowed; allowed: {allowed}", print_help=False)
    for taken in (root / "spiders" / name, root / "spiders" / f"{name}.py", root / "tests" / "cases" / name):
        if taken.exists():
            raise UsageError(f"NAME: {name!r} is taken, there is {taken.relative_to(root)}", print_help=False)


def write_site(name: str, root: Path) -> Iterator[Path]:
    """Writes the templates for `name` below `root`; yields each file."""
    values = {
        "name": name,
        "class_name": "".join(part.capitalize() for part in name.split("_")) + "Spider",
        "spider_imports": "\n".join(sorted(("from spiders.base import JobSpider", f"from spiders.{name} import PLATFORM"))),
    }
    templates = files("jobdata_scrapy.commands").joinpath("templates")
    for part, folder in (("site", root / "spiders" / name), ("cases", root / "tests" / "cases" / name)):
        for template, path in _walk(templates.joinpath(part), folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            text = Template(template.read_text("utf-8")).substitute(values)
            path.write_text(text, "utf-8")
            yield path


def _walk(source: Traversable, target: Path) -> Iterator[tuple[Traversable, Path]]:
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, target / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield entry, target / entry.name.removesuffix(SUFFIX)
