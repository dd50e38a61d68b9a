"""Orders through the aggregator: nothing it says is believed, and what it wants signed is looked at."""

import struct
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import AssignParams, assign
from solders.transaction import VersionedTransaction

from adapters.jupiter.api import JupiterApi
from adapters.jupiter.executor import JupiterExecutor, JupiterLimits
from adapters.jupiter.instruction_check import JUPITER_PROGRAM
from adapters.jupiter.order_terms import Pair
from adapters.solana.mints import WRAPPED_SOL
from adapters.solana.token_instructions import SOL_MINT, TOKEN, close, create_if_missing, pay, unwrap, wrap
from bus.events import Fill, Filled, OrderApproved, Rejected
from bus.intents import PlaceOrder
from kernel.secrets.secret import Secret
from tests.adapters.solana.desk import SOL, SOL_ACCOUNT, USDC, USDC_ACCOUNT, WALLET, Desk, landed, listed, swap
from tests.adapters.solana.fake_chain import BLOCKHASH, FakeChain, until

NAME = "jupiter:SOLUSDC"
PROGRAM = Pubkey.from_string(JUPITER_PROGRAM)
POOL = Pubkey.from_bytes(bytes([40] * 32))
STRANGER = Pubkey.from_bytes(bytes([41] * 32))
SELL_OUT = 299_000_000
USDC_BEFORE = 1_000_000_000


def token_data(mint: Pubkey, owner: Pubkey, amount: int, delegate: bool = False, closer: bool = False) -> bytes:
    data = bytearray(165)
    data[:32], data[32:64], data[64:72] = bytes(mint), bytes(owner), amount.to_bytes(8, "little")
    data[72], data[108], data[129] = delegate, 1, closer
    return bytes(data)


def api(each: Instruction) -> dict[str, Any]:
    return {
        "programId": str(each.program_id), "data": b64encode(bytes(each.data)).decode(),
        "accounts": [
            {"pubkey": str(meta.pubkey), "isSigner": meta.is_signer, "isWritable": meta.is_writable}
            for meta in each.accounts
        ],
    }  # fmt: skip


def route(*extra: AccountMeta) -> Instruction:
    metas = [
        AccountMeta(WALLET, True, True), AccountMeta(SOL_ACCOUNT, False, True), AccountMeta(USDC_ACCOUNT, False, True),
        AccountMeta(POOL, False, True), *extra,
    ]  # fmt: skip
    return Instruction(PROGRAM, b"route", metas)


