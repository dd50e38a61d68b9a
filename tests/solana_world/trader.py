"""Somebody who swaps in the world's pools every few slots, so that prices move and pools drift apart."""

import random

from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from kernel.errors import KernelError
from tests.solana_world.chain import epoch_of
from tests.solana_world.genesis import give_lamports, give_tokens, keypair, tokens_of
from tests.solana_world.market import Market
from tests.solana_world.world import World

SHARE_MAX = 0.02  #: of a pool's input side, one swap
LAMPORTS = 10**12


class Trader:
    """Draws from its own seed: what it does depends on slots alone. `funds`: raw units of each mint it begins with."""

    def __init__(self, world: World, name: str, funds: dict[Pubkey, int], *, every_slots: int = 3) -> None:
        self._draw = random.Random(f"trader:{world.options.seed}:{name}")
        self._keys = keypair(world, f"trader {name}")
        self._every_slots = every_slots
        self.wallet = self._keys.pubkey()
        give_lamports(world, self.wallet, LAMPORTS)
        self._accounts = {mint: give_tokens(world, self.wallet, mint, amount) for mint, amount in funds.items()}

    def act(self, world: World) -> None:
        """Perhaps a swap."""
        if self._draw.randrange(self._every_slots):
            return
        markets = [each for each in world.markets.values() if set(each.mints) <= set(self._accounts)]
        if not markets:
            return
        market = self._draw.choice(markets)
        mint_in = self._draw.choice(market.mints)
        share = self._draw.random() * SHARE_MAX
        amount = int(tokens_of(world, self.wallet, mint_in) * share)
        if amount:
            self._swap(world, market, mint_in, amount)

    def _swap(self, world: World, market: Market, mint_in: Pubkey, amount: int) -> None:
        mint_out = market.mints[1] if mint_in == market.mints[0] else market.mints[0]
        try:  # a pool that is out of depth is left alone
            market.quote(world.read, mint_in, amount, world.now_s, epoch_of(world.slot))
            source, destination = self._accounts[mint_in], self._accounts[mint_out]
            call = market.swap(world.read, self.wallet, mint_in, amount, 1, source, destination)
        except (ValueError, KernelError):
            return
        message = MessageV0.try_compile(self.wallet, [call], [], world.chain.tip.blockhash)
        world.submit(VersionedTransaction(message, [self._keys]))
