"""The house: where things stand, how they are named, who may know Scrapy.

Who may import whom is checked by `lint-imports` (contracts in pyproject.toml, part of `make lint`).
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from scrapy.utils.misc import load_object

from jobdata_scrapy import settings
from spiders.cases import Site
from spiders.check_files import EXTRA_FILES, FILES, check_structure
from spiders.registry import PLATFORMS

ROOT = Path(__file__).parents[1]
PACKAGES = ("jobdata_scrapy", "spiders", "middlewares", "pipelines")
SOFT_CEILING = 300
SITE_FOLDERS = sorted(path.name for path in (ROOT / "spiders").iterdir() if path.is_dir() and path.name != "__pycache__")
WITHOUT_SCRAPY = [
    "spiders",
    "spiders.registry",
    "spiders.arguments",
    "spiders.details",
    "spiders.cases",
    "spiders.checks",
    "jobdata_scrapy.backend.direct",
    "jobdata_scrapy.run_session",
    "jobdata_scrapy.page_steps",
    *(f"spiders.{name}" for name in SITE_FOLDERS),
]
COMPONENTS = [
    (path, number)
    for name in ("DOWNLOADER_MIDDLEWARES", "ITEM_PIPELINES", "EXTENSIONS", "SPIDER_MIDDLEWARES")
    for path, number in getattr(settings, name).items()
]


def test_every_site_folder_has_its_line_in_the_registry() -> None:
    assert sorted(PLATFORMS) == SITE_FOLDERS


@pytest.mark.parametrize("name", SITE_FOLDERS)
def test_folder_registry_line_spider_name_and_class_name_agree(name: str) -> None:
    site = Site(name, PLATFORMS[name], ROOT / "spiders" / name, ROOT / "tests" / "cases" / name)
    assert list(check_structure(site)) == []


def test_every_site_folder_has_the_same_file_names() -> None:
    for name in SITE_FOLDERS:
        present = {path.name for path in (ROOT / "spiders" / name).iterdir() if path.is_file()}
        assert set(FILES) <= present <= {*FILES, *EXTRA_FILES}, name


@pytest.mark.parametrize("package", PACKAGES)
def test_our_packages_are_those_of_this_folder(package: str) -> None:
    """Scrapy appends the project to sys.path: an installed package of the same name would win."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / package / "__init__.py"


def test_what_must_not_know_scrapy_does_not_load_it() -> None:
    """In a fresh interpreter, parents first: an import anywhere on the way counts."""
    program = f"import sys\nfor name in {WITHOUT_SCRAPY!r}:\n    __import__(name)\n    assert 'scrapy' not in sys.modules, name"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", [path for path, number in COMPONENTS if number is not None])
def test_every_component_of_the_settings_exists(path: str) -> None:
    assert load_object(path)


def test_every_number_of_a_component_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "pipelines.md").read_text("utf-8")
    ours = [(path, number) for path, number in COMPONENTS if not path.startswith("scrapy.")]
    missing = [f"{path} {number}" for path, number in ours if f"| {number} | `{path}`" not in text]
    assert missing == []


def test_what_is_switched_off_is_scrapys_own_and_in_the_docs() -> None:
    text = (ROOT / "docs" / "pipelines.md").read_text("utf-8")
    off = [path for path, number in COMPONENTS if number is None]
    assert [path for path in off if not path.startswith("scrapy.") or f"`{path.rpartition('.')[2]}`" not in text] == []


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in (*PACKAGES, "tests", "bench")
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > SOFT_CEILING
    }
    assert long == {}


def test_every_stat_key_is_spelled_in_one_place_only() -> None:
    """`inc_value("...")` with a literal would be a second place."""
    spelled = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if any(f'{call}("' in line for call in ("inc_value", "set_value", "max_value", "get_value"))
    ]
    assert spelled == []


def test_every_command_has_its_file_and_says_what_it_does() -> None:
    for path in sorted((ROOT / "jobdata_scrapy" / "commands").glob("[a-z]*.py")):
        command = import_module(f"jobdata_scrapy.commands.{path.stem}").Command()
        assert command.short_desc(), path.stem
