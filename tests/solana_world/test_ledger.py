"""The world's own books, and how they are held against others."""

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price

from tests.solana_world.addresses import USDC, WRAPPED_SOL, named
from tests.solana_world.chain import epoch_of
from tests.solana_world.client import Client, pay
from tests.solana_world.faults import Fault
from tests.solana_world.genesis import give_tokens
from tests.solana_world.ledger import SOL, Difference, Ledger

UNIT = 10**9


async def test_a_swap_is_booked_with_its_fee(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, UNIT)
    ledger = Ledger(client.world, [client.wallet])
    market = client.setting.pools["sol/usdc deep"]
    out = market.quote(client.world.read, WRAPPED_SOL, UNIT, client.world.now_s, epoch_of(client.world.slot))
    budget = [set_compute_unit_limit(100_000), set_compute_unit_price(20_000)]
    transaction = client.sign([*budget, client.swap("sol/usdc deep", UNIT)])
    await client.land(transaction)
    (entry,) = ledger.entries(client.wallet)
    assert dict(entry.deltas) == {SOL: -7_000, str(WRAPPED_SOL): -UNIT, str(USDC): out}
    assert (entry.fee, entry.rent, entry.is_failed) == (7_000, 0, False)
    signature = str(transaction.signatures[0])
    assert ledger.compare(client.wallet, {signature: entry.deltas}) == []
    wrong = {signature: {**entry.deltas, str(USDC): out + 1}, "invented": {SOL: 5}}
    assert ledger.compare(client.wallet, wrong) == [
        Difference(signature, str(client.wallet), str(USDC), out + 1, out),
        Difference("invented", str(client.wallet), SOL, 5, 0),
    ]


async def test_failed_transactions_are_booked_and_forgotten_ones_are_differences(client: Client) -> None:
    ledger = Ledger(client.world, [client.wallet, named("payee")])
    failed = client.sign([pay(client.wallet, named("payee"), 10**15)])
    await client.land(failed)
    (entry,) = ledger.entries(client.wallet)
    assert entry.is_failed and dict(entry.deltas) == {SOL: -5_000}
    found = ledger.compare(client.wallet, {})
    assert [(each.asset, each.claimed, each.real) for each in found] == [(SOL, 0, -5_000)]
    await client.land(client.sign([pay(client.wallet, named("payee"), UNIT)]))
    assert [dict(each.deltas) for each in ledger.entries(named("payee"))] == [{}, {SOL: UNIT}]


async def test_balances_are_compared_by_asset(client: Client) -> None:
    ledger = Ledger(client.world, [client.wallet])
    real = ledger.balances(client.wallet)
    assert real[str(USDC)] == 10_000_000_000 and real[SOL] == 100 * UNIT
    assert ledger.compare_balances(client.wallet, real) == []
    (found,) = ledger.compare_balances(client.wallet, {**real, str(USDC): 1})
    assert (found.asset, found.claimed, found.real) == (str(USDC), 1, 10_000_000_000)


async def test_an_abandoned_fork_is_not_in_the_books(client: Client) -> None:
    ledger = Ledger(client.world, [client.wallet])
    await client.land(client.sign([pay(client.wallet, named("gone"), UNIT)]))
    assert len(ledger.entries(client.wallet)) == 1
    client.world.faults.add(Fault("fork", "slot", params={"is_again": False}))
    client.world.step()
    assert ledger.entries(client.wallet) == []
    assert ledger.balances(client.wallet)[SOL] == 100 * UNIT
