"""Orca Whirlpools: exact-in `swap_v2` without a price limit, and pools laid out byte for byte.

Written after a swap: sqrt price, tick, liquidity and the time of rewards in the pool; the variables of the fee oracle
where the fee adapts. Left as they were: growth of fees and rewards (global and in ticks) and protocol fees owed. No
quote depends on them, but what a position earns cannot be read from this world.
Errors: Whirlpool program (errors.rs), read 2026-11.
"""

from collections.abc import Mapping
from struct import Struct as Layout

from msgspec.structs import replace
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.orca.accounts import (
    FIXED_TICK_ARRAY_LEN,
    TICKS,
    WHIRLPOOL,
    WHIRLPOOL_LEN,
    AdaptiveFeeConstants,
    AdaptiveFeeVariables,
    DynamicTickArray,
    Oracle,
    Tick,
    TickArray,
    Whirlpool,
    decode_oracle,
    decode_whirlpool,
    encode,
)
from adapters.orca.addresses import WHIRLPOOL_PROGRAM, oracle_address, tick_array_address
from adapters.orca.pool import SWAP_V2, OrcaPool
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.whirlpool import WhirlpoolOracle
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolQuote
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_builder import WhirlpoolBuilder
from kernel.amm.whirlpool_ticks import MAX_TICK, MIN_TICK, TICK_ARRAY_SIZE, arrays_of_swap, sqrt_price_at_tick
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import named
from tests.solana_world.anchor_errors import (
    BAD_ACCOUNT,
    BAD_ARGUMENTS,
    arguments_of,
    is_named,
    owned_data,
    require_same,
)
from tests.solana_world.pool_family import SwapCall
from tests.solana_world.pool_stand_in import FamilyMarket, add_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.vaults import open_vault, put_owned, require_sorted
from tests.solana_world.world import World

ARRAY_SEQUENCE, LESS_THAN_ASKED = 6023, 6036
_CODES = {
    "amount_out_of_range": 6039,
    "amount_too_small": 6035,
    "arrays_exhausted": ARRAY_SEQUENCE,
    "depth_unknown": ARRAY_SEQUENCE,
    "liquidity_out_of_range": 6015,
    "price_limit_out_of_range": 6034,
    "price_out_of_range": 6011,
    "state_inconsistent": 6022,
    "swap_disabled": 6064,
}
_UNKNOWN_CODE = 6039
_ARGUMENTS = Layout("<QQ16s??")
_ACCOUNTS_MIN = 15
_NOTHING = Tick(0, 0, 0, 0, (0, 0, 0))


class WhirlpoolFamily:
    """Implements `PoolFamily`."""

    program = OrcaPool.program
    label = "Whirlpool"
    units = 50_000
    slippage_error = LESS_THAN_ASKED

    def open(self, address: str, owner: str, data: bytes) -> OrcaPool:
        """Raises `UnknownLayout`."""
        return OrcaPool(address, owner, data)

    def builder(self) -> WhirlpoolBuilder:
        """Empty."""
        return WhirlpoolBuilder()

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """`swap_v2`; accounts in the IDL's order. Other kinds of swap are refused as bad arguments."""
        arguments = arguments_of(instruction, SWAP_V2, _ARGUMENTS.size, _ACCOUNTS_MIN)
        amount, least, limit, is_exact_in, is_a_to_b = _ARGUMENTS.unpack_from(arguments)
        if not is_exact_in or any(limit):
            raise ProgramError(BAD_ARGUMENTS, ("the stand-in swaps exact input without a price limit",))
        keys = [each.pubkey for each in instruction.accounts]
        pool = _decoded(owned_data(accounts, keys[4]))
        theirs = (keys[5], keys[6], keys[8], keys[10])
        require_same("mints and vaults", theirs, (pool.token_mint_a, pool.token_mint_b, *_vaults(pool)))
        first, second = ((7, 8), (9, 10)) if is_a_to_b else ((9, 10), (7, 8))
        return SwapCall(
            keys[4], keys[3], is_a_to_b, amount, least, keys[first[0]], keys[second[0]], keys[first[1]],
            keys[second[1]], keys[4],
        )  # fmt: skip

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Pool and oracle; refuses where an array that the swap entered is not among the accounts."""
        assert isinstance(before, WhirlpoolPool) and isinstance(after, WhirlpoolPool)
        for start in _entered(before, after, call.is_a_to_b):
            if not is_named(accounts, tick_array_address(call.pool, start)):
                raise ProgramError(ARRAY_SEQUENCE, (f"the swap enters the tick array at {start}, which is not given",))
        state = after.state
        pool = replace(
            _decoded(accounts.data(call.pool)),
            liquidity=state.liquidity,
            sqrt_price=state.sqrt_price,
            tick_current_index=state.tick_current,
            reward_last_updated_timestamp=accounts.now_s,
        )
        accounts.write(call.pool, encode(pool))
        if after.oracle is not None:
            key = oracle_address(call.pool)
            oracle = decode_oracle(accounts.data(key))
            variables = _variables(after.oracle, oracle.adaptive_fee_variables.reserved)
            accounts.write(key, encode(replace(oracle, adaptive_fee_variables=variables)))

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """The number of the program's error; 6039 for the rest, which are overflows of some kind."""
        return ProgramError(_CODES.get(refused.reason, _UNKNOWN_CODE), (str(refused),))


