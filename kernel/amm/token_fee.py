"""Transfer fees of Token-2022 mints, as the token program takes them (spl-token-2022, transfer_fee extension, 2026).

The fee is ceil(amount * bps / 10000), at most `fee_max`, withheld from what arrives.
"""

from kernel.amm.errors import PoolRefused

BPS = 10_000
U64_MAX = (1 << 64) - 1


def fee_of(amount: int, fee_bps: int, fee_max: int) -> int:
    """What a transfer of `amount` loses on its way, raw units."""
    if not fee_bps or not amount:
        return 0
    return min(-(-amount * fee_bps // BPS), fee_max)


def amount_after(amount: int, fee_bps: int, fee_max: int) -> int:
    """What arrives of a transfer."""
    return amount - fee_of(amount, fee_bps, fee_max)


def amount_before(arriving: int, fee_bps: int, fee_max: int) -> int:
    """What must be sent so that `arriving` arrives. Raises `PoolRefused` above a u64."""
    if not fee_bps or not arriving:
        return arriving
    if fee_bps == BPS:
        sent = arriving + fee_max
    else:
        raw = -(-arriving * BPS // (BPS - fee_bps))
        sent = min(raw, arriving + fee_max)
    if sent > U64_MAX:
        raise PoolRefused("amount_out_of_range", f"{sent} to send is above a u64")
    return sent
