from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from jobq_images.errors import Refused
from jobq_images.place import read, source_at, target_at, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    return folder


@pytest.fixture
def tiny_files() -> Iterator[int]:
    """Let no file of this process grow beyond 64 KiB: the disk is full, as far as it can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    yield 65536
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "path", ["../secret.png", "inner/../../secret.png", "/etc/passwd", "link.png", "up/secret.png"]
)
def test_no_source_outside_of_the_root_is_read(path: str, root: Path) -> None:
    with pytest.raises(Refused, match="outside of JOBQ_IMAGES_ROOT"):
        source_at(path, root)


@pytest.mark.parametrize("path", ["../new.png", "inner/../../new.png", "/tmp/new.png", "up/new.png", "up/new/new.png"])
def test_no_target_outside_of_the_root_is_written(path: str, root: Path) -> None:
    with pytest.raises(Refused, match="outside of JOBQ_IMAGES_ROOT"):
        target_at(path, root)


def test_paths_inside_the_root_are_relative_or_absolute(root: Path) -> None:
    assert source_at("inner/a.png", root) == source_at(str(root / "inner/a.png"), root) == root / "inner" / "a.png"
    assert target_at("new/deep/a.png", root) == root / "new" / "deep" / "a.png"


def test_without_a_root_paths_are_the_workers_own(tmp_path: Path) -> None:
    assert source_at(str(tmp_path / "a.png"), None) == tmp_path / "a.png"
    assert target_at("a.png", None) == Path.cwd() / "a.png"


@pytest.mark.parametrize("path", ["inner", "inner/", ".", "", "inner/.."])
def test_a_folder_is_no_target(path: str, root: Path) -> None:
    with pytest.raises(Refused):
        target_at(path, root)


def test_a_link_at_the_target_is_replaced_and_not_followed(root: Path) -> None:
    write(target_at("link.png", root), b"new")

    assert (root / "link.png").read_bytes() == b"new"
    assert not (root / "link.png").is_symlink()
    assert (root.parent / "secret.png").read_bytes() == b"secret"


def test_a_missing_file_is_refused(root: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        read(root / "gone.png", limit=10)


def test_a_folder_and_a_pipe_are_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe")

    for name in ("inner", "pipe"):
        with pytest.raises(Refused, match="not a regular file"):
            read(root / name, limit=10)


def test_a_file_over_the_limit_is_refused(root: Path) -> None:
    (root / "a").write_bytes(b"x" * 11)

    with pytest.raises(Refused, match="larger than 10 bytes"):
        read(root / "a", limit=10)
    assert read(root / "a", limit=11) == b"x" * 11


def test_a_folder_that_is_missing_is_made(root: Path) -> None:
    write(root / "2026" / "12" / "a.png", b"new")

    assert (root / "2026" / "12" / "a.png").read_bytes() == b"new"


def test_a_file_that_is_replaced_passes_its_mode_on(root: Path) -> None:
    (root / "a.png").write_bytes(b"old")
    (root / "a.png").chmod(0o640)

    write(root / "a.png", b"new")

    assert stat.S_IMODE((root / "a.png").stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_of_any_new_file(root: Path) -> None:
    (root / "other").write_bytes(b"")

    write(root / "a.png", b"new")

    assert (root / "a.png").stat().st_mode == (root / "other").stat().st_mode


def test_a_reader_sees_the_old_file_or_the_new_one(root: Path) -> None:
    path = root / "a.png"
    contents = [bytes([number]) * 300_000 for number in range(40)]
    write(path, contents[0])

    def write_them() -> None:
        for content in contents:
            write(path, content)

    seen = set()
    writer = Thread(target=write_them)
    writer.start()
    while writer.is_alive():
        content = path.read_bytes()
        seen.add((len(content), len(set(content))))
    writer.join()

    assert seen == {(300_000, 1)}


def test_a_full_disk_leaves_the_old_file_and_nothing_else(root: Path, tiny_files: int) -> None:
    (root / "inner" / "a.png").write_bytes(b"old")

    with pytest.raises(OSError, match="File too large"):
        write(root / "inner" / "a.png", b"x" * (tiny_files + 1))

    assert [path.name for path in (root / "inner").iterdir()] == ["a.png"]
    assert (root / "inner" / "a.png").read_bytes() == b"old"


def test_a_file_in_the_way_of_a_folder_is_refused(root: Path) -> None:
    (root / "file").write_bytes(b"")

    with pytest.raises(Refused, match="cannot be written"):
        write(root / "file" / "a.png", b"new")
