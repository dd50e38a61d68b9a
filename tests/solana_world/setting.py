"""The world that is there when nobody asks for another: mints, pools that nearly agree, a trader."""

from typing import NamedTuple

from solders.pubkey import Pubkey

from tests.solana_world.addresses import USDC, USDT, WRAPPED_SOL
from tests.solana_world.genesis import create_mint, give_lamports, give_tokens
from tests.solana_world.standin_constant_product import ConstantProductMarket, create_pool
from tests.solana_world.trader import Trader
from tests.solana_world.world import World

SOL = 10**9
USD = 10**6
FEE_BPS, FEE_MAX = 100, 5_000 * USD  #: of the Token-2022 mint


class Setting(NamedTuple):
    """What there is."""

    usdc: Pubkey
    usdt: Pubkey
    taxed: Pubkey  #: a Token-2022 mint whose transfers cost 1 %
    pools: dict[str, ConstantProductMarket]


def furnish(world: World) -> Setting:
    """Three SOL/USDC-like pools and one of the taxed mint, around 150 dollars for one SOL."""
    usdc, usdt = create_mint(world, "usdc", 6, key=USDC), create_mint(world, "usdt", 6, key=USDT)
    taxed = create_mint(world, "taxed", 6, fee_bps=FEE_BPS, fee_max=FEE_MAX)
    rows = (
        ("sol/usdc deep", WRAPPED_SOL, usdc, 40_000 * SOL, 6_000_000 * USD, 5),
        ("sol/usdc thin", WRAPPED_SOL, usdc, 2_000 * SOL, 301_000 * USD, 25),
        ("sol/usdt", WRAPPED_SOL, usdt, 10_000 * SOL, 1_499_000 * USD, 20),
        ("taxed/usdc", taxed, usdc, 900_000 * USD, 300_000 * USD, 30),
    )
    pools = {name: create_pool(world, name, a, b, in_a, in_b, fee) for name, a, b, in_a, in_b, fee in rows}
    world.step()
    return Setting(usdc, usdt, taxed, pools)


def add_trader(world: World, setting: Setting, name: str = "one", every_slots: int = 3) -> Trader:
    """Somebody with money enough to move the prices."""
    dollars = dict.fromkeys((setting.usdc, setting.usdt, setting.taxed), 750_000 * USD)
    funds = {WRAPPED_SOL: 5_000 * SOL, **dollars}
    trader = Trader(world, name, funds, every_slots=every_slots)
    world.actors.append(trader)
    return trader


def give_wallet(world: World, setting: Setting, wallet: Pubkey, sol: int = 100, usd: int = 10_000) -> None:
    """Lamports and dollars for somebody who is to trade; whole units."""
    give_lamports(world, wallet, sol * SOL)
    for mint in (setting.usdc, setting.usdt):
        give_tokens(world, wallet, mint, usd * USD)
