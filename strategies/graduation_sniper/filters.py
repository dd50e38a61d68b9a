"""Which coins may be bought: every filter of the product's list, all asked, all told.

What is not known fails its filter: an unknown holder count is not a hundred holders.
"""

from typing import NamedTuple

from kernel.finance.lamports import LAMPORTS_PER_SOL
from strategies.graduation_sniper.coin import Coin
from strategies.graduation_sniper.rug_score import rug_probability
from strategies.graduation_sniper.settings import GraduationSniperSettings

WRAPPED_SOL = "So11111111111111111111111111111111111111112"


class Judged(NamedTuple):
    """What stands against a coin; empty = nothing."""

    failures: tuple[str, ...]
    rug_probability: float


def judge(
    coin: Coin,
    settings: GraduationSniperSettings,
    *,
    supply_raw: int,
    sol_usd: float | None,
    is_freezable: bool | None = None,
    transfer_fee_bps: int | None = None,
) -> Judged:
    """All filters that the coin fails, in the order of the settings."""
    rug = rug_probability(coin.signs(is_freezable=is_freezable, transfer_fee_bps=transfer_fee_bps))
    failures = [
        *_of_kind(coin),
        *_of_people(coin, settings, supply_raw),
        *_of_market(coin, settings, sol_usd),
    ]
    if rug > settings.max_rug_probability:
        failures.append("rug_probability")
    return Judged(tuple(failures), rug)


def _of_kind(coin: Coin) -> list[str]:
    failures = []
    if coin.is_mayhem:
        failures.append("mayhem_mode")
    if coin.quote_mint not in ("", WRAPPED_SOL):
        failures.append("quote_mint")
    return failures


def _of_people(coin: Coin, settings: GraduationSniperSettings, supply_raw: int) -> list[str]:
    failures = []
    if coin.holders is None or coin.holders < settings.min_holders_before_grad:
        failures.append("holders")
    if coin.buys < settings.min_buy_sell_ratio * max(1, coin.sells):
        failures.append("buy_sell_ratio")
    if supply_raw <= 0:
        return [*failures, "supply_unknown"]
    held_pct = coin.creator_pct
    if held_pct is None:
        held_pct = max(0, coin.creator_bought_raw - coin.creator_sold_raw) * 100.0 / supply_raw
    if held_pct > settings.max_dev_holding_pct:
        failures.append("dev_holding")
    if coin.creator_sold_raw * 100.0 >= settings.max_dev_sold_pct * supply_raw and coin.creator_sold_raw:
        failures.append("dev_sold")
    return failures


def _of_market(coin: Coin, settings: GraduationSniperSettings, sol_usd: float | None) -> list[str]:
    failures = []
    decline = coin.decline_pct
    if decline is None or decline > settings.max_price_decline_pct:
        failures.append("price_decline")
    if sol_usd is None:
        return [*failures, "sol_price"]
    volume_usd = coin.volume_raw / LAMPORTS_PER_SOL * sol_usd
    liquidity_usd = 2.0 * (coin.real_quote_raw or 0) / LAMPORTS_PER_SOL * sol_usd
    if volume_usd < settings.min_volume_usd:
        failures.append("volume")
    if liquidity_usd < settings.min_liquidity_usd:
        failures.append("liquidity")
    if liquidity_usd <= 0 or volume_usd / liquidity_usd <= settings.min_vol_liq_ratio:
        failures.append("vol_liq_ratio")
    return failures
