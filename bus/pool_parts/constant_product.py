"""What the accounts of Raydium's constant-product pools say: CPMM (state, fee tier), AMM v4 (state), vault balances."""

from bus.pool_parts.base import PoolPart


class VaultBalance(PoolPart, frozen=True, array_like=True, gc=False, tag="vault_balance"):
    """Raw units that the pool's first or second token account holds, fees owed to others included."""

    is_first: bool
    amount: int


class RaydiumCpmmState(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_cpmm_state"):
    """The CPMM pool account. `owed_*`: protocol, fund and creator fees that lie in the vaults and do not trade."""

    status: int  #: bits of what is disabled; bit 2 is swapping
    open_time_s: int
    creator_fee_on: int  #: 0 the input, 1 always the first token, 2 always the second
    is_creator_fee_on: bool
    owed_a: int
    owed_b: int


class RaydiumCpmmConfig(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_cpmm_config"):
    """The CPMM fee tier, of 1,000,000. Protocol and fund share the trade fee; the creator's comes on top of it."""

    trade_fee_rate: int
    protocol_fee_rate: int
    fund_fee_rate: int
    creator_fee_rate: int


class RaydiumAmmV4State(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_amm_v4_state"):
    """The AMM v4 pool account. `owed_*`: profit to be taken out (need_take_pnl), which does not trade."""

    status: int  #: 1 and 6 swap, 7 from the opening on, all others do not
    open_time_s: int
    fee_numerator: int
    fee_denominator: int
    owed_a: int
    owed_b: int
