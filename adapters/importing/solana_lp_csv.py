"""Pairs of Solana pools that a recorder saw apart: the reserves of both at a slot, in two shapes of columns.

What a reader must know. Only slots at which a spread was seen have a row, so the file is a selection. A pool that a
row does not name is taken as unchanged; the file does not say so. Reserves were read account by account, so a state
may lie between the two halves of one swap. Amounts of Orca pools are of both sides at the price, not of a curve: they
are told as constant product, the manifest's instruments say which.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from adapters.importing.cells import FIRST_TIME_NS, LAST_TIME_NS, BadRow, datetime_ns, float_of, int_of, scaled_int_of
from adapters.importing.source import Source
from adapters.importing.table import Row, read_csv, require_columns
from adapters.importing.tally import Tally
from bus.clock import NS_PER_MS
from bus.events import Event, InstrumentListed, PoolSeen, SlotSeen
from bus.pool_parts import RaydiumAmmV4State, VaultBalance
from kernel.errors import ConfigError

CHAIN = "solana"
FAMILY = "raydium_amm_v4"
SLOT_NS = 400 * NS_PER_MS  #: a slot's nominal length; real ones were some per cent longer
SLOT_MAX = 10**12  #: ten thousand years of slots
RESERVE_MAX = (1 << 64) - 1  #: of a token account
SIDES = ("buy", "sell")
SIDE_COLUMNS = ("lp", "lp_address", "base_amount", "quote_amount", "lp_slot")
COLUMNS = ("slot", *(f"{side}_{column}" for side in SIDES for column in SIDE_COLUMNS))
FEE_UNITS = 1_000_000  #: `fee_pips` of the instrument are of so many
FEE_TOLERANCE = 1e-6  #: the file's fees are fractions as floats
STATUS_SWAPS = 6  #: of an AMM v4 pool that swaps and has no order book
_LABEL = re.compile(r"(RaydiumAmm|OrcaWhirlpool)\(w?([A-Za-z]{1,16})-w?([A-Za-z]{1,16})(?:-[0-9]{1,5})?\)")

_State = tuple[int, int, int]  # (slot of its last change, raw base, raw quote)


class SolanaLpCsv(Source, frozen=True, kw_only=True, tag="solana_lp_csv"):
    """Rows become `SlotSeen` and, for each pool whose state was not told before, `PoolSeen` with its own slot.

    The file has no times: a row is known at `anchor_time` + (slot - `anchor_slot`) * 400 ms, an assumption that the
    report names. Pools are found by the `address` of the manifest's instruments.
    """

    anchor_slot: Annotated[int, Meta(ge=1, le=SLOT_MAX)]
    anchor_time: datetime
    anchor_origin: Annotated[str, Meta(min_length=10)]  #: where slot and time come from

    @property
    def subject(self) -> str:
        return CHAIN

    @property
    def assumed(self) -> str:
        return (
            f"slots of {SLOT_NS // NS_PER_MS} ms, slot {self.anchor_slot} at {self.anchor_time.isoformat()}: "
            f"{self.anchor_origin}"
        )

    def check(self) -> None:
        if not FIRST_TIME_NS <= datetime_ns(self.anchor_time) < LAST_TIME_NS:
            raise ConfigError(f"{self.source_name}.anchor_time: expected 2009 to 2100, found {self.anchor_time}")

    def told(self, files: tuple[Path, ...], tally: Tally, listings: Sequence[InstrumentListed]) -> Iterator[Event]:
        pools = {each.address: _Pool(each, self.jump_pct_max) for each in listings if each.family == FAMILY}
        head = 0
        for path in files:
            is_first = True
            for row in read_csv(path, tally):
                if is_first:
                    require_columns(row, COLUMNS, path)
                    is_first = False
                try:
                    slot = int_of(row["slot"], "slot")
                    ts_ns = self._ts_ns(slot)
                    if slot < head:
                        raise BadRow(f"slot {slot} is before {head}: unsorted")
                    bought, sold = (_pool(row, side, pools) for side in SIDES)
                    if bought is sold:
                        raise BadRow(f"both sides are the pool {row['buy_lp_address']}")
                    found = ((bought, bought.state_of(row, "buy", slot)), (sold, sold.state_of(row, "sell", slot)))
                except BadRow as bad:
                    tally.refuse(bad)
                    continue
                events: list[Event] = [] if slot == head else [SlotSeen(ts_ns=ts_ns, chain=CHAIN, slot=slot)]
                head = slot
                events += [pool.seen(state, ts_ns) for pool, state in found if state != pool.state]
                if events:
                    tally.rows_kept += 1
                else:
                    tally.rows_passed_over += 1
                yield from events

    def _ts_ns(self, slot: int) -> int:
        ts_ns = datetime_ns(self.anchor_time) + (slot - self.anchor_slot) * SLOT_NS
        if not (0 < slot <= SLOT_MAX and FIRST_TIME_NS <= ts_ns < LAST_TIME_NS):
            raise BadRow(f"slot: expected one between 2009 and 2100, found {slot}")
        return ts_ns + self.offset_ns


class _Pool:
    """One pool of the manifest and what was told of it last."""

    __slots__ = ("_jump_max", "listed", "state")

    def __init__(self, listed: InstrumentListed, jump_pct_max: float) -> None:
        self.listed = listed
        self.state: _State | None = None
        self._jump_max = jump_pct_max / 100

    def state_of(self, row: Row, side: str, slot: int) -> _State:
        """Checked against the row's label, the listing and the state before. Raises `BadRow`."""
        listed = self.listed
        label = _LABEL.fullmatch(row[f"{side}_lp"])
        if label is None or (label[2], label[3]) != (listed.base, listed.quote):
            raise BadRow(
                f"{side}_lp: expected a pool of {listed.base}-{listed.quote} at {listed.address}, "
                f"found {row[f'{side}_lp'][:60]!r}"
            )
        fee = row.get(f"{side}_fee", "")
        if fee and abs(_share_of(fee, f"{side}_fee") - listed.fee_pips / FEE_UNITS) > FEE_TOLERANCE:
            raise BadRow(f"{side}_fee: expected {listed.fee_pips} millionths as the manifest says, found {fee}")
        lp_slot = int_of(row[f"{side}_lp_slot"], f"{side}_lp_slot")
        least = 1 if self.state is None else self.state[0]
        if not least <= lp_slot <= slot:
            raise BadRow(f"{side}_lp_slot: expected {least}..{slot}, found {lp_slot}")
        state = (
            lp_slot,
            _reserve_of(row[f"{side}_base_amount"], listed.base_decimals, f"{side}_base_amount"),
            _reserve_of(row[f"{side}_quote_amount"], listed.quote_decimals, f"{side}_quote_amount"),
        )
        if self.state is not None:
            move = state[2] / state[1] / (self.state[2] / self.state[1]) - 1
            if abs(move) > self._jump_max:
                raise BadRow(
                    f"{side}: the price of {listed.instrument} jumps by {move * 100:.1f} %, more than "
                    f"{self._jump_max * 100:g} %; raise jump_pct_max if this is real"
                )
        return state

    def seen(self, state: _State, ts_ns: int) -> PoolSeen:
        """The event; remembers the state as told."""
        self.state = state
        is_base_first = self.listed.base_is_token0
        return PoolSeen(
            ts_ns=ts_ns,
            instrument=self.listed.instrument,
            slot=state[0],
            parts=(
                RaydiumAmmV4State(
                    status=STATUS_SWAPS,
                    open_time_s=0,
                    fee_numerator=self.listed.fee_pips,
                    fee_denominator=FEE_UNITS,
                    owed_a=0,
                    owed_b=0,
                ),
                VaultBalance(is_first=True, amount=state[1 if is_base_first else 2]),
                VaultBalance(is_first=False, amount=state[2 if is_base_first else 1]),
            ),
        )


def _pool(row: Row, side: str, pools: dict[str, _Pool]) -> _Pool:
    address = row[f"{side}_lp_address"]
    pool = pools.get(address)
    if pool is None:
        raise BadRow(
            f"{side}_lp_address: no instrument of family {FAMILY} has address {address[:60]!r}; add an [[instrument]]"
        )
    return pool


def _reserve_of(text: str, decimals: int, column: str) -> int:
    raw = scaled_int_of(text, decimals, column)
    if not 0 < raw <= RESERVE_MAX:
        raise BadRow(f"{column}: expected 1..{RESERVE_MAX} raw units, found {raw}")
    return raw


def _share_of(text: str, column: str) -> float:
    share = float_of(text, column)
    if not 0 <= share < 1:
        raise BadRow(f"{column}: expected a fraction of 1, found {text!r}")
    return share
