"""The aggregator over HTTP, under /jupiter: Swap API v2 with `/build`, `/order` and `/execute` (docs of 2026-06).

Exact input only; a key is wanted; `/build` gives a unit price but no unit limit, the blockhash as a list of bytes and
the contents of lookup tables inline (this world needs none, so the object is empty).
"""

import asyncio
import base64
import hashlib
from typing import Any

import msgspec
from aiohttp import web
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.solana_world.addresses import TOKEN, WRAPPED_SOL, associated
from tests.solana_world.chain import BLOCKHASH_BLOCKS
from tests.solana_world.faults import Fault
from tests.solana_world.gate import pass_gate
from tests.solana_world.json_rpc_server import json_response
from tests.solana_world.landed import Landed
from tests.solana_world.market import Market
from tests.solana_world.node_view import NodeView
from tests.solana_world.routing import Leg, best_route, quote_leg
from tests.solana_world.rpc_error import RpcError
from tests.solana_world.rpc_transactions import accept
from tests.solana_world.standin_jupiter import Jupiter
from tests.solana_world.swap_calls import (
    instruction_json,
    received,
    step_json,
    swap_instructions,
    transfer,
)
from tests.solana_world.tip_accounts import TIP_ACCOUNTS
from tests.solana_world.token_layouts import amount_of
from tests.solana_world.wire_transaction import check_signatures, decode_transaction
from tests.solana_world.world import SlotUpdate, World

SLIPPAGE_BPS = 50
UNIT_PRICE_MICRO = 10_000
ORDER_UNITS = 600_000
ORDERS_MAX = 1_000
EXECUTE_S = 30.0  #: then `/execute` answers without knowing
AMOUNT_MAX = 2**64 - 1


