import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from bus.events import (
    Alert,
    Fill,
    FundingPaid,
    GasPrice,
    InstrumentListed,
    KillSwitchSet,
    OpportunitySeen,
    OrderApproved,
    PoolState,
    Quote,
    SettingsChanged,
    StrategyFaulted,
    StrategySampled,
)
from bus.events.base import Event
from bus.intents import Cost, PlaceOrder
from bus.units import ZERO
from persistence import projector as module
from persistence.postgres import Database
from persistence.projection_text import clip, without_nul
from persistence.projector import Projector
from tests.persistence.projector_logs import START_NS, Segment, Trading, header, rows

pytestmark = pytest.mark.postgres
NASTY = 'a\0b "\\u0000" \\ <img src=x onerror=alert(1)> \u202e ünï 💥 ' + "'; DROP TABLE trades; --"
SHOWN = NASTY.replace("\0", "␀")


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    database = Database(pg_db)
    yield database
    await database.close()


def opportunity(**changes: Any) -> OpportunitySeen:
    told: dict[str, Any] = {
        "ts_ns": START_NS,
        "strategy": NASTY,
        "cause_seq": 1,
        "opportunity": NASTY,
        "instruments": (NASTY, "b"),
        "size_usd": Decimal(1),
        "gross_usd": Decimal(1),
        "costs": (Cost(name=NASTY, usd=Decimal("NaN")),),
        "expected_net_usd": Decimal(1),
        "why_not": NASTY,
        "valid_until_ns": 2**200,
        "note": NASTY,
    }
    return OpportunitySeen(**{**told, **changes})


def fill(**changes: Any) -> Fill:
    told: dict[str, Any] = {
        "ts_ns": START_NS,
        "strategy": NASTY,
        "order_id": NASTY,
        "simulated": True,
        "instrument": NASTY,
        "side": "buy",
        "qty": Decimal(1),
        "price": Decimal(2),
        "venue_ts_ns": 2**90,
        "fill_id": NASTY,
        "amount_in_raw": 2**256 - 1,
    }
    return Fill(**{**told, **changes})


def sampled(**changes: Any) -> StrategySampled:
    told: dict[str, Any] = {
        "ts_ns": START_NS,
        "strategy": "s",
        "realised_usd": ZERO,
        "unrealised_usd": ZERO,
        "fees_usd": ZERO,
        "gas_usd": ZERO,
        "funding_usd": ZERO,
        "exposure_usd": ZERO,
        "open_orders": 0,
        "seen": 0,
        "priced": 0,
        "approved": 0,
        "denied": 0,
        "fills": 0,
        "unpriced": 0,
        "simulated": True,
    }
    return StrategySampled(**{**told, **changes})


async def test_hostile_text_and_huge_numbers_are_kept_visibly(database: Database, pg_db: str, tmp_path: Path) -> None:
    intent = PlaceOrder(
        instrument=NASTY, side="buy", qty=Decimal(1), notional_usd=Decimal(1), opportunity=NASTY, tif="ioc"
    )
    events: list[Event] = [
        InstrumentListed(
            ts_ns=START_NS, instrument=NASTY, venue=NASTY, kind="spot", base=NASTY, quote="USDT", underlying=NASTY,
            chain=NASTY, note=NASTY,
        ),
        Quote(ts_ns=START_NS, instrument=NASTY, venue_ts_ns=2**70, bid=1.0, ask=2.0, bid_qty=1.0, ask_qty=1.0),
        PoolState(
            ts_ns=START_NS + 60_000_000_000, instrument=NASTY, block=2**80, log_index=0, sqrt_price_x96=2**300,
            tick=0, liquidity=2**300,
        ),
        GasPrice(ts_ns=START_NS, chain=NASTY, gas_price_wei=2**200),
        opportunity(why_not=""),
        OrderApproved(ts_ns=START_NS, strategy=NASTY, order_id=NASTY, cause_seq=1, intent=intent, group=NASTY),
        fill(),
        Alert(ts_ns=START_NS, severity="apocalypse", source=NASTY, code=NASTY, text=NASTY * 1000),
        StrategyFaulted(ts_ns=START_NS, strategy=NASTY, cause_seq=2**100, error=NASTY),
        SettingsChanged(ts_ns=START_NS, strategy=NASTY, settings_json=msgspec.json.encode(NASTY).decode(), version=1),
        KillSwitchSet(ts_ns=START_NS, is_on=True, strategy="", reason=NASTY, by=NASTY),
        FundingPaid(
            ts_ns=START_NS, strategy=NASTY, instrument=NASTY, settle_ts_ns=1, amount_usd="1.5", position_qty=NASTY,
            simulated=True,
        ),
    ]  # fmt: skip
    segment = Segment(tmp_path, header(note=NASTY))
    last = segment.write(events)
    projector = Projector(database, tmp_path)
    assert await projector.catch_up() == last
    found = rows(pg_db)
    assert projector.quarantined == 0, [each for each in found["system_logs"] if each["module"] == "projector"]
    (trade,) = found["trades"]
    assert (trade["instrument"], trade["opportunity"], trade["venue_fill_id"]) == (SHOWN, SHOWN, SHOWN)
    assert trade["amount_in_raw"] == 2**256 - 1 and trade["venue_ts_ns"] is None
    (seen,) = found["opportunities"]
    assert seen["costs"] == [{"name": SHOWN, "usd": "NaN"}] and seen["status"] == "sent"
    (position,) = found["positions"]
    assert (position["module"], position["funding_usd"]) == (SHOWN, Decimal("1.5"))
    (alert,) = found["alerts"]
    assert alert["severity"] == "warning" and alert["metadata"] == {"severity": "apocalypse"}
    assert alert["message"].endswith(f"… ({len(NASTY) * 1000} characters)")
    assert found["runs"][0]["metadata"]["note"] == SHOWN
    restarted = Projector(database, tmp_path)
    segment.write([fill(side="sell", fill_id="2")])
    assert await restarted.catch_up() == last + 1
    (position,) = rows(pg_db)["positions"]
    assert position["status"] == "closed"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (sampled(realised_usd=Decimal("NaN")), "CheckViolation"),
        (sampled(seen=2**70), "NumericValueOutOfRange"),
        (sampled(ts_ns=2**70), "within 64 bits"),
        (sampled(strategy="".join(chr(0x4E00 + n * 7 % 20000) for n in range(3900))), "ProgramLimitExceeded"),
        (opportunity(size_usd=Decimal("Infinity")), "expected a finite amount"),
        (fill(qty=Decimal("1e60")), "below 1e41"),
        (fill(qty=Decimal(-1)), "expected qty > 0"),
        (fill(price=Decimal("NaN")), "below 1e41"),
        (fill(ts_ns=-(2**65)), "within 64 bits"),
        (
            FundingPaid(
                ts_ns=START_NS, strategy="s", instrument="i", settle_ts_ns=1, amount_usd="much", position_qty="",
                simulated=True,
            ),
            "expected decimal text",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else value,
)  # fmt: skip
async def test_an_event_that_no_row_can_hold_is_set_aside_with_its_seq_and_reason(
    bad: Event, why: str, database: Database, pg_db: str, tmp_path: Path
) -> None:
    trading = Trading()
    before, after = list(trading.events(60)), list(trading.events(60))
    segment = Segment(tmp_path, header())
    last = segment.write([*before, bad, *after])
    projector = Projector(database, tmp_path)
    assert await projector.catch_up() == last
    found = rows(pg_db)
    (told,) = [each for each in found["system_logs"] if each["event"] == "quarantined"]
    seq = len(before) + 1
    assert f"seq {seq} (" in told["message"] and why in told["message"]
    assert told["seq"] == seq and told["level"] == "error"
    trades = {(each.order_id, each.fill_id) for each in (*before, *after) if isinstance(each, Fill)}
    assert len(found["trades"]) == len(trades)
    await projector.reproject()
    assert rows(pg_db) == found


