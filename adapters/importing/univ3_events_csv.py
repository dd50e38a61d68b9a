"""Every event of a Uniswap V3 pool, from decoded rows or from raw logs (the demeter-fetch formats)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from adapters.importing.cells import BadRow, TimeColumn, int_of
from adapters.importing.source import Source
from adapters.importing.table import Row, read_csv, require_columns
from adapters.importing.tally import Tally
from adapters.uniswap.wire import (
    CollectLog,
    LiquidityLog,
    PoolLog,
    SwapLog,
    decode_log,
    require_liquidity,
    require_range,
    require_sqrt_price,
    require_tick,
)
from bus.events import Event, LiquidityChanged, PoolSwap
from kernel.errors import BadWire

RAW_COLUMNS = ("block_number", "block_timestamp", "transaction_hash", "log_index", "topics", "data")
DECODED_COLUMNS = (
    "block_number",
    "block_timestamp",
    "transaction_hash",
    "log_index",
    "tx_type",
    "amount0",
    "amount1",
    "total_liquidity",
    "sqrtPriceX96",
    "current_tick",
    "tick_lower",
    "tick_upper",
    "liquidity",
)
_HASH = re.compile(r"0x[0-9a-f]{64}")


class Univ3EventsCsv(Source, frozen=True, kw_only=True, tag="univ3_events_csv"):
    """Swaps and liquidity changes of one pool in chain order, known at the block's timestamp + `clock_offset_ms`.

    A COLLECT, a burn of zero liquidity and any other event of the pool change neither price nor liquidity: such rows
    are passed over. Decoded rows of mints and burns repeat an earlier price; only what the log itself says is used.
    """

    instrument: str
    format: Literal["decoded", "raw"]

    @property
    def subject(self) -> str:
        return self.instrument

    @property
    def instruments(self) -> tuple[str, ...]:
        return (self.instrument,)

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        is_raw = self.format == "raw"
        last_place, last_ns = (-1, -1), -1
        last_tick: int | None = None
        jump_max = self.jump_pct_max / 100
        for path in files:
            times = TimeColumn()
            is_first = True
            for row in read_csv(path, tally):
                if is_first:
                    require_columns(row, RAW_COLUMNS if is_raw else DECODED_COLUMNS, path)
                    is_first = False
                try:
                    place = (int_of(row["block_number"], "block_number"), int_of(row["log_index"], "log_index"))
                    block_ns = times.ns_of(row["block_timestamp"], "block_timestamp")
                    if place <= last_place or block_ns < last_ns:
                        how = "duplicate" if place == last_place else "unsorted"
                        raise BadRow(f"(block, log_index) {place} does not follow {last_place}: {how}")
                    last_place, last_ns = place, block_ns
                    log = _raw_log(row) if is_raw else _decoded_log(row)
                    if isinstance(log, SwapLog):
                        if last_tick is not None and abs(1.0001 ** (log.tick - last_tick) - 1) > jump_max:
                            raise BadRow(
                                f"jumps from tick {last_tick} to {log.tick}, more than {self.jump_pct_max:g} %"
                            )
                        last_tick = log.tick
                    event = self._event(row, place, block_ns + self.offset_ns, log)
                except (BadRow, BadWire) as bad:
                    tally.refuse(bad)
                    continue
                if event is None:
                    tally.rows_passed_over += 1
                    continue
                tally.rows_kept += 1
                yield event

    def _event(self, row: Row, place: tuple[int, int], ts_ns: int, log: PoolLog | None) -> Event | None:
        tx = row["transaction_hash"].lower()
        if not _HASH.fullmatch(tx):
            raise BadRow(f"transaction_hash: expected 32 hex bytes, found {tx[:80]!r}")
        match log:
            case SwapLog():
                return PoolSwap(
                    ts_ns=ts_ns,
                    instrument=self.instrument,
                    block=place[0],
                    log_index=place[1],
                    tx=tx,
                    amount0=log.amount0,
                    amount1=log.amount1,
                    sqrt_price_x96=log.sqrt_price_x96,
                    tick=log.tick,
                    liquidity=log.liquidity,
                )
            case LiquidityLog() if log.liquidity_delta:
                return LiquidityChanged(
                    ts_ns=ts_ns,
                    instrument=self.instrument,
                    block=place[0],
                    log_index=place[1],
                    tx=tx,
                    tick_lower=log.tick_lower,
                    tick_upper=log.tick_upper,
                    liquidity_delta=log.liquidity_delta,
                )
        return None


def _raw_log(row: Row) -> PoolLog | None:
    topics = [part.strip().strip("'\"") for part in row["topics"].strip().strip("[]").split(",")]
    return decode_log(topics, row["data"])


def _decoded_log(row: Row) -> PoolLog | None:
    amount0, amount1 = int_of(row["amount0"] or "0", "amount0"), int_of(row["amount1"] or "0", "amount1")
    kind = row["tx_type"].upper()
    if kind == "SWAP":
        return SwapLog(
            amount0=amount0,
            amount1=amount1,
            sqrt_price_x96=require_sqrt_price(int_of(row["sqrtPriceX96"], "sqrtPriceX96")),
            liquidity=require_liquidity(int_of(row["total_liquidity"], "total_liquidity")),
            tick=require_tick(int_of(row["current_tick"], "current_tick")),
        )
    if kind not in {"MINT", "BURN", "COLLECT"}:
        raise BadRow(f"tx_type: expected SWAP, MINT, BURN or COLLECT, found {kind[:40]!r}")
    lower, upper = require_range(int_of(row["tick_lower"], "tick_lower"), int_of(row["tick_upper"], "tick_upper"))
    if kind == "COLLECT":
        return CollectLog(tick_lower=lower, tick_upper=upper, amount0=amount0, amount1=amount1)
    liquidity = require_liquidity(int_of(row["liquidity"], "liquidity"))
    return LiquidityLog(
        tick_lower=lower,
        tick_upper=upper,
        liquidity_delta=liquidity if kind == "MINT" else -liquidity,
        amount0=amount0,
        amount1=amount1,
    )
