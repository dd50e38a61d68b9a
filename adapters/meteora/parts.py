"""From decoded DLMM accounts to pool parts; values that the program cannot have are an `UnknownLayout`.

Meanings of the codes from lb_clmm, dlmm package 1.9.14, 2026. A pair of undetermined function takes limit orders while
it has no liquidity mining reward. The program fills what it finds in the order fields whatever the array's version:
checked against its own runs on a pool of 2024, whose arrays still held old counters there.
"""

from solders.pubkey import Pubkey

from adapters.meteora.bin_array import BinArray
from adapters.meteora.bitmap_extension import bits
from adapters.meteora.lb_pair import LbPair
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.dlmm import ARRAYS_NEAR, BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmPair
from kernel.amm.dlmm_builder import check_array, check_pair
from kernel.amm.dlmm_price import price_q64
from kernel.amm.errors import PoolRefused

ENABLED, DISABLED = 0, 1
PERMISSIONLESS, PERMISSION, CUSTOMIZABLE, PERMISSIONLESS_V2 = range(4)
BY_SLOT, BY_TIME = 0, 1
UNDETERMINED, LIQUIDITY_MINING, LIMIT_ORDERS = range(3)
FEE_IN_INPUT, FEE_IN_Y = 0, 1
TOKEN_PROGRAM, TOKEN_2022 = 0, 1
_NO_MINT = str(Pubkey.default())


def pair_part(address: str, account: LbPair, slot: int) -> DlmmPair:
    """The pair as quotes need it. One that opens at a later slot is disabled until it is read again after that slot."""
    fixed, moving = account.parameters, account.v_parameters
    _one_of(address, "status", account.status, ENABLED, DISABLED)
    _one_of(address, "pair_type", account.pair_type, *range(PERMISSIONLESS, PERMISSIONLESS_V2 + 1))
    _one_of(address, "activation_type", account.activation_type, BY_SLOT, BY_TIME)
    _one_of(address, "function_type", fixed.function_type, UNDETERMINED, LIQUIDITY_MINING, LIMIT_ORDERS)
    _one_of(address, "collect_fee_mode", fixed.collect_fee_mode, FEE_IN_INPUT, FEE_IN_Y)
    _one_of(address, "token_mint_x_program_flag", account.token_mint_x_program_flag, TOKEN_PROGRAM, TOKEN_2022)
    _one_of(address, "token_mint_y_program_flag", account.token_mint_y_program_flag, TOKEN_PROGRAM, TOKEN_2022)
    opens = account.activation_point if account.pair_type in (PERMISSION, CUSTOMIZABLE) else 0
    is_by_time = account.activation_type == BY_TIME
    has_rewards = any(reward.mint != _NO_MINT for reward in account.reward_infos)
    is_undetermined = fixed.function_type == UNDETERMINED
    part = DlmmPair(
        active_id=account.active_id,
        bin_step_bps=account.bin_step,
        base_factor=fixed.base_factor,
        base_fee_power=fixed.base_fee_power_factor,
        variable_fee_control=fixed.variable_fee_control,
        filter_period_s=fixed.filter_period,
        decay_period_s=fixed.decay_period,
        reduction_bps=fixed.reduction_factor,
        volatility_max=fixed.max_volatility_accumulator,
        protocol_share_bps=fixed.protocol_share,
        has_limit_orders=fixed.function_type == LIMIT_ORDERS or (is_undetermined and not has_rewards),
        takes_fee_in_y=fixed.collect_fee_mode == FEE_IN_Y,
        volatility=moving.volatility_accumulator,
        volatility_reference=moving.volatility_reference,
        index_reference=moving.index_reference,
        updated_s=moving.last_update_timestamp,
        is_enabled=account.status == ENABLED and (is_by_time or slot >= opens),
        opens_at_s=opens if is_by_time else 0,
        is_x_2022=account.token_mint_x_program_flag == TOKEN_2022,
        is_y_2022=account.token_mint_y_program_flag == TOKEN_2022,
        arrays=tuple(bit - ARRAYS_NEAR for bit in bits(account.bin_array_bitmap)),
    )
    try:
        check_pair(part)
    except PoolRefused as refused:
        raise UnknownLayout(f"LbPair {address}: {refused}") from refused
    return part


def array_part(address: str, account: BinArray, bin_step_bps: int) -> DlmmBinArray:
    """The bins that hold anything. A stored price must be the one that the bin's id gives."""
    bins = []
    lowest = account.index * BINS_PER_ARRAY
    try:
        for bin_id, held in enumerate(account.bins, start=lowest):
            begun, opened = held.processed_order_remaining_amount, held.open_order_amount
            if not (held.amount_x or held.amount_y or begun or opened):
                continue
            if held.price and held.price != price_q64(bin_id, bin_step_bps):
                raise UnknownLayout(
                    f"BinArray {address}: bin {bin_id} at a step of {bin_step_bps} bps costs "
                    f"{price_q64(bin_id, bin_step_bps)}, found {held.price}; the program's prices may have changed"
                )
            _one_of(address, f"limit_order_ask_side of bin {bin_id}", held.limit_order_ask_side, 0, 1)
            bins.append(DlmmBin(bin_id, held.amount_x, held.amount_y, begun, opened, bool(held.limit_order_ask_side)))
        part = DlmmBinArray(account.index, tuple(bins))
        check_array(part)
    except PoolRefused as refused:
        raise UnknownLayout(f"BinArray {address}: {refused}") from refused
    return part


def _one_of(address: str, name: str, found: int, *expected: int) -> None:
    if found not in expected:
        raise UnknownLayout(f"{name} of {address} is one of {expected}, found {found}: a newer program than this code")
