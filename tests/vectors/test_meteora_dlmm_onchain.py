"""DLMM swaps against what the real program did with dumped pools: accounts in, amounts out.

Two kinds of error are in the file. `InstructionErrorCustom(3005)` (accounts missing): the swap wanted a bin array that
the dump lacks; the quote must refuse with `depth_unknown` or `arrays_exhausted`. `InstructionErrorCustom(1)` (token
program: too few funds): the dump's reserve account holds less than its bins sell; the quote knows the reserve and must
refuse with `insufficient_liquidity`. Any other error is skipped, for its reason is not known to be one of the maths.
"""

import base64
import json
from functools import cache
from typing import Any

import pytest

from adapters.meteora.addresses import PROGRAM
from adapters.meteora.pool import MeteoraPool
from bus.pool_parts.base import PoolPart
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.dlmm import DlmmPool
from kernel.amm.dlmm_builder import DlmmBuilder
from kernel.amm.errors import PoolRefused
from tests.vectors.load import ACCOUNTS, params

FILE = "meteora_dlmm_onchain.json"
TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
EXTENSIONS_AT, TRANSFER_FEE = 166, 1
SLOT = 500_000_000  #: after the dumped pairs open; the file does not say at which slot the program ran
REFUSALS = {"InstructionErrorCustom(3005)": "depth_unknown", "InstructionErrorCustom(1)": "insufficient_liquidity"}


def token_fee(mint: bytes, *, is_first: bool) -> TokenFee:
    """The newer transfer fee of a mint's bytes; none for a plain mint or one that the dump lacks."""
    at = EXTENSIONS_AT
    while at + 4 <= len(mint):
        kind, length = (int.from_bytes(mint[at + skip : at + skip + 2], "little") for skip in (0, 2))
        if kind == TRANSFER_FEE:
            maximum, bps = mint[at + 4 + 98 : at + 4 + 106], mint[at + 4 + 106 : at + 4 + 108]
            return TokenFee(is_first, int.from_bytes(bps, "little"), int.from_bytes(maximum, "little"))
        at += 4 + length
    return TokenFee(is_first, 0, 0)


@cache
def pool_of(address: str) -> DlmmPool:
    dump = ACCOUNTS / "meteora_dlmm" / f"{address}.json"
    if not dump.is_file():
        pytest.skip(f"{dump} is not there: set VECTOR_ACCOUNTS_DIR")
    accounts = {name: base64.b64decode(text) for name, text in json.loads(dump.read_text()).items()}
    tracked = MeteoraPool(address, PROGRAM, accounts["lb_pair"], SLOT)
    builder = DlmmBuilder()

    def add(parts: tuple[PoolPart, ...]) -> None:
        for part in parts:
            builder.add(part)

    add(tracked.update(address, PROGRAM, accounts["lb_pair"], SLOT))
    add(tracked.missing(tracked.neighbours()[-1]))
    for name, data in accounts.items():
        if name.startswith("bin_array"):
            index = int.from_bytes(data[8:16], "little", signed=True)
            add(tracked.update(tracked.array_address(index), PROGRAM, data, 0))
    for is_x, name in ((True, "token_x_mint"), (False, "token_y_mint")):
        add((token_fee(accounts.get(name, b""), is_first=is_x),))
    reserves = (tracked.account.reserve_x, tracked.account.reserve_y)
    for name, reserve in zip(("reserve_x", "reserve_y"), reserves, strict=True):
        add(tracked.update(reserve, TOKEN_PROGRAM, accounts[name], 0))
    pool = builder.pool()
    assert pool is not None
    return pool


@pytest.mark.parametrize(("case", "content"), params(FILE, "cases"))
def test_a_quote_is_what_the_program_pays(case: dict[str, Any], content: dict[str, Any]) -> None:
    pool, out = pool_of(case["pool"]), case["out"]
    ask = (case["swap_for_y"], int(case["amount_in"]), case["unix_timestamp"])
    if "error" in out:
        reason = next((reason for text, reason in REFUSALS.items() if text in out["error"]), None)
        if reason is None:
            pytest.skip(f"not a maths case: {out['error']}")
        with pytest.raises(PoolRefused) as refused:
            pool.quote_in(*ask)
        assert refused.value.reason == reason
        return
    quote = pool.quote_in(*ask)
    assert (quote.amount_in, quote.amount_out) == (int(out["consumed_in"]), int(out["amount_out"]))
