"""Every field of a policy explains itself, has bounds, and is safe when it is not set."""

from typing import Any

import msgspec
import pytest

from adapters.signing.evm_policy import EvmPolicy
from adapters.signing.solana_policy import UNDERSTOOD, SolanaPolicy
from kernel.strategy import Settings, convert_settings


@pytest.mark.parametrize("kind", [EvmPolicy, SolanaPolicy])
def test_every_field_explains_itself(kind: type[Settings]) -> None:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        assert isinstance(field.type, msgspec.inspect.Metadata), field.name
        schema: dict[str, Any] = field.type.extra_json_schema or {}
        assert schema["title"] and schema["description"].endswith("."), field.name
        assert field.type.extra is not None and set(field.type.extra) >= {"unit", "group", "recommended"}, field.name


def test_unset_policies_allow_no_spending() -> None:
    evm, solana = EvmPolicy(), SolanaPolicy()
    assert (evm.chain_id, evm.spend_tx_max_gwei, evm.spend_day_max_gwei) == (0, 0, 0)
    assert (evm.targets, evm.tokens, evm.spenders, evm.recipients) == ((), (), (), ())
    assert (solana.tip_max_lamports, solana.spend_tx_max_lamports, solana.spend_day_max_lamports) == (0, 0, 0)
    assert (solana.programs, solana.recipients, solana.tip_accounts) == (UNDERSTOOD, (), ())


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (EvmPolicy, {"targets": ["0x12"]}),
        (EvmPolicy, {"targets": ["0x" + "g" * 40]}),
        (EvmPolicy, {"spend_tx_max_gwei": -1}),
        (EvmPolicy, {"spend_day_max_gwei": 10**16}),
        (EvmPolicy, {"spend": 1}),
        (SolanaPolicy, {"programs": ["0" * 40]}),
        (SolanaPolicy, {"tip_max_lamports": 10**16}),
    ],
)
def test_values_out_of_bounds_are_refused(kind: type[Settings], values: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        convert_settings(kind, values)
