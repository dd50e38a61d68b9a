"""accounts.json against the IDL files of the shelf: what the codec decodes equals what the official coders decoded."""

import base64
from functools import cache
from typing import Any

import pytest

from adapters.anchor import Codec, discriminator
from adapters.solana.tracked_pool import UnknownLayout
from tests.shared_data import SHARED
from tests.vectors.load import params

#: venue -> the IDL file that describes it
FILES = {"pump": "pump_fun_idl", "pump_amm": "pump_swap_idl", "raydium_launchlab": "raydium_launchlab_idl"}
#: appended to their structs after the shelf's IDLs were written (2026-07); the codec cannot know them
NEWER = {
    "creatorfeebps", "caneditcreatorfee", "isholderreward", "holderrewards", "holderrewardsbps", "exoticflatfees",
    "creatorfeeconfigurable", "maxconfigurablecreatorfeebps", "isholderrewardenabled", "holderrewardclaimauthority",
    "platformvestingshare",
}  # fmt: skip
#: LaunchLab's IDL name -> the official SDK's name
LAUNCHLAB_NAMES = {
    "authbump": "bump", "basedecimals": "mintdecimalsa", "quotedecimals": "mintdecimalsb", "totalbasesell":
    "totalsella", "virtualbase": "virtuala", "virtualquote": "virtualb", "realbase": "reala", "realquote": "realb",
    "totalquotefundraising": "totalfundraisingb", "quoteprotocolfee": "protocolfee", "globalconfig": "configid",
    "platformconfig": "platformid", "basemint": "minta", "quotemint": "mintb", "basevault": "vaulta", "quotevault":
    "vaultb", "allocatedshareamount": "totalallocatedshare", "tokenprogramflag": "mintprogramflag", "ammcreatorfeeon":
    "cpmmcreatorfeeon", "minbasesupply": "minsupplya", "minbasesellrate": "minsellratea", "minbasemigraterate":
    "minmigrateratea", "minquotefundraising": "minfundraisingb", "migratetocpswapwallet": "migratetocpmmwallet",
}  # fmt: skip


@cache
def codec(file: str) -> Codec:
    path = SHARED / "data" / "pumpfun" / f"{file}.json"
    if not path.is_file():
        pytest.skip(f"SHARED DATA MISSING: {path} not found; this test needs the reference shelf")
    return Codec.parse(path.read_bytes())


def plain(value: Any, names: dict[str, str]) -> Any:
    """Both sides in one shape: the SDK's names, without case and underscores; integers as text; no padding."""
    if isinstance(value, dict):
        flat = {name.replace("_", "").lower(): each for name, each in value.items()}
        return {names.get(name, name): plain(each, names) for name, each in flat.items() if name != "padding"}
    if isinstance(value, list | tuple | bytes):
        return [plain(each, names) for each in value]
    return value if isinstance(value, bool) or value is None else str(value)


def served(section: str) -> list[Any]:
    found = params("accounts.json", section)
    return [each for each in found if each.values[0] is None or each.values[0]["venue"] in FILES]


def agree(expected: dict[str, Any], found: dict[str, Any]) -> None:
    assert {name: value for name, value in expected.items() if name not in NEWER - found.keys()} == found


@pytest.mark.parametrize(("case", "content"), served("accounts"))
def test_accounts_decode_as_the_official_coder_decodes_them(case: dict[str, Any], content: dict[str, Any]) -> None:
    kind, venue = case["kind"], case["venue"]
    own = codec("pump_fees" if kind == "FeeConfig" else FILES[venue])
    data = base64.b64decode(case["base64"])
    assert own.account_name(data) == kind
    is_launchlab_pool = (venue, kind) == ("raydium_launchlab", "PoolState")
    if is_launchlab_pool:  # its bytes are random, so the enum's is impossible: refused, then put right
        with pytest.raises(UnknownLayout, match="AmmCreatorFeeOn"):
            own.decode_account(kind, data)
        at = own.offset(kind, "amm_creator_fee_on")
        assert data[at] == int(case["decoded"]["cpmmCreatorFeeOn"])
        data = data[:at] + b"\x01" + data[at + 1 :]
    fields = own.decode_account(kind, data, is_short_allowed=True)
    written = own.encode_account(kind, fields)
    assert written[: len(data)] == data[: len(written)]
    found = plain(fields, LAUNCHLAB_NAMES if venue == "raydium_launchlab" else {})
    expected = plain(case["decoded"], {})
    if is_launchlab_pool:
        expected["cpmmcreatorfeeon"] = "BothToken"
    agree(expected, found)


@pytest.mark.parametrize(("case", "content"), served("events"))
def test_events_decode_from_logs_and_from_self_calls(case: dict[str, Any], content: dict[str, Any]) -> None:
    own = codec(FILES[case["venue"]])
    from_log = own.decode_event_log(case["program_data_log"])
    assert from_log is not None
    assert own.decode_event(bytes.fromhex(case["self_cpi_instruction_hex"])) == from_log
    assert from_log[0] == case["event"]
    agree(plain(case["decoded"], {}), plain(from_log[1], {}))


@pytest.mark.parametrize("file", ["pump_fun_idl", "pump_swap_idl", "pump_fees", "raydium_launchlab_idl"])
def test_everything_in_a_published_idl_compiles_and_has_the_default_marks(file: str) -> None:
    own = codec(file)
    for name, mark in own.idl.accounts.items():
        assert mark == discriminator("account", name)
        assert own.decode_account(name, mark, is_short_allowed=True)
    for name, mark in own.idl.events.items():
        assert mark == discriminator("event", name)
        found = own.decode_event(mark, is_short_allowed=True)
        assert found is not None and found[0] == name
    for name, shape in own.idl.instructions.items():
        assert shape.mark == discriminator("global", name)
        assert own.decode_instruction(shape.mark + bytes(4_096)) is not None
