"""A coin's life as events: launch, trades on the curve, completion, migration, the pool and its prices."""

from decimal import Decimal
from typing import Any

from bus.events import (
    BalanceUpdated,
    Event,
    LaunchCompleted,
    LaunchCreated,
    LaunchHolders,
    LaunchMigrated,
    LaunchTrade,
    PoolSeen,
    SlotSeen,
)
from bus.pool_parts import (
    PumpCurve,
    PumpCurveTerms,
    PumpFees,
    PumpSwapState,
    PumpSwapSupply,
    PumpSwapTerms,
    PumpSwapVault,
)
from tests.builders import SECOND, T0
from tests.solana_pools import cpmm, lamports, pool_listed, seen

CURVE, POOL = "solana:pump/COINmint", "solana:pumpswap"
MINT, CREATOR = "COINmint", "creator"
SOL = 10**9
SUPPLY = 10**15
INITIAL = 793_100_000_000_000
WSOL = "So11111111111111111111111111111111111111112"
POOL_COINS, POOL_SOL = 206_900_000_000_000, 79 * SOL


def created(ts_ns: int = T0, **changes: Any) -> LaunchCreated:
    fields: dict[str, Any] = {
        "ts_ns": ts_ns, "instrument": CURVE, "slot": 1, "tx": "t", "platform": "pumpfun", "mint": MINT,
        "quote_mint": WSOL, "creator": CREATOR, "token_program": "token", "name": "Coin", "symbol": "COIN",
        "is_mayhem": False,
    }  # fmt: skip
    return LaunchCreated(**{**fields, **changes})


def trade(
    number: int, ts_ns: int, *, is_buy: bool = True, user: str = "", sol: float = 1.0, **changes: Any
) -> LaunchTrade:
    sold = min(INITIAL, number * INITIAL // 100)
    fields: dict[str, Any] = {
        "ts_ns": ts_ns, "instrument": CURVE, "slot": 10 + number, "tx": f"t{number}", "user": user or f"u{number}",
        "is_buy": is_buy, "base_amount": INITIAL // 100, "quote_amount": int(sol * SOL), "fee_amount": 0,
        "virtual_base": 1_073_000_000_000_000 - sold,
        "virtual_quote": 30 * SOL * 1_073_000_000_000_000 // (1_073_000_000_000_000 - sold),
        "real_base": INITIAL - sold, "real_quote": int(85.0 * SOL * number / 100),
    }  # fmt: skip
    return LaunchTrade(**{**fields, **changes})


def holders(ts_ns: int, count: int = 400, **changes: Any) -> LaunchHolders:
    fields: dict[str, Any] = {
        "ts_ns": ts_ns, "instrument": CURVE, "slot": 100, "holders": count, "top10_pct": 12.0, "creator_pct": 0.5,
    }  # fmt: skip
    return LaunchHolders(**{**fields, **changes})


def completed(ts_ns: int) -> LaunchCompleted:
    return LaunchCompleted(ts_ns=ts_ns, instrument=CURVE, slot=120, tx="c", mint=MINT, quote_mint=WSOL)


def migrated(ts_ns: int) -> LaunchMigrated:
    return LaunchMigrated(
        ts_ns=ts_ns, instrument=CURVE, slot=121, tx="m", mint=MINT, quote_mint=WSOL, pool="pumpswap",
        base_amount=POOL_COINS, quote_amount=POOL_SOL,
    )  # fmt: skip


def start(ts_ns: int = T0) -> list[Event]:
    """SOL has a price and the wallet some of it."""
    return [
        *cpmm("ref", "SOL", "USDC", 100_000 * SOL, 15_000_000 * 10**6, ts_ns=ts_ns),
        lamports(ts_ns),
        BalanceUpdated(ts_ns=ts_ns, venue="solana", asset="SOL", total=Decimal(100), simulated=True),
    ]


def life(ts_ns: int = T0, *, sells: int = 20, sol: float = 2.0) -> list[Event]:
    """A healthy coin up to its last trade: 100 purchases by as many wallets, some sales, holders counted."""
    curve = pool_listed("pump/COINmint", "COIN", "SOL", ts_ns, family="pump_curve", base_mint=MINT, quote_mint=WSOL)
    state = PumpCurve(
        virtual_base=1_073_000_000_000_000, virtual_quote=30 * SOL, real_base=INITIAL, real_quote=0, supply=SUPPLY,
        is_complete=False, has_creator=True, is_mayhem=False, creator_fee_bps=0, quote_kind=0,
    )  # fmt: skip
    terms = PumpCurveTerms(
        protocol_fee_bps=95, creator_fee_bps=5, is_creator_fee_configurable=False, initial_real_base=INITIAL
    )
    events: list[Event] = [
        created(ts_ns), curve, seen("pump/COINmint", state, terms, slot=5, ts_ns=ts_ns),
    ]  # fmt: skip
    now = ts_ns
    for number in range(1, 101):
        now = ts_ns + number * 12 * SECOND
        events.append(trade(number, now, sol=sol))
        if sells and number % (100 // sells) == 0:
            events.append(trade(number, now, is_buy=False, user=f"u{number // 2}", sol=0.4))
    events.append(holders(now))
    return events


END = T0 + 100 * 12 * SECOND


def pool(ts_ns: int, *, coins: int = POOL_COINS, sol: int = POOL_SOL, slot: int = 121) -> list[Event]:
    """The PumpSwap pool, whole."""
    listing = pool_listed(
        "pumpswap", "COIN", "SOL", ts_ns, family="pump_swap", base_mint=MINT, quote_mint=WSOL, address="pumpswap"
    )
    state = PumpSwapState(
        virtual_quote=0, is_canonical=True, has_creator=True, is_mayhem=False, creator_fee_bps=0, quote_kind=0
    )
    terms = PumpSwapTerms(
        lp_fee_bps=20, protocol_fee_bps=5, creator_fee_bps=5, is_creator_fee_configurable=False,
        is_buying_disabled=False, is_selling_disabled=False,
    )  # fmt: skip
    fees = PumpFees(is_present=True, flat=(20, 5, 5), tiers=((0, 20, 5, 30),))
    whole = seen("pumpswap", state, terms, fees, PumpSwapSupply(amount=SUPPLY), slot=slot, ts_ns=ts_ns)
    return [listing, whole, vaults(ts_ns, coins, sol, slot=slot)]


def vaults(ts_ns: int, coins: int, sol: int, *, slot: int = 122) -> PoolSeen:
    balances = (PumpSwapVault(is_first=True, amount=coins), PumpSwapVault(is_first=False, amount=sol))
    return seen("pumpswap", *balances, slot=slot, ts_ns=ts_ns)


def at_multiple(ts_ns: int, multiple: float, *, slot: int = 200) -> list[Event]:
    """The pool at so many times its first price, its depth unchanged; and a slot, so that the chain is alive."""
    root = multiple**0.5
    return [
        vaults(ts_ns, int(POOL_COINS / root), int(POOL_SOL * root), slot=slot),
        SlotSeen(ts_ns=ts_ns, chain="solana", slot=slot),
    ]
