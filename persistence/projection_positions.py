"""Table `positions`: one row per position from flat to flat, by the same average-cost rule as the ledger.

What the fold needs after a restart stands in the open rows themselves: the exact cost basis is in their metadata.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

from msgspec import Struct

from bus.events import Fill, FundingPaid
from bus.ids import stable_uuid
from bus.units import ZERO, exact, sign
from kernel.errors import BadInput
from kernel.finance.money import MONEY, is_amount, plain_text, settle, share
from kernel.ledger import MARK_MAX, quote_amount
from kernel.market import Market
from kernel.position import Position
from persistence.projection_row import Batch, Place, Row
from persistence.projection_text import clip

UPSERT = """
INSERT INTO positions (id, run_id, seq, ts_ns, opened_ts_ns, closed_ts_ns, module, simulated, venue, chain, instrument,
                       status, qty, average_cost, mark_price, realised_pnl_usd, unrealised_pnl_usd, fees_usd, gas_usd,
                       funding_usd, metadata)
SELECT id, run_id, seq, ts_ns, opened_ts_ns, closed_ts_ns, module, simulated, venue, chain, instrument,
       status, qty, average_cost, mark_price, realised_pnl_usd, unrealised_pnl_usd, fees_usd, gas_usd,
       funding_usd, metadata
FROM json_populate_recordset(NULL::positions, $1::json)
ON CONFLICT (id) DO UPDATE SET
    seq = excluded.seq, ts_ns = excluded.ts_ns, closed_ts_ns = excluded.closed_ts_ns, simulated = excluded.simulated,
    status = excluded.status, qty = excluded.qty, average_cost = excluded.average_cost,
    mark_price = excluded.mark_price, realised_pnl_usd = excluded.realised_pnl_usd,
    unrealised_pnl_usd = excluded.unrealised_pnl_usd, fees_usd = excluded.fees_usd, gas_usd = excluded.gas_usd,
    funding_usd = excluded.funding_usd, metadata = excluded.metadata, updated_at = now()"""

OPEN = """
SELECT id, run_id, seq, ts_ns, opened_ts_ns, closed_ts_ns, module, simulated, venue, chain, instrument, status, qty,
       average_cost, mark_price, realised_pnl_usd, unrealised_pnl_usd, fees_usd, gas_usd, funding_usd, metadata
