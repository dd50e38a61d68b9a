"""A route of pools as one transaction: what goes into each pool, and the instructions around their swaps.

Programs swap an exact amount in, so every pool but the first is offered what the pool before it will give by the
newest known state. Should that give less, its own minimum makes the whole transaction fail; should it give more, the
rest stays in the wallet.
"""

from collections.abc import Callable, Collection, Mapping

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.solana.mints import WRAPPED_SOL, Mint
from adapters.solana.pending_transactions import HopPlan
from adapters.solana.token_instructions import create_if_missing, token_account, unwrap, wrap
from adapters.solana.tracked_pool import TrackedPool
from bus.intents import Swap
from bus.units import BPS_PER_UNIT
from kernel.errors import VenueRefused

U64_MAX = (1 << 64) - 1
QuoteOut = Callable[[str, bool, int], int]  #: (instrument, is_a_to_b, amount in) -> amount out; raises PoolRefused


def plan_hops(
    intent: Swap, pools: Mapping[str, TrackedPool], quote_out: QuoteOut, hop_slack_bps: int
) -> tuple[HopPlan, ...]:
    """What goes into each pool. Raises `VenueRefused` (nothing was sent) or `PoolRefused`.

    A later hop's own `amount_in` is what its pool is offered. Where it has none: `hop_slack_bps` less than the pool
    before it gives by the newest state; that share stays in the wallet.
    """
    if intent.is_flash_loan:
        raise VenueRefused("flash_loan: Solana swaps are paid from the wallet here")
    if not 0 < intent.amount_in <= U64_MAX or not 0 < intent.amount_out_min <= U64_MAX:
        raise VenueRefused(f"amount: expected 1 to 2^64-1, found {intent.amount_in} in, {intent.amount_out_min} out")
    hops: list[HopPlan] = []
    amount, mint = intent.amount_in, ""
    for number, hop in enumerate(intent.route):
        pool = pools.get(hop.pool)
        if pool is None:
            raise VenueRefused(f"pool_unknown: {hop.pool} is not tracked (never configured, or disabled)")
        if number and hop.amount_in:
            if hop.amount_in > amount:
                raise VenueRefused(
                    f"min_out: hop {number} gives {amount} at the newest state, the next one is to take {hop.amount_in}"
                )
            amount = hop.amount_in
        mint_in, mint_out = pool.mints if hop.is_zero_for_one else pool.mints[::-1]
        if mint and mint_in != mint:
            raise VenueRefused(f"route: {hop.pool} takes {mint_in}, but the pool before it gives {mint}")
        if any(each.mint_out == mint_out for each in hops):
            raise VenueRefused(f"route: {mint_out} comes out of two pools, so fills could not be told apart")
        hops.append(
            HopPlan(
                pool=hop.pool, is_first_in=hop.is_zero_for_one, mint_in=mint_in, mint_out=mint_out, amount_in=amount
            )
        )
        out = quote_out(hop.pool, hop.is_zero_for_one, amount)
        is_last = number == len(intent.route) - 1
        amount, mint = (out if is_last else out * (BPS_PER_UNIT - hop_slack_bps) // BPS_PER_UNIT), mint_out
        if amount <= 0:
            raise VenueRefused(f"amount: {hop.pool} gives nothing for {hops[-1].amount_in}")
    if amount < intent.amount_out_min:
        raise VenueRefused(f"min_out: expected at least {intent.amount_out_min}, found {amount} at the newest state")
    return tuple(hops)


def route_accounts(wallet: Pubkey, hops: Collection[HopPlan], mints: Mapping[str, Mint]) -> dict[str, Pubkey]:
    """The wallet's token account of each mint on the route."""
    names = dict.fromkeys(each for hop in hops for each in (hop.mint_in, hop.mint_out))
    return {
        each: token_account(wallet, Pubkey.from_string(each), Pubkey.from_string(mints[each].program)) for each in names
    }


def route_instructions(
    wallet: Pubkey,
    intent: Swap,
    hops: tuple[HopPlan, ...],
    pools: Mapping[str, TrackedPool],
    mints: Mapping[str, Mint],
    missing: Collection[str],
) -> list[Instruction]:
    """All instructions but budget and tip. `missing`: mints whose account of ours does not exist yet."""
    accounts = route_accounts(wallet, hops, mints)
    programs = {name: Pubkey.from_string(mints[name].program) for name in accounts}
    made: list[Instruction] = []
    if WRAPPED_SOL in accounts:
        made += wrap(wallet, intent.amount_in if hops[0].mint_in == WRAPPED_SOL else 0)
    for name in accounts:
        if name in missing and name != WRAPPED_SOL:
            made.append(create_if_missing(wallet, Pubkey.from_string(name), programs[name]))
    for number, hop in enumerate(hops):
        pool = pools[hop.pool]
        first, second = pool.mints
        least = intent.amount_out_min if number == len(hops) - 1 else hops[number + 1].amount_in
        made.append(
            pool.swap(
                wallet, hop.is_first_in, hop.amount_in, least, (accounts[first], accounts[second]),
                (programs[first], programs[second]),
            )
        )  # fmt: skip
    if WRAPPED_SOL in accounts:
        made.append(unwrap(wallet))
    return made
