"""Endpoints from the environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rpc.environment import endpoints_of, with_defaults
from kernel.errors import ConfigError
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_providers import VARIABLES
from kernel.secrets.secret import Secret

KEYED = "https://eth.example.com/v2/AbCdEf0123456789ghij"


def named(environ: dict[str, str], source: str = "environment") -> list[tuple[str, str]]:
    return [each.key for each in endpoints_of(environ) if each.source == source]


def test_the_scheme_says_for_which_type_a_url_is_and_labels_show_no_key() -> None:
    environ = {"ETHEREUM_RPC_URLS": f"{KEYED}, wss://eth.example.com/ws,https://eth.example.com/v2/{'k1' * 10},"}
    assert named(environ) == [
        ("ETHEREUM_RPC", "eth.example.com/v2/***"), ("ETHEREUM_WS", "eth.example.com/ws"),
        ("ETHEREUM_RPC", "eth.example.com/v2/***#2"),
    ]  # fmt: skip


def test_one_url_in_two_variables_is_one_endpoint() -> None:
    environ = {"SOLANA_RPC_URL": "https://s.example", "SOLANA_RPC_URLS": "https://s.example,https://t.example"}
    assert named(environ) == [("SOLANA_RPC", "s.example"), ("SOLANA_RPC", "t.example")]


def test_services_have_public_defaults_until_somebody_names_one_and_chains_have_none() -> None:
    assert ("JUPITER_API", "api.jup.ag") in named({}, "default")
    assert not any(name.endswith("_RPC") for name, _ in named({}, "default"))
    assert ("JUPITER_API", "api.jup.ag") not in named({"JUPITER_API_URL": "https://jup.example"}, "default")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (f"{KEYED},ftp://x.example/{'k9' * 10}", 2),
        (f"nonsense{'k9' * 10}", 1),
        (f",{KEYED},http://{'k9' * 10}:pw@h", 3),
    ],
)
def test_an_error_names_variable_and_position_and_never_the_url(text: str, position: int) -> None:
    with pytest.raises(ConfigError, match=f"BASE_RPC_URLS, URL {position}") as found:
        endpoints_of({"BASE_RPC_URLS": text})
    assert "k9k9" not in str(found.value)


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(), max_size=3))
def test_any_text_gives_endpoints_or_a_config_error(environ: dict[str, str]) -> None:
    try:
        endpoints_of(environ)
    except ConfigError as error:
        assert any(name in str(error) for name in environ)


def test_the_database_wins_type_by_type_even_with_everything_switched_off() -> None:
    stored = [RpcEndpoint(provider_type="BASE_RPC", label="mine", url=Secret("https://b.example"), is_enabled=False)]
    found = with_defaults(stored, {"BASE_RPC_URLS": "https://env.example", "BSC_RPC_URLS": "https://bsc.example"})
    assert [each.label for each in found if each.provider_type == "BASE_RPC"] == ["mine"]
    assert [each.label for each in found if each.provider_type == "BSC_RPC"] == ["bsc.example"]
