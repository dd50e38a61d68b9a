"""What an operator may set. Names, defaults and bounds of the product's table are kept; the rest is proposed here."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from kernel.strategy import Settings

Dex = Literal["raydium", "orca", "meteora"]
Pair = Annotated[str, Meta(pattern=r"^[A-Za-z0-9.]{1,44}/[A-Za-z0-9.]{1,44}$")]


def _meta(title: str, unit: str, group: str, description: str, recommended: Any = None, **bounds: Any) -> Meta:
    extra = {"unit": unit, "group": group}
    if recommended is not None:
        extra["recommended"] = recommended
    return Meta(title=title, description=description, extra=extra, **bounds)


_SIGNAL, _SIZE, _VENUE, _SEND, _COST = "Signal", "Size", "Pools", "Sending", "Costs"


class SolanaArbSettings(Settings, frozen=True, kw_only=True):
    """Settings of `solana_arb`. A lamport is a thousand-millionth of a SOL."""

    # signal
    min_spread_bps: Annotated[
        float,
        _meta("Smallest spread", "bps", _SIGNAL, "What a cycle must give back beyond what it takes for the first unit, "
              "every pool fee paid, before it is priced in full.", 15, ge=1.0, le=500.0),
    ] = 15.0  # fmt: skip
    min_profit_lamports: Annotated[
        int,
        _meta("Smallest profit", "lamports", _SIGNAL, "Net of every cost, per trade; 50,000 are about a cent.", 50_000,
              ge=1, le=10**12),
    ] = 50_000  # fmt: skip
    scan_interval_ms: Annotated[
        int,
        _meta("Full screen", "ms", _SIGNAL, "All cycles are looked at again after this time even if nothing was heard; "
              "a change of a pool is looked at on the spot.", 500, ge=50, le=10_000),
    ] = 500  # fmt: skip
    max_slot_skew: Annotated[
        int,
        _meta("Slot skew", "slots", _SIGNAL, "How many slots the states of a cycle's pools may lie apart. A pool that "
              "nobody touched is known up to the newest slot heard of.", 2, ge=0, le=150),
    ] = 2  # fmt: skip

    # pools
    pairs_to_monitor: Annotated[
        tuple[Pair, ...],
        _meta("Pairs", "", _VENUE, "Pairs whose pools are traded; tokens by symbol where it is known to be genuine, "
              "else by mint address. Pools to listen to are named in the profile.", max_length=64),
    ] = ("SOL/USDC", "SOL/USDT", "mSOL/SOL", "JitoSOL/SOL")  # fmt: skip
    dexes_enabled: Annotated[
        tuple[Dex, ...], _meta("DEXes", "", _VENUE, "Whose pools are traded.", max_length=3)
    ] = ("raydium", "orca", "meteora")  # fmt: skip
    max_hops: Annotated[
        int, _meta("Longest cycle", "pools", _VENUE, "2: two pools of one pair; 3: triangles too.", 3, ge=2, le=3)
    ] = 3
    min_pool_depth_usd: Annotated[
        float,
        _meta("Pool depth", "USD", _VENUE, "What each pool of a cycle must be able to take and to give within "
              "depth_range_bps of its price. A thin pool shows a wide spread that nobody can trade.", 10_000,
              ge=0.0, le=1e9),
    ] = 10_000.0  # fmt: skip
    depth_range_bps: Annotated[
        float, _meta("Depth range", "bps", _VENUE, "How far from the price depth counts.", 100, ge=1.0, le=2_000.0)
    ] = 100.0

    # size
    max_trade_size_sol: Annotated[
        float, _meta("Trade size", "SOL", _SIZE, "Most that one trade may put in, by value.", 10, ge=0.01, le=10_000.0)
    ] = 10.0
    max_depth_share_pct: Annotated[
        float,
        _meta("Depth share", "%", _SIZE, "At most this share of the depth that is counted for a pool.", 25, ge=1.0,
              le=100.0),
    ] = 25.0  # fmt: skip

    # sending
    use_jito_bundles: Annotated[
        bool,
        _meta("Jito bundles", "", _SEND, "Send through the block engine: a trade that would fail does not land and "
              "pays nothing. Off: straight to the leader, failures pay their fee.", True),
    ] = True  # fmt: skip
    jito_tip_lamports: Annotated[
        int, _meta("Lowest tip", "lamports", _SEND, "Floor of the adaptive tip.", 10_000, ge=1_000, le=10**8)
    ] = 10_000
    max_tip_lamports: Annotated[
        int, _meta("Highest tip", "lamports", _SEND, "No trade tips more.", 2_000_000, ge=1_000, le=10**9)
    ] = 2_000_000
    tip_share_of_profit_pct: Annotated[
        float,
        _meta("Tip share", "%", _SEND, "At most this share of what a trade earns before the tip goes into it.", 50,
              ge=0.0, le=95.0),
    ] = 50.0  # fmt: skip
    min_out_profit_share_pct: Annotated[
        float,
        _meta("Kept profit", "%", _SEND, "The least output is the input, all costs and this share of the expected net; "
              "below it the transaction fails on chain.", 50, ge=0.0, le=100.0),
    ] = 50.0  # fmt: skip
    cooldown_ms: Annotated[
        int, _meta("Pause", "ms", _SEND, "A pool rests so long after a trade through it ended.", 400, ge=0, le=600_000)
    ] = 400
    failure_cooldown_ms: Annotated[
        int, _meta("Pause after a failure", "ms", _SEND, "Likewise after one that failed.", 2_000, ge=0, le=600_000)
    ] = 2_000

    # costs
    compute_units_per_swap: Annotated[
        int,
        _meta("Compute per swap", "units", _COST, "For the priority fee of the estimate; the transaction itself is "
              "sized by simulation.", 150_000, ge=1_000, le=700_000),
    ] = 150_000  # fmt: skip
    max_priority_fee_lamports: Annotated[
        int, _meta("Highest priority fee", "lamports", _COST, "Per transaction.", 200_000, ge=0, le=10**9)
    ] = 200_000
    failure_probability_pct: Annotated[
        float,
        _meta("Lost races", "%", _COST, "Share of trades that fail after being sent straight to the leader, until own "
              "results tell better.", 30, ge=0.0, le=99.0),
    ] = 30.0  # fmt: skip
