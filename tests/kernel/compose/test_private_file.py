"""A key file that others can read, write or exchange is refused with the command that mends it."""

import os
from pathlib import Path

import pytest

from kernel.compose.private_file import BYTES_MAX, read_private, write_private
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret

VALUE = "the-value-in-the-file"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def make(path: Path, mode: int = 0o600, data: bytes = VALUE.encode() + b"\n") -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_private_file_is_read_without_its_line_end(tmp_path: Path, mode: int) -> None:
    assert read_private(make(tmp_path / "key", mode)) == Secret(VALUE)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o620, 0o666])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = make(tmp_path / "key", mode)
    with pytest.raises(BadSecret, match=f"{path}: has mode {mode:04o}, expected 0400 or 0600; chmod 0600 it"):
        read_private(path)


def test_a_mounted_file_may_be_readable_but_not_writable(tmp_path: Path) -> None:
    assert read_private(make(tmp_path / "key", 0o444), is_mounted=True) == Secret(VALUE)
    with pytest.raises(BadSecret, match="not writable for others"):
        read_private(make(tmp_path / "key2", 0o446), is_mounted=True)


def test_a_link_to_a_private_place_is_followed(tmp_path: Path) -> None:
    make(tmp_path / "key")
    (tmp_path / "link").symlink_to("key")
    assert read_private(tmp_path / "link") == Secret(VALUE)


def test_a_link_into_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    make(shared / "key")
    (tmp_path / "link").symlink_to(shared / "key")
    with pytest.raises(BadSecret, match=f"the folder {shared} has mode 0777, so others can exchange files"):
        read_private(tmp_path / "link")


def test_a_folder_in_between_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open" / "inner").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(BadSecret, match="0777"):
        read_private(make(tmp_path / "open" / "inner" / "key"))


@AS_ROOT
def test_a_file_or_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "key")
    os.chown(path, 12345, 0)
    with pytest.raises(BadSecret, match="belongs to uid 12345, expected root or uid 0; chown it"):
        read_private(path)
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    inside = make(folder / "key")
    os.chown(folder, 12345, 0)
    with pytest.raises(BadSecret, match=f"the folder {folder} belongs to uid 12345"):
        read_private(inside)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(BadSecret, match="expected a regular file"):
            read_private(tmp_path / name)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(BadSecret, match="cannot be followed"):
        read_private(tmp_path / "a")


def test_a_file_that_is_not_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "none")


def test_too_much_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSecret, match=f"at most {BYTES_MAX} bytes"):
        read_private(make(tmp_path / "big", data=b"x" * (BYTES_MAX + 1)))
    with pytest.raises(BadSecret, match="expected text in UTF-8") as found:
        read_private(make(tmp_path / "binary", data=b"secret\xff"))
    assert found.value.__context__ is None  # a decoding error would hold the bytes


def test_a_new_file_is_private_whatever_the_umask_and_never_overwrites(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_private(tmp_path / "keys" / "master", Secret(VALUE))
    finally:
        os.umask(old)
    path = tmp_path / "keys" / "master"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with pytest.raises(BadSecret, match="exists already"):
        write_private(path, Secret("other-value"))
    assert read_private(path) == Secret(VALUE)
