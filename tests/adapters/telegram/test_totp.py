"""Codes against the vectors of RFC 6238, appendix B (SHA-1, cut to six digits)."""

import base64

import pytest

from adapters.telegram.totp import Totp
from bus.clock import NS_PER_S
from kernel.errors import ConfigError
from kernel.secrets.secret import Secret

KEY = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
        (2000000000, "279037"), (20000000000, "353130"),
    ],
)  # fmt: skip
def test_codes_are_those_of_the_standard(second: int, code: str) -> None:
    totp = Totp(Secret(KEY))
    assert totp.code_at(second // 30) == code
    assert totp.accept(code, second * NS_PER_S)


def test_a_code_works_once_and_no_older_one_after_it() -> None:
    totp = Totp(Secret(KEY))
    now_ns = 1_700_000_000 * NS_PER_S
    step = 1_700_000_000 // 30
    assert totp.accept(totp.code_at(step), now_ns)
    assert not totp.accept(totp.code_at(step), now_ns)
    assert not totp.accept(totp.code_at(step - 1), now_ns)
    assert totp.accept(totp.code_at(step + 1), now_ns)


def test_a_code_counts_one_step_aside_and_no_further() -> None:
    now_ns = 1_700_000_000 * NS_PER_S
    step = 1_700_000_000 // 30
    assert [Totp(Secret(KEY)).accept(Totp(Secret(KEY)).code_at(step + off), now_ns) for off in (-2, -1, 0, 1, 2)] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_a_used_step_is_remembered_over_a_restart() -> None:
    first = Totp(Secret(KEY))
    now_ns = 1_700_000_000 * NS_PER_S
    code = first.code_at(1_700_000_000 // 30)
    assert first.accept(code, now_ns)
    assert not Totp(Secret(KEY), first.used_step).accept(code, now_ns)


@pytest.mark.parametrize("text", ["", "not base32 !!", "AAAA", "GEZDGNBVGY1"])
def test_a_key_that_is_none_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigError, match="TELEGRAM_TOTP_SECRET") as caught:
        Totp(Secret(text))
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "abcdef", "0" * 20])
def test_no_other_text_is_a_code(code: str) -> None:
    assert not Totp(Secret(KEY)).accept(code, 59 * NS_PER_S)
