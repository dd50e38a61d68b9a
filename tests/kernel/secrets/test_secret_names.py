"""Forms of secrets are checked in words that never hold the value."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.secrets.secret import Secret
from kernel.secrets.secret_names import KNOWN, base58_bytes, is_name, kind_of, known_name, shape_problem

HEX = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
PAIR = list(range(64))
BASE58 = "11" + "5" * 85
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"
GOOD = [
    ("PRIVATE_KEY", HEX),
    ("PRIVATE_KEY", "0x" + HEX.upper()),
    ("SOLANA_PRIVATE_KEY", msgspec.json.encode(PAIR).decode()),
    ("binance_api_key", "a" * 64),
    ("binance_api_secret", "B" * 64),
    ("binance_api_secret", PEM),
    ("FLASHBOTS_SIGNING_KEY", HEX),
    ("JITO_AUTH_UUID", "123e4567-e89b-12d3-a456-426614174000"),
    ("JUPITER_API_KEY", "abcdef-123456"),
    ("HYPERLIQUID_AGENT_KEY", HEX),
    ("DYDX_MNEMONIC", " ".join(["abandon"] * 23 + ["art"])),
    ("ACROSS_API_KEY", "abcdef-123456"),
    ("TELEGRAM_BOT_TOKEN", "123456789:" + "A" * 35),
    ("WEBHOOK_SIGNING_KEY", "w" * 32),
    ("RPC_KEY_ALCHEMY", "abcdef123456"),
    ("something_of_my_own", "anything at all"),
]
BAD = [
    ("PRIVATE_KEY", HEX[:-1]),
    ("PRIVATE_KEY", "0" * 64),
    ("PRIVATE_KEY", "f" * 64),  # above the curve's order
    ("PRIVATE_KEY", "zz" + HEX[2:]),
    ("SOLANA_PRIVATE_KEY", msgspec.json.encode(PAIR[:63]).decode()),
    ("SOLANA_PRIVATE_KEY", msgspec.json.encode([*PAIR[:63], 256]).decode()),
    ("SOLANA_PRIVATE_KEY", "[1,"),
    ("SOLANA_PRIVATE_KEY", "0" * 88),
    ("SOLANA_PRIVATE_KEY", "2" * 64),
    ("binance_api_secret", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----"),
    ("DYDX_MNEMONIC", "abandon abandon art"),
    ("TELEGRAM_BOT_TOKEN", "not-a-telegram-token"),
    ("RPC_KEY_ALCHEMY", "with a space in it"),
    ("something_of_my_own", "with a \x00 zero"),
    ("something_of_my_own", "x" * 20_000),
    ("something_of_my_own", ""),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_value_of_the_right_form_has_no_problem(name: str, value: str) -> None:
    assert shape_problem(name, Secret(value)) == ""


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_of_the_wrong_form_is_named_without_being_quoted(name: str, value: str) -> None:
    problem = shape_problem(name, Secret(value))
    assert name in problem
    assert not value or value not in problem


@given(st.sampled_from([kind.name for kind in KNOWN]), st.text())
def test_any_text_gets_an_answer(name: str, value: str) -> None:
    problem = shape_problem(name, Secret(value))
    assert len(value) < 12 or value not in problem


@given(st.binary(max_size=80))
def test_base58_agrees_with_solders(data: bytes) -> None:
    from solders.pubkey import Pubkey

    padded = data.ljust(32, b"\x01")[:32]
    assert base58_bytes(str(Pubkey.from_bytes(padded))) == padded


@given(st.text(max_size=100))
def test_base58_takes_any_text(text: str) -> None:
    found = base58_bytes(text)
    assert found is None or len(found) <= len(text)


def test_names_are_found_in_capitals_too_as_environments_have_them() -> None:
    assert known_name("BINANCE_API_KEY") == known_name("binance_api_key") == "binance_api_key"
    assert known_name("RPC_KEY_X") == "RPC_KEY_X"
    assert known_name("PATH") is None and known_name("RPC_KEY_") is None
    assert kind_of("private_key") is None


def test_every_secret_that_a_strategy_asks_for_is_known() -> None:
    from kernel.compose.registry import STRATEGIES, strategy_kind

    wanted = {name for each in STRATEGIES for name in strategy_kind(each).required_secrets}
    assert wanted and [name for name in wanted if kind_of(name) is None] == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-a", "a" * 129, "a\n"])
def test_a_name_is_no_path(name: str) -> None:
    assert not is_name(name)
