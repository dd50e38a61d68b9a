"""A trader's side of a world, for tests: the kernel's own RPC pool before the servers, a wallet, transactions."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.rpc.pool import RpcPool
from adapters.rpc.settings import RpcSettings
from adapters.rpc.subscription import Subscription
from bus.clock import WallClock
from kernel.rpc.caller import Notice
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings
from tests.solana_world.addresses import SYSTEM, associated
from tests.solana_world.genesis import keypair, token_program_of
from tests.solana_world.options import WorldOptions
from tests.solana_world.server import Server
from tests.solana_world.setting import Setting, furnish, give_wallet
from tests.solana_world.world import World

PER_S = 100_000.0
ENDPOINTS = (("SOLANA_RPC", "rpc"), ("SOLANA_WS", "ws"), ("JITO_BLOCK_ENGINE", "jito"), ("JUPITER_API", "jupiter"))
BASE64 = {"encoding": "base64"}
NEWEST = {"encoding": "base64", "commitment": "processed"}


class Client:
    """One trader and the world that it looks at."""

    def __init__(self, server: Server, setting: Setting, pool: RpcPool, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.world = server.world
        self.setting = setting
        self.pool = pool
        self.session = session
        self.keys = keypair(self.world, "client")
        self.wallet = self.keys.pubkey()
        give_wallet(self.world, setting, self.wallet)
        self.world.step(self.world.options.finalized_lag + 1)

    async def call(self, method: str, *params: Any, kind: str = "SOLANA_RPC", path: str = "") -> Any:
        """The kernel's call; raises what it raises."""
        return await self.pool.call(kind, method, params, result=Any, path=path, hedge_after_ms=0)

    async def value(self, method: str, *params: Any) -> Any:
        """Without the context."""
        return (await self.call(method, *params))["value"]

    async def jito(self, method: str, *params: Any, path: str = "/api/v1/bundles") -> Any:
        """The block engine's."""
        return await self.call(method, *params, kind="JITO_BLOCK_ENGINE", path=path)

    async def jupiter(self, path: str, query: dict[str, str], key: str = "world-key") -> Any:
        """The aggregator's GET."""
        headers = {"x-api-key": key} if key else {}
        return await self.pool.fetch("JUPITER_API", "GET", path, result=Any, query=query, headers=headers)

    def subscribe(self, method: str, *params: Any) -> Subscription:
        """The kernel's subscription."""
        return self.pool.subscribe("SOLANA_WS", method, params)

    async def post(self, body: bytes) -> tuple[int, Any]:
        """Bytes as they are: (HTTP status, JSON or None)."""
        async with self.session.post(self.server.urls["rpc"], data=body) as response:
            return response.status, await response.json() if response.content_type == "application/json" else None

    def sign(
        self,
        calls: Sequence[Instruction],
        *,
        blockhash: Hash | None = None,
        tables: Sequence[AddressLookupTableAccount] = (),
        keys: Keypair | None = None,
    ) -> VersionedTransaction:
        """A signed v0 transaction with the newest confirmed blockhash."""
        keys = keys or self.keys
        recent = blockhash or self.world.chain.at("confirmed").blockhash
        return VersionedTransaction(MessageV0.try_compile(keys.pubkey(), calls, list(tables), recent), [keys])

    def swap(self, name: str, amount: int, least: int = 1, mint_in: Pubkey | None = None) -> Instruction:
        """Through one of the setting's pools, from its first mint unless another is named."""
        market = self.setting.pools[name]
        first = mint_in or market.mints[0]
        second = market.mints[1] if first == market.mints[0] else market.mints[0]
        accounts = [self.account(each) for each in (first, second)]
        return market.swap(self.world.read, self.wallet, first, amount, least, *accounts)

    def account(self, mint: Pubkey) -> Pubkey:
        """The wallet's associated account."""
        return associated(self.wallet, mint, token_program_of(self.world, mint))

    async def send(self, transaction: VersionedTransaction, **config: Any) -> str:
        """By the node; returns the signature."""
        options = {**BASE64, "preflightCommitment": "processed", **config}
        signature: str = await self.call("sendTransaction", encoded(transaction), options)
        return signature

    async def land(self, transaction: VersionedTransaction, slots: int = 1) -> dict[str, Any]:
        """Sent without preflight and stepped; returns the status."""
        signature = await self.send(transaction, skipPreflight=True)
        self.world.step(slots)
        found: dict[str, Any] = await self.status(signature)
        return found

    async def status(self, signature: str, **config: Any) -> Any:
        """Of one signature."""
        return (await self.value("getSignatureStatuses", [signature], config))[0]


def encoded(transaction: VersionedTransaction) -> str:
    """As it is sent."""
    return base64.b64encode(bytes(transaction)).decode()


def pay(source: Pubkey, destination: Pubkey, lamports: int) -> Instruction:
    """A plain transfer."""
    metas = [AccountMeta(source, True, True), AccountMeta(destination, False, True)]
    return Instruction(SYSTEM, b"\2\0\0\0" + lamports.to_bytes(8, "little"), metas)


@asynccontextmanager
async def open_client(**options: Any) -> AsyncIterator[Client]:
    """A furnished world that is stepped by hand, its server, and a client of it."""
    world = World(WorldOptions(**options))
    setting = furnish(world)
    settings = convert_settings(RpcSettings, {"cool_down_s": 0.05})
    pool = RpcPool(settings, clock=WallClock(), tell=lambda severity, code, text: None, are_private_allowed=True)
    async with Server(world) as server, aiohttp.ClientSession() as session:
        await pool.start()
        pool.replace([
            RpcEndpoint(
                provider_type=kind, label="world", url=Secret(server.urls[name]), rate_per_s=PER_S, burst=int(PER_S)
            )
            for kind, name in ENDPOINTS
        ])  # fmt: skip
        await pool.check_all()  # so that no check of its own comes between the requests of a test
        try:
            yield Client(server, setting, pool, session)
        finally:
            await pool.stop()


async def next_of(subscription: Subscription, within_s: float = 3.0) -> Any:
    """The next notice's value."""
    async with asyncio.timeout(within_s):
        notice = await anext(subscription)
    assert isinstance(notice, Notice), notice
    return notice.value
