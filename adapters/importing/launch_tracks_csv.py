"""Bonding curves sampled every few seconds: how much SOL lies in each, how far it is, how many buyers it had.

Nothing but samples: who traded what in between is not in the file, and none is made up. A Pump.fun curve starts with
30 virtual SOL and 1,073,000,000 virtual coins and sells 793,100,000 of them, so its progress follows from the SOL in
it; a row where the two disagree is refused.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from adapters.importing.cells import BadRow, TimeColumn, decimal_of, float_of, int_of
from adapters.importing.series import Series
from adapters.importing.source import Source
from adapters.importing.table import Row, read_csv, require_columns
from adapters.importing.tally import Tally
from bus.events import Event, LaunchCreated, LaunchSampled

COLUMNS = ("timestamp", "mint", "sol_in_pool", "sol_raised_total", "progress", "unique_buyers", "top3_pct")
PLATFORM = "pumpfun"
WRAPPED_SOL = "So11111111111111111111111111111111111111112"
VIRTUAL_SOL = Decimal(30)
VIRTUAL_COINS = Decimal(1_073_000_000)
COINS_FOR_SALE = Decimal(793_100_000)
SOL_MAX = Decimal(200)  #: a curve is sold out at 85 SOL
PROGRESS_TOLERANCE_PCT = 0.01  #: the file rounds progress to a hundredth and SOL to a millionth
SOL_TOLERANCE = Decimal("0.000002")
BUYERS_MAX = 1_000_000  #: of one curve
MINTS_MAX = 100_000  #: in one source; each is remembered
_MINT = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,44}")


class LaunchTracksCsv(Source, frozen=True, kw_only=True, tag="launch_tracks_csv"):
    """Samples of many curves in order of time. A coin is told as created at its first row: its creator is unknown.

    `jump_pct_max` bounds the move of a curve's SOL, the 30 virtual ones included, from one row of a coin to its next.
    """

    @property
    def subject(self) -> str:
        return PLATFORM

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        tracks: dict[str, Series] = {}
        last_ns = -1
        for path in files:
            times = TimeColumn()
            is_first = True
            for row in read_csv(path, tally):
                if is_first:
                    require_columns(row, COLUMNS, path)
                    is_first = False
                try:
                    time_ns = times.ns_of(row["timestamp"], "timestamp")
                    if time_ns < last_ns:
                        raise BadRow(f"goes back {(last_ns - time_ns) / 1e9:g} s: unsorted")
                    mint = _mint_of(row["mint"])
                    if mint not in tracks and len(tracks) >= MINTS_MAX:
                        raise BadRow(f"mint: more than {MINTS_MAX} coins in one source")
                    sample, sol_in_pool = _sample(row, mint, time_ns + self.offset_ns)
                    track = tracks.get(mint) or Series(0, self.jump_pct_max)
                    track.judge(time_ns, sol_in_pool)
                except BadRow as bad:
                    tally.refuse(bad)
                    continue
                last_ns = time_ns
                track.keep(time_ns, sol_in_pool)
                tally.rows_kept += 1
                if mint not in tracks:
                    tracks[mint] = track
                    yield _created(mint, sample)
                yield sample


def _sample(row: Row, mint: str, ts_ns: int) -> tuple[LaunchSampled, float]:
    """The event, and the SOL in the curve with the virtual ones."""
    raised = decimal_of(row["sol_raised_total"], "sol_raised_total")
    if not 0 <= raised <= SOL_MAX:
        raise BadRow(f"sol_raised_total: expected 0..{SOL_MAX} SOL, found {raised}")
    sol_in_pool = decimal_of(row["sol_in_pool"], "sol_in_pool")
    if abs(sol_in_pool - VIRTUAL_SOL - raised) > SOL_TOLERANCE:
        raise BadRow(
            f"sol_in_pool: expected {VIRTUAL_SOL} virtual SOL more than sol_raised_total {raised}, found {sol_in_pool}"
        )
    lamports = raised.scaleb(9)
    if lamports != int(lamports):
        raise BadRow(f"sol_raised_total: expected whole lamports, found {raised}")
    progress = _pct_of(row["progress"], "progress")
    expected = float(VIRTUAL_COINS * raised / (VIRTUAL_SOL + raised) / COINS_FOR_SALE * 100)
    if abs(progress - expected) > PROGRESS_TOLERANCE_PCT:
        raise BadRow(f"progress: expected {expected:.2f} % with {raised} SOL in the curve, found {progress:g}")
    buyers = int_of(row["unique_buyers"], "unique_buyers")
    if not 0 <= buyers <= BUYERS_MAX:
        raise BadRow(f"unique_buyers: expected 0..{BUYERS_MAX}, found {buyers}")
    return LaunchSampled(
        ts_ns=ts_ns,
        instrument=f"solana:{PLATFORM}/{mint}",
        progress_pct=progress,
        quote_raw=int(lamports),
        buyers=buyers,
        top_share_pct=_pct_of(row["top3_pct"], "top3_pct"),
    ), float(sol_in_pool)


def _created(mint: str, sample: LaunchSampled) -> LaunchCreated:
    """Seen for the first time; what the file does not tell is empty."""
    return LaunchCreated(
        ts_ns=sample.ts_ns,
        instrument=sample.instrument,
        slot=0,
        tx="",
        platform=PLATFORM,
        mint=mint,
        quote_mint=WRAPPED_SOL,
        creator="",
        token_program="",
        name="",
        symbol="",
        is_mayhem=False,
    )


def _mint_of(text: str) -> str:
    if not _MINT.fullmatch(text):
        raise BadRow(f"mint: expected 32 to 44 base58 characters, found {text[:60]!r}")
    return text


def _pct_of(text: str, column: str) -> float:
    value = float_of(text, column)
    if not 0 <= value <= 100:
        raise BadRow(f"{column}: expected 0..100 %, found {text!r}")
    return value
