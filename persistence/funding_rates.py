"""Settled funding rates of the last days per instrument, oldest first. Raises `StoreError` without a database."""

from collections.abc import Sequence

from msgspec import Struct

from persistence.postgres import Database

INSTRUMENTS_MAX = 200
ROWS_PER_INSTRUMENT_MAX = 400  #: more than the hours of two weeks

_RATES = """
SELECT page.* FROM unnest($1::text[]) AS wanted(instrument) CROSS JOIN LATERAL (
    SELECT DISTINCT ON (settle_ts_ns) instrument, settle_ts_ns, interval_h::float8, rate_per_hour::float8
    FROM funding_rate_history
    WHERE instrument = wanted.instrument AND settle_ts_ns BETWEEN $2 AND $3 AND NOT is_estimate
    ORDER BY settle_ts_ns DESC LIMIT $4
) AS page ORDER BY instrument, settle_ts_ns"""


class SettledRate(Struct, frozen=True, kw_only=True):
    """A settled rate, per hour, as paid to a long; it covers the `interval_h` hours that end at `settle_ts_ns`."""

    settle_ts_ns: int
    interval_h: float
    rate_per_hour: float


async def settled_rates(
    database: Database, instruments: Sequence[str], since_ns: int, until_ns: int
) -> dict[str, tuple[SettledRate, ...]]:
    """Rates by instrument; one that has none in the span is absent."""
    async with database.acquire() as connection:
        records = await connection.fetch(
            _RATES, list(instruments[:INSTRUMENTS_MAX]), since_ns, until_ns, ROWS_PER_INSTRUMENT_MAX
        )
    found: dict[str, list[SettledRate]] = {}
    for record in records:
        found.setdefault(record["instrument"], []).append(
            SettledRate(
                settle_ts_ns=record["settle_ts_ns"],
                interval_h=record["interval_h"],
                rate_per_hour=record["rate_per_hour"],
            )
        )
    return {instrument: tuple(rates) for instrument, rates in found.items()}
