from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobq_email.attachment import read_attachments
from jobq_email.errors import Refused
from jobq_email.payload import Attachment


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "invoice.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return folder


def test_a_file_under_the_root_is_read(root: Path) -> None:
    (file,) = read_attachments(["2026/invoice.pdf"], root, limit=100)

    assert (file.filename, file.content_type, file.content) == ("invoice.pdf", "application/pdf", b"%PDF-1.7")


def test_an_absolute_path_inside_the_root_is_fine(root: Path) -> None:
    (file,) = read_attachments([str(root / "2026" / "invoice.pdf")], root, limit=100)

    assert file.content == b"%PDF-1.7"


def test_name_and_type_may_be_given(root: Path) -> None:
    asked = Attachment(path="2026/invoice.pdf", filename="Your/invoice.bin", content_type="application/x-ours")

    (file,) = read_attachments([asked], root, limit=100)

    assert (file.filename, file.content_type) == ("Your_invoice.bin", "application/x-ours")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a.eml", "application/octet-stream"),
    ],
)
def test_the_type_is_guessed_from_the_name(name: str, kind: str, root: Path) -> None:
    (root / name).write_bytes(b"x")

    (file,) = read_attachments([name], root, limit=100)

    assert file.content_type == kind


@pytest.mark.parametrize(
    "path", ["../secret.txt", "2026/../../secret.txt", "/etc/passwd", "2026/link.txt", "up/secret.txt"]
)
def test_nothing_outside_of_the_root_is_read(path: str, root: Path) -> None:
    (root / "2026" / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "up").symlink_to(root.parent)

    with pytest.raises(Refused, match="outside of the attachment root"):
        read_attachments([path], root, limit=100)


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "latest.pdf").symlink_to("2026/invoice.pdf")

    (file,) = read_attachments(["latest.pdf"], root, limit=100)

    assert (file.filename, file.content) == ("invoice.pdf", b"%PDF-1.7")


def test_without_a_root_nothing_is_attached() -> None:
    with pytest.raises(Refused, match="JOBQ_EMAIL_ATTACHMENT_ROOT"):
        read_attachments(["2026/invoice.pdf"], None, limit=100)


@pytest.mark.parametrize("path", ["2026/gone.pdf", "2026/invoice.pdf/x"])
def test_a_missing_file_is_refused(path: str, root: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_attachments([path], root, limit=100)


def test_a_folder_is_refused(root: Path) -> None:
    with pytest.raises(Refused, match="not a regular file"):
        read_attachments(["2026"], root, limit=100)


def test_a_pipe_is_refused_without_waiting_for_its_other_end(root: Path) -> None:
    os.mkfifo(root / "pipe")

    with pytest.raises(Refused, match="not a regular file"):
        read_attachments(["pipe"], root, limit=100)


def test_the_limit_counts_all_attachments_together(root: Path) -> None:
    (root / "a").write_bytes(b"x" * 60)
    (root / "b").write_bytes(b"x" * 40)

    assert len(read_attachments(["a", "b"], root, limit=100)) == 2
    with pytest.raises(Refused, match="with 'b' the attachments are larger than 99 bytes"):
        read_attachments(["a", "b"], root, limit=99)


@pytest.mark.parametrize("kind", ["pdf", "multipart/mixed", "message/rfc822", "text/plain; charset=x", "a/b\r\nX: y"])
def test_a_type_that_no_file_has_is_refused(kind: str, root: Path) -> None:
    with pytest.raises(Refused, match="not a MIME type"):
        read_attachments([Attachment(path="2026/invoice.pdf", content_type=kind)], root, limit=100)


def test_a_line_break_in_a_file_name_is_refused(root: Path) -> None:
    with pytest.raises(Refused, match="line break"):
        read_attachments([Attachment(path="2026/invoice.pdf", filename="a\r\nX: y")], root, limit=100)
