"""The seam for real families, tried with the smallest one."""

from solders.account import Account

from tests.solana_world.addresses import USDC, USDT, named
from tests.solana_world.chain import epoch_of
from tests.solana_world.client import Client
from tests.solana_world.fixed_price_family import EMPTY, PROGRAM, SLIPPAGE, create_fixed_pool
from tests.solana_world.genesis import give_tokens, tokens_of

USD = 10**6


async def test_a_family_swaps_what_its_maths_say(client: Client) -> None:
    market = create_fixed_pool(client.world, "stable", (USDC, USDT), (500 * USD, 500 * USD))
    held = tokens_of(client.world, client.wallet, USDT)
    accounts = client.account(USDC), client.account(USDT)
    call = market.swap(client.world.read, client.wallet, USDC, 100 * USD, 100 * USD, *accounts)
    assert (await client.land(client.sign([call])))["err"] is None
    assert tokens_of(client.world, client.wallet, USDT) == held + 100 * USD
    account = client.world.read(market.address)
    assert account is not None and account.data[136] == 1


async def test_token_fees_on_either_side_are_in_the_quote(client: Client) -> None:
    taxed = client.setting.taxed
    market = create_fixed_pool(client.world, "taxed", (taxed, USDC), (500 * USD, 500 * USD))
    give_tokens(client.world, client.wallet, taxed, 200 * USD)
    for mint_in, mint_out in ((taxed, USDC), (USDC, taxed)):
        amount = 33_333_333
        quote = market.quote(client.world.read, mint_in, amount, client.world.now_s, epoch_of(client.world.slot))
        before = tokens_of(client.world, client.wallet, mint_out)
        accounts = client.account(mint_in), client.account(mint_out)
        call = market.swap(client.world.read, client.wallet, mint_in, amount, quote, *accounts)
        assert (await client.land(client.sign([call])))["err"] is None
        assert tokens_of(client.world, client.wallet, mint_out) - before == quote == 32_999_999


async def test_refusals_become_the_programs_errors(client: Client) -> None:
    market = create_fixed_pool(client.world, "small", (USDC, USDT), (5 * USD, 5 * USD))
    accounts = client.account(USDC), client.account(USDT)

    async def outcome(amount: int, least: int) -> object:
        call = market.swap(client.world.read, client.wallet, USDC, amount, least, *accounts)
        return (await client.land(client.sign([call])))["err"]

    assert await outcome(6 * USD, 1) == {"InstructionError": [0, {"Custom": EMPTY}]}
    assert await outcome(2 * USD, 2 * USD + 1) == {"InstructionError": [0, {"Custom": SLIPPAGE}]}


async def test_an_account_that_is_no_pool_fails_the_transaction_alone(client: Client) -> None:
    market = create_fixed_pool(client.world, "broken", (USDC, USDT), (5 * USD, 5 * USD))
    accounts = client.account(USDC), client.account(USDT)
    call = market.swap(client.world.read, client.wallet, USDC, USD, 1, *accounts)
    client.world.store.put(market.address, Account(10**7, bytes(144), PROGRAM, False, 0))
    assert (await client.land(client.sign([call])))["err"] == {"InstructionError": [0, "InvalidAccountData"]}
    client.world.store.put(market.address, Account(10**7, bytes(144), named("other program"), False, 0))
    second = client.sign([call], blockhash=client.world.chain.tip.blockhash)
    assert (await client.land(second))["err"] == {"InstructionError": [0, "InvalidAccountData"]}


async def test_the_aggregator_routes_through_every_family(client: Client) -> None:
    create_fixed_pool(client.world, "bridge", (USDC, USDT), (5_000 * USD, 5_000 * USD))
    query = {"inputMint": str(USDT), "outputMint": str(USDC), "amount": str(50 * USD), "taker": str(client.wallet)}
    built = await client.jupiter("/swap/v2/build", query)
    assert [each["swapInfo"]["label"] for each in built["routePlan"]] == ["Fixed"]