def built(query: dict[str, str], **changes: Any) -> dict[str, Any]:
    """What an honest aggregator answers to a sell of SOL or a buy."""
    amount = int(query["amount"])
    is_sell = query["inputMint"] == WRAPPED_SOL
    out = SELL_OUT + 500_000 if is_sell else 2_003_000_000
    return {
        "inputMint": query["inputMint"], "outputMint": query["outputMint"], "inAmount": query["amount"],
        "outAmount": str(out), "otherAmountThreshold": str(out * (10_000 - int(query["slippageBps"])) // 10_000),
        "swapMode": "ExactIn", "slippageBps": int(query["slippageBps"]), "priceImpactPct": "0",
        "routePlan": [{"bps": 10_000}], "computeBudgetInstructions": [], "otherInstructions": [],
        "setupInstructions": [
            *map(api, wrap(WALLET, amount if is_sell else 0)), api(create_if_missing(WALLET, USDC, TOKEN)),
        ],
        "swapInstruction": api(route()), "cleanupInstruction": api(unwrap(WALLET)), "tipInstruction": None,
        "addressesByLookupTableAddress": {str(STRANGER): [str(POOL), str(USDC_ACCOUNT)]},
        "blockhashWithMetadata": {"blockhash": [0] * 32, "lastValidBlockHeight": 1},
    } | changes  # fmt: skip


class JupiterDesk(Desk):
    """A desk whose aggregator and simulation a test may bend."""

    def __init__(self, chain: FakeChain, folder: Path, **limits: Any) -> None:
        super().__init__(chain, folder, sends={"jupiter": self._execute})
        self.market._on_instrument(listed(NAME, "spot"))
        self.api = JupiterApi(chain.pool, Secret("api-key-12345"))
        self.jupiter = JupiterExecutor(
            api=self.api, node=self.node, signer=self.signer, sender=self.sender, blockhashes=self.blockhashes,
            mints=self.mints, fees=self.fees, market=self.market,
            pairs={NAME: Pair(base_mint=WRAPPED_SOL, quote_mint=str(USDC))}, limits=JupiterLimits(**limits),
        )  # fmt: skip
        chain.put(str(WALLET), b"", owner="1" * 32, lamports=10 * SOL)
        chain.put(str(USDC_ACCOUNT), token_data(USDC, WALLET, USDC_BEFORE))
        chain.answers["/swap/v2/build"] = lambda query, _: built(query)
        self.after = {"sol": -2 * SOL - 5_000, "usdc": SELL_OUT, "data": None}
        chain.answers["simulateTransaction"] = self._simulated

    async def _execute(self, sent: Any) -> None:
        await self.api.execute(sent.raw, sent.request_id)

    def _simulated(self, params: Any) -> dict[str, Any]:
        self.chain.simulated.append(b64decode(params[0]))
        data = self.after["data"] or token_data(USDC, WALLET, USDC_BEFORE + self.after["usdc"])  # type: ignore[operator]

        def shown(owner: str, body: bytes, lamports: int) -> dict[str, Any]:
            return {"owner": owner, "data": [b64encode(body).decode(), "base64"], "lamports": lamports}

        by_name = {
            str(WALLET): shown("1" * 32, b"", 10 * SOL + self.after["sol"]),  # type: ignore[operator]
            str(USDC_ACCOUNT): shown(str(TOKEN), data, 2_039_280),  # type: ignore[arg-type]
            str(SOL_ACCOUNT): None,
        }
        accounts = [by_name[each] for each in params[1]["accounts"]["addresses"]]
        return {
            "context": {"slot": 5}, "value": {"err": None, "logs": [], "unitsConsumed": 90_000, "accounts": accounts},
        }  # fmt: skip

    def sell(self, **changes: Any) -> OrderApproved:
        fields: dict[str, Any] = {
            "instrument": NAME, "side": "sell", "qty": Decimal(2), "limit_price": Decimal("149.5"),
            "notional_usd": Decimal(300),
        }  # fmt: skip
        return self.order(PlaceOrder(**(fields | changes)))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[JupiterDesk]:
    async with FakeChain() as chain:
        made = JupiterDesk(chain, tmp_path)
        yield made
        made.close()


async def test_a_sell_is_filled_from_its_balances(desk: JupiterDesk) -> None:
    desk.chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=299_200_000)
    await desk.jupiter.submit(desk.sell())
    await until(lambda: "Filled" in desk.names())
    assert desk.names() == ["Submitted", "NativeSpent", "Fill", "Filled"]
    fill = desk.one(Fill)
    assert (fill.instrument, fill.pool, fill.side, fill.qty, fill.price) == (
        NAME, "", "sell", Decimal(2), Decimal("149.6"),
    )  # fmt: skip
    query = desk.chain.queries[0]
    assert (query["amount"], query["inputMint"], query["taker"]) == (str(2 * SOL), WRAPPED_SOL, str(WALLET))
    assert all(each["x-api-key"] == "api-key-12345" for each in desk.chain.headers if "x-api-key" in each)
    assert desk.one(Filled).order_id == "r-s-1-0"


async def test_a_buy_pays_its_limit_and_wants_its_quantity(desk: JupiterDesk) -> None:
    desk.after = {"sol": 2_003_000_000 - 5_000, "usdc": -301_000_000, "data": None}
    desk.chain.lands = lambda raw: landed(raw, sol=2_002_000_000, usdc=-301_000_000)
    await desk.jupiter.submit(desk.sell(side="buy", limit_price=Decimal("150.5")))
    await until(lambda: "Filled" in desk.names())
    fill = desk.one(Fill)
    assert fill.side == "buy" and fill.qty == Decimal("2.002") and fill.price < Decimal("150.5")
    assert desk.chain.queries[-1]["amount"] == "301000000"
    assert int(desk.chain.queries[-1]["slippageBps"]) == 14  # 2.003 promised, 2 wanted
    assert fill.amount_in_raw == 301_000_000


