import os
from pathlib import Path

import pytest

from kernel.errors import ConfigError
from webui.access_token import load_or_make_token
from webui.auth import ABSOLUTE_S, ATTEMPTS, IDLE_S, SESSIONS_MAX, LoginBrake, Sessions

TOKEN = "0123456789abcdef0123"


class Hands:
    """A clock moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_only_the_right_token_opens_a_session() -> None:
    sessions = Sessions(TOKEN)
    assert sessions.login(TOKEN[:-1]) is None
    assert sessions.login("") is None
    session = sessions.login(TOKEN)
    assert session is not None
    assert sessions.find(session.session_id) is session
    assert sessions.find("made up") is None


def test_a_session_ends_idle_and_ends_anyway() -> None:
    hands = Hands()
    sessions = Sessions(TOKEN, hands)
    idle, busy = sessions.login(TOKEN), sessions.login(TOKEN)
    assert idle is not None and busy is not None
    for _ in range(int(ABSOLUTE_S // IDLE_S)):
        hands.now_s += IDLE_S
        assert sessions.is_live(busy.session_id)
    assert not sessions.is_live(idle.session_id)
    hands.now_s += IDLE_S
    assert not sessions.is_live(busy.session_id)


def test_the_oldest_session_gives_way_beyond_the_limit() -> None:
    sessions = Sessions(TOKEN)
    made = [sessions.login(TOKEN) for _ in range(SESSIONS_MAX + 1)]
    assert [each is not None and sessions.is_live(each.session_id) for each in made] == [False] + [True] * SESSIONS_MAX


def test_guessing_is_slowed_down_per_address() -> None:
    hands = Hands()
    brake = LoginBrake(hands)
    for _ in range(ATTEMPTS):
        assert brake.wait_s("a") == 0
        brake.failed("a")
    assert brake.wait_s("a") == pytest.approx(10)
    assert brake.wait_s("b") == 0
    hands.now_s += 10
    assert brake.wait_s("a") == 0
    brake.failed("a")
    assert brake.wait_s("a") > 0


def test_the_token_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = load_or_make_token(path)
    assert len(token) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_make_token(path) == token


def test_a_token_file_that_others_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    load_or_make_token(path)
    os.chmod(path, 0o644)
    with pytest.raises(ConfigError, match=r"expected .* with mode 0600, found 0644; run chmod 600"):
        load_or_make_token(path)


def test_a_short_or_unreadable_token_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("short\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="at least 16 characters"):
        load_or_make_token(path)
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(ConfigError, match="cannot read"):
        load_or_make_token(path)
    with pytest.raises(ConfigError, match="cannot write"):
        load_or_make_token(tmp_path / "missing" / "token")
