"""What landed bundles tipped, as Jito publishes it: SOL as JSON numbers, read as decimals and made lamports exactly."""

from decimal import ROUND_CEILING, Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from kernel.errors import BadWire
from kernel.finance.lamports import SOL_DECIMALS
from kernel.rpc.api_caller import ApiCaller

PROVIDER = "JITO_TIPS"
PATH = "/api/v1/bundles/tip_floor"
STREAM_PATH = "/api/v1/bundles/tip_stream"  #: of provider JITO_TIPS_WS; each message is what `PATH` answers
SOL_MAX = 1_000  #: nobody tips that; a larger number is an error of theirs


class _Row(Struct):
    landed_tips_25th_percentile: Decimal
    landed_tips_50th_percentile: Decimal
    landed_tips_75th_percentile: Decimal
    landed_tips_95th_percentile: Decimal
    landed_tips_99th_percentile: Decimal
    ema_landed_tips_50th_percentile: Decimal


_Rows = Annotated[list[_Row], Meta(min_length=1, max_length=100)]
_ROWS = msgspec.json.Decoder(_Rows)


class TipFloor(Struct, frozen=True, kw_only=True):
    """Lamports, rounded up."""

    p25_lamports: int
    p50_lamports: int
    p75_lamports: int
    p95_lamports: int
    p99_lamports: int
    ema_p50_lamports: int

    def at(self, pct: int) -> int:
        """The published percentile that is not below `pct`.

        >>> TipFloor(p25_lamports=1, p50_lamports=2, p75_lamports=3, p95_lamports=4, p99_lamports=5,
        ...          ema_p50_lamports=2).at(60)
        3
        """
        known = (
            (25, self.p25_lamports), (50, self.p50_lamports), (75, self.p75_lamports), (95, self.p95_lamports),
        )  # fmt: skip
        return next((lamports for limit, lamports in known if pct <= limit), self.p99_lamports)


def lamports_of(sol: Decimal) -> int:
    """Whole lamports, rounded up. Raises `BadWire` for what is no tip.

    >>> lamports_of(Decimal("3.281e-6")), lamports_of(Decimal("0.000012536000000000002"))
    (3281, 12537)
    """
    if not sol.is_finite() or not 0 <= sol <= SOL_MAX:
        raise BadWire(f"tip floor: expected 0 to {SOL_MAX} SOL, found {str(sol)[:40]}")
    if sol.adjusted() < -30:  # far below a lamport; scaling a hostile exponent would cost memory
        return 1 if sol else 0
    return int(sol.scaleb(SOL_DECIMALS).to_integral_value(ROUND_CEILING))


def read_tip_floor(body: bytes | str) -> TipFloor:
    """The newest row of an answer or of a stream message. Raises `BadWire`."""
    try:
        rows = _ROWS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadWire(f"tip floor: {str(error)[:200]}") from None
    return _floor(rows[-1])


async def fetch_tip_floor(api: ApiCaller) -> TipFloor:
    """Ask for it. Raises as `ApiCaller.fetch`, or `BadWire`."""
    rows: list[_Row] = await api.fetch(PROVIDER, "GET", PATH, result=_Rows)
    return _floor(rows[-1])


def _floor(row: _Row) -> TipFloor:
    return TipFloor(
        p25_lamports=lamports_of(row.landed_tips_25th_percentile),
        p50_lamports=lamports_of(row.landed_tips_50th_percentile),
        p75_lamports=lamports_of(row.landed_tips_75th_percentile),
        p95_lamports=lamports_of(row.landed_tips_95th_percentile),
        p99_lamports=lamports_of(row.landed_tips_99th_percentile),
        ema_p50_lamports=lamports_of(row.ema_landed_tips_50th_percentile),
    )