async def test_a_market_order_is_bounded_by_the_last_price(desk: JupiterDesk) -> None:
    await desk.jupiter.submit(desk.sell(limit_price=None))
    assert desk.names() == ["Rejected"] and "price" in desk.one(Rejected).reason


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"usdc": SELL_OUT - 1}, "expected at least"),
        ({"sol": -2 * SOL - 5_000 - 2 * 2_100_000 - 5_001}, "expected to spend"),
        ({"data": token_data(USDC, STRANGER, USDC_BEFORE + SELL_OUT)}, "no longer be our account"),
        ({"data": token_data(STRANGER, WALLET, USDC_BEFORE + SELL_OUT)}, "no longer be our account"),
        ({"data": token_data(USDC, WALLET, USDC_BEFORE + SELL_OUT, delegate=True)}, "power over"),
        ({"data": token_data(USDC, WALLET, USDC_BEFORE + SELL_OUT, closer=True)}, "power over"),
        ({"data": b"short"}, "expected a token account"),
    ],
)
async def test_the_simulations_balances_decide(after: dict[str, Any], reason: str, desk: JupiterDesk) -> None:
    desk.after |= after
    await desk.jupiter.submit(desk.sell())
    assert desk.names() == ["Rejected"] and reason in desk.one(Rejected).reason
    assert desk.chain.sent == []


def _setup(*added: Instruction) -> Callable[[dict[str, str]], dict[str, Any]]:
    return lambda query: {"setupInstructions": [*built(query)["setupInstructions"], *map(api, added)]}


def _transfer(amount: int) -> Instruction:
    data = bytes([3]) + struct.pack("<Q", amount)
    metas = [
        AccountMeta(USDC_ACCOUNT, False, True),
        AccountMeta(STRANGER, False, True),
        AccountMeta(WALLET, True, False),
    ]
    return Instruction(TOKEN, data, metas)


HOSTILE: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "another program": lambda _: {"swapInstruction": api(Instruction(STRANGER, b"", []))},
    "a helper program": _setup(Instruction(STRANGER, b"", [])),
    "another signer": lambda _: {"swapInstruction": api(route(AccountMeta(STRANGER, True, False)))},
    "a tip": lambda _: {"tipInstruction": api(pay(WALLET, STRANGER, 1))},
    "sol to somebody": _setup(pay(WALLET, STRANGER, 1)),
    "more sol wrapped than asked": _setup(pay(WALLET, SOL_ACCOUNT, 1)),
    "an assignment": _setup(assign(AssignParams(pubkey=WALLET, owner=STRANGER))),
    "a token transfer": _setup(_transfer(5)),
    "an approval": _setup(Instruction(TOKEN, bytes([4]) + bytes(8), _transfer(1).accounts)),
    "another account closed": lambda _: {"cleanupInstruction": api(close(WALLET, USDC_ACCOUNT, TOKEN))},
    "an account for somebody": _setup(create_if_missing(STRANGER, SOL_MINT, TOKEN)),
    "another mint": lambda _: {"outputMint": str(STRANGER)},
    "another amount": lambda _: {"inAmount": "7"},
    "a poor promise": lambda _: {"outAmount": "5"},
    "a poor guarantee": lambda _: {"otherAmountThreshold": "5"},
    "a bad key": lambda _: {"swapInstruction": api(route()) | {"programId": "0" * 40}},
    "bad data": lambda _: {"swapInstruction": api(route()) | {"data": "%%%"}},
    "a bad table": lambda _: {"addressesByLookupTableAddress": {"0" * 40: []}},
    "no swap": lambda _: {"swapInstruction": None},
    "a negative amount": lambda _: {"outAmount": "-5"},
    "too much": lambda _: {"setupInstructions": [api(wrap(WALLET, 1)[0])] * 33},
}


