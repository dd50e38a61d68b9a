import os
from pathlib import Path

import pytest

from kernel.errors import ConfigError
from webui.private_file import read_private, replace_private


def test_what_was_written_is_read_and_nobody_else_may(tmp_path: Path) -> None:
    path = tmp_path / "f"
    replace_private(path, b"one", "x")
    replace_private(path, b"two", "x")
    assert read_private(path, "x", 10) == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["f"]


def test_a_link_a_pipe_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    real = tmp_path / "real"
    replace_private(real, b"x" * 100, "x")
    link, pipe, folder = tmp_path / "link", tmp_path / "pipe", tmp_path / "folder"
    link.symlink_to(real)
    os.mkfifo(pipe, 0o600)
    folder.mkdir(0o700)
    for path in (link, pipe, folder):
        with pytest.raises(ConfigError, match="cannot read"):
            read_private(path, "x", 1000)
    with pytest.raises(ConfigError, match="at most 99 bytes"):
        read_private(real, "x", 99)
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "none", "x", 99)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "f"
    replace_private(path, b"x", "x")
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"with mode 0600, found {mode:04o}; run chmod 600"):
        read_private(path, "x", 99)


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "f"
    victim.write_text("precious")
    path.symlink_to(victim)
    replace_private(path, b"new", "x")
    assert victim.read_text() == "precious"
    assert read_private(path, "x", 99) == b"new"


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .* choose another --data"):
        replace_private(tmp_path / "none" / "f", b"x", "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    replace_private(path, b"x", "x")
    os.chown(path, 12_345, 12_345)
    with pytest.raises(ConfigError, match="owned by user 0, found 12345"):
        read_private(path, "x", 99)