def raw_segment(folder: Path, events: Sequence[bytes]) -> Path:
    """A segment whose block was written by somebody else."""
    segment = Segment(folder, header())
    payload = zstandard.compress(b"[[],[" + b",".join(events) + b"]]")
    head = struct.pack("<IIQI", len(payload), 0, 1, len(events))
    crc = zlib.crc32(payload, zlib.crc32(head))
    with segment.writer.path.open("ab") as file:
        file.write(struct.pack("<IIQI", len(payload), crc, 1, len(events)) + payload)
    return segment.writer.path


async def test_an_undecodable_event_is_set_aside_and_its_neighbours_are_kept(
    database: Database, pg_db: str, tmp_path: Path
) -> None:
    good = msgspec.json.encode(Alert(ts_ns=START_NS, severity="info", source="kernel", code="a", text="b"))
    bad = [b'["alert",1,"info","\\ud800","c","d"]', b'["no_such_event",1]', b'["alert","x"]', b"null"]
    raw_segment(tmp_path, [good, *bad, good])
    projector = Projector(database, tmp_path)
    assert await projector.catch_up() == 6
    found = rows(pg_db)
    assert len(found["alerts"]) == 2
    told = sorted(each["message"] for each in found["system_logs"])
    assert len(told) == 4 and all("cannot be decoded" in each for each in told)
    assert projector.quarantined == 4


async def test_a_block_that_is_no_json_is_set_aside_whole(database: Database, pg_db: str, tmp_path: Path) -> None:
    raw_segment(tmp_path, [b"{{{", b"}"])
    assert await Projector(database, tmp_path).catch_up() == 2
    assert len(rows(pg_db)["system_logs"]) == 2


async def test_a_refused_event_does_not_slow_what_follows(
    database: Database, pg_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = 0

    async def count(self: Projector) -> None:
        nonlocal commits
        commits += 1

    monkeypatch.setattr(module.Projector, "_before_commit", count)
    segment = Segment(tmp_path, header())
    segment.write([sampled(seen=2**70), *Trading().events(200)])
    projector = Projector(database, tmp_path)
    await projector.catch_up()
    careful = commits
    segment.write(Trading(first_seq=segment.seq + 1).events(2000))
    await projector.catch_up()
    assert commits - careful <= 3


def test_text_is_cut_and_cleaned_visibly() -> None:
    assert clip("a\0b\ud800") == "a␀b�"
    assert clip("x" * 5000) == "x" * 4000 + "… (5000 characters)"
    assert without_nul(rb'"a\u0000b"') == rb'"a\u2400b"'
    assert without_nul(rb'"a\\u0000b"') == rb'"a\\u0000b"'
    assert without_nul(rb'"\\\u0000"') == rb'"\\\u2400"'
    for text in (NASTY, "\0\0", "\\\0", "\\\\\0x"):
        assert msgspec.json.decode(without_nul(msgspec.json.encode(text))) == text.replace("\0", "␀")
