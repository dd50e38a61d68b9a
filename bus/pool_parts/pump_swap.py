"""What the accounts of a PumpSwap pool say; the coin is the first token (base), the quote the second."""

from bus.pool_parts.base import PoolPart


class PumpSwapState(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_swap"):
    """The Pool account. The reserves are not in it: they are the balances of its vaults."""

    virtual_quote: int  #: signed, raw; counts for prices but cannot be paid out
    is_canonical: bool  #: made by the migration of a bonding curve; others pay the flat fees
    has_creator: bool  #: False = creator fees are not taken
    is_mayhem: bool
    creator_fee_bps: int  #: the pool's own creator fee, 0 = by schedule
    quote_kind: int  #: 0 SOL, 1 USDC, 2 any other


class PumpSwapVault(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_swap_vault"):
    """Balance of the vault of the first or second token, raw."""

    is_first: bool
    amount: int


class PumpSwapSupply(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_swap_supply"):
    """Supply of the coin's mint, raw: with the price it makes the market cap that picks the fee tier."""

    amount: int


class PumpSwapTerms(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_swap_terms"):
    """The GlobalConfig account, as far as it decides quotes."""

    lp_fee_bps: int
    protocol_fee_bps: int
    creator_fee_bps: int
    is_creator_fee_configurable: bool
    is_buying_disabled: bool
    is_selling_disabled: bool
