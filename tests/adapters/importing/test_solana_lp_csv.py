"""Pairs of pools become exact reserves at their slots; what a row cannot mean is refused by name."""

import pytest

from bus.events import Event, InstrumentListed, PoolSeen, SlotSeen
from bus.pool_parts import RaydiumAmmV4State, VaultBalance
from kernel.amm.raydium_amm_v4_builder import RaydiumAmmV4Builder
from kernel.errors import BadInput, ConfigError
from tests.adapters.importing.scratch import INSTRUMENTS, Scratch

ONE, TWO = "1" * 32, "2" * 32
MINTS = f'base_mint = "{"3" * 32}"\nquote_mint = "{"4" * 32}"\n'
SOURCE = (
    'type = "solana_lp_csv"\npath = "{path}"\nanchor_slot = 1000\nanchor_time = 2024-06-01T00:00:00Z\n'
    'anchor_origin = "a number for this test"\n'
)
T0 = 1_717_200_000 * 10**9  # 2024-06-01
SLOT = 400_000_000
HEADER = (
    "slot,buy_lp,buy_lp_address,buy_base_amount,buy_quote_amount,buy_lp_slot,"
    "sell_lp,sell_lp_address,sell_base_amount,sell_quote_amount,sell_lp_slot\n"
)
FIRST = f"1001,RaydiumAmm(SOL-USDC),{ONE},0.5,70.25,990,OrcaWhirlpool(wSOL-USDC-4),{TWO},3.000000001,450,1001\n"


def instrument(name: str, address: str, extra: str = MINTS) -> str:
    return (
        f'[[instrument]]\ninstrument = "solana:{name}"\nvenue = "solana"\nkind = "pool"\nbase = "SOL"\n'
        f'quote = "USDC"\nunderlying = "SOL"\nbase_decimals = 9\nquote_decimals = 6\nbase_is_token0 = true\n'
        f'fee_pips = 2500\nchain = "solana"\nfamily = "raydium_amm_v4"\naddress = "{address}"\n{extra}'
    )


POOLS = INSTRUMENTS + instrument("one", ONE) + instrument("two", TWO)


def run(scratch: Scratch, text: str, extra: str = "", head: str = POOLS) -> list[Event]:
    path = scratch.write("lp.csv", text)
    plan = scratch.plan(SOURCE.format(path=path) + extra, head=head)
    return [event for event in plan.events() if not isinstance(event, InstrumentListed)]


def test_a_row_tells_the_slot_and_both_pools_to_the_unit(scratch: Scratch) -> None:
    slot, one, two = run(scratch, HEADER + FIRST)
    assert slot == SlotSeen(ts_ns=T0 + SLOT, chain="solana", slot=1001)
    assert one == PoolSeen(
        ts_ns=T0 + SLOT,
        instrument="solana:one",
        slot=990,
        parts=(
            RaydiumAmmV4State(
                status=6, open_time_s=0, fee_numerator=2500, fee_denominator=1_000_000, owed_a=0, owed_b=0
            ),
            VaultBalance(is_first=True, amount=500_000_000),
            VaultBalance(is_first=False, amount=70_250_000),
        ),
    )
    assert isinstance(two, PoolSeen) and (two.instrument, two.slot) == ("solana:two", 1001)
    assert two.parts[1:] == (
        VaultBalance(is_first=True, amount=3_000_000_001),
        VaultBalance(is_first=False, amount=450_000_000),
    )


def test_the_parts_of_one_event_make_a_whole_pool(scratch: Scratch) -> None:
    _, one, _ = run(scratch, HEADER + FIRST)
    assert isinstance(one, PoolSeen)
    builder = RaydiumAmmV4Builder()
    for part in one.parts:
        builder.add(part)
    pool = builder.pool()
    assert pool is not None and pool.reserves == (500_000_000, 70_250_000)
    # 0.01 SOL less 0.25 %: 70.25 * 0.009975 / 0.509975
    assert pool.quote_in(True, 10_000_000, 0).amount_out == 1_374_074


def test_a_pool_whose_second_token_is_the_base_has_its_vaults_the_other_way_round(scratch: Scratch) -> None:
    head = POOLS.replace("base_is_token0 = true", "base_is_token0 = false", 1)
    one = run(scratch, HEADER + FIRST, head=head)[1]
    assert isinstance(one, PoolSeen) and one.instrument == "solana:one"
    assert one.parts[1] == VaultBalance(is_first=True, amount=70_250_000)


def test_a_state_is_told_once_and_a_slot_once(scratch: Scratch) -> None:
    again = FIRST.replace("1001,Raydium", "1003,Raydium")
    moved = again.replace("0.5,70.25,990", "0.51,69,1003")
    path = scratch.write("lp.csv", HEADER + FIRST + FIRST + again + moved)
    plan = scratch.plan(SOURCE.format(path=path), head=POOLS)
    events = [event for event in plan.events() if not isinstance(event, InstrumentListed)]
    report = plan.report()
    assert [type(event).__name__ for event in events] == ["SlotSeen", "PoolSeen", "PoolSeen", "SlotSeen", "PoolSeen"]
    assert events[-1].ts_ns == T0 + 3 * SLOT
    assert (report.sources[0].rows_kept, report.sources[0].rows_passed_over) == (3, 1)


