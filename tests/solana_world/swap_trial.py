"""Swaps in one pool of a family by real transactions, held against the family's own maths.

After every swap the accounts are read again, from nothing, and must give a pool that answers as the maths said the old
one would. Made for hypothesis: a pool's name is new each time, so nothing of an earlier example is left.
"""

from typing import NamedTuple

from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool
from tests.solana_world.addresses import WRAPPED_SOL
from tests.solana_world.chain import epoch_of
from tests.solana_world.genesis import create_mint, give_lamports, give_tokens, keypair, tokens_of
from tests.solana_world.landed import Landed
from tests.solana_world.options import WorldOptions
from tests.solana_world.pool_family import PoolFamily, open_pool
from tests.solana_world.pool_stand_in import FamilyMarket
from tests.solana_world.world import World

WALLET_TOKENS = 10**17
SIZES = (1, 997, 10**6, 10**9, 10**12)
LATER_S = (0, 45, 5_000)
UNITS_ERROR = "ProgramFailedToComplete"


class Move(NamedTuple):
    """A swap that is asked for, `pause_s` after the one before."""

    is_a_to_b: bool
    amount: int
    pause_s: int


class Trial:
    """A world for the pools of one family. Its mints: two plain ones, two of Token-2022 that take a fee."""

    def __init__(self, family: PoolFamily) -> None:
        self.family = family
        self.world = World(WorldOptions(seed=5))
        self._now_s = self.world.now_s
        self.world.time_source = lambda: self._now_s
        self._keys = keypair(self.world, "trial")
        self.wallet = self._keys.pubkey()
        give_lamports(self.world, self.wallet, 10**15)
        plain = [create_mint(self.world, f"plain {number}", 6) for number in range(2)]
        taxed = [
            create_mint(self.world, f"taxed {number}", 6, fee_bps=bps, fee_max=most)
            for number, (bps, most) in enumerate(((37, 10**9), (250, 10**15)))
        ]
        self._accounts = {each: give_tokens(self.world, self.wallet, each, WALLET_TOKENS) for each in (*plain, *taxed)}
        self.plain = _sorted(*plain)
        self.taxed = _sorted(*taxed)
        self.mixed = _sorted(plain[0], taxed[0])
        self._names = 0

    def new_name(self) -> str:
        """For a pool that is not there yet."""
        self._names += 1
        return f"trial {self._names}"

    def now(self) -> int:
        """The chain's clock at the next swap."""
        return self._now_s

    def open(self, market: FamilyMarket) -> Pool:
        """From the accounts as they are."""
        return open_pool(self.family, self.world.read, market.address, epoch_of(self.world.slot), self.world.slot).pool

    def run(self, market: FamilyMarket, moves: list[Move]) -> int:
        """How many swaps went through; all must do what the maths say."""
        return sum(self.move(market, each) for each in moves)

    def move(self, market: FamilyMarket, move: Move) -> bool:
        """One swap; False where the maths refuse it, and then the transaction must fail and change nothing."""
        self._now_s += move.pause_s
        self.world.step()
        before = self.open(market)
        landed = None
        try:
            quote, after = before.after(move.is_a_to_b, move.amount, self._now_s)
        except PoolRefused as refused:
            landed = self._swap(market, move)
            if landed is not None:
                assert landed.err == {"InstructionError": [0, self.family.error_of(refused).err]}
                _require_same(before, self.open(market), self._now_s)
            return False
        mints = market.mints if move.is_a_to_b else market.mints[::-1]
        held = [tokens_of(self.world, self.wallet, each) for each in mints]
        landed = self._swap(market, move)
        assert landed is not None and landed.err is None, (landed and landed.err, quote)
        now = [tokens_of(self.world, self.wallet, each) for each in mints]
        assert (held[0] - now[0], now[1] - held[1]) == (quote.amount_in, quote.amount_out)
        _require_same(after, self.open(market), self._now_s)
        return True

    def _swap(self, market: FamilyMarket, move: Move) -> Landed | None:
        """None where the project itself builds no such swap."""
        mint_in, mint_out = market.mints if move.is_a_to_b else market.mints[::-1]
        around = self._accounts[mint_in], self._accounts[mint_out]
        try:
            call = market.swap(self.world.read, self.wallet, mint_in, move.amount, 0, *around)
        except ValueError:
            return None
        message = MessageV0.try_compile(self.wallet, [call], [], self.world.chain.tip.blockhash)
        return self.world.include(VersionedTransaction(message, [self._keys]))


def _require_same(expected: Pool, found: Pool, now_s: int) -> None:
    """Both answer alike; where one does not know the depth (it has read other accounts) nothing is compared."""
    for later_s in LATER_S:
        for is_a_to_b in (True, False):
            for amount in SIZES:
                one, other = (_answer(pool, is_a_to_b, amount, now_s + later_s) for pool in (expected, found))
                if "depth_unknown" not in (one, other):
                    assert one == other, (is_a_to_b, amount, later_s)


def _answer(pool: Pool, is_a_to_b: bool, amount: int, now_s: int) -> object:
    try:
        return pool.quote_in(is_a_to_b, amount, now_s)
    except PoolRefused as refused:
        return refused.reason


def _sorted(one: Pubkey, other: Pubkey) -> tuple[Pubkey, Pubkey]:
    first, second = sorted((one, other), key=bytes)
    assert WRAPPED_SOL not in (first, second)
    return first, second
