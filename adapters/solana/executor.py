"""Swaps through pools whose programs we know, as one transaction: built, simulated, priced, signed, and handed on.

A `VenueClient` for one wallet's lane. `submit` returns when the transaction is on disk and on its way; reports tell the
rest. Everything that goes wrong before that is a `Rejected`: nothing was sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from solders.instruction import Instruction
from solders.message import to_bytes_versioned
from solders.pubkey import Pubkey

from adapters.solana.blockhash import BlockhashKeeper
from adapters.solana.error_text import error_text
from adapters.solana.lookup_tables import LookupTable, LookupTables
from adapters.solana.message import UNITS_MAX, Budget, compile_message, told_apart, units_for, unsigned
from adapters.solana.mints import WRAPPED_SOL, MintBook
from adapters.solana.node import SolanaNode
from adapters.solana.pending_transactions import PendingTransaction
from adapters.solana.priority_fees import PriorityFees, capped_price
from adapters.solana.swap_plan import QuoteOut, plan_hops, route_accounts, route_instructions
from adapters.solana.token_instructions import pay
from adapters.solana.tracked_pool import TrackedPool
from adapters.solana.transaction_sender import TransactionSender
from adapters.solana.wallet_orders import WalletOrders, sign_message
from bus.events import OrderApproved
from bus.intents import Swap
from kernel.errors import VenueRefused
from kernel.finance.lamports import SIGNATURE_FEE_LAMPORTS, priority_fee_lamports
from kernel.secrets.signing import Signer, SolanaTransaction

TIP_LAMPORTS_MIN = 1_000  #: of a bundle, by Jito's rules
ChooseTipAccount = Callable[[str], Awaitable[str]]  #: by order id


class SolanaExecutor:
    """One wallet. `pools` and `quote_out` speak of instruments; both are read when an order comes.

    `tip_account` None: orders with a tip are refused. `hop_slack_bps`: see `plan_hops`.
    """

    def __init__(
        self,
        *,
        node: SolanaNode,
        signer: Signer[SolanaTransaction],
        sender: TransactionSender,
        blockhashes: BlockhashKeeper,
        mints: MintBook,
        tables: LookupTables,
        fees: PriorityFees,
        pools: Mapping[str, TrackedPool],
        quote_out: QuoteOut,
        tip_account: ChooseTipAccount | None = None,
        hop_slack_bps: int = 0,
    ) -> None:
        self._node = node
        self._signer = signer
        self._wallet = Pubkey.from_string(signer.address)
        self._orders = WalletOrders(sender)
        self._now_ns = sender.reports.now_ns
        self._next_number = sender.next_number
        self._usd = sender.reports.lamports_usd
        self._blockhashes = blockhashes
        self._mints = mints
        self._tables = tables
        self._fees = fees
        self._pools = pools
        self._quote_out = quote_out
        self._tip_account = tip_account
        self._hop_slack_bps = hop_slack_bps
        self._existing: set[str] = set()  # token accounts of ours that were seen

    async def submit(self, order: OrderApproved) -> None:
        """Build, sign, write down and begin to send. Reports `Rejected` or `Submitted`; never raises for an order."""
        await self._orders.submit(order, lambda: self._build(order))

    async def cancel(self, order: OrderApproved) -> None:
        """Stop sending; what has left cannot be taken back and is watched to its end."""
        self._orders.cancel(order)

    async def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        """What the file and the chain say. Fills are reported again whatever `filled` is: their ids are booked once."""
        self._orders.reconcile(order)

    async def _build(self, order: OrderApproved) -> PendingTransaction:
        intent = order.intent
        if not isinstance(intent, Swap):
            raise VenueRefused("unsupported: Solana pools take swaps, not orders of a book")
        hops = plan_hops(intent, self._pools, self._quote_out, self._hop_slack_bps)
        pools = {hop.pool: self._pools[hop.pool] for hop in hops}  # one may be disabled while we wait
        names = list(dict.fromkeys(each for hop in hops for each in (hop.mint_in, hop.mint_out)))
        mints = dict(zip(names, await self._mints.read(names), strict=True))
        accounts = route_accounts(self._wallet, hops, mints)
        tip = await self._tip(order.order_id, intent)
        missing, tables = await asyncio.gather(self._missing(accounts), self._tables.get())
        instructions = route_instructions(self._wallet, intent, hops, pools, mints, missing)
        if tip is not None:
            instructions.append(pay(self._wallet, tip, intent.tip_lamports))
        hidden = [self._wallet, *accounts.values(), *([tip] if tip is not None else [])]
        last_valid_height, message = await self._priced(intent, pools, instructions, tables, hidden)
        signed = await sign_message(self._signer, order.order_id, message)
        return PendingTransaction(
            order_id=order.order_id, strategy=order.strategy, signature=signed.tx_id, raw=signed.raw,
            last_valid_height=last_valid_height, persisted_ns=self._now_ns(), wallet=str(self._wallet),
            accounts=tuple(map(str, accounts.values())), hops=hops, tip_lamports=intent.tip_lamports,
            tip_account="" if tip is None else str(tip), route="jito" if intent.is_bundle else "rpc",
        )  # fmt: skip

    async def _priced(
        self,
        intent: Swap,
        pools: Mapping[str, TrackedPool],
        instructions: Sequence[Instruction],
        tables: Sequence[LookupTable],
        hidden: Sequence[Pubkey],
    ) -> tuple[int, bytes]:
        """(last valid height, message) with limits from a simulation on the newest state."""
        blockhash = await self._blockhashes.get()
        usable = [each.usable(blockhash.slot, hidden) for each in tables]
        draft = compile_message(self._wallet, instructions, blockhash.text, Budget(UNITS_MAX, 0), usable)
        is_bidding = intent.priority_fee_lamports_max > 0 and not intent.is_bundle  # of a bundle only the tip counts
        writable = _contended(pools.values(), instructions) if is_bidding else []
        simulated, price = await asyncio.gather(
            self._node.simulate(unsigned(draft), min_slot=intent.min_slot), self._fees.price(writable)
        )
        found = simulated.value
        if found.err is not None:
            self._existing.clear()  # an account that was closed meanwhile is looked for again
            raise VenueRefused(f"simulation: {error_text(found.err, found.logs)}")
        if not found.units_consumed:
            raise VenueRefused("simulation: expected compute units, found none; ask another node")
        units = told_apart(units_for(found.units_consumed), self._next_number())
        price = capped_price(price, units, intent.priority_fee_lamports_max)
        cost_usd = self._usd(SIGNATURE_FEE_LAMPORTS + priority_fee_lamports(price, units))
        if cost_usd is not None and cost_usd > intent.gas_usd_max:
            raise VenueRefused(f"gas: expected at most {intent.gas_usd_max} USD, found {cost_usd:.6f}")
        latest = await self._blockhashes.get()
        message = compile_message(self._wallet, instructions, latest.text, Budget(units, price), usable)
        return latest.last_valid_height, to_bytes_versioned(message)

    async def _tip(self, order_id: str, intent: Swap) -> Pubkey | None:
        if intent.is_bundle and intent.tip_lamports < TIP_LAMPORTS_MIN:
            raise VenueRefused(f"tip: a bundle tips at least {TIP_LAMPORTS_MIN} lamports, found {intent.tip_lamports}")
        if not intent.tip_lamports:
            return None
        if self._tip_account is None:
            raise VenueRefused("tip: there is no block engine here to be tipped")
        return Pubkey.from_string(await self._tip_account(order_id))

    async def _missing(self, accounts: Mapping[str, Pubkey]) -> set[str]:
        """Mints whose account of ours does not exist. The wrapped account comes and goes with each transaction."""
        asked = {
            mint: str(account)
            for mint, account in accounts.items()
            if mint != WRAPPED_SOL and str(account) not in self._existing
        }
        if not asked:
            return set()
        answers = await self._node.accounts(list(asked.values()))
        found = {mint for mint, (_, account) in zip(asked, answers, strict=True) if account is not None}
        self._existing.update(asked[each] for each in found)
        return set(asked) - found


def _contended(pools: Iterable[TrackedPool], instructions: Sequence[Instruction]) -> list[str]:
    """The accounts that others write too: the pools first, then what else their programs write."""
    route = list(pools)
    programs = {each.program for each in route}
    written = [
        str(meta.pubkey)
        for each in instructions
        if str(each.program_id) in programs
        for meta in each.accounts
        if meta.is_writable and not meta.is_signer
    ]
    return list(dict.fromkeys([*(each.address for each in route), *written]))
