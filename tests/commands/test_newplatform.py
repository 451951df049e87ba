"""`scrapy newplatform`: what it writes keeps the contract; what it cannot write it refuses in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError

from jobdata_scrapy.commands.newplatform import check_name, write_site
from spiders.check_files import FILES

ROOT = Path(__file__).parents[2]
COPIED = ("jobdata_scrapy", "spiders", "middlewares", "pipelines", "tests/cases", "scrapy.cfg", "pyproject.toml")


@pytest.mark.parametrize("name", ["", "Boss", "my-site", "1site", "my__site", "_site", "class", "名字", "a" * 21, "../boss"])
def test_a_name_no_site_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^NAME: .* is not allowed; allowed: lower-case words"):
        check_name(name, tmp_path)


@pytest.mark.parametrize("name", ["boss", "base", "registry"])
def test_a_taken_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^NAME: '{name}' is taken, there is spiders/{name}"):
        check_name(name, ROOT)


def test_every_file_of_a_site_is_written_with_its_name_in(tmp_path: Path) -> None:
    written = list(write_site("my_site", tmp_path))
    assert sorted(path.name for path in written if path.parent == tmp_path / "spiders" / "my_site") == sorted(FILES)
    assert "class MySiteSpider(JobSpider)" in (tmp_path / "spiders" / "my_site" / "spider.py").read_text("utf-8")
    assert not [path for path in written if "$" in path.read_text("utf-8")]


def scrapy(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scrapy", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to write into."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    return tmp_path


def register(project: Path, name: str) -> None:
    registry = project / "spiders" / "registry.py"
    line = '        "boss",\n'
    registry.write_text(registry.read_text("utf-8").replace(line, line + f'        "{name}",\n'), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alpha", "my_site"])  # one name before and one after `base` in the order of imports
def test_a_new_site_is_one_folder_one_case_folder_and_one_line(project: Path, name: str) -> None:
    assert scrapy(project, "newplatform", name).returncode == 0
    register(project, name)

    begun = scrapy(project, "checkall", name)
    assert begun.returncode == 1
    problems = [line for line in begun.stdout.splitlines() if line.startswith(f"{name} ")]
    assert problems
    assert all(line.startswith(f"{name} finished: ") for line in problems), "only the places to fill in are open"

    fill_in_all(project, name)
    assert scrapy(project, "checkall").returncode == 0
    assert name in scrapy(project, "list").stdout.split()
    assert run(project, "ruff", "check", f"spiders/{name}").returncode == 0
    assert run(project, "ruff", "format", "--check", f"spiders/{name}").returncode == 0
    assert run(project, "lint-imports", "--no-cache").returncode == 0


def fill_in_all(project: Path, name: str) -> None:
    for folder in (project / "spiders" / name, project / "tests" / "cases" / name):
        for path in (path for path in folder.rglob("*") if path.is_file()):
            path.write_bytes(path.read_bytes().replace(b"FILL IN", b"done"))


def run(project: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / program), *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": "."})


@pytest.mark.slow
def test_a_taken_name_ends_with_exit_code_2_and_writes_nothing(project: Path) -> None:
    refused = scrapy(project, "newplatform", "boss")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith(": error: NAME: 'boss' is taken, there is spiders/boss")
