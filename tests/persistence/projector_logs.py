"""Logs for the projector's tests: seeded random trading, written through the real writer."""

import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from bus.events import (
    Accepted,
    Alert,
    Bar,
    Expired,
    Fill,
    Filled,
    FundingPaid,
    FundingRate,
    GasPrice,
    InstrumentListed,
    KillSwitchSet,
    Landed,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    PoolState,
    Quote,
    Rejected,
    Reverted,
    SettingsChanged,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
    Submitted,
)
from bus.events.base import Event
from bus.ids import order_id
from bus.intents import Cost, Hop, PlaceOrder, Swap
from kernel.log import LogHeader
from persistence.event_log import SUFFIX, EventLogWriter
from tests.postgres_fixture import query

START_NS = 1_700_000_000_000_000_000
STEP_NS = 200_000_000
POOL = "uniswap_v3.polygon:USDC/WETH-500"
CEX = "binance:ETHUSDT"
PERP = "binance_usdm:BTCUSDT"
CROSS = "uniswap_v3.polygon:WETH/LINK-3000"  #: quoted in WETH: its USD value needs a price
STRATEGIES = ("cex_dex_arb", "drift_funding_arb")
PROJECTED = (
    "runs", "opportunities", "orders", "trades", "positions", "market_data", "funding_rate_history",
    "performance_metrics", "alerts", "system_logs",
)  # fmt: skip


def listings(ts_ns: int = START_NS) -> list[Event]:
    """What the instruments are."""

    def listed(instrument: str, kind: str, base: str, quote: str, underlying: str, chain: str = "") -> Event:
        return InstrumentListed(
            ts_ns=ts_ns,
            instrument=instrument,
            venue=instrument.partition(":")[0],
            kind=kind,
            base=base,
            quote=quote,
            underlying=underlying,
            base_decimals=18,
            quote_decimals=6 if quote == "USDC" else 18,
            chain=chain,
        )

    return [
        listed(POOL, "pool", "WETH", "USDC", "ETH", "polygon"),
        listed(CEX, "spot", "ETH", "USDT", "ETH"),
        listed(PERP, "perp", "BTC", "USDT", "BTC"),
        listed(CROSS, "pool", "LINK", "WETH", "LINK", "polygon"),
    ]


