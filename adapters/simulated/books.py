"""Order-book venues: best quotes with shown sizes, and public trades, around the simulated prices."""

from collections.abc import Iterator

from adapters.simulated.draws import Draws
from adapters.simulated.paths import Paths
from adapters.simulated.scenario import LAST_MS, OUTAGE_S, Asset, ts_ns
from bus.events import Event, Quote, Trade, VenueHealth

PERP_VENUE = "simulated_perp"
SPOT_HALF_SPREAD = 0.00002  #: of the price, in calm; grows with volatility
PERP_HALF_SPREAD = 0.00004
STEP_MS = 100  #: moments are told to this, as by a feed that gathers
SIZE_FIGURES = 2  #: significant figures of a shown size


def spot_quotes(seed: int, asset: Asset, paths: Paths) -> Iterator[Event]:
    """Quotes of the spot market."""
    draws = Draws(seed, f"quotes {asset.spot}")
    for ms in _moments(draws, asset.spot_gap_ms):
        yield _quote(asset, asset.spot, paths, draws, ms, SPOT_HALF_SPREAD, 0.0)


def perp_quotes(seed: int, asset: Asset, paths: Paths) -> Iterator[Event]:
    """Quotes of the perpetual: spot and its premium; none while the venue is silent."""
    draws = Draws(seed, f"quotes {asset.perp}")
    premium = paths.premium[asset.name]
    for ms in _moments(draws, asset.perp_gap_ms):
        quote = _quote(asset, asset.perp, paths, draws, ms, PERP_HALF_SPREAD, premium[ms // 1_000])
        if not OUTAGE_S[0] * 1_000 <= ms < OUTAGE_S[1] * 1_000:
            yield quote


def spot_trades(seed: int, asset: Asset, paths: Paths) -> Iterator[Event]:
    """Trades of the spot market, at about the best prices."""
    draws = Draws(seed, f"trades {asset.spot}")
    for ms in _moments(draws, asset.trade_gap_ms):
        is_buy = draws.is_so(0.5)
        price = paths.price[asset.name][ms // 1_000]
        edge = price * SPOT_HALF_SPREAD * paths.speed[ms // 1_000]
        ticks = int((price + edge if is_buy else price - edge) / asset.tick)
        yield Trade(
            ts_ns=ts_ns(ms),
            instrument=asset.spot,
            venue_ts_ns=0,
            price=round(ticks * asset.tick, asset.digits),
            qty=_size(asset, draws.heavy(200.0, 40_000.0) / price),
            is_buy=is_buy,
        )


def perp_health() -> Iterator[Event]:
    """The perp venue's outage, as its feed would tell it."""
    silent_ms, back_ms = OUTAGE_S[0] * 1_000 + 30_000, OUTAGE_S[1] * 1_000
    yield VenueHealth(ts_ns=ts_ns(0), venue=PERP_VENUE, status="ok", reason="connected")
    yield VenueHealth(ts_ns=ts_ns(silent_ms), venue=PERP_VENUE, status="stale", reason="no message for 30 s")
    yield VenueHealth(ts_ns=ts_ns(back_ms), venue=PERP_VENUE, status="ok", reason="messages again")


def _moments(draws: Draws, gap_ms: tuple[int, int]) -> Iterator[int]:
    least, most = gap_ms[0] // STEP_MS, gap_ms[1] // STEP_MS
    ms = draws.whole(1, least) * STEP_MS
    while ms < LAST_MS:
        yield ms
        ms += draws.whole(least, most) * STEP_MS


def _quote(
    asset: Asset, instrument: str, paths: Paths, draws: Draws, ms: int, half_spread: float, premium: float
) -> Quote:
    second = ms // 1_000
    speed = paths.speed[second]
    mid = paths.price[asset.name][second] * (1.0 + premium)
    half = mid * half_spread * speed * draws.between(0.5, 1.5)
    bid = int((mid - half) / asset.tick)
    ask = max(bid + 1, int((mid + half) / asset.tick))
    shown = asset.usd_per_level / mid / (0.5 + 0.5 * speed)
    return Quote(
        ts_ns=ts_ns(ms),
        instrument=instrument,
        venue_ts_ns=0,
        bid=round(bid * asset.tick, asset.digits),
        ask=round(ask * asset.tick, asset.digits),
        bid_qty=_size(asset, shown * draws.between(0.4, 1.6)),
        ask_qty=_size(asset, shown * draws.between(0.4, 1.6)),
    )


def _size(asset: Asset, qty: float) -> float:
    """On the lot, in two significant figures."""
    step = asset.lot
    while step * 10**SIZE_FIGURES <= qty:
        step *= 10
    return max(round(round(qty / step) * step, asset.lot_digits), asset.lot)
