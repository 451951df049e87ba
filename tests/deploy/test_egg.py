"""The egg that a Scrapyd node runs: all code, all data files, nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.deploy.node import ROOT, build_egg, copy_project

PACKAGES = ("jobdata_scrapy", "spiders", "middlewares", "pipelines")
SUFFIXES = {".py", ".json", ".sql", ".html", ".tmpl"}


@pytest.mark.slow
def test_the_egg_holds_every_file_of_the_four_packages_and_no_other(tmp_path: Path) -> None:
    egg = build_egg(copy_project(tmp_path / "project"))
    with zipfile.ZipFile(egg) as archive:
        packed = {name for name in archive.namelist() if not name.startswith("EGG-INFO/") and not name.endswith(".pyc")}
    tree = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {Path(name).suffix for name in tree} <= SUFFIXES, "a new kind of data file needs its line in package-data"
    assert packed == tree


@pytest.mark.slow
def test_the_egg_tells_scrapyd_where_the_settings_are(tmp_path: Path) -> None:
    egg = build_egg(copy_project(tmp_path / "project"))
    with zipfile.ZipFile(egg) as archive:
        entry_points = archive.read("EGG-INFO/entry_points.txt").decode()
        assert entry_points.strip() == "[scrapy]\nsettings = jobdata_scrapy.settings"
        assert "EGG-INFO/zip-safe" in archive.namelist()