def _decoded(data: bytes) -> Whirlpool:
    try:
        return decode_whirlpool(data)
    except UnknownLayout as error:
        raise ProgramError(BAD_ACCOUNT, (str(error),)) from error


def _vaults(pool: Whirlpool) -> tuple[Pubkey, Pubkey]:
    return pool.token_vault_a, pool.token_vault_b


def _entered(before: WhirlpoolPool, after: WhirlpoolPool, is_a_to_b: bool) -> list[int]:
    """Starts of the arrays that the price went into; the first one is always read."""
    state, price = before.state, after.state.sqrt_price
    size = TICK_ARRAY_SIZE * state.tick_spacing
    starts = arrays_of_swap(state.tick_current, state.tick_spacing, is_a_to_b)
    found = list(starts[:1])
    for start in starts[1:]:
        edge = start + size if is_a_to_b else start
        edge_price = sqrt_price_at_tick(min(max(edge, MIN_TICK), MAX_TICK))
        if price < edge_price if is_a_to_b else price > edge_price:
            found.append(start)
    return found


def _variables(oracle: WhirlpoolOracle, reserved: bytes) -> AdaptiveFeeVariables:
    return AdaptiveFeeVariables(
        oracle.last_reference_update_timestamp, oracle.last_major_swap_timestamp, oracle.volatility_reference,
        oracle.tick_group_index_reference, oracle.volatility_accumulator, reserved,
    )  # fmt: skip


def create_whirlpool(
    world: World, name: str, mints: tuple[Pubkey, Pubkey], pool: WhirlpoolPool, amounts: tuple[int, int],
    *, gross: Mapping[int, int] | None = None, is_dynamic: bool = False,
) -> FamilyMarket:  # fmt: skip
    """A funded pool in the state of `pool`, known to the world; its token fees are the mints', not written here.

    `gross`: of ticks, where it is not the size of their net liquidity. `is_dynamic`: arrays of the newer kind.
    Only arrays with ticks exist. Raises `ValueError` for mints out of order.
    """
    require_sorted(mints)
    key, state = named(f"whirlpool {name}"), pool.state
    vaults = [
        open_vault(world, named(f"whirlpool {name} vault {number}"), mint, key, amount)
        for number, (mint, amount) in enumerate(zip(mints, amounts, strict=True))
    ]
    account = replace(
        decode_whirlpool(WHIRLPOOL + bytes(WHIRLPOOL_LEN - len(WHIRLPOOL))),
        tick_spacing=state.tick_spacing,
        fee_tier_index_seed=state.fee_tier_index.to_bytes(2, "little"),
        fee_rate=state.fee_rate,
        protocol_fee_rate=state.protocol_fee_rate,
        liquidity=state.liquidity,
        sqrt_price=state.sqrt_price,
        tick_current_index=state.tick_current,
        token_mint_a=mints[0],
        token_mint_b=mints[1],
        token_vault_a=vaults[0],
        token_vault_b=vaults[1],
        reward_last_updated_timestamp=world.now_s,
    )
    put_owned(world, key, encode(account), WHIRLPOOL_PROGRAM)
    for start, nets in pool.arrays.items():
        if nets:
            ticks = {
                tick: replace(_NOTHING, liquidity_net=net, liquidity_gross=(gross or {}).get(tick, abs(net) or 1))
                for tick, net in nets
            }
            data = _array_bytes(key, start, state.tick_spacing, ticks, is_dynamic)
            put_owned(world, tick_array_address(key, start), data, WHIRLPOOL_PROGRAM)
    if pool.oracle is not None:
        put_owned(world, oracle_address(key), _oracle_bytes(key, pool.oracle), WHIRLPOOL_PROGRAM)
    return add_pool(world, WhirlpoolFamily(), key)


def _array_bytes(pool: Pubkey, start: int, spacing: int, ticks: dict[int, Tick], is_dynamic: bool) -> bytes:
    places = [ticks.get(start + number * spacing) for number in range(TICKS)]
    if is_dynamic:
        bitmap = sum(1 << number for number, tick in enumerate(places) if tick is not None)
        return encode(DynamicTickArray(start, pool, bitmap, tuple(places)))
    data = encode(TickArray(start, tuple((tick is not None, tick or _NOTHING) for tick in places), pool))
    assert len(data) == FIXED_TICK_ARRAY_LEN
    return data


def _oracle_bytes(pool: Pubkey, oracle: WhirlpoolOracle) -> bytes:
    constants = AdaptiveFeeConstants(
        oracle.filter_period, oracle.decay_period, oracle.reduction_factor, oracle.adaptive_fee_control_factor,
        oracle.max_volatility_accumulator, oracle.tick_group_size, oracle.major_swap_threshold_ticks,
        bytes(16),
    )  # fmt: skip
    variables = _variables(oracle, bytes(16))
    return encode(Oracle(pool, oracle.trade_enable_timestamp, constants, variables, bytes(128)))
