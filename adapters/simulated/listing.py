"""What can be traded in the simulated market, and one token that nobody should."""

from collections.abc import Iterator

from adapters.simulated.scenario import ASSETS, ETH, LISTED_BUT_DEAD, START_NS, Asset
from bus.events import Event, InstrumentListed, Quote

CHAIN = "simulated"
POOL_VENUE = "uniswap_v3.simulated"
NOTE = "simulated market, no real prices"
FEES = ((500, 10), (3_000, 60))  #: (fee_pips, tick_spacing) of the pools
LEAST_USD = "5"


def listing() -> Iterator[Event]:
    """Every instrument, each before its first price; spot first, since it values everything else."""
    for asset in ASSETS:
        yield _book(asset, asset.spot, "spot")
    for asset in ASSETS:
        yield _book(asset, asset.perp, "perp")
    for fee_pips, tick_spacing in FEES:
        yield InstrumentListed(
            ts_ns=START_NS,
            instrument=pool_name(fee_pips),
            venue=POOL_VENUE,
            kind="pool",
            base="WETH",
            quote="USDC",
            underlying="ETH",
            base_decimals=18,
            quote_decimals=6,
            base_is_token0=False,
            fee_pips=fee_pips,
            tick_spacing=tick_spacing,
            chain=CHAIN,
            mark_from=ETH.spot,
            note=NOTE,
        )
    dead = f"simulated:{LISTED_BUT_DEAD}USDC"
    yield InstrumentListed(
        ts_ns=START_NS,
        instrument=dead,
        venue="simulated",
        kind="spot",
        base=LISTED_BUT_DEAD,
        quote="USDC",
        underlying=LISTED_BUT_DEAD,
        tick_size="0.0001",
        lot_size="1",
        min_notional_usd=LEAST_USD,
        note="a token with a hostile name, quoted once; pages must show the name as text",
    )
    yield Quote(ts_ns=START_NS, instrument=dead, venue_ts_ns=0, bid=0.0123, ask=0.0125, bid_qty=100.0, ask_qty=100.0)


def pool_name(fee_pips: int) -> str:
    """Instrument id of a pool."""
    return f"{POOL_VENUE}:USDC/WETH-{fee_pips}"


def _book(asset: Asset, instrument: str, kind: str) -> InstrumentListed:
    return InstrumentListed(
        ts_ns=START_NS,
        instrument=instrument,
        venue=instrument.partition(":")[0],
        kind=kind,
        base=asset.name,
        quote="USDC",
        underlying=asset.name,
        tick_size=f"{asset.tick:.{asset.digits}f}",
        lot_size=f"{asset.lot:.{asset.lot_digits}f}",
        min_notional_usd=LEAST_USD,
        note=NOTE,
    )