REASONS = {
    "another program": "expected program JUP6", "a helper program": "not among the allowed",
    "another signer": "only signer",
    "a tip": "a tip that was not asked for", "sol to somebody": "another use", "more sol wrapped than asked": "wrapped",
    "an assignment": "another use", "a token transfer": "another use", "an approval": "another use",
    "another account closed": "another use", "an account for somebody": "only signer", "another mint": "expected 2000",
    "another amount": "found 7", "a poor promise": "promises 5", "a poor guarantee": "guarantees 5",
    "a bad key": "expected program JUP6", "bad data": "cannot be read", "a bad table": "cannot be read",
    "no swap": "swapInstruction", "a negative amount": "outAmount", "too much": "setupInstructions",
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
async def test_what_nobody_should_sign_is_not_signed(kind: str, desk: JupiterDesk) -> None:
    bend = HOSTILE[kind]
    desk.chain.answers["/swap/v2/build"] = lambda query, _: built(query) | bend(query)
    await desk.jupiter.submit(desk.sell())
    assert desk.names() == ["Rejected"], kind
    assert REASONS[kind] in desk.one(Rejected).reason
    assert desk.chain.sent == [] and desk.pending.open() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instrument": "jupiter:NOPE"}, "instrument"), ({"tif": "post_only"}, "post_only"),
        ({"qty": Decimal("1e-12")}, "qty"), ({"qty": Decimal("1e20")}, "qty"),
    ],
)  # fmt: skip
async def test_orders_that_it_cannot_keep_are_rejected(changes: Any, reason: str, desk: JupiterDesk) -> None:
    await desk.jupiter.submit(desk.sell(**changes))
    await desk.jupiter.submit(desk.order(swap(), "r-s-2-0"))
    assert desk.names() == desk.names("r-s-2-0") == ["Rejected"]
    first = next(each for each in desk.events if isinstance(each, Rejected))
    assert reason in first.reason


async def test_listed_decimals_must_be_those_of_the_mints(desk: JupiterDesk) -> None:
    desk.market._on_instrument(replace(listed(NAME, "spot"), base_decimals=6))
    await desk.jupiter.submit(desk.sell())
    assert "decimals" in desk.one(Rejected).reason


def _order_transaction(*instructions: Instruction, payer: Pubkey = WALLET) -> str:
    message = MessageV0.try_compile(payer, list(instructions), [], Hash.from_string(BLOCKHASH))
    count = message.header.num_required_signatures
    return b64encode(bytes(VersionedTransaction.populate(message, [Signature.default()] * count))).decode()


@pytest.fixture
async def landing(tmp_path: Path) -> AsyncIterator[JupiterDesk]:
    async with FakeChain() as chain:
        made = JupiterDesk(chain, tmp_path, lands_by="jupiter")
        yield made
        made.close()


async def test_landing_can_be_left_to_the_aggregator(landing: JupiterDesk) -> None:
    chain = landing.chain
    transaction = _order_transaction(*wrap(WALLET, 2 * SOL), route(), unwrap(WALLET))
    chain.answers["/swap/v2/order"] = {
        "inAmount": str(2 * SOL), "outAmount": "299500000", "requestId": "q1", "transaction": transaction,
        "router": "iris",
    }  # fmt: skip
    chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=299_200_000)

    def execute(query: dict[str, str], body: Any) -> dict[str, Any]:
        assert body["requestId"] == "q1"
        return {"status": "Success", "code": 0, "signature": chain.take(b64decode(body["signedTransaction"]))}

    chain.answers["/swap/v2/execute"] = execute
    await landing.jupiter.submit(landing.sell())
    await until(lambda: "Filled" in landing.names())
    assert "sendTransaction" not in chain.methods()
    assert (
        VersionedTransaction.from_bytes(chain.sent[0]).message
        == VersionedTransaction.from_bytes(b64decode(transaction)).message
    )


@pytest.mark.parametrize(
    "transaction",
    [
        None, "%%%", b64encode(b"junk").decode(), _order_transaction(route(), Instruction(STRANGER, b"", [])),
        _order_transaction(route(AccountMeta(Keypair().pubkey(), True, False))),
        _order_transaction(Instruction(PROGRAM, b"", []), payer=STRANGER),
        _order_transaction(route(), pay(WALLET, STRANGER, 5)),
    ],
)  # fmt: skip
async def test_a_whole_transaction_is_looked_at_too(transaction: str | None, landing: JupiterDesk) -> None:
    landing.chain.answers["/swap/v2/order"] = {
        "inAmount": str(2 * SOL), "outAmount": "299500000", "requestId": "q1", "transaction": transaction,
    }  # fmt: skip
    await landing.jupiter.submit(landing.sell())
    assert landing.names() == ["Rejected"] and landing.chain.sent == []
