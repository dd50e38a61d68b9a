"""DLMM account bytes against the SDK's decoder, and back to the same bytes."""

import base64
import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import fields

from adapters.meteora.bin_array import BIN_ARRAY
from adapters.meteora.bitmap_extension import BITMAP_EXTENSION, BitmapRow
from adapters.meteora.lb_pair import LB_PAIR
from tests.vectors.load import files, params

LAYOUTS = {"lbPair": LB_PAIR, "binArray": BIN_ARRAY, "binArrayBitmapExtension": BITMAP_EXTENSION}


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def as_sdk(value: Any) -> Any:
    """Our value in the words of the golden file: camel case, bytes as lists, every number as text."""
    if isinstance(value, BitmapRow):
        return as_sdk(value.words)
    if isinstance(value, msgspec.Struct):
        return {camel(each.name): as_sdk(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (tuple, list, bytes)):
        return [as_sdk(each) for each in value]
    if isinstance(value, dict):
        return {key: as_sdk(each) for key, each in value.items()}
    return str(value)


def is_ours(case: dict[str, Any] | None) -> bool:
    return case is None or case["venue"] == "meteora_dlmm"


#: our own are in a file of their own, for the golden one serves several venues
OWN = [(case, content) for _, content in files("accounts_meteora.json") for case in content["accounts"]]
CASES = [*OWN, *(each for each in params("accounts.json", "accounts") if is_ours(each.values[0]))]


@pytest.mark.parametrize(("case", "content"), CASES)
def test_an_account_decodes_as_in_the_sdk_and_encodes_back(case: dict[str, Any], content: dict[str, Any]) -> None:
    layout, data = LAYOUTS[case["kind"]], base64.b64decode(case["base64"])
    account = layout.decode(data)
    assert as_sdk(account) == as_sdk(case["decoded"])
    assert layout.encode(account) == data
    assert len(data) == layout.length == case["len"]