class Trading:
    """An endless run of seeded random trading. `events(n)` yields about n events; seqs start at `first_seq`."""

    def __init__(self, run: str = "r0001", first_seq: int = 1, seed: int = 1, ts_ns: int = START_NS) -> None:
        self.run = run
        self.seq = first_seq - 1
        self.ts_ns = ts_ns
        self._random = random.Random(seed)
        self._number = 0

    def events(self, count: int) -> Iterator[Event]:
        end = self.seq + count
        yield from map(self._count, listings(self.ts_ns))
        while self.seq < end:
            for event in self._scene():
                yield self._count(event)

    def _count(self, event: Event) -> Event:
        self.seq += 1
        return event

    def _now(self) -> int:
        self.ts_ns += self._random.randrange(STEP_NS)
        return self.ts_ns

    def _scene(self) -> Iterable[Event]:
        pick = self._random.random()
        if pick < 0.6:
            return [self._price()]
        if pick < 0.9:
            return self._trade()
        return self._odds_and_ends()

    def _price(self) -> Event:
        draw = self._random
        kind = draw.randrange(10)
        if kind < 6:
            bid = round(draw.uniform(1900, 2100), 2)
            return Quote(
                ts_ns=self._now(), instrument=draw.choice((CEX, PERP)), venue_ts_ns=0, bid=bid, ask=bid + 0.1,
                bid_qty=1.0, ask_qty=2.0,
            )  # fmt: skip
        if kind < 8:
            return PoolState(
                ts_ns=self._now(), instrument=draw.choice((POOL, CROSS)), block=self.seq, log_index=1,
                sqrt_price_x96=draw.randrange(3 * 10**24, 4 * 10**24), tick=-200000, liquidity=2**127 + 1,
            )  # fmt: skip
        if kind == 8:
            return GasPrice(ts_ns=self._now(), chain="polygon", gas_price_wei=30 * 10**9, native_usd=0.5)
        now_ns = self._now()
        return Bar(
            ts_ns=now_ns, instrument=CEX, open_ts_ns=now_ns - 60 * 10**9, close_ts_ns=now_ns, open=2000.0,
            high=2010.0, low=1990.0, close=2000.5, volume=12.5,
        )  # fmt: skip

    def _trade(self) -> Iterator[Event]:
        draw = self._random
        strategy = draw.choice(STRATEGIES)
        self._number += 1
        name = f"{strategy}-{self._number}"
        cause = self.seq
        yield OpportunitySeen(
            ts_ns=self._now(), strategy=strategy, cause_seq=cause, opportunity=name, instruments=(POOL, CEX),
            size_usd=Decimal(1000), gross_usd=Decimal("3.5"), costs=(Cost(name="gas", usd=Decimal("0.5")),),
            expected_net_usd=Decimal("1.25"), why_not="" if draw.random() < 0.7 else "net_too_small",
            valid_until_ns=0, note="",
        )  # fmt: skip
        if draw.random() < 0.2:
            yield OrderDenied(
                ts_ns=self._now(), strategy=strategy, cause_seq=cause, index=0, reason="position", scope="strategy",
                limit="5000", asked="6000", opportunity=name, notional_usd=Decimal(1000),
            )  # fmt: skip
            return
        sides = ("buy", "sell") if draw.random() < 0.5 else ("sell", "buy")
        for leg, (instrument, side) in enumerate(zip((draw.choice((POOL, CROSS)), CEX), sides, strict=True)):
            yield from self._order(strategy, name, cause, leg, instrument, side)
            if draw.random() < 0.3:
                yield self._price()

    def _order(self, strategy: str, name: str, cause: int, leg: int, instrument: str, side: str) -> Iterator[Event]:
        draw = self._random
        number = order_id(self.run, strategy, cause, self._number, leg)
        common: dict[str, Any] = {"strategy": strategy, "order_id": number, "simulated": True}
        qty = Decimal(draw.randrange(1, 5000)) / 1000
        intent: PlaceOrder | Swap
        if instrument == CEX:
            intent = PlaceOrder(
                instrument=instrument, side=side, qty=qty, notional_usd=qty * 2000, expected_net_usd=Decimal("1.25"),
                opportunity=name,
            )  # fmt: skip
        else:
            intent = Swap(
                route=(Hop(pool=instrument, is_zero_for_one=True),), amount_in=2**200 + 1, amount_out_min=2**255,
                base_side=side, gas_limit=200_000, gas_price_wei_max=10**11, gas_usd_max=Decimal("0.1"),
                notional_usd=qty * 2000, opportunity=name,
            )  # fmt: skip
        yield OrderApproved(
            ts_ns=self._now(), strategy=strategy, order_id=number, cause_seq=cause, intent=intent, group=name
        )
        yield Submitted(ts_ns=self._now(), **common)
        fate = draw.random()
        if fate < 0.1:
            yield Rejected(ts_ns=self._now(), reason="refused by the venue", **common)
            return
        if fate < 0.2 and instrument != CEX:
            yield Reverted(
                ts_ns=self._now(), tx=f"0x{number}", block=5, gas_usd=Decimal("0.0123"), reason="min out", **common
            )
            return
        yield Accepted(ts_ns=self._now(), venue_id=f"v{self.seq}", **common)
        parts = draw.randrange(1, 4)
        for part in range(parts):
            if draw.random() < 0.2:
                yield self._price()
            fill = Fill(
                ts_ns=self._now(), instrument=instrument, side=side, qty=qty / parts if parts != 3 else qty,
                price=Decimal(draw.randrange(190_000, 210_000)) / (100 if instrument != CROSS else 10**7),
                fee_usd=Decimal("0.03"), gas_usd=Decimal("0.01") if instrument != CEX else Decimal(0),
                slippage_usd=Decimal("0.002"), fill_id=f"f{part}", amount_in_raw=2**200, amount_out_raw=7, **common,
            )  # fmt: skip
            yield fill
            if draw.random() < 0.1:
                yield fill  # told twice, booked once
        if fate < 0.3:
            yield Expired(ts_ns=self._now(), reason="too late", **common)
        elif instrument == CEX:
            yield Filled(ts_ns=self._now(), **common)
        else:
            yield Landed(ts_ns=self._now(), tx=f"0x{number}", block=7, **common)
        if draw.random() < 0.1:
            yield Fill(
                ts_ns=self._now(), instrument=instrument, side=side, qty=Decimal("0.001"), price=Decimal(2000),
                fill_id=draw.choice(("f0", "late")), **common,
            )  # fmt: skip

    def _odds_and_ends(self) -> list[Event]:
        draw = self._random
        now_ns = self._now()
        strategy = draw.choice(STRATEGIES)
        sampled = [self._sampled(now_ns, each) for each in (*STRATEGIES, "")]
        return draw.choice(
            [
                sampled,
                sampled,
                [Alert(ts_ns=now_ns, severity="warning", source="kernel", code="slow", text="a handler is slow")],
                [StrategyFaulted(ts_ns=now_ns, strategy=strategy, cause_seq=self.seq, error="ZeroDivisionError")],
                [StrategyStateChanged(ts_ns=now_ns, strategy=strategy, state="paused", reason="by operator")],
                [KillSwitchSet(ts_ns=now_ns, is_on=True, strategy="", reason="test", by="operator")],
                [SettingsChanged(ts_ns=now_ns, strategy=strategy, settings_json='{"a": 1}', version=2)],
                [
                    FundingRate(
                        ts_ns=now_ns, instrument=PERP, settle_ts_ns=now_ns - now_ns % (3600 * 10**9), interval_h=1.0,
                        rate_per_hour=draw.uniform(-1e-4, 1e-4),
                    ),
                    FundingPaid(
                        ts_ns=now_ns, strategy=strategy, instrument=CEX, settle_ts_ns=now_ns, amount_usd="-0.125",
                        position_qty="1", simulated=True,
                    ),
                ],
            ]
        )  # fmt: skip

    def _sampled(self, now_ns: int, strategy: str) -> Event:
        return StrategySampled(
            ts_ns=now_ns, strategy=strategy, realised_usd=Decimal(self.seq) / 7, unrealised_usd=Decimal("-1.5"),
            fees_usd=Decimal("0.3"), gas_usd=Decimal("0.1"), funding_usd=Decimal(0), exposure_usd=Decimal(900),
            open_orders=1, seen=10, priced=5, approved=2, denied=1, fills=1, unpriced=0, simulated=True,
        )  # fmt: skip


