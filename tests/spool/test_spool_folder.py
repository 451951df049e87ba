"""The folder: durable, ordered, bounded, and one process at a time takes from it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from jobdata_scrapy.exceptions import DamagedFile, StorageError
from jobdata_scrapy.spool.files import encode_page, page_unit
from jobdata_scrapy.spool.folder import SIZED_EVERY, SpoolFolder, SpoolName
from tests.conftest import ROOT
from tests.spool.spool_parts import T0, make_page

HOLD = """
import sys
from pathlib import Path
from jobdata_scrapy.spool.folder import SpoolFolder
with SpoolFolder(Path(sys.argv[1]), 1).replaying() as alone:
    print(alone, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> SpoolFolder:
    return SpoolFolder(tmp_path / "spool", 1_000_000)


def test_nothing_is_made_before_it_is_needed(folder: SpoolFolder):
    assert (folder.names(), folder.damaged(), folder.size()) == ([], [], 0)
    with folder.replaying() as alone:
        assert alone
    assert not folder.path.exists()


def test_pages_come_back_in_the_order_they_were_fetched(folder: SpoolFolder):
    pages = [make_page(number) for number in (3, 1, 11, 2)]
    names = [folder.put(page) for page in pages]
    assert [folder.read(name).number for name in folder.names()] == [1, 2, 3, 11]
    assert sorted(names) == folder.names()
    assert folder.size() == sum(len(encode_page(page)) for page in pages)


def test_the_same_page_again_is_the_same_file(folder: SpoolFolder):
    page = make_page()
    assert folder.put(page) == folder.put(page)
    assert len(folder.names()) == 1


def test_a_name_tells_round_and_unit():
    page = make_page(round="k7.20261122T060000.ab@/é", fetched_at=T0.astimezone(timezone(timedelta(hours=8))))
    name = str(SpoolName.of(page))
    assert "/" not in name
    assert SpoolName.parse(name) == SpoolName(T0, "boss", page.round, page_unit(page))
    assert SpoolName.parse(f"{name}.damaged") == SpoolName.parse(name)
    assert [SpoolName.parse(other) for other in ("replay.lock", "a@b@c@d.page", "x.tmp")] == [None, None, None]
    assert str(SpoolName(datetime(2026, 1, 2, tzinfo=UTC), "p", "r", "u")) == "20260102T000000.000000@p@r@u.page"


def test_a_full_folder_is_an_error_that_names_the_setting(tmp_path: Path):
    page = make_page()
    folder = SpoolFolder(tmp_path / "spool", len(encode_page(page)) + 10)
    name = folder.put(page)
    with pytest.raises(StorageError, match=r"is full: .* SPOOL_MAX_MB allows"):
        folder.put(make_page(2))
    assert folder.put(page) == name  # it is there already
    folder.remove([name])
    folder.put(make_page(2))


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written to"):
        SpoolFolder(tmp_path / "spool", 1000).put(make_page())
    with pytest.raises(StorageError, match="cannot be read"):
        SpoolFolder(tmp_path / "spool", 1000).names()


def test_a_disk_that_is_full_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """/dev/full answers ENOSPC to what is synced to it, as a full disk does."""
    folder = SpoolFolder(tmp_path / "spool", 1_000_000)
    real_open = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *mode: real_open(Path("/dev/full") if self.suffix == ".tmp" else self, *mode))
    with pytest.raises(StorageError, match="the disk is full"):
        folder.put(make_page())
    assert (folder.names(), folder.size()) == ([], 0)


def test_damaged_files_are_told_and_set_aside_as_they_are(folder: SpoolFolder, caplog: pytest.LogCaptureFixture):
    name = folder.put(make_page())
    path = folder.path / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFile, match="is cut short") as caught:
        folder.read(name)
    cut = path.read_bytes()
    aside = folder.set_aside(name, str(caught.value))
    assert (folder.names(), folder.damaged()) == ([], [aside])
    assert (folder.path / aside).read_bytes() == cut
    assert f"spool: {name} is cut short" in caplog.text


def test_a_file_under_another_name_is_damaged(folder: SpoolFolder):
    """Its unit is its name: under another one it would be written twice."""
    first, second = folder.put(make_page(1)), folder.put(make_page(2))
    os.replace(folder.path / first, folder.path / second)
    with pytest.raises(DamagedFile, match="is not the page that its name tells"):
        folder.read(second)


def test_what_was_replayed_by_somebody_else_is_no_error(folder: SpoolFolder):
    name = folder.put(make_page())
    folder.remove([name])
    folder.remove([name])
    assert folder.read(name) is None


def test_begun_files_are_no_pages_and_forgotten_in_the_end(folder: SpoolFolder):
    name = folder.put(make_page())
    begun = folder.path / f"{name}.1.tmp"
    begun.write_bytes(b"half")
    assert folder.names() == [name]
    with folder.replaying():
        assert begun.exists()
    os.utime(begun, (0, 0))
    with folder.replaying():
        assert not begun.exists()


@pytest.mark.slow
def test_one_process_at_a_time_replays(folder: SpoolFolder):
    folder.put(make_page())
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with folder.replaying() as alone:
            assert not alone
        other.kill()
    with folder.replaying() as alone:
        assert alone


def test_the_folder_is_the_owners_alone_and_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[int] = []
    real_fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino) or real_fsync(file))
    folder = SpoolFolder(tmp_path / "data" / "spool", 1_000_000)
    folder.put(make_page())
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {tmp_path.stat().st_ino, folder.path.parent.stat().st_ino, folder.path.stat().st_ino} <= set(synced)


def test_a_file_that_cannot_be_removed_or_renamed_is_an_error(folder: SpoolFolder):
    folder.put(make_page())
    for name in ("d.page", "e.page.damaged"):
        (folder.path / name / "full").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cannot be changed: d\.page"):
        folder.remove(["d.page"])
    (folder.path / "e.page").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cannot be changed: e\.page"):
        folder.set_aside("e.page", "is cut short")


def test_the_folder_is_not_added_up_at_each_page(folder: SpoolFolder, monkeypatch: pytest.MonkeyPatch):
    sizes: list[int] = []
    real_size = SpoolFolder.size
    monkeypatch.setattr(SpoolFolder, "size", lambda self: sizes.append(1) or real_size(self))
    for number in range(SIZED_EVERY - 1):
        folder.put(make_page(number))
    assert len(sizes) == 1
    folder.put(make_page(SIZED_EVERY))
    assert len(sizes) == 2


def test_room_that_another_process_made_is_found(tmp_path: Path):
    size = len(encode_page(make_page()))
    folder, other = SpoolFolder(tmp_path, int(size * 1.5)), SpoolFolder(tmp_path, size)
    other.remove([folder.put(make_page())])
    folder.put(make_page(2))