FROM positions
WHERE status = 'open' AND run_id IN (SELECT run_id FROM runs WHERE log_id = $1)
ORDER BY opened_ts_ns, seq"""


class PositionRow(Row, kw_only=True):
    """A position; `ts_ns` and `seq` are of its latest fill or payment, marks are of the latest minute sample."""

    opened_ts_ns: int
    closed_ts_ns: int | None
    module: str
    simulated: bool
    venue: str
    chain: str | None
    instrument: str
    status: str
    qty: Decimal
    average_cost: Decimal | None
    mark_price: Decimal | None
    realised_pnl_usd: Decimal
    unrealised_pnl_usd: Decimal | None
    fees_usd: Decimal
    gas_usd: Decimal
    funding_usd: Decimal


class Booking(Struct, frozen=True, kw_only=True):
    """What a fill did. `realised_usd` None: it opened or added, or its quote currency had no USD value.

    `nets_with` is what a buy and a sell of the same opportunity settle in: the underlying for spot and pools, but the
    instrument itself for a perpetual, which stays open until it is closed on its own venue.
    """

    venue: str
    chain: str | None
    nets_with: str
    position: UUID  #: the one it opened, changed or closed
    notional_usd: Decimal | None
    realised_usd: Decimal | None


class Positions:
    """Open positions by (strategy, instrument); the closed ones live in the table alone."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._open: dict[tuple[str, str], tuple[Position, PositionRow]] = {}

    def restore(self, records: Iterable[Any]) -> None:
        """Take the open rows as `OPEN` gives them."""
        self._open.clear()
        for record in records:
            row = PositionRow(**dict(record))
            told = row.metadata
            held = Position(
                strategy=row.module,
                instrument=row.instrument,
                venue=row.venue,
                is_long=told["is_long"],
                opened_ts_ns=row.opened_ts_ns,
                updated_ts_ns=row.ts_ns,
                qty=row.qty,
                cost_quote=Decimal(told["cost_quote"]),
                realised_usd=row.realised_pnl_usd,
                fees_usd=row.fees_usd,
                gas_usd=row.gas_usd,
                funding_usd=row.funding_usd,
                slippage_usd=Decimal(told["slippage_usd"]),
                turnover_usd=Decimal(told["turnover_usd"]),
                fills=told["fills"],
                unconverted_fills=told["unconverted_fills"],
                simulated=row.simulated,
            )
            self._open[row.module, row.instrument] = (held, row)

    def book(self, place: Place, fill: Fill, opportunity: str | None, batch: Batch) -> Booking:
        """Book a fill, in two parts when it passes zero. Raises `BadInput` for amounts that are no money.

        A position remembers its opportunity as long as all its fills serve the same one: then its funding is known.
        """
        _check(fill)
        listed = self._market.instruments.get(fill.instrument)
        rate = self._market.quote_usd(fill.instrument)
        key = (fill.strategy, fill.instrument)
        with localcontext(MONEY):
            amount = quote_amount(fill, listed)
            direction = sign(fill.side)
            qty, signed = direction * fill.qty, direction * amount
            costs = (fill.fee_usd, fill.gas_usd, fill.slippage_usd)
            held = self._open.get(key)
            is_closing = held is not None and (qty > 0) != (held[0].qty > 0)
            if held is None or not is_closing or abs(qty) <= abs(held[0].qty):
                realised, position = self._part(place, fill, qty, signed, costs, rate, opportunity, batch, "")
            else:
                closing_qty = -held[0].qty
                closing_amount = share(signed, closing_qty, qty)
                parts = tuple(share(cost, closing_qty, qty) if cost else ZERO for cost in costs)
                realised, position = self._part(
                    place, fill, closing_qty, closing_amount, parts, rate, opportunity, batch, ""
                )
                rest = tuple(cost - part for cost, part in zip(costs, parts, strict=True))
                rest_amount = signed - closing_amount
                self._part(place, fill, qty - closing_qty, rest_amount, rest, rate, opportunity, batch, "rest")
            return Booking(
                venue=clip(self._market.venue_of(fill.instrument)),
                chain=_chain(listed),
                nets_with=clip(listed.underlying if listed is not None and listed.kind != "perp" else fill.instrument),
                position=position,
                notional_usd=None if rate is None else settle(amount * rate),
                realised_usd=settle(realised * rate) if is_closing and rate is not None else None,
            )

    def pay(self, place: Place, event: FundingPaid, batch: Batch) -> None:
        """Book a funding payment to the open position, if there is one."""
        try:
            amount_usd = Decimal(event.amount_usd)
        except ArithmeticError:
            amount_usd = Decimal("NaN")
        if not is_amount(amount_usd):
            raise BadInput(f"FundingPaid amount_usd: expected decimal text, found {event.amount_usd!r:.80}")
        found = self._open.get((event.strategy, event.instrument))
        if found is not None:
            held, row = found
            held.funding_usd = MONEY.add(held.funding_usd, amount_usd)
            held.updated_ts_ns = event.ts_ns
            _update(row, held, place.seq)
            batch.put(UPSERT, row)

    def mark(self, ts_ns: int, batch: Batch) -> None:
        """Value what is open at the present marks."""
        for held, row in self._open.values():
            mark = self._market.mark(held.instrument)
            rate = self._market.quote_usd(held.instrument)
            is_priced = mark is not None and mark[0] <= MARK_MAX
            row.mark_price = exact(mark[0]) if mark is not None and is_priced else None
            row.unrealised_pnl_usd = None
            if row.mark_price is not None and rate is not None:
                with localcontext(MONEY):
                    row.unrealised_pnl_usd = settle((held.qty * row.mark_price - held.cost_quote) * rate)
                    row.metadata["exposure_usd"] = plain_text(settle(abs(held.qty * row.mark_price) * rate))
            else:
                row.metadata["exposure_usd"] = None
            row.metadata["marked_ts_ns"] = ts_ns
            batch.put(UPSERT, row)

    def _part(
        self,
        place: Place,
        fill: Fill,
        qty: Decimal,
        amount: Decimal,
        costs: tuple[Decimal, ...],
        rate: Decimal | None,
        opportunity: str | None,
        batch: Batch,
        part: str,
    ) -> tuple[Decimal, UUID]:
        key = (fill.strategy, fill.instrument)
        held, row = self._open.get(key) or self._opened(place, fill, opportunity, part)
        if row.metadata["opportunity"] != opportunity:
            row.metadata["opportunity"] = None
        realised = held.trade(qty, amount)
        held.updated_ts_ns = fill.ts_ns
        held.simulated = held.simulated or fill.simulated
        if rate is not None:
            held.realised_usd += settle(realised * rate)
            held.turnover_usd += settle(abs(amount) * rate)
        held.fees_usd += costs[0]
        held.gas_usd += costs[1]
        held.slippage_usd += costs[2]
        held.fills += 1
        held.unconverted_fills += rate is None
        _update(row, held, place.seq)
        batch.put(UPSERT, row)
        if held.qty:
            self._open[key] = (held, row)
        else:
            self._open.pop(key, None)
        return realised, row.id

    def _opened(self, place: Place, fill: Fill, opportunity: str | None, part: str) -> tuple[Position, PositionRow]:
        listed = self._market.instruments.get(fill.instrument)
        held = Position(
            strategy=fill.strategy,
            instrument=fill.instrument,
            venue=self._market.venue_of(fill.instrument),
            is_long=fill.side == "buy",
            opened_ts_ns=fill.ts_ns,
            updated_ts_ns=fill.ts_ns,
        )
        row = PositionRow(
            id=stable_uuid(place.run_id, place.seq, "position", part),
            run_id=place.run_id,
            seq=place.seq,
            ts_ns=fill.ts_ns,
            opened_ts_ns=fill.ts_ns,
            closed_ts_ns=None,
            module=clip(fill.strategy),
            simulated=fill.simulated,
            venue=clip(held.venue),
            chain=_chain(listed),
            instrument=clip(fill.instrument),
            status="open",
            qty=ZERO,
            average_cost=None,
            mark_price=None,
            realised_pnl_usd=ZERO,
            unrealised_pnl_usd=None,
            fees_usd=ZERO,
            gas_usd=ZERO,
            funding_usd=ZERO,
            metadata={"exposure_usd": None, "marked_ts_ns": None, "opportunity": opportunity},
        )
        return held, row


