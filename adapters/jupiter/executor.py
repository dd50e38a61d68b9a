"""Orders on instruments of venue "jupiter": a route of the aggregator, checked, simulated, signed, and landed by us.

A `VenueClient` for the wallet's lane. What the API says about amounts is never believed: the swap is simulated on the
newest state, and our own balances in it decide (`simulated_deltas.py`).
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from adapters.jupiter.answers import BuildAnswer
from adapters.jupiter.api import JupiterApi
from adapters.jupiter.instruction_check import instructions_of, message_of
from adapters.jupiter.order_terms import Pair, SwapTerms, swap_terms
from adapters.jupiter.simulated_deltas import Holding, check_deltas
from adapters.solana.account_bytes import account_of
from adapters.solana.blockhash import BlockhashKeeper
from adapters.solana.error_text import error_text
from adapters.solana.lookup_tables import LookupTable
from adapters.solana.message import Budget, compile_message, told_apart, units_for
from adapters.solana.mints import WRAPPED_SOL, Mint, MintBook
from adapters.solana.node import SolanaNode
from adapters.solana.pending_transactions import HopPlan, PendingTransaction
from adapters.solana.priority_fees import PriorityFees, capped_price
from adapters.solana.token_instructions import ASSOCIATED, SOL_MINT, TOKEN, token_account
from adapters.solana.transaction_sender import TransactionSender
from adapters.solana.wallet_orders import WalletOrders, sign_message
from bus.events import InstrumentListed, OrderApproved
from bus.intents import PlaceOrder
from bus.units import BPS_PER_UNIT, exact
from kernel.errors import BadWire, VenueRefused
from kernel.market import Market
from kernel.secrets.signing import Signer, SolanaTransaction

LandsBy = Literal["rpc", "jupiter"]
SLIPPAGE_BPS_MAX = 10_000


class JupiterLimits(Struct, frozen=True, kw_only=True):
    """`collar_bps`: how far from the last known price an order without a limit may trade."""

    collar_bps: int = 100
    priority_fee_lamports_max: int = 200_000
    lands_by: LandsBy = "rpc"  #: jupiter: `/order` and `/execute` instead of `/build` and our own sending


class _Prepared(Struct):
    message: bytes
    last_valid_height: int
    request_id: str = ""


class JupiterExecutor:
    """One wallet. `pairs` names the tokens of each instrument; the sender may be shared with the Solana executor."""

    def __init__(
        self,
        *,
        api: JupiterApi,
        node: SolanaNode,
        signer: Signer[SolanaTransaction],
        sender: TransactionSender,
        blockhashes: BlockhashKeeper,
        mints: MintBook,
        fees: PriorityFees,
        market: Market,
        pairs: Mapping[str, Pair],
        limits: JupiterLimits = JupiterLimits(),  # noqa: B008  (immutable)
    ) -> None:
        self._api = api
        self._node = node
        self._signer = signer
        self._wallet = Pubkey.from_string(signer.address)
        self._orders = WalletOrders(sender, is_order=True)
        self._now_ns = sender.reports.now_ns
        self._next_number = sender.next_number
        self._blockhashes = blockhashes
        self._mints = mints
        self._fees = fees
        self._market = market
        self._pairs = pairs
        self._limits = limits

    async def submit(self, order: OrderApproved) -> None:
        """Ask for a route, check it, sign, write down, begin to send. Reports; never raises for an order."""
        await self._orders.submit(order, lambda: self._build(order))

    async def cancel(self, order: OrderApproved) -> None:
        """Stop sending; what has left cannot be taken back."""
        self._orders.cancel(order)

    async def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        """What the file and the chain say."""
        self._orders.reconcile(order)

    async def _build(self, order: OrderApproved) -> PendingTransaction:
        intent = order.intent
        if not isinstance(intent, PlaceOrder):
            raise VenueRefused("unsupported: Jupiter takes orders, not routes of ours")
        if intent.tif == "post_only":
            raise VenueRefused("unsupported: nothing rests at an aggregator, so post_only cannot be kept")
        pair, listed = self._pairs.get(intent.instrument), self._market.instruments.get(intent.instrument)
        if pair is None or listed is None:
            raise VenueRefused(f"instrument: {intent.instrument} is not configured for Jupiter")
        base, quote = await self._mints.read([pair.base_mint, pair.quote_mint])
        if (listed.base_decimals, listed.quote_decimals) != (base.decimals, quote.decimals):
            raise VenueRefused(
                f"instrument: {intent.instrument} is listed with {listed.base_decimals} and {listed.quote_decimals} "
                f"decimals, its mints have {base.decimals} and {quote.decimals}"
            )
        terms = swap_terms(intent, self._limit(intent), pair, base.decimals, quote.decimals)
        mints = {base.address: base, quote.address: quote}
        prepared = await (self._built(terms, mints) if self._limits.lands_by == "rpc" else self._ordered(terms, mints))
        signed = await sign_message(self._signer, order.order_id, prepared.message)
        accounts = self._accounts(terms, mints)
        return PendingTransaction(
            order_id=order.order_id, strategy=order.strategy, signature=signed.tx_id, raw=signed.raw,
            last_valid_height=prepared.last_valid_height, persisted_ns=self._now_ns(), wallet=str(self._wallet),
            accounts=tuple(accounts.values()), hops=(_hop(intent, listed, terms),), route=self._limits.lands_by,
            request_id=prepared.request_id,
        )  # fmt: skip

    def _limit(self, intent: PlaceOrder) -> Decimal:
        """The order's limit; a market order gets one from the last price, so that a route cannot run away."""
        if intent.limit_price is not None:
            return intent.limit_price
        price = self._market.mark(intent.instrument)
        if price is None:
            raise VenueRefused(f"limit: a market order needs a price, and {intent.instrument} has none")
        collar = self._limits.collar_bps if intent.side == "buy" else -self._limits.collar_bps
        return exact(price[0]) * (BPS_PER_UNIT + collar) / BPS_PER_UNIT

    async def _built(self, terms: SwapTerms, mints: Mapping[str, Mint]) -> _Prepared:
        answer = await self._api.build(
            input_mint=terms.mint_in, output_mint=terms.mint_out, amount=terms.amount_in, taker=str(self._wallet),
            slippage_bps=self._limits.collar_bps,
        )  # fmt: skip
        promised = int(answer.out_amount)
        if promised < terms.amount_out_min:
            raise VenueRefused(f"limit: the best route promises {promised}, the order wants {terms.amount_out_min}")
        if int(answer.other_amount_threshold) < terms.amount_out_min:  # the program's own minimum must be ours
            answer = await self._tighter(terms, promised)
        instructions = instructions_of(answer, self._wallet, terms.amount_in)
        accounts = self._accounts(terms, mints)
        blockhash = await self._blockhashes.get()
        hidden = [self._wallet, *map(Pubkey.from_string, accounts.values())]
        tables = _tables(answer, blockhash.slot, hidden)
        draft = compile_message(self._wallet, instructions, blockhash.text, Budget(), tables)
        made = sum(each.program_id == ASSOCIATED for each in instructions)
        consumed = await self._check(draft, terms, accounts, made)
        units = told_apart(units_for(consumed), self._next_number())
        price = await self._fees.price(_written(instructions)) if self._limits.priority_fee_lamports_max else 0
        price = capped_price(price, units, self._limits.priority_fee_lamports_max)
        latest = await self._blockhashes.get()
        message = compile_message(self._wallet, instructions, latest.text, Budget(units, price), tables)
        return _Prepared(to_bytes_versioned(message), latest.last_valid_height)

    async def _tighter(self, terms: SwapTerms, promised: int) -> BuildAnswer:
        """Ask again with the slippage that puts the program's minimum at the order's."""
        slippage_bps = (promised - terms.amount_out_min) * BPS_PER_UNIT // promised
        answer = await self._api.build(
            input_mint=terms.mint_in, output_mint=terms.mint_out, amount=terms.amount_in, taker=str(self._wallet),
            slippage_bps=min(slippage_bps, SLIPPAGE_BPS_MAX),
        )  # fmt: skip
        if int(answer.other_amount_threshold) < terms.amount_out_min:
            raise VenueRefused(
                f"limit: the route guarantees {answer.other_amount_threshold}, the order wants {terms.amount_out_min}"
            )
        return answer

    async def _ordered(self, terms: SwapTerms, mints: Mapping[str, Mint]) -> _Prepared:
        answer = await self._api.order(
            input_mint=terms.mint_in, output_mint=terms.mint_out, amount=terms.amount_in, taker=str(self._wallet)
        )
        if answer.transaction is None:
            raise VenueRefused(f"Jupiter /order: no transaction ({(answer.error_message or 'no reason given')[:200]})")
        message = message_of(answer.transaction, self._wallet)
        made = 2 * len(message.instructions)
        await self._check(message, terms, self._accounts(terms, mints), min(made, 3))
        # Their blockhash is not younger than ours, so it is not valid for longer.
        latest = await self._blockhashes.refresh()
        return _Prepared(to_bytes_versioned(message), latest.last_valid_height, answer.request_id)

    async def _check(
        self, message: MessageV0 | Message, terms: SwapTerms, accounts: Mapping[str, str], made: int
    ) -> int:
        """Simulate, and refuse what our balances do not show; returns the compute units."""
        names = [str(self._wallet), *accounts.values()]
        raw = bytes(VersionedTransaction.populate(message, [Signature.default()]))
        before, simulated = await asyncio.gather(
            self._node.accounts(names, commitment="processed"), self._node.simulate(raw, accounts=names)
        )
        found = simulated.value
        if found.err is not None:
            raise VenueRefused(f"simulation: {error_text(found.err, found.logs)}")
        if not found.units_consumed:
            raise BadWire("simulation: expected compute units, found none")
        after = [account_of(each) for each in found.accounts or ()]
        wallet_before, wallet_after = before[0][1], after[0]
        lamports = (wallet_before.lamports if wallet_before else 0, wallet_after.lamports if wallet_after else 0)
        holdings = [
            Holding(mint=mint, address=address, before=before[at][1], after=after[at])
            for at, (mint, address) in enumerate(accounts.items(), start=1)
        ]
        check_deltas(
            self._wallet, lamports, holdings, mint_in=terms.mint_in, mint_out=terms.mint_out,
            amount_in=terms.amount_in, amount_out_min=terms.amount_out_min, made=made,
        )  # fmt: skip
        return found.units_consumed

    def _accounts(self, terms: SwapTerms, mints: Mapping[str, Mint]) -> dict[str, str]:
        """Our token accounts by mint; the wrapped one always, as routes may pass through it."""
        made = {
            each: str(token_account(self._wallet, Pubkey.from_string(each), Pubkey.from_string(mints[each].program)))
            for each in (terms.mint_in, terms.mint_out)
        }
        return made | {WRAPPED_SOL: str(token_account(self._wallet, SOL_MINT, TOKEN))}


