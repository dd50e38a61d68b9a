"""One simulated pool: its providers, the strangers that trade in it, and arbitrageurs that come late."""

from collections.abc import Iterator
from math import isqrt

from adapters.simulated.draws import Draws
from adapters.simulated.listing import pool_name
from adapters.simulated.scenario import Spell
from bus.events import Event, LiquidityChanged, PoolState, PoolSwap
from kernel.amm.v3 import SwapQuote, V3Pool, apply_mint_burn, pool_after, swap_exact_in
from kernel.amm.v3_ticks import tick_at_sqrt_ratio

USDC = 10**6
MILLI_WETH = 10**15
#: by fee: liquidity unit, chance of a stranger per block, chance of a correction per block, of a provider moving
HABITS = {500: (10**17, 0.19, 0.40, 0.0008), 3_000: (3 * 10**16, 0.03, 0.30, 0.0004)}
#: providers at the start: (half width of the range in ticks, liquidity in units)
RANGES = ((20_040, 2), (6_000, 2), (3_000, 2), (1_200, 3), (600, 2), (240, 1))
BUSY = 2.2  #: times as many strangers in a volatile spell
MARGIN = 0.0006  #: what an arbitrageur wants beyond the pool's fee
LEFT = 0.0002  #: and leaves
BOT_USD = (40_000.0, 160_000.0)  #: what one may bring in one block


class Pool:
    """State and customers of one pool; token0 is USDC, token1 WETH."""

    def __init__(self, seed: int, fee_pips: int, tick_spacing: int, price: float) -> None:
        self.instrument = pool_name(fee_pips)
        self._draws = Draws(seed, f"pool {fee_pips}")
        self._fee = fee_pips / 1_000_000
        self._unit, self._strangers, self._corrections, self._moves = HABITS[fee_pips]
        self._drift = 0.0  #: share of strangers that buy, less a half
        self._extra: list[tuple[int, int, int]] = []  #: positions that providers may take back
        start = _sqrt_price_of(price)
        self.state = V3Pool(
            sqrt_price_x96=start,
            tick=tick_at_sqrt_ratio(start),
            liquidity=0,
            fee_pips=fee_pips,
            tick_spacing=tick_spacing,
        )

    def birth(self, block: int, ts_ns: int) -> Iterator[Event]:
        """The pool without liquidity, then its first providers."""
        yield PoolState(
            ts_ns=ts_ns,
            instrument=self.instrument,
            block=block,
            log_index=0,
            sqrt_price_x96=self.state.sqrt_price_x96,
            tick=self.state.tick,
            liquidity=0,
            is_birth=True,
        )
        for number, (width, units) in enumerate(RANGES, start=1):
            lower, upper = self._range(width)
            yield self._change(block, number, ts_ns, (lower, upper, units * self._unit))

    def block(self, block: int, index: int, ts_ns: int, price: float, spell: Spell | None) -> Iterator[Event]:
        """What one block does to the pool, while the outside price is `price`. `index` numbers its logs."""
        draws = self._draws
        swaps: list[SwapQuote | None] = []
        if draws.is_so(self._strangers * (BUSY if spell else 1.0)):
            swaps.append(self._stranger(price))
            yield from self._told(swaps, block, index, ts_ns)
        if draws.is_so(self._corrections * (spell.keep_up if spell else 1.0)):
            swaps.append(self._correction(price))
            yield from self._told(swaps, block, index, ts_ns)
        if draws.is_so(self._moves):
            number = index + sum(each is not None for each in swaps)
            yield self._change(block, number, ts_ns, self._provider())

    # swaps --------------------------------------------------------------------------------------------------------

    def _stranger(self, price: float) -> SwapQuote:
        draws = self._draws
        self._drift = 0.97 * self._drift + 0.05 * draws.bell()
        usd = draws.heavy(250.0, 25_000.0)
        if draws.is_so(0.5 + min(0.2, max(-0.2, self._drift))):
            return swap_exact_in(self.state, True, int(usd / 10) * 10 * USDC)
        return swap_exact_in(self.state, False, max(1, int(usd / price * 1_000)) * MILLI_WETH)

    def _correction(self, price: float) -> SwapQuote | None:
        """Towards the outside price as far as the fee leaves something, if it is far enough to bother."""
        gap = self._price() / price - 1.0
        if abs(gap) < self._fee + MARGIN:
            return None
        usd = self._draws.between(*BOT_USD)
        if gap > 0:
            limit = _sqrt_price_of(price * (1.0 + self._fee + LEFT))
            return swap_exact_in(self.state, False, int(usd / price * 1_000) * MILLI_WETH, limit)
        limit = _sqrt_price_of(price * (1.0 - self._fee - LEFT))
        return swap_exact_in(self.state, True, int(usd) * USDC, limit)

    def _told(self, swaps: list[SwapQuote | None], block: int, index: int, ts_ns: int) -> Iterator[Event]:
        quote = swaps[-1]
        if quote is None:
            return
        is_usdc_in = quote.sqrt_price_x96_after < self.state.sqrt_price_x96
        self.state = pool_after(self.state, quote)
        number = index + sum(each is not None for each in swaps) - 1
        yield PoolSwap(
            ts_ns=ts_ns,
            instrument=self.instrument,
            block=block,
            log_index=number,
            tx=f"simulated-{block}-{number}",
            amount0=quote.amount_in if is_usdc_in else -quote.amount_out,
            amount1=-quote.amount_out if is_usdc_in else quote.amount_in,
            sqrt_price_x96=quote.sqrt_price_x96_after,
            tick=quote.tick_after,
            liquidity=quote.liquidity_after,
        )

    def _price(self) -> float:
        """USDC per WETH."""
        root = self.state.sqrt_price_x96 / (1 << 96)
        return 1e12 / (root * root)

    # providers ----------------------------------------------------------------------------------------------------

    def _provider(self) -> tuple[int, int, int]:
        """Somebody adds a position, or takes an earlier one back."""
        if self._extra and self._draws.is_so(0.5):
            lower, upper, liquidity = self._extra.pop(self._draws.whole(0, len(self._extra) - 1))
            return lower, upper, -liquidity
        lower, upper = self._range(self._draws.whole(2, 40) * 60)
        position = (lower, upper, self._draws.whole(1, 8) * self._unit // 10)
        self._extra.append(position)
        return position

    def _range(self, width: int) -> tuple[int, int]:
        spacing = self.state.tick_spacing
        shift = self._draws.whole(-width // 4, width // 4)
        middle = (self.state.tick + shift) // spacing * spacing
        return middle - width // spacing * spacing, middle + width // spacing * spacing

    def _change(self, block: int, number: int, ts_ns: int, position: tuple[int, int, int]) -> LiquidityChanged:
        lower, upper, delta = position
        self.state = apply_mint_burn(self.state, lower, upper, delta)
        return LiquidityChanged(
            ts_ns=ts_ns,
            instrument=self.instrument,
            block=block,
            log_index=number,
            tx=f"simulated-{block}-{number}",
            tick_lower=lower,
            tick_upper=upper,
            liquidity_delta=delta,
        )


def _sqrt_price_of(price: float) -> int:
    """Q64.96 square root of raw WETH per raw USDC at a price in USDC per WETH, to a ten-thousandth of a USDC."""
    return isqrt((10**16 << 192) // round(price * 10_000))
