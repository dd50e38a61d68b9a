"""Which instruments make the two legs of a market at the chosen venues."""

from collections.abc import Container

from msgspec import Struct

from strategies.drift_funding_arb.settings import DriftFundingArbSettings

PERP_IDS = {
    "drift": "drift:{base}-PERP",
    "velocity": "velocity:{base}-PERP",
    "hyperliquid": "hyperliquid:{base}",
    "binance": "binance_usdm:{base}USDT",
    "simulated": "simulated_perp:{base}USDC",
}
SPOT_IDS = {
    "jupiter": "jupiter:{base}/USDC",
    "binance": "binance:{base}USDT",
    "binance_usdm": "binance_usdm:{base}USDT",
    "simulated": "simulated:{base}USDC",
}
PERP_STAND_INS: dict[str, tuple[str, ...]] = {"velocity": ("drift",)}
SPOT_STAND_INS = {"jupiter": ("binance", "binance_usdm"), "binance": ("binance_usdm",)}  #: a perpetual comes last
HEALTH_CHECKED_VENUES = frozenset({"velocity"})  #: no entry before a health check said ok: never judged is not good
ON_CHAIN_VENUES = frozenset({"drift", "velocity", "hyperliquid", "jupiter"})


class Pair(Struct, frozen=True, kw_only=True):
    """The two legs of one market; `stand_in` names what replaces the chosen venue ("" = nothing)."""

    market: str
    perp: str
    spot: str
    stand_in: str = ""


def base_of(market: str) -> str:
    """BTC of BTC-PERP."""
    return market.removesuffix("-PERP")


def resolve_pair(market: str, settings: DriftFundingArbSettings, listed: Container[str]) -> Pair:
    """The legs at the chosen venues, or at their stand-ins where only those are listed and the settings allow it."""
    replaced: list[str] = []

    def leg(ids: dict[str, str], venue: str, stand_ins: dict[str, tuple[str, ...]], taken: str) -> str:
        chosen = ids[venue].format(base=base_of(market))
        if chosen in listed or not settings.use_stand_in_venues:
            return chosen
        for other in stand_ins.get(venue, ()):
            stand_in = ids[other].format(base=base_of(market))
            if stand_in in listed and stand_in != taken:
                replaced.append(f"{other} stands in for {venue}")
                return stand_in
        return chosen

    perp = leg(PERP_IDS, settings.perp_venue, PERP_STAND_INS, "")
    spot = leg(SPOT_IDS, settings.spot_venue, SPOT_STAND_INS, perp)
    return Pair(market=market, perp=perp, spot=spot, stand_in="; ".join(replaced))