def test_the_report_names_the_clock_as_an_assumption(scratch: Scratch) -> None:
    plan = scratch.plan(SOURCE.format(path=scratch.write("lp.csv", HEADER + FIRST)), head=POOLS)
    assert plan.assumptions == ("slots of 400 ms, slot 1000 at 2024-06-01T00:00:00+00:00: a number for this test",)
    assert plan.assumptions[0] in plan.note


def test_the_other_column_shape_has_fees_that_must_agree(scratch: Scratch) -> None:
    header = "kind," + HEADER.replace("buy_lp_slot", "buy_fee,buy_lp_slot").replace(
        "sell_lp_slot", "sell_fee,sell_lp_slot"
    )
    row = "Arbitrage," + FIRST.replace(",990,", ",0.0025,990,").replace(",450,", ",450,0.0024999999999999996,")
    assert len(run(scratch, header + row)) == 3
    with pytest.raises(BadInput, match="buy_fee: expected 2500 millionths"):
        run(scratch, header + row.replace("0.0025,", "0.003,", 1))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1001,Ray", "-1,Ray", "slot: expected one between"),
        ("1001,Ray", "99999999999999,Ray", "slot: expected one between"),
        ("1001,Ray", "1e3,Ray", "expected an integer"),
        (ONE, "5" * 32, "no instrument of family raydium_amm_v4 has address '5555"),
        (TWO, ONE, "both sides are the pool"),
        ("(SOL-USDC)", "(mSOL-USDC)", "expected a pool of SOL-USDC"),
        ("RaydiumAmm", "Serum", "expected a pool of SOL-USDC"),
        (",990,", ",1002,", "buy_lp_slot: expected 1..1001, found 1002"),
        (",990,", ",-1,", "buy_lp_slot: expected 1..1001"),
        ("0.5,", "0,", r"buy_base_amount: expected 1\.\."),
        ("0.5,", "-0.5,", "expected a plain decimal"),
        ("0.5,", "nan,", "expected a plain decimal"),
        ("0.5,", "0.5000000001,", "at most 9 decimals"),
        ("0.5,", "99999999999.0,", r"expected 1\.\.18446744073709551615"),
        ("70.25", "", "expected a plain decimal"),
    ],
)
def test_rows_that_cannot_be_are_refused(scratch: Scratch, old: str, new: str, reason: str) -> None:
    assert old in FIRST
    with pytest.raises(BadInput, match=reason):
        run(scratch, HEADER + FIRST.replace(old, new, 1))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (FIRST.replace("1001,Ray", "1000,Ray").replace(",1001", ",1000"), "slot 1000 is before 1001: unsorted"),
        (FIRST.replace(",990,", ",989,"), r"buy_lp_slot: expected 990\.\.1001, found 989"),
        (FIRST.replace("70.25,990", "140,991"), "solana:one jumps by 99.3 %"),
    ],
)
def test_rows_that_do_not_follow_are_refused(scratch: Scratch, second: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        run(scratch, HEADER + FIRST + second)


def test_a_refused_row_changes_nothing_of_what_is_believed(scratch: Scratch) -> None:
    half = FIRST.replace("70.25,990", "70,995").replace(",450,", ",-1,")
    events = run(scratch, HEADER + FIRST + half + FIRST.replace("1001,Ray", "1002,Ray"), "refused_pct_max = 50.0")
    assert [type(event).__name__ for event in events] == ["SlotSeen", "PoolSeen", "PoolSeen", "SlotSeen"]


def test_a_file_of_other_columns_is_refused(scratch: Scratch) -> None:
    with pytest.raises(BadInput, match="expected columns slot"):
        run(scratch, "a,b\n1,2\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('family = "raydium_amm_v4"', 'family = "orderbook"'), "expected a pool of family whirlpool, .*'orderbook'"),
        ((f'address = "{ONE}"', ""), "expected chain, address, base_mint and quote_mint"),
        ((f'address = "{ONE}"', f'address = "{TWO}"'), f"another instrument has the address {TWO}"),
        ((f'address = "{ONE}"', 'address = "0OIl"'), r"\.address`"),
        (('kind = "pool"\nbase = "SOL"', 'kind = "spot"\nbase = "SOL"'), "expected a pool of family"),
    ],
)
def test_a_wrong_pool_with_a_family_is_named(scratch: Scratch, change: tuple[str, str], message: str) -> None:
    assert change[0] in POOLS
    with pytest.raises(ConfigError, match=message):
        run(scratch, HEADER + FIRST, head=POOLS.replace(*change, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [("anchor_slot = 1000", "anchor_slot = 0"), ("2024-06-01", "1999-06-01"), ("a number for this test", "")],
)
def test_an_anchor_that_cannot_be_is_refused(scratch: Scratch, old: str, new: str) -> None:
    source = SOURCE.format(path=scratch.write("lp.csv", HEADER + FIRST)).replace(old, new)
    with pytest.raises(ConfigError, match="anchor"):
        scratch.plan(source, head=POOLS)
