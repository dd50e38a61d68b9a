"""The fee schedule and the fee recipients, from the accounts that hold them."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from adapters.pumpfun.accounts import FEE_CONFIG, ZERO_KEY, FeeRates, FeeTier
from adapters.pumpfun.addresses import PUMP_FEE_PROGRAM
from adapters.pumpfun.owner import expect_owner
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.pump_fees import PumpFees
from kernel.errors import VenueRefused


def fees_of(address: str, owner: str, data: bytes) -> PumpFees:
    """A FeeConfig account as the part that quotes need. Raises `UnknownLayout`."""
    expect_owner(address, owner, PUMP_FEE_PROGRAM)
    config = FEE_CONFIG.decode(data)
    if not config.fee_tiers:
        raise UnknownLayout(f"{address}: expected fee tiers, found none")
    return PumpFees(
        is_present=True,
        flat=_rates(config.flat_fees),
        tiers=_tiers(config.fee_tiers),
        stable_tiers=_tiers(config.stable_fee_tiers),
        exotic=_rates(config.exotic_flat_fees),
    )


def recipient_of(keys: Sequence[str], mint: str) -> Pubkey:
    """One of the fee recipients: the same for a coin each time, different ones for different coins.

    The programs take any of them; who trades many coins at once then does not queue for one account's write lock.
    Raises `VenueRefused` where there is none.
    """
    named = [each for each in keys if each != ZERO_KEY]
    if not named:
        raise VenueRefused("the program's global account names no fee recipient; nothing can be traded")
    return Pubkey.from_string(named[bytes(Pubkey.from_string(mint))[-1] % len(named)])


def _rates(rates: FeeRates) -> tuple[int, int, int]:
    return rates.lp_fee_bps, rates.protocol_fee_bps, rates.creator_fee_bps


def _tiers(tiers: Sequence[FeeTier]) -> tuple[tuple[int, int, int, int], ...]:
    return tuple((tier.market_cap_lamports_threshold, *_rates(tier.fees)) for tier in tiers)