def header(run: str = "r0001", first_seq: int = 1, segment: int = 1, previous: str = "", note: str = "") -> LogHeader:
    """A header of a paper run."""
    return LogHeader(
        run=run,
        created_ts_ns=START_NS,
        code_version="0.1.0",
        profile="demo",
        previous_run=previous,
        segment=segment,
        first_seq=first_seq,
        settings={"risk": {"kill": False}},
        strategies=STRATEGIES,
        note=note,
    )


class Segment:
    """A segment being written."""

    def __init__(self, folder: Path, about: LogHeader) -> None:
        self.writer = EventLogWriter(folder / f"{about.segment:06d}-{about.run}{SUFFIX}", about)
        self.seq = about.first_seq - 1

    def write(self, events: Iterable[Event], *, flush_every: int = 0) -> int:
        """Append; returns the last seq. `flush_every` makes small blocks."""
        for event in events:
            self.seq += 1
            self.writer.append(self.seq, False, event)
            if flush_every and self.seq % flush_every == 0:
                self.writer.flush()
        self.writer.flush()
        return self.seq


def rows(dsn: str) -> dict[str, list[dict[str, Any]]]:
    """Everything projected, without the times of writing, in order of id."""

    async def read(connection: "asyncpg.Connection[Any]") -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table in PROJECTED:
            key = "run_id" if table == "runs" else "id"
            records = await connection.fetch(f"SELECT * FROM {table} ORDER BY {key}")
            found[table] = [
                {
                    name: msgspec.json.decode(value) if name in ("metadata", "costs", "settings") else value
                    for name, value in record.items()
                    if name not in ("created_at", "updated_at")
                }
                for record in records
            ]
        return found

    return query(dsn, read)
