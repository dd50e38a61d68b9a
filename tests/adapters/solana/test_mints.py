"""Mints: what the bytes say, by owner, and the fee of the right epoch."""

import struct
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.solana.account_bytes import AccountBytes
from adapters.solana.mints import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, MintBook, TransferFee, decode_mint
from adapters.solana.node import SolanaNode
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.token_fee import TokenFee
from tests.adapters.solana.desk import mint_bytes
from tests.adapters.solana.fake_chain import FakeChain

NAME = "4" * 44


def extended(*extensions: tuple[int, bytes], tail: bytes = b"") -> bytes:
    body = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in extensions)
    return mint_bytes(6) + bytes(83) + b"\x01" + body + tail


def fee_config(older: tuple[int, int, int], newer: tuple[int, int, int]) -> bytes:
    return bytes(72) + struct.pack("<QQH", *older) + struct.pack("<QQH", *newer)


def decode(data: bytes, owner: str = TOKEN_2022_PROGRAM):  # type: ignore[no-untyped-def]
    return decode_mint(NAME, AccountBytes(owner, 1, data))


def test_the_fee_changes_with_its_epoch() -> None:
    mint = decode(extended((3, bytes(32)), (1, fee_config((0, 500, 10), (700, 900, 25)))))
    assert mint.decimals == 6 and mint.extensions == (3, 1)
    assert mint.fee_at(699) == TransferFee(0, 500, 10) and mint.fee_at(700) == TransferFee(700, 900, 25)
    assert mint.token_fee(701, is_first=False) == TokenFee(False, 25, 900)
    assert decode(mint_bytes(9), TOKEN_PROGRAM).token_fee(1, is_first=True) == TokenFee(True, 0, 0)


@pytest.mark.parametrize(
    ("data", "owner"),
    [
        (mint_bytes(6), "1" * 32), (mint_bytes(6)[:-1], TOKEN_PROGRAM), (extended(), TOKEN_PROGRAM),
        (bytes(82), TOKEN_PROGRAM), (mint_bytes(6) + bytes(90), TOKEN_2022_PROGRAM),
        (extended((1, bytes(107))), TOKEN_2022_PROGRAM), (extended(tail=b"\x05\x00\xff\x00"), TOKEN_2022_PROGRAM),
        (extended((1, fee_config((0, 1, 10_001), (0, 1, 1)))), TOKEN_2022_PROGRAM),
    ],
)  # fmt: skip
def test_what_is_no_mint_is_refused(data: bytes, owner: str) -> None:
    with pytest.raises(UnknownLayout, match=NAME):
        decode(data, owner)


@given(st.binary(max_size=400), st.sampled_from([TOKEN_PROGRAM, TOKEN_2022_PROGRAM, "x"]), st.booleans())
def test_any_bytes_are_a_mint_or_refused(data: bytes, owner: str, is_prefixed: bool) -> None:
    try:
        mint = decode(extended(tail=data) if is_prefixed else data, owner)
    except UnknownLayout:
        return
    assert 0 <= mint.decimals <= 255
    assert all(fee is None or fee.fee_bps <= 10_000 for fee in (mint.older_fee, mint.newer_fee))


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with FakeChain() as made:
        yield made


async def test_a_book_asks_once_and_one_bad_mint_spoils_no_other(chain: FakeChain) -> None:
    book = MintBook(SolanaNode(chain.pool))
    chain.put(NAME, mint_bytes(6))
    chain.put("5" * 44, b"no mint")
    await book.prefetch([NAME, "5" * 44, "6" * 44])
    assert [each.decimals for each in await book.read([NAME, NAME])] == [6, 6]
    assert chain.methods() == ["getGenesisHash", "getMultipleAccounts"] or chain.methods()[-1] == "getMultipleAccounts"
    assert chain.methods().count("getMultipleAccounts") == 1
    for bad in ("5" * 44, "6" * 44):
        with pytest.raises(UnknownLayout):
            await book.read([NAME, bad])
    chain.put(NAME, mint_bytes(7))
    await book.prefetch([NAME], is_fresh=True)
    assert (await book.read([NAME]))[0].decimals == 7
