"""DLMM pairs for tests: builders, and a walk bin by bin that shares nothing with the tables of running sums."""

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from bus.pool_parts.dlmm import BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmFarArrays, DlmmPair
from kernel.amm.dlmm import DlmmPool
from kernel.amm.dlmm_builder import DlmmBuilder
from kernel.amm.dlmm_fee import age_of, base_rate, include_fee, references, total_rate, variable_rate, volatility_at
from kernel.amm.dlmm_price import price_q64

NOW_S = 1_780_000_000

PAIR = DlmmPair(
    active_id=3,
    bin_step_bps=10,
    base_factor=10_000,
    base_fee_power=0,
    variable_fee_control=40_000,
    filter_period_s=30,
    decay_period_s=600,
    reduction_bps=5_000,
    volatility_max=350_000,
    protocol_share_bps=1_000,
    has_limit_orders=True,
    takes_fee_in_y=False,
    volatility=20_000,
    volatility_reference=10_000,
    index_reference=4,
    updated_s=NOW_S - 10,
    is_enabled=True,
    opens_at_s=0,
    is_x_2022=False,
    is_y_2022=False,
    arrays=(-1, 0),
)


def pair(**changes: Any) -> DlmmPair:
    return replace(PAIR, **changes)


def arrays(bins: list[DlmmBin], indexes: tuple[int, ...]) -> list[DlmmBinArray]:
    return [
        DlmmBinArray(index, tuple(held for held in bins if held.bin_id // BINS_PER_ARRAY == index)) for index in indexes
    ]


def pool(bins: list[DlmmBin], **changes: Any) -> DlmmPool:
    """A pair that knows all of its bins."""
    builder = DlmmBuilder()
    state = pair(**changes)
    builder.add(state)
    builder.add(DlmmFarArrays(()))
    for array in arrays(bins, state.arrays):
        builder.add(array)
    found = builder.pool()
    assert found is not None
    return found


amounts = st.one_of(st.integers(0, 3), st.integers(0, 10**12))


@st.composite
def pools(draw: st.DrawFn) -> DlmmPool:
    active_id = draw(st.integers(-60, 60))
    ids = draw(st.lists(st.integers(-70, 69), unique=True, max_size=25))
    bins = []
    for bin_id in sorted(ids):
        x = draw(amounts) if bin_id >= active_id else 0
        y = draw(amounts) if bin_id <= active_id else 0
        is_ask = bin_id > active_id or (bin_id == active_id and draw(st.booleans()))
        bins.append(DlmmBin(bin_id, x, y, draw(amounts), draw(amounts), is_ask))
    return pool(
        bins,
        active_id=active_id,
        index_reference=active_id + draw(st.integers(-5, 5)),
        bin_step_bps=draw(st.sampled_from([1, 10, 100, 400])),
        base_factor=draw(st.sampled_from([1, 8_000, 65_535])),
        variable_fee_control=draw(st.sampled_from([0, 40_000, 2_000_000])),
        has_limit_orders=draw(st.booleans()),
        takes_fee_in_y=draw(st.booleans()),
        updated_s=NOW_S - draw(st.sampled_from([-5, 0, 29, 30, 599, 600])),
    )


def walk_in(state: DlmmPool, is_x_in: bool, amount_in: int) -> tuple[int, int] | None:
    """(out, fee) of an exact input, bin by bin with fractions of a bin by formula; None where bins run out."""
    info = state.pair
    refs = references(info, age_of(info, NOW_S))
    on_input = not (info.takes_fee_in_y and is_x_in)
    held = {each.bin_id: each for array in state.arrays.values() for each in array.bins}
    out = fee = 0
    at = info.active_id
    while amount_in:
        if not -BINS_PER_ARRAY <= at < BINS_PER_ARRAY:
            return None
        here = held.get(at)
        lots = []
        if here is not None:
            lots.append(here.amount_y if is_x_in else here.amount_x)
            if info.has_limit_orders and here.is_ask != is_x_in:
                lots += [here.orders_begun, here.orders_open]
        if sum(lots):
            base = base_rate(info.bin_step_bps, info.base_factor, info.base_fee_power)
            moved = variable_rate(info.bin_step_bps, info.variable_fee_control, volatility_at(info, refs, at))
            rate, price = total_rate(base, moved), price_q64(at, info.bin_step_bps)
            paid = -(-amount_in * rate // 10**9) if on_input else 0
            left, got = amount_in - paid, 0
            for lot in lots:
                costs = -(-lot * 2**64 // price) if is_x_in else -(-lot * price // 2**64)
                if left >= costs:
                    left, got = left - costs, got + lot
                else:
                    got += left * price // 2**64 if is_x_in else left * 2**64 // price
                    left = 0
                if not left:
                    break
            if left:
                spent = amount_in - paid - left
                paid = -(-spent * 10**9 // (10**9 - rate)) - spent if on_input else 0
                amount_in -= spent + paid
            else:
                spent, amount_in = amount_in - paid, 0
            if not on_input:
                paid = -(-got * rate // 10**9)
                got -= paid
            out += got
            fee += paid if spent else 0
        at += -1 if is_x_in else 1
    return out, fee


def walk_out(state: DlmmPool, is_x_in: bool, amount_out: int) -> tuple[int, int] | None:
    """(in, fee) of an exact output, bin by bin as the SDK walks: a bin that gives nothing costs nothing."""
    ladder = state.ladder(is_x_in, NOW_S)
    while ladder.extend():
        pass
    amount_in = fee = 0
    for step in ladder.steps:
        if not amount_out:
            break
        gross = amount_out if step.is_fee_on_input else include_fee(amount_out, step.rate)
        taken = step.whole() if gross >= step.total_out else step.part_out(amount_out)
        if not taken.amount_out:
            continue
        amount_in, fee = amount_in + taken.amount_in, fee + taken.fee
        amount_out -= taken.amount_out
    return None if amount_out else (amount_in, fee)
