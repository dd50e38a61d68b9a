"""Small exact pools on Solana for tests: listings and parts of constant-product pools, gas in lamports."""

from decimal import Decimal
from typing import Any

from bus.events import GasPrice, InstrumentListed, PoolSeen, SlotSeen
from bus.events.base import Event
from bus.intents import Hop, Swap
from bus.pool_parts import AnyPoolPart, RaydiumCpmmConfig, RaydiumCpmmState, VaultBalance
from tests.builders import T0

CHAIN = VENUE = "solana"
SOL_USD = 150.0
DECIMALS = {"SOL": 9, "USDC": 6, "USDT": 6, "mSOL": 9, "COIN": 6}


def pool_listed(name: str, base: str, quote: str, ts_ns: int = T0, **changes: Any) -> InstrumentListed:
    """A pool `solana:name` whose first token is the base."""
    fields: dict[str, Any] = {
        "ts_ns": ts_ns,
        "instrument": f"solana:{name}",
        "venue": VENUE,
        "kind": "pool",
        "base": base,
        "quote": quote,
        "underlying": base,
        "base_decimals": DECIMALS[base],
        "quote_decimals": DECIMALS[quote],
        "base_is_token0": True,
        "chain": CHAIN,
        "family": "raydium_cpmm",
        "address": name,
    }
    return InstrumentListed(**{**fields, **changes})


def seen(name: str, *parts: AnyPoolPart, slot: int = 100, ts_ns: int = T0) -> PoolSeen:
    return PoolSeen(ts_ns=ts_ns, instrument=f"solana:{name}", slot=slot, parts=parts)


def reserves(name: str, first: int, second: int, *, slot: int = 100, ts_ns: int = T0) -> PoolSeen:
    """Both vault balances, raw."""
    balances = (VaultBalance(is_first=True, amount=first), VaultBalance(is_first=False, amount=second))
    return seen(name, *balances, slot=slot, ts_ns=ts_ns)


def cpmm(
    name: str,
    base: str,
    quote: str,
    first: int,
    second: int,
    *,
    fee_rate: int = 2_500,
    slot: int = 100,
    ts_ns: int = T0,
) -> list[Event]:
    """A whole pool: listing, state, fee tier (of 1,000,000), balances."""
    state = RaydiumCpmmState(status=0, open_time_s=0, creator_fee_on=0, is_creator_fee_on=False, owed_a=0, owed_b=0)
    config = RaydiumCpmmConfig(
        trade_fee_rate=fee_rate, protocol_fee_rate=120_000, fund_fee_rate=40_000, creator_fee_rate=0
    )
    return [
        pool_listed(name, base, quote, ts_ns),
        seen(name, state, config, slot=slot, ts_ns=ts_ns),
        reserves(name, first, second, slot=slot, ts_ns=ts_ns),
    ]


def lamports(ts_ns: int = T0, native_usd: float = SOL_USD) -> GasPrice:
    """On Solana a unit of gas is a lamport."""
    return GasPrice(ts_ns=ts_ns, chain=CHAIN, gas_price_wei=10**9, native_usd=native_usd)


def slot_seen(slot: int, ts_ns: int) -> SlotSeen:
    return SlotSeen(ts_ns=ts_ns, chain=CHAIN, slot=slot)


def swap(amount_in: int, *hops: tuple[str, bool] | tuple[str, bool, int], **changes: Any) -> Swap:
    """A route of (pool name, is first token in[, fixed amount in])."""
    route = tuple(
        Hop(pool=f"solana:{hop[0]}", is_zero_for_one=hop[1], amount_in=hop[2] if len(hop) > 2 else 0) for hop in hops
    )
    fields: dict[str, Any] = {
        "route": route,
        "amount_in": amount_in,
        "amount_out_min": 1,
        "base_side": "sell" if hops[0][1] else "buy",
        "gas_limit": 5_000,
        "gas_price_wei_max": 10**9,
        "gas_usd_max": Decimal("0.001"),
        "notional_usd": Decimal(100),
    }
    return Swap(**{**fields, **changes})