def _update(row: PositionRow, held: Position, seq: int) -> None:
    is_open = bool(held.qty)
    row.seq = seq
    row.ts_ns = held.updated_ts_ns
    row.simulated = held.simulated
    row.status = "open" if is_open else "closed"
    row.closed_ts_ns = None if is_open else held.updated_ts_ns
    row.qty = held.qty
    row.average_cost = held.avg_price if is_open else None
    row.realised_pnl_usd = held.realised_usd
    row.fees_usd = held.fees_usd
    row.gas_usd = held.gas_usd
    row.funding_usd = held.funding_usd
    if not is_open:
        row.mark_price = row.unrealised_pnl_usd = row.metadata["exposure_usd"] = None
    row.metadata.update(
        is_long=held.is_long,
        cost_quote=plain_text(held.cost_quote),
        slippage_usd=plain_text(held.slippage_usd),
        turnover_usd=plain_text(held.turnover_usd),
        fills=held.fills,
        unconverted_fills=held.unconverted_fills,
    )


def _chain(listed: Any) -> str | None:
    return clip(listed.chain) or None if listed is not None else None


def _check(fill: Fill) -> None:
    for name in ("qty", "price", "fee_usd", "gas_usd", "slippage_usd"):
        value: Decimal = getattr(fill, name)
        if not is_amount(value):
            raise BadInput(f"Fill {name}: expected a finite amount below 1e41, found {value!s:.80}")
    if fill.qty <= 0 or fill.price < 0:
        raise BadInput(f"Fill: expected qty > 0 and price >= 0, found {fill.qty!s:.80} at {fill.price!s:.80}")
