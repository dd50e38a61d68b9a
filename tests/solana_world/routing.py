"""The best way from one mint to another through the world's pools: one pool, or two by way of a third mint."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from solders.pubkey import Pubkey

from kernel.errors import KernelError
from tests.solana_world.chain import epoch_of
from tests.solana_world.market import Market
from tests.solana_world.world import World


class Leg(NamedTuple):
    """One pool on the way."""

    market: Market
    mint_in: Pubkey
    mint_out: Pubkey
    amount_in: int
    amount_out: int


def quote_leg(world: World, market: Market, mint_in: Pubkey, amount_in: int) -> Leg | None:
    """None where the pool has no answer."""
    try:
        out = market.quote(world.read, mint_in, amount_in, world.now_s, epoch_of(world.slot))
    except (ValueError, KernelError):
        return None
    mint_out = market.mints[1] if mint_in == market.mints[0] else market.mints[0]
    return Leg(market, mint_in, mint_out, amount_in, out) if out > 0 else None


def best_route(
    world: World, mint_in: Pubkey, mint_out: Pubkey, amount_in: int, allows: Callable[[Market], bool]
) -> list[Leg]:
    """The legs that give most; [] where there is no way."""
    best: list[Leg] = []
    for route in _routes(world, mint_in, mint_out, amount_in, allows):
        if not best or route[-1].amount_out > best[-1].amount_out:
            best = route
    return best


def _routes(
    world: World, mint_in: Pubkey, mint_out: Pubkey, amount_in: int, allows: Callable[[Market], bool]
) -> Iterator[list[Leg]]:
    markets = [each for each in world.markets.values() if allows(each)]
    for first in markets:
        if mint_in not in first.mints:
            continue
        leg = quote_leg(world, first, mint_in, amount_in)
        if leg is None:
            continue
        if leg.mint_out == mint_out:
            yield [leg]
            continue
        for second in markets:
            if second is not first and leg.mint_out in second.mints and mint_out in second.mints:
                last = quote_leg(world, second, leg.mint_out, leg.amount_out)
                if last is not None:
                    yield [leg, last]
