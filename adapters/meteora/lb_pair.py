"""The LbPair account: price, fee parameters, near bitmap, mints and reserves of one DLMM pair.

Layout of lb_clmm as in the IDL of dlmm package 1.9.14, 2026; 904 bytes. Fields keep the program's names.
"""

from msgspec import Struct

from adapters.meteora.layout import AccountLayout, Layout


class StaticParameters(Struct, frozen=True, gc=False):
    """What the pair was made with; `reduction_factor` and `protocol_share` in basis points, periods in seconds."""

    base_factor: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    max_volatility_accumulator: int
    min_bin_id: int
    max_bin_id: int
    protocol_share: int
    base_fee_power_factor: int
    function_type: int
    collect_fee_mode: int
    padding: bytes


class VariableParameters(Struct, frozen=True, gc=False):
    """What swaps change."""

    volatility_accumulator: int
    volatility_reference: int
    index_reference: int
    padding: bytes
    last_update_timestamp: int
    padding1: bytes


class ProtocolFee(Struct, frozen=True, gc=False):
    """Collected and not yet claimed, raw units."""

    amount_x: int
    amount_y: int


class RewardInfo(Struct, frozen=True, gc=False):
    """A liquidity mining reward; the mint of zeros where there is none."""

    mint: str
    vault: str
    funder: str
    reward_duration: int
    reward_duration_end: int
    reward_rate: int
    last_update_time: int
    cumulative_seconds_with_empty_liquidity_reward: int


class LbPair(Struct, frozen=True, gc=False):
    """The whole account."""

    parameters: StaticParameters
    v_parameters: VariableParameters
    bump_seed: bytes
    bin_step_seed: bytes
    pair_type: int
    active_id: int
    bin_step: int
    status: int
    require_base_factor_seed: int
    base_factor_seed: bytes
    activation_type: int
    creator_pool_on_off_control: int
    token_x_mint: str
    token_y_mint: str
    reserve_x: str
    reserve_y: str
    protocol_fee: ProtocolFee
    padding1: bytes
    reward_infos: tuple[RewardInfo, ...]
    oracle: str
    bin_array_bitmap: tuple[int, ...]
    last_updated_at: int
    padding2: bytes
    pre_activation_swap_address: str
    base_key: str
    activation_point: int
    pre_activation_duration: int
    padding3: bytes
    padding4: int
    creator: str
    token_mint_x_program_flag: int
    token_mint_y_program_flag: int
    version: int
    reserved: bytes


_STATIC = Layout(StaticParameters, "H H H H I I i i H B B B 3s")
_VARIABLE = Layout(VariableParameters, "I I i 4s q 8s")
_FEE = Layout(ProtocolFee, "Q Q")
_REWARD = Layout(RewardInfo, "K K K Q Q W Q Q")
_PAIR = Layout(
    LbPair,
    _STATIC,
    _VARIABLE,
    "1s 2s B i H B B 2s B B K K K K",
    _FEE,
    "32s",
    (_REWARD, 2),
    "K 16Q q 32s K K Q Q 8s Q K B B B 21s",
)

LB_PAIR = AccountLayout("LbPair", "210b3162b565b10d", _PAIR)