def _hop(intent: PlaceOrder, listed: InstrumentListed, terms: SwapTerms) -> HopPlan:
    is_base_in = intent.side == "sell"
    return HopPlan(
        pool=intent.instrument, is_first_in=is_base_in == listed.base_is_token0, mint_in=terms.mint_in,
        mint_out=terms.mint_out, amount_in=terms.amount_in,
    )  # fmt: skip


def _tables(answer: BuildAnswer, slot: int, hidden: list[Pubkey]) -> list[AddressLookupTableAccount]:
    """The tables whose content came with the answer. A wrong one shows in the simulation, which uses the real ones."""
    try:
        return [
            LookupTable(
                address=str(Pubkey.from_string(name)), last_extended_slot=0, last_extended_start=0,
                addresses=tuple(map(Pubkey.from_string, keys)),
            ).usable(max(slot, 1), hidden)
            for name, keys in (answer.addresses_by_lookup_table_address or {}).items()
        ]  # fmt: skip
    except ValueError as error:
        raise BadWire(f"Jupiter /build: a lookup table that cannot be read ({str(error)[:80]})") from None


def _written(instructions: list[Instruction]) -> list[str]:
    """What the swap itself writes and others may write too."""
    longest = max(instructions, key=lambda each: len(each.accounts))
    return [str(meta.pubkey) for meta in longest.accounts if meta.is_writable and not meta.is_signer]
