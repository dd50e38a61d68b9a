import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import ConfigError
from tests.webui.lag import STALL_S, least_lag_s
from tests.webui.people import PASSWORD, kept
from webui.passwords import (
    CHARS_MAX,
    MEMORY_KIB,
    NOBODY,
    PASSES,
    Passwords,
    is_kept_form,
    require_good_password,
)


@pytest.mark.slow
async def test_only_the_right_password_is_right() -> None:
    passwords = Passwords()
    assert await passwords.is_right(PASSWORD, kept())
    assert not await passwords.is_right(PASSWORD + " ", kept())
    assert not await passwords.is_right("", kept())
    assert not await passwords.is_right(PASSWORD, "garbage")
    passwords.close()


@pytest.mark.slow
async def test_a_password_may_be_typed_with_either_form_of_accents() -> None:
    from webui.passwords import hash_password

    passwords = Passwords()
    assert await passwords.is_right("Gru\u0308n ist die Hoffnung", hash_password("Gr\u00fcn ist die Hoffnung"))
    passwords.close()


async def test_nobody_costs_the_same_check_and_is_never_right() -> None:
    passwords = Passwords()
    assert not await passwords.is_right(PASSWORD, None)
    assert passwords.checked == 1
    assert f"m={MEMORY_KIB},t={PASSES}" in NOBODY
    assert f"m={MEMORY_KIB},t={PASSES}" in kept()
    assert is_kept_form(NOBODY)
    passwords.close()


@pytest.mark.slow
async def test_a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has() -> None:
    passwords = Passwords()

    async def best_s(hashed: str | None) -> float:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            assert not await passwords.is_right("wrong password", hashed)
            times.append(time.perf_counter() - began)
        return min(times)

    assert 0.5 < await best_s(None) / await best_s(kept()) < 2
    passwords.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "$argon2i$v=19$m=65536,t=3,p=1$fh2fcdBsTxlPjNs1XZolpw$3YGwQRgImOS6QaEyWJSNmF",
        NOBODY.replace("m=65536", "m=999999"),
        NOBODY.replace("m=65536", "m=1"),
        NOBODY.replace("t=3", "t=99"),
        NOBODY.replace("p=1", "p=9"),
        NOBODY + "\n",
    ],
)
def test_a_hash_that_is_not_ours_or_too_dear_is_none(text: str) -> None:
    assert not is_kept_form(text)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "expected 12 to 256 characters, found 5"),
        ("x" * (CHARS_MAX + 1), "expected 12 to 256 characters"),
        ("annabella.meier", "something else than the user's name"),
        ("Annabella.Meier", "something else than the user's name"),
        ("aaaaaaaaaaaaab", "at least 5 different characters, found 2"),
        ("two lines\nof text", "printable"),
    ],
)
def test_a_bad_password_is_refused_and_not_repeated(password: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        require_good_password(password, "annabella.meier")
    assert password not in str(caught.value)


@pytest.mark.slow
@given(st.text(min_size=1))
def test_no_text_breaks_the_check_of_the_form(text: str) -> None:
    is_kept_form(text)
    try:
        require_good_password(text, "anna")
    except ConfigError as error:
        assert str(error).startswith("password: expected")


@pytest.mark.slow
async def test_many_checks_wait_in_line_and_the_loop_runs_on() -> None:
    """64 MiB each: one at a time. The loop's lag stays under 5 ms while eight are computed."""
    passwords = Passwords()
    kept()

    async def checks() -> None:
        asked = [asyncio.create_task(passwords.is_right("wrong password", kept())) for _ in range(8)]
        await asyncio.sleep(0)
        assert not passwords.has_room
        assert await asyncio.gather(*asked) == [False] * 8
        assert passwords.has_room

    assert await least_lag_s(checks, 0.005) < STALL_S
    passwords.close()
