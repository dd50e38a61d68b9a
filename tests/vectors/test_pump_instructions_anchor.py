"""pump_instructions.json through the IDL codec: marks, arguments and account flags, without any hand-written layout."""

from typing import Any

import pytest

from tests.vectors.load import params
from tests.vectors.test_accounts_anchor import codec

FILES = {"pump": "pump_fun_idl", "pump_amm": "pump_swap_idl"}


@pytest.mark.parametrize(("case", "content"), params("pump_instructions.json", "cases"))
def test_instructions_decode_and_encode_to_the_same_bytes(case: dict[str, Any], content: dict[str, Any]) -> None:
    venue, _, wanted = case["name"].replace("-", "_").partition(".")
    own, data = codec(FILES[venue]), bytes.fromhex(case["out"]["data_hex"])
    found = own.decode_instruction(data)
    assert found is not None and found[0].startswith(wanted)
    assert own.encode_instruction(*found) == data
    roles = own.instruction(found[0]).accounts
    for role, (_, flags) in zip(roles, case["out"]["accounts"], strict=False):
        assert role.is_signer == ("s" in flags)
        assert role.is_writable <= ("w" in flags)  # the newer SDK locks a few accounts more (migrate_v2's payer)
    stated = {role.address: place for place, role in enumerate(roles) if role.address}
    assert all(case["out"]["accounts"][place][0] == address for address, place in stated.items())
