from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.compose.live import BUNDLED_LOG
from kernel.compose.replay_logs import LogShelf
from kernel.errors import ConfigError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "logs-in" / "folder").mkdir(parents=True)
    (data / "logs-in" / "mine.evl").write_bytes(BUNDLED_LOG.read_bytes())
    (data / "logs-in" / "folder" / "000001-r0001.evl").write_bytes(BUNDLED_LOG.read_bytes())
    (data / "logs-in" / "broken.evl").write_bytes(b"no log")
    (data / "logs-in" / "note.txt").write_text("not a log")
    (tmp_path / "outside.evl").write_bytes(BUNDLED_LOG.read_bytes())
    (data / "logs-in" / "link.evl").symlink_to(tmp_path / "outside.evl")
    return data


def test_the_shelf_lists_samples_and_what_was_put_in_and_says_what_cannot_be_read(data: Path) -> None:
    listed = {each.key: each for each in LogShelf(data).listed()}
    assert {"sample:demo.evl", "in:mine.evl", "in:folder", "in:broken.evl"} <= set(listed)
    assert "in:note.txt" not in listed and "run" not in listed
    assert not listed["in:broken.evl"].is_readable and "not an event log" in listed["in:broken.evl"].note
    assert "simulated market" in listed["sample:demo.evl"].note and not listed["sample:demo.evl"].is_recorded


@pytest.mark.parametrize(
    "key",
    ["in:link.evl", "in:../outside.evl", "in:..", "in:.", "in:", "in:note.txt", "run", "in:/etc/passwd", "data:x.evl",
     "sample:../README.md", "in:mine.evl\x00", "/etc/passwd", "in:folder/000001-r0001.evl"],
)  # fmt: skip
def test_nothing_outside_can_be_named(data: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="log:"):
        LogShelf(data).resolve(key)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(max_size=40) | st.from_regex(r"(in|sample):[./a-z]{0,20}"))
def test_whatever_is_asked_stays_inside(data: Path, key: str) -> None:
    shelf = LogShelf(data)
    try:
        path = shelf.resolve(key)
    except ConfigError:
        return
    assert path.parent in ((data / "logs-in").resolve(), BUNDLED_LOG.parent.resolve())
