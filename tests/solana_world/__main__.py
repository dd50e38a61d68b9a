"""`python -m tests.solana_world --port 0 --seed 7`: a world of its own process; one line of JSON when it is ready."""

import argparse
import asyncio
import json
import signal
import sys
import time

from solders.pubkey import Pubkey

from tests.solana_world.faults import Fault, random_script
from tests.solana_world.options import SLOT_MS, WorldOptions
from tests.solana_world.server import Server
from tests.solana_world.setting import add_trader, furnish, give_wallet
from tests.solana_world.world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.solana_world", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 = any that is free")
    parser.add_argument("--seed", type=int, default=0, help="of wallets, blockhashes, traders and random faults")
    parser.add_argument("--slot-ms", type=int, default=SLOT_MS, help="time of a slot")
    parser.add_argument("--traders", type=int, default=1, help="others who swap")
    parser.add_argument("--wallet", action="append", default=[], help="address that begins with SOL and dollars")
    parser.add_argument("--jupiter-key", default="world-key", help="x-api-key that the aggregator wants")
    parser.add_argument("--jito-per-s", type=float, default=1.0, help="requests that the block engine allows; 0 = any")
    parser.add_argument(
        "--faults", default="", help='a file with a list of {"what", "where", "nth", "count", "params"}'
    )
    parser.add_argument("--random-faults", type=int, default=0, help="so many faults drawn from the seed")
    return parser.parse_args()


def _faults(arguments: argparse.Namespace) -> tuple[Fault, ...]:
    found = random_script(arguments.seed, arguments.random_faults) if arguments.random_faults else []
    if arguments.faults:
        with open(arguments.faults, encoding="utf-8") as file:
            found += [Fault(**each) for each in json.load(file)]
    return tuple(found)


async def _run(arguments: argparse.Namespace) -> None:
    warm_slots = WorldOptions().finalized_lag + 2
    world = World(
        WorldOptions(
            seed=arguments.seed,
            slot_ms=arguments.slot_ms,
            first_time_s=int(time.time()) - warm_slots * arguments.slot_ms // 1000,
            jupiter_key=arguments.jupiter_key,
            jito_per_s=arguments.jito_per_s,
            faults=_faults(arguments),
        )
    )
    setting = furnish(world)
    for number in range(arguments.traders):
        add_trader(world, setting, f"{number}")
    for text in arguments.wallet:
        give_wallet(world, setting, Pubkey.from_string(text))
    world.step(world.options.finalized_lag + 1)  # so that what is there is final
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    async with Server(world, arguments.port) as server:
        server.tick()
        mints = {"usdc": str(setting.usdc), "usdt": str(setting.usdt), "taxed": str(setting.taxed)}
        pools = {name: str(each.address) for name, each in setting.pools.items()}
        sys.stdout.write(json.dumps({"urls": server.urls, "mints": mints, "pools": pools}) + "\n")
        sys.stdout.flush()
        await done.wait()


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))