class Wrong(Exception):
    """A request that is answered with 400."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class JupiterServer:
    """Paths below `PREFIX`."""

    PREFIX = "/jupiter"

    def __init__(self, world: World) -> None:
        self._world = world
        self._orders: dict[str, tuple[bytes, list[Leg]]] = {}
        self._made = 0
        self._waiting: list[tuple[Signature, int, asyncio.Future[Landed | None]]] = []
        world.register(Jupiter(world))
        world.listeners.append(self._look)

    def add_routes(self, app: web.Application) -> None:
        """To the world's server."""
        base = self.PREFIX + "/swap/v2"
        app.router.add_get(f"{base}/build", self._handle)
        app.router.add_get(f"{base}/order", self._handle)
        app.router.add_post(f"{base}/execute", self._handle)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if request.headers.get("x-api-key") != self._world.options.jupiter_key:
            return json_response({"code": 401, "message": "Unauthorized"}, 401)

        async def answer(faults: list[Fault]) -> web.StreamResponse:
            try:
                if name == "execute":
                    return json_response(await self._execute(await request.read()))
                query = dict(request.query)
                return json_response(self._build(query) if name == "build" else self._order(query))
            except Wrong as wrong:
                return json_response({"error": str(wrong), "errorCode": wrong.code}, 400)

        return await pass_gate(self._world, request, [f"jupiter:{name}"], answer)

    # -- quotes

    def _route(self, query: dict[str, str]) -> tuple[list[Leg], int]:
        if query.get("swapMode", "ExactIn") != "ExactIn":
            raise Wrong("Only ExactIn is supported", "UNSUPPORTED_SWAP_MODE")
        mint_in, mint_out = (_key(query, each) for each in ("inputMint", "outputMint"))
        amount, slippage_bps = _number(query, "amount", None), _number(query, "slippageBps", SLIPPAGE_BPS)
        if mint_in == mint_out or not 0 < amount <= AMOUNT_MAX or slippage_bps > 10_000:
            raise Wrong("Invalid query parameters", "INVALID_REQUEST")
        wanted = set(filter(None, query.get("dexes", "").split(",")))
        unwanted = set(query.get("excludeDexes", "").split(","))

        def allows(market: Market) -> bool:
            return (not wanted or market.label in wanted) and market.label not in unwanted

        legs = best_route(self._world, mint_in, mint_out, amount, allows)
        if not legs:
            raise Wrong("Could not find any route", "COULD_NOT_FIND_ANY_ROUTE")
        return legs, slippage_bps

    def _quote(self, legs: list[Leg], slippage_bps: int) -> dict[str, Any]:
        out = legs[-1].amount_out
        return {
            "inputMint": str(legs[0].mint_in),
            "outputMint": str(legs[-1].mint_out),
            "inAmount": str(legs[0].amount_in),
            "outAmount": str(out),
            "otherAmountThreshold": str(out * (10_000 - slippage_bps) // 10_000),
            "swapMode": "ExactIn",
            "slippageBps": slippage_bps,
            "priceImpactPct": f"{self._impact(legs):.6f}",
            "routePlan": [step_json(each) for each in legs],
        }

    def _impact(self, legs: list[Leg]) -> float:
        """Share of the price at a thousandth of the amount that is lost by the size; a float, for show."""
        amount = small = max(1, legs[0].amount_in // 1000)
        for leg in legs:
            tiny = quote_leg(self._world, leg.market, leg.mint_in, amount)
            if tiny is None:
                return 0.0
            amount = tiny.amount_out
        return max(0.0, 1.0 - legs[-1].amount_out * small / (legs[0].amount_in * amount))

    # -- /build

    def _build(self, query: dict[str, str]) -> dict[str, Any]:
        legs, slippage_bps = self._route(query)
        taker = _key(query, "taker")
        is_wrapping = query.get("wrapAndUnwrapSol", "true") != "false"
        setup, swap, cleanup = swap_instructions(self._world, taker, legs, slippage_bps, is_wrapping)
        block = self._world.chain.at("confirmed")
        tip = _number(query, "tipAmount", 0)
        return {
            **self._quote(legs, slippage_bps),
            "computeBudgetInstructions": [instruction_json(set_compute_unit_price(UNIT_PRICE_MICRO))],
            "setupInstructions": [instruction_json(each) for each in setup],
            "swapInstruction": instruction_json(swap),
            "cleanupInstruction": None if cleanup is None else instruction_json(cleanup),
            "otherInstructions": [],
            "tipInstruction": instruction_json(transfer(taker, TIP_ACCOUNTS[0], tip)) if tip else None,
            "addressesByLookupTableAddress": {},
            "blockhashWithMetadata": {
                "blockhash": list(bytes(block.blockhash)),
                "lastValidBlockHeight": block.height + BLOCKHASH_BLOCKS,
                "fetchedAt": {"secs_since_epoch": self._world.now_s, "nanos_since_epoch": 0},
            },
        }

    # -- /order and /execute

    def _order(self, query: dict[str, str]) -> dict[str, Any]:
        legs, slippage_bps = self._route(query)
        self._made += 1
        order = hashlib.sha256(f"order:{self._world.options.seed}:{self._made}".encode()).hexdigest()[:32]
        more: dict[str, Any] = {
            "router": "metis",
            "mode": "manual",
            "feeBps": 0,
            "requestId": order,
            "transaction": None,
        }
        answer = {**self._quote(legs, slippage_bps), **more, "taker": query.get("taker")}
        if not query.get("taker"):
            return answer
        taker = _key(query, "taker")
        if not self._can_pay(taker, legs[0]):
            return {**answer, "transaction": "", "errorCode": 1, "errorMessage": "Insufficient funds"}
        setup, swap, cleanup = swap_instructions(self._world, taker, legs, slippage_bps, is_wrapping=True)
        budget = [set_compute_unit_limit(ORDER_UNITS), set_compute_unit_price(UNIT_PRICE_MICRO)]
        block = self._world.chain.at("confirmed")
        calls = [*budget, *setup, swap, *([] if cleanup is None else [cleanup])]
        message = MessageV0.try_compile(taker, calls, [], block.blockhash)
        unsigned = VersionedTransaction.populate(message, [Signature.default()])
        self._orders[order] = (bytes(message), legs)
        if len(self._orders) > ORDERS_MAX:
            del self._orders[next(iter(self._orders))]
        answer["transaction"] = base64.b64encode(bytes(unsigned)).decode()
        answer["lastValidBlockHeight"] = block.height + BLOCKHASH_BLOCKS
        return answer

    def _can_pay(self, taker: Pubkey, leg: Leg) -> bool:
        if leg.mint_in == WRAPPED_SOL:
            account = self._world.read(taker)
            return account is not None and account.lamports >= leg.amount_in
        mint = self._world.read(leg.mint_in)
        held = self._world.read(associated(taker, leg.mint_in, TOKEN if mint is None else mint.owner))
        return held is not None and amount_of(held.data) >= leg.amount_in

    async def _execute(self, body: bytes) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
            order = self._orders.get(str(asked.get("requestId")))
            transaction = decode_transaction(asked.get("signedTransaction"), "base64")
            check_signatures(transaction)
        except (msgspec.MsgspecError, RpcError) as error:
            raise Wrong(f"Invalid signed transaction: {error}", "INVALID_REQUEST") from error
        if order is None or bytes(transaction.message) != order[0]:
            raise Wrong("Order not found, it might have expired", "ORDER_NOT_FOUND")
        signature = transaction.signatures[0]
        accept(NodeView(self._world), transaction)
        future: asyncio.Future[Landed | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((signature, self._world.chain.tip.height + BLOCKHASH_BLOCKS, future))
        try:
            landed = await asyncio.wait_for(future, EXECUTE_S)
        except TimeoutError:
            landed = None
        if landed is None:
            return {"status": "Failed", "code": -1005, "signature": str(signature), "error": "Transaction expired"}
        if landed.err is not None:
            text = {"status": "Failed", "code": -1000, "error": "Transaction failed on chain"}
            return {**text, "signature": str(signature), "slot": str(landed.slot)}
        result = {
            "inputAmountResult": str(order[1][0].amount_in),
            "outputAmountResult": str(received(landed, order[1])),
        }
        return {"status": "Success", "code": 0, "signature": str(signature), "slot": str(landed.slot), **result}

    def _look(self, update: SlotUpdate) -> None:
        for each in list(self._waiting):
            signature, last_height, future = each
            landed = self._world.history.get(signature)
            if landed is not None or self._world.chain.tip.height > last_height or future.done():
                self._waiting.remove(each)
                if not future.done():
                    future.set_result(landed)


def _key(query: dict[str, str], name: str) -> Pubkey:
    try:
        return Pubkey.from_string(query.get(name, ""))
    except ValueError as error:
        raise Wrong(f"Query parameter {name} is invalid", "INVALID_REQUEST") from error


def _number(query: dict[str, str], name: str, default: int | None) -> int:
    text = query.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 20:
        raise Wrong(f"Query parameter {name} is invalid", "INVALID_REQUEST")
    return int(text)
