"""What an operator may set. Names, defaults and bounds of the product's table are kept; the rest is proposed here."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from kernel.strategy import Settings


def _meta(title: str, unit: str, group: str, description: str, recommended: Any = None, **bounds: Any) -> Meta:
    extra = {"unit": unit, "group": group}
    if recommended is not None:
        extra["recommended"] = recommended
    return Meta(title=title, description=description, extra=extra, **bounds)


class ExitTier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sell `pct` of what was bought when the price is `target` times what was paid ("2x")."""

    pct: Annotated[float, Meta(gt=0.0, le=100.0)]
    target: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}(\.[0-9]{1,2})?x$")]

    @property
    def multiple(self) -> float:
        """The target as a number."""
        return float(self.target.removesuffix("x"))


DEFAULT_TIERS = '[{"pct":25,"target":"2x"},{"pct":25,"target":"3x"},{"pct":25,"target":"5x"}]'
TIERS_MAX = 10


def tiers_of(text: str) -> tuple[ExitTier, ...]:
    """Exit tiers from their JSON text. Raises `ValueError` saying what is wrong."""
    try:
        tiers = msgspec.json.decode(text, type=tuple[ExitTier, ...])
    except msgspec.MsgspecError as error:
        raise ValueError(f"exit_tiers: expected a JSON list of {{pct, target}}, found {text:.60} ({error})") from error
    if len(tiers) > TIERS_MAX:
        raise ValueError(f"exit_tiers: expected at most {TIERS_MAX} tiers, found {len(tiers)}")
    if sum(each.pct for each in tiers) > 100.0:
        raise ValueError("exit_tiers: expected shares of at most 100 % together, found more")
    targets = [each.multiple for each in tiers]
    if targets != sorted(set(targets)):
        raise ValueError("exit_tiers: expected rising targets, found " + ", ".join(each.target for each in tiers))
    return tiers


_ENTRY, _COIN, _SIZE, _EXIT, _SEND = "Entry", "Coin filters", "Size", "Exits", "Sending"


