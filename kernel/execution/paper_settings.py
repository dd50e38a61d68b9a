"""How the paper venue behaves: latency, fees, spreads, inclusion, failures. Each number is printed as an assumption."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kernel.strategy import Settings

Ms = Annotated[int, Meta(ge=1, le=600_000)]
Bps = Annotated[float, Meta(ge=-100.0, le=1_000.0)]
Pct = Annotated[float, Meta(ge=0.0, le=100.0)]


def _meta(title: str, unit: str, description: str) -> Meta:
    return Meta(title=title, description=description, extra={"unit": unit, "group": "Paper venue"})


DEFAULT_TAKER_BPS = {
    "binance": 10.0,
    "binance_usdm": 5.0,
    "binance_coinm": 5.0,
    "bybit": 5.5,
    "okx": 5.0,
    "gate": 5.0,
    "bitmex": 7.5,
    "hyperliquid": 4.5,
    "dydx_v3": 5.0,
    "drift": 10.0,
    "simulated": 5.0,
    "simulated_perp": 5.0,
}
DEFAULT_MAKER_BPS = {
    "binance": 10.0,
    "binance_usdm": 2.0,
    "binance_coinm": 2.0,
    "bybit": 2.0,
    "okx": 2.0,
    "gate": 2.0,
    "bitmex": 2.0,
    "hyperliquid": 1.5,
    "dydx_v3": 1.0,
    "drift": 0.0,
    "simulated": 2.0,
    "simulated_perp": 2.0,
}


class PaperSettings(Settings, frozen=True, kw_only=True):
    """Base-tier fees (checked 2026, no discounts), latencies and failure rates of simulated execution."""

    latency_ms: Annotated[Ms, _meta("Order latency", "ms", "From approval to arrival at an order-book venue.")] = 50
    latency_jitter_ms: Annotated[int, Meta(ge=0, le=60_000), _meta("Jitter", "ms", "Added uniformly, seeded.")] = 50
    cancel_latency_ms: Annotated[Ms, _meta("Cancel latency", "ms", "An order can still fill meanwhile.")] = 50
    inclusion_ms: Annotated[Ms, _meta("Inclusion", "ms", "From approval to the block that holds a swap.")] = 2_000
    inclusion_jitter_ms: Annotated[int, Meta(ge=0, le=600_000), _meta("Inclusion jitter", "ms", "Added, seeded.")] = (
        2_000
    )
    taker_bps: Annotated[dict[str, Bps], _meta("Taker fees", "bps", "By venue; an unlisted venue is refused.")] = (
        msgspec.field(default_factory=lambda: dict(DEFAULT_TAKER_BPS))
    )
    maker_bps: Annotated[dict[str, Bps], _meta("Maker fees", "bps", "By venue; negative is a rebate.")] = msgspec.field(
        default_factory=lambda: dict(DEFAULT_MAKER_BPS)
    )
    bar_half_spread_bps: Annotated[
        Bps, _meta("Half spread on bars", "bps", "Paid where only bars are known, on top of the bar's price.")
    ] = 1.0
    bar_volume_share_pct: Annotated[Pct, _meta("Share of a bar", "%", "At most this part of a bar's volume fills.")] = (
        10.0
    )
    bar_open_tolerance_pct: Annotated[
        Pct, _meta("At the open", "%", "A decision this early in a bar still gets its open; later ones get its close.")
    ] = 1.0
    fill_wait_ms: Annotated[
        int, Meta(ge=1, le=86_400_000), _meta("Fill wait", "ms", "An immediate order with no newer price expires.")
    ] = 10_000
    swap_fail_pct: Annotated[Pct, _meta("Lost races", "%", "Swaps that revert although the price would hold.")] = 5.0
    reject_pct: Annotated[Pct, _meta("Rejects", "%", "Orders that the venue refuses.")] = 0.0
    unknown_pct: Annotated[Pct, _meta("Unknown", "%", "Orders whose outcome is unknown for a while.")] = 0.0
    unknown_ms: Annotated[Ms, _meta("Unknown for", "ms", "How long an unknown outcome stays unknown.")] = 5_000
    flash_premium_bps: Annotated[Bps, _meta("Flash premium", "bps", "Of the borrowed amount (Aave V3 today).")] = 5.0
    quote_balance_usd: Annotated[
        float, Meta(ge=0.0, le=1e9), _meta("Quote balance", "USD", "Play money per venue, in the quote currency.")
    ] = 100_000.0
    base_balance_usd: Annotated[
        float, Meta(ge=0.0, le=1e9), _meta("Base inventory", "USD", "Play inventory per spot or pool instrument.")
    ] = 20_000.0

    def assumptions(self) -> list[str]:
        """One line per assumption, for reports and pages."""
        return [
            f"Orders reach a venue {self.latency_ms} to {self.latency_ms + self.latency_jitter_ms} ms after approval "
            f"(seeded); cancels take {self.cancel_latency_ms} ms; nothing fills on the event that triggered it.",
            f"Swaps are included {self.inclusion_ms} to {self.inclusion_ms + self.inclusion_jitter_ms} ms after "
            f"approval at the pool state known then, own impact remembered; {self.swap_fail_pct:g} % lose the race and "
            "pay gas.",
            f"Where only bars are known, fills happen at the open of the bar in which the decision fell (its close if "
            f"more than {self.bar_open_tolerance_pct:g} % of it had passed), are reported at its end, cost "
            f"{self.bar_half_spread_bps:g} bps more, and take at most {self.bar_volume_share_pct:g} % of its volume.",
            "Quotes fill up to the displayed size; what was taken stays taken until the level changes. Resting orders "
            "wait behind the displayed size and fill from trades.",
            "Fees are base tier, taker/maker bps: "
            + ", ".join(f"{v} {t:g}/{self.maker_bps.get(v, t):g}" for v, t in sorted(self.taker_bps.items()))
            + f"; flash loans cost {self.flash_premium_bps:g} bps.",
            f"Rejects {self.reject_pct:g} %, unknown outcomes {self.unknown_pct:g} %.",
            f"Play money: {self.quote_balance_usd:,.0f} USD in quote per venue, {self.base_balance_usd:,.0f} USD of "
            "base per spot and pool instrument; inventory itself earns nothing in the P&L.",
            "USDT, USDC and DAI are valued at 1 USD.",
        ]
