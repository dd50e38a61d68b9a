"""Which URLs carry a key, and what an endpoint may be called."""

import pytest

from kernel.errors import ConfigError
from kernel.rpc.rpc_endpoint import RpcEndpoint, check_endpoint
from kernel.rpc.rpc_providers import PROVIDER_TYPES, VARIABLES
from kernel.rpc.rpc_url import carries_key, check_url, fill_key, secret_name, shown_url
from kernel.secrets.secret import Secret


@pytest.mark.parametrize(
    ("url", "is_bearing"),
    [
        ("https://rpc.example.com/v2/{KEY}", False),
        ("https://rpc.example.com/?api-key={KEY}", False),
        ("https://rpc.example.com/v2/AbCdEf0123456789ghij", True),
        ("https://rpc.example.com/v2/abcdefghijklmnopqrstuvwxyz", True),
        ("https://rpc.example.com/?api-key=short", True),
        ("https://user:pass@rpc.example.com/", True),
        ("https://0123456789abcdef01234567.rpc.example.com/", True),
        ("https://mainnet.block-engine.jito.wtf", False),
        ("http://127.0.0.1:8545", False),
        ("https://rpc.example.com/prefix{KEY}/AbCdEf0123456789ghij", True),
        ("https://rpc.example.com/#AbCdEf0123456789ghij", True),
        ("https://arb1.arbitrum.example/rpc", False),
    ],
)
def test_what_may_be_a_key_counts_as_one(url: str, is_bearing: bool) -> None:
    assert carries_key(url) is is_bearing


@pytest.mark.parametrize(
    "url",
    ["ftp://h/x", "file:///etc/passwd", "h.example", "http://", "http://h:99999/", "http://u:p@h/", "http://h/a b",
     "http://{KEY}.h/", "ws://h/", "http://h/" + "a" * 3000, "http://h/\n", "gopher://h", "http://[::1"],
)  # fmt: skip
def test_a_url_of_another_kind_is_refused_without_being_quoted_whole(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^field: ") as found:
        check_url(url, "http", "field")
    assert len(str(found.value)) < 300


def test_the_key_is_filled_in_encoded() -> None:
    assert fill_key(Secret("https://h/{KEY}/x"), Secret("a/b?c")).reveal() == "https://h/a%2Fb%3Fc/x"
    with pytest.raises(ConfigError, match="expected a secret"):
        fill_key(Secret("https://h/{KEY}"), None)


def test_labels_and_secret_names() -> None:
    assert secret_name("Alchemy main-1") == "RPC_KEY_ALCHEMY_MAIN_1"
    assert shown_url("https://h.example/v2/AbCdEf0123456789ghij") == "h.example/v2/***"


def test_each_variable_of_the_environment_belongs_to_a_type_and_chains_can_be_verified() -> None:
    assert {"ETHEREUM_RPC_URLS", "SOLANA_RPC_URL", "SOLANA_RPC_URLS", "SOLANA_WS_URL", "FLASHBOTS_RPC",
            "JUPITER_API_URL", "JITO_BLOCK_ENGINE_URL", "MONAD_RPC_URLS"} <= set(VARIABLES)  # fmt: skip
    for kind in PROVIDER_TYPES.values():
        assert kind.identity or kind.family == "http" or kind.name == "SOLANA_WS"
        assert not (kind.defaults and kind.identity), "a chain's node is the operator's choice"


@pytest.mark.parametrize(
    ("field", "value"),
    [("weight", float("nan")), ("rate_per_s", float("inf")), ("priority", -1), ("burst", 0), ("label", "<b>"),
     ("label", ""), ("provider_type", "X")],
)  # fmt: skip
def test_an_endpoint_out_of_bounds_is_refused_by_name(field: str, value: object) -> None:
    good = {"provider_type": "ETHEREUM_RPC", "label": "a", "url": Secret("https://h.example")}
    check_endpoint(RpcEndpoint(**good))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=field):
        check_endpoint(RpcEndpoint(**(good | {field: value})))  # type: ignore[arg-type]