class GraduationSniperSettings(Settings, frozen=True, kw_only=True):
    """Settings of `graduation_sniper`. Percentages mean percent: 5 is 5 %."""

    graduation_snipe_enabled: Annotated[
        bool, _meta("Buy graduations", "", _ENTRY, "Off: coins are watched and judged, nothing is bought.", True)
    ] = True
    watch_from_progress_pct: Annotated[
        float,
        _meta("Watch from", "%", _ENTRY, "Curves at least this far on the way to completion are watched closely and "
              "prepared for.", 80, ge=0.0, le=100.0),
    ] = 80.0  # fmt: skip
    state_refresh_budget_ms: Annotated[
        int,
        _meta("State age", "ms", _ENTRY,
              "If the pool's state for the purchase is older than this, the coin is skipped.",
              2_000, ge=100, le=60_000),
    ] = 2_000  # fmt: skip
    entry_window_s: Annotated[
        int,
        _meta("Entry window", "s", _ENTRY,
              "A coin that graduated longer ago than this is left alone.", 20, ge=1, le=600),
    ] = 20  # fmt: skip

    # coin filters
    min_holders_before_grad: Annotated[
        int,
        _meta("Holders", "count", _COIN, "Holders known before graduation; unknown = no entry.", 100, ge=0, le=100_000),
    ] = 100
    min_buy_sell_ratio: Annotated[
        float, _meta("Buys per sell", "ratio", _COIN, "By number, over the window.", 1.5, ge=0.0, le=100.0)
    ] = 1.5
    max_dev_holding_pct: Annotated[
        float, _meta("Creator holds", "% of supply", _COIN, "At most.", 5, ge=0.0, le=100.0)
    ] = 5.0
    max_dev_sold_pct: Annotated[
        float,
        _meta("Creator sold", "% of supply", _COIN, "Less than this, over the coin's known life.", 5, ge=0.0, le=100.0),
    ] = 5.0
    max_price_decline_pct: Annotated[
        float,
        _meta("Price decline", "%", _COIN, "From the window's highest price to now, at most.", 10, ge=0.0, le=100.0),
    ] = 10.0
    min_vol_liq_ratio: Annotated[
        float, _meta("Volume per liquidity", "ratio", _COIN, "Over the window; must be above.", 0.5, ge=0.0, le=1_000.0)
    ] = 0.5
    min_volume_usd: Annotated[
        float, _meta("Volume", "USD", _COIN, "Over the window, at least.", 10_000, ge=0.0, le=1e9)
    ] = 10_000.0
    min_liquidity_usd: Annotated[
        float, _meta("Liquidity", "USD", _COIN, "Both sides of the pool or curve, at least.", 10_000, ge=0.0, le=1e9)
    ] = 10_000.0
    max_rug_probability: Annotated[
        float,
        _meta("Rug score", "0..1", _COIN, "A fixed weighing of warning signs, not a trained model; at most.", 0.35,
              ge=0.0, le=1.0),
    ] = 0.35  # fmt: skip
    window_s: Annotated[
        int, _meta("Window", "s", _COIN, "Over which trades are counted for the filters.", 1_800, ge=30, le=86_400)
    ] = 1_800

    # size
    snipe_amount_sol: Annotated[float, _meta("Stake", "SOL", _SIZE, "Paid for one coin.", 0.1, ge=0.01, le=100.0)] = 0.1
    max_open_positions: Annotated[int, _meta("Open positions", "count", _SIZE, "At a time.", 3, ge=1, le=100)] = 3
    max_positions_per_creator: Annotated[
        int, _meta("Positions per creator", "count", _SIZE, "At a time.", 1, ge=1, le=100)
    ] = 1
    max_slippage_bps: Annotated[
        float,
        _meta("Entry slippage", "bps", _SIZE,
              "How much less than quoted a purchase may bring before it fails on chain.",
              500, ge=1.0, le=5_000.0),
    ] = 500.0  # fmt: skip

    # exits
    exit_tiers: Annotated[
        str,
        _meta("Tiers", "", _EXIT, 'JSON: shares of what was bought and the multiple at which each is sold; together at '
              "most 100 %, targets rising. What is left is the moonbag.", DEFAULT_TIERS, max_length=1_000),
    ] = DEFAULT_TIERS  # fmt: skip
    stop_loss_pct: Annotated[
        float, _meta("Stop loss", "%", _EXIT, "Below the price paid: everything is sold.", 40, ge=1.0, le=99.0)
    ] = 40.0
    trailing_stop_pct: Annotated[
        float,
        _meta("Trailing stop", "%", _EXIT,
              "Below the highest price since the first tier was reached: the rest is sold, "
              "the moonbag included.", 25, ge=1.0, le=99.0),
    ] = 25.0  # fmt: skip
    max_hold_minutes: Annotated[
        int,
        _meta("Longest hold", "minutes", _EXIT, "Then everything is sold whatever the price; nothing delays it.", 240,
              ge=1, le=100_000),
    ] = 240  # fmt: skip
    stale_exit_s: Annotated[
        int,
        _meta("Stale exit", "s", _EXIT,
              "With nothing heard of the pool or the chain for so long, everything is sold.", 60,
              ge=5, le=3_600),
    ] = 60  # fmt: skip
    creator_dump_pct: Annotated[
        float,
        _meta("Creator dump", "% of supply", _EXIT,
              "If the creator sells this much after our entry: sell all.", 2, ge=0.01,
              le=100.0),
    ] = 2.0  # fmt: skip
    liquidity_pull_pct: Annotated[
        float,
        _meta("Liquidity pull", "%", _EXIT,
              "If the pool's depth (root of the product of both sides) falls by this much below "
              "its highest since our entry: sell all.", 40, ge=1.0, le=99.0),
    ] = 40.0  # fmt: skip
    exit_slippage_bps: Annotated[
        float,
        _meta("Exit slippage", "bps", _EXIT,
              "Of the first try; each failed try doubles it, up to everything: getting out "
              "comes first.", 800, ge=1.0, le=10_000.0),
    ] = 800.0  # fmt: skip

    # sending
    use_jito_bundles: Annotated[
        bool, _meta("Jito bundles", "", _SEND, "Purchases through the block engine; sales go both ways in turn.", True)
    ] = True
    jito_tip_lamports: Annotated[
        int, _meta("Tip", "lamports", _SEND, "Floor of the adaptive tip.", 50_000, ge=1_000, le=10**9)
    ] = 50_000
    max_tip_lamports: Annotated[
        int, _meta("Highest tip", "lamports", _SEND, "No transaction tips more.", 5_000_000, ge=1_000, le=10**9)
    ] = 5_000_000
    max_priority_fee_lamports: Annotated[
        int, _meta("Highest priority fee", "lamports", _SEND, "Per transaction.", 1_000_000, ge=0, le=10**9)
    ] = 1_000_000
    compute_units: Annotated[
        int,
        _meta("Compute", "units", _SEND, "For the fee of the estimate; the transaction itself is sized by simulation.",
              200_000, ge=1_000, le=1_400_000),
    ] = 200_000  # fmt: skip

    def __post_init__(self) -> None:
        tiers_of(self.exit_tiers)
