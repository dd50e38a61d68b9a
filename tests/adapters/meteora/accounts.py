"""DLMM accounts for tests, as bytes: a pair with three bin arrays."""

from msgspec.structs import replace
from solders.pubkey import Pubkey

from adapters.meteora import addresses
from adapters.meteora.bin_array import BIN_ARRAY, Bin, BinArray
from adapters.meteora.bitmap_extension import BITMAP_EXTENSION, BitmapExtension, BitmapRow
from adapters.meteora.lb_pair import LB_PAIR, LbPair, ProtocolFee, RewardInfo, StaticParameters, VariableParameters
from kernel.amm.dlmm_price import price_q64

PAIR = str(Pubkey.from_bytes(bytes([7]) * 32))
MINT_X, MINT_Y = (str(Pubkey.from_bytes(bytes([at]) * 32)) for at in (8, 9))
NOBODY = str(Pubkey.default())
NO_REWARD = RewardInfo(NOBODY, NOBODY, NOBODY, 0, 0, 0, 0, 0)
BIN_STEP = 10
UPDATED_S = 1_780_000_000


def bitmap(*indexes: int) -> tuple[int, ...]:
    bits = sum(1 << (index + 512) for index in indexes)
    return tuple(bits >> 64 * at & (1 << 64) - 1 for at in range(16))


LB = LbPair(
    StaticParameters(10_000, 30, 600, 5_000, 40_000, 350_000, -43_690, 43_690, 1_000, 0, 2, 0, bytes(3)),
    VariableParameters(20_000, 10_000, 4, bytes(4), UPDATED_S, bytes(8)),
    bytes(1),
    BIN_STEP.to_bytes(2, "little"),
    3,
    3,
    BIN_STEP,
    0,
    0,
    bytes(2),
    0,
    0,
    MINT_X,
    MINT_Y,
    addresses.reserve(PAIR, MINT_X),
    addresses.reserve(PAIR, MINT_Y),
    ProtocolFee(1, 2),
    bytes(32),
    (NO_REWARD, NO_REWARD),
    addresses.oracle(PAIR),
    bitmap(-1, 0, 2),
    0,
    bytes(32),
    NOBODY,
    NOBODY,
    0,
    0,
    bytes(8),
    0,
    NOBODY,
    0,
    0,
    1,
    bytes(21),
)
EMPTY = Bin(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, bytes(3))


def lb_pair(**changes: object) -> bytes:
    return LB_PAIR.encode(replace(LB, **changes))


def lb_with(**parameters: object) -> bytes:
    return LB_PAIR.encode(replace(LB, parameters=replace(LB.parameters, **parameters)))


def bin_array(index: int, held: dict[int, Bin], pair: str = PAIR) -> bytes:
    """Bins by id; their price is filled in where it is 0."""
    bins = []
    for bin_id in range(index * 70, index * 70 + 70):
        each = held.get(bin_id, EMPTY)
        bins.append(replace(each, price=each.price or price_q64(bin_id, BIN_STEP)))
    return BIN_ARRAY.encode(BinArray(index, 2, bytes(7), pair, tuple(bins)))


def extension(*indexes: int, pair: str = PAIR) -> bytes:
    sides: tuple[list[int], list[int]] = ([0] * 12, [0] * 12)
    for index in indexes:
        bit = index if index > 0 else -index - 1
        sides[index < 0][bit // 512 - 1] |= 1 << bit % 512
    rows = [
        tuple(BitmapRow(tuple(row >> 64 * at & (1 << 64) - 1 for at in range(8))) for row in side) for side in sides
    ]
    return BITMAP_EXTENSION.encode(BitmapExtension(pair, *rows))


def token_account(mint: str, owner: str, amount: int) -> bytes:
    head = bytes(Pubkey.from_string(mint)) + bytes(Pubkey.from_string(owner))
    return head + amount.to_bytes(8, "little") + bytes(93)
