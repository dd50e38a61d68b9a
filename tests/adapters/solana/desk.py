"""An executor over the fake chain, with two pools of a stand-in program."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.signing.solana_policy import UNDERSTOOD, SolanaPolicy
from adapters.signing.solana_signer import SolanaSigner
from adapters.solana.blockhash import BlockhashKeeper
from adapters.solana.executor import SolanaExecutor
from adapters.solana.lookup_tables import LookupTables
from adapters.solana.mints import WRAPPED_SOL, MintBook
from adapters.solana.node import SolanaNode
from adapters.solana.pending_transactions import PendingTransactions
from adapters.solana.priority_fees import PriorityFees
from adapters.solana.reports import Reports
from adapters.solana.token_instructions import SOL_MINT, TOKEN, token_account
from adapters.solana.tracked_pool import UnknownLayout
from adapters.solana.transaction_sender import Pace, Send, TransactionSender
from bus.clock import WallClock
from bus.events import Alert, Event, InstrumentListed, OrderApproved, Report
from bus.intents import Hop, PlaceOrder, Swap
from bus.pool_parts.base import PoolPart
from kernel.market import Market
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings
from tests.adapters.solana.fake_chain import FakeChain

PAIR = Keypair.from_seed(bytes(range(32)))
WALLET = PAIR.pubkey()
DEX = Pubkey.from_bytes(bytes([7] * 32))
TIP = Pubkey.from_bytes(bytes([8] * 32))
USDC = Pubkey.from_bytes(bytes([9] * 32))
SOL_ACCOUNT = token_account(WALLET, SOL_MINT, TOKEN)
USDC_ACCOUNT = token_account(WALLET, USDC, TOKEN)
CHEAP, DEAR = "orca:SOLUSDC", "raydium:SOLUSDC"
SOL = 10**9
FAST = Pace(send_s=0.03, poll_s=0.01, height_s=0.01, unknown_s=0.15)


class Seen(PoolPart, frozen=True, array_like=True, gc=False, tag="test_seen"):
    """What the stand-in decodes."""

    address: str
    text: str


class StandInPool:
    """A `TrackedPool` whose accounts hold text; "bad" is a layout it does not know."""

    family = "test"
    program = str(DEX)
    mints = (WRAPPED_SOL, str(USDC))

    def __init__(self, number: int, around: tuple[str, ...] = ()) -> None:
        self.address = str(Pubkey.from_bytes(bytes([number] * 32)))
        self.around = around

    def neighbours(self) -> tuple[str, ...]:
        return self.around

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        if b"bad" in data:
            raise UnknownLayout(f"account {address}: expected text, found {data!r}")
        if address == self.address and b"," in data:
            self.around = tuple(data.decode().split(",")[1:])
        return (Seen(address, data.decode()),)

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        return (Seen(address, "missing"),)

    def swap(
        self, wallet: Pubkey, is_a_to_b: bool, amount_in: int, amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey], token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:  # fmt: skip
        data = bytes([is_a_to_b]) + amount_in.to_bytes(8, "little") + amount_out_min.to_bytes(8, "little")
        metas = [
            AccountMeta(wallet, True, False), AccountMeta(Pubkey.from_string(self.address), False, True),
            *(AccountMeta(each, False, True) for each in token_accounts),
            *(AccountMeta(each, False, False) for each in token_programs),
        ]  # fmt: skip
        return Instruction(DEX, data, metas)


def mint_bytes(decimals: int) -> bytes:
    return bytes(44) + bytes([decimals, 1]) + bytes(36)


def listed(instrument: str, kind: str = "pool") -> InstrumentListed:
    return InstrumentListed(
        ts_ns=0, instrument=instrument, venue=instrument.partition(":")[0], kind=kind, base="SOL", quote="USDC",
        underlying="SOL", base_decimals=9, quote_decimals=6, base_is_token0=True, chain="solana",
    )  # fmt: skip


class Recorded:
    def record(self, entry: object) -> None:
        pass


class Desk:
    """Everything that one run of the program has; another desk on the same folder is a restart."""

    def __init__(self, chain: FakeChain, folder: Path, *, sends: dict[str, Send] | None = None, **changes: Any) -> None:
        self.chain = chain
        self.clock = WallClock()
        self.events: list[Event] = []
        self.price: Decimal | None = Decimal(150)
        self.market = Market()
        for name in (CHEAP, DEAR):
            self.market._on_instrument(listed(name))
        self.node = SolanaNode(chain.pool)
        self.pending = PendingTransactions(folder / "pending", self.clock.now_ns())
        self.reports = Reports(
            self.events.append, self.clock, venue="solana", simulated=changes.pop("simulated", False),
            native_usd=lambda: self.price,
        )  # fmt: skip
        self.sender = TransactionSender(self.node, self.pending, self.reports, self.market, sends, FAST)
        policy: dict[str, Any] = {
            "programs": [*UNDERSTOOD, str(DEX), "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"],
            "tip_accounts": [str(TIP)], "tip_max_lamports": 10**7,
            "spend_tx_max_lamports": 10**12, "spend_day_max_lamports": 10**13,
        }  # fmt: skip
        self.signer = SolanaSigner(
            Secret(str(PAIR)), convert_settings(SolanaPolicy, policy), module="t", recorder=Recorded(), clock=self.clock
        )
        self.blockhashes = BlockhashKeeper(self.node, self.clock.now_ns)
        self.mints = MintBook(self.node)
        self.fees = PriorityFees(self.node, self.clock.now_ns)
        self.pools: dict[str, Any] = {CHEAP: StandInPool(20), DEAR: StandInPool(21)}
        chain.put(str(USDC), mint_bytes(6))
        chain.put(WRAPPED_SOL, mint_bytes(9))
        self.executor = SolanaExecutor(
            **({
                "node": self.node, "signer": self.signer, "sender": self.sender, "blockhashes": self.blockhashes,
                "mints": self.mints, "tables": LookupTables(self.node, self.clock), "fees": self.fees,
                "pools": self.pools, "quote_out": quote_out, "tip_account": tip_account,
            } | changes)
        )  # fmt: skip

    def close(self) -> None:
        """A crash: nothing is said, tasks are gone with the process."""
        for task in self.sender._launching.values():
            task.cancel()
        for flight in self.sender._flights.values():
            flight.stop_pushing()
        if self.sender._looking is not None:
            self.sender._looking.cancel()
        self.pending.close()

    def order(self, intent: Swap | PlaceOrder | None = None, order_id: str = "r-s-1-0") -> OrderApproved:
        return OrderApproved(
            ts_ns=self.clock.now_ns(), strategy="s", order_id=order_id, cause_seq=1, intent=intent or swap()
        )

    def names(self, order_id: str = "r-s-1-0") -> list[str]:
        """Reports of an order, in order."""
        return [type(each).__name__ for each in self.events if isinstance(each, Report) and each.order_id == order_id]

    def one(self, kind: type[Any]) -> Any:
        found = [each for each in self.events if type(each) is kind]
        assert len(found) == 1, found
        return found[0]

    def codes(self) -> list[str]:
        return [each.code for each in self.events if isinstance(each, Alert)]


def quote_out(pool: str, is_a_to_b: bool, amount_in: int) -> int:
    """150 USDC for a SOL in the cheap pool, 151 in the dear one; no fee."""
    price = 150_000_000 if pool == CHEAP else 151_000_000
    return amount_in * price // SOL if is_a_to_b else amount_in * SOL // price


async def tip_account(order_id: str) -> str:
    return str(TIP)


def swap(*hops: Hop, **changes: Any) -> Swap:
    fields: dict[str, Any] = {
        "route": hops or (Hop(pool=CHEAP, is_zero_for_one=True),), "amount_in": 2 * SOL, "amount_out_min": 299_000_000,
        "base_side": "sell", "gas_limit": 1, "gas_price_wei_max": 1, "gas_usd_max": Decimal(1),
        "notional_usd": Decimal(300),
    }  # fmt: skip
    return Swap(**{**fields, **changes})


def keys_of(raw: bytes) -> list[str]:
    return [str(each) for each in VersionedTransaction.from_bytes(raw).message.account_keys]


def landed(
    raw: bytes,
    *,
    sol: int,
    usdc: int,
    fee: int = 5_000,
    tip: int = 0,
    rent: int = 0,
    err: Any = None,
    slot: int = 1_001,
) -> dict[str, Any]:
    """`getTransaction` of a transaction that changed our wallet by so much; `rent` went into the USDC account."""
    keys = keys_of(raw)
    before = dict.fromkeys(keys, 10 * SOL)
    after = dict(before)
    after[keys[0]] += sol - fee - tip - rent
    before[str(SOL_ACCOUNT)] = after[str(SOL_ACCOUNT)] = 0
    if str(TIP) in after:
        after[str(TIP)] += tip
    before[str(USDC_ACCOUNT)], after[str(USDC_ACCOUNT)] = 2_039_280 - rent, 2_039_280
    at = keys.index(str(USDC_ACCOUNT)) if str(USDC_ACCOUNT) in keys else -1

    def balance(amount: int) -> dict[str, Any]:
        ui = {"amount": str(amount), "decimals": 6, "uiAmount": amount / 1e6, "uiAmountString": str(amount / 1e6)}
        return {
            "accountIndex": at,
            "mint": str(USDC),
            "owner": str(WALLET),
            "programId": str(TOKEN),
            "uiTokenAmount": ui,
        }

    return {
        "slot": slot, "blockTime": 1_790_000_000, "version": 0,
        "transaction": {
            "signatures": [str(VersionedTransaction.from_bytes(raw).signatures[0])],
            "message": {"accountKeys": [{"pubkey": each, "signer": False, "writable": True} for each in keys]},
        },
        "meta": {
            "err": err, "fee": fee, "preBalances": [before[each] for each in keys],
            "postBalances": [after[each] for each in keys], "logMessages": ["Program log: Error: slippage"],
            "preTokenBalances": [balance(1_000_000_000)] if at >= 0 else [],
            "postTokenBalances": [balance(1_000_000_000 + usdc)] if at >= 0 else [],
        },
    }  # fmt: skip
