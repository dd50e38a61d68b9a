"""The life of an order that becomes one transaction of one wallet, whatever it is built from.

Until the transaction is on disk everything that goes wrong is a rejection, since nothing was sent. After that only the
chain decides.
"""

import asyncio
from collections.abc import Awaitable, Callable

from adapters.solana.pending_transactions import PendingTransaction
from adapters.solana.transaction_sender import TransactionSender
from bus.events import OrderApproved
from kernel.amm.errors import PoolRefused
from kernel.errors import Invariant, KernelError, VenueRefused
from kernel.secrets.signing import SignedTransaction, Signer, SolanaTransaction

BUILD_S_MAX = 8.0  #: below the lane's own patience, so that a slow node is a plain rejection
_SIGNATURE_AT, _MESSAGE_AT = 1, 65  # of a transaction with one signature

Build = Callable[[], Awaitable[PendingTransaction]]


class WalletOrders:
    """`is_order`: orders of a book, which end as `Filled`; swaps end as `Landed`."""

    def __init__(self, sender: TransactionSender, *, is_order: bool = False) -> None:
        self._sender = sender
        self._is_order = is_order
        self._unexplained: set[str] = set()

    async def submit(self, order: OrderApproved, build: Build) -> None:
        """Build, write down and begin to send; or reject. An order that was sent before is looked up instead."""
        if self._sender.pending.get(order.order_id) is not None:
            self.reconcile(order)
            return
        reports = self._sender.reports
        try:
            async with asyncio.timeout(BUILD_S_MAX):
                sent = await build()
            if order.deadline_ns and reports.now_ns() > order.deadline_ns:
                raise VenueRefused("deadline: it passed while the transaction was made; nothing was sent")
            await self._sender.begin(sent, is_order=self._is_order)
        except (KernelError, PoolRefused) as error:
            reports.rejected(order.strategy, order.order_id, str(error))
        except TimeoutError:
            reason = f"build_timeout: not ready to send within {BUILD_S_MAX:g} s; nothing was sent"
            reports.rejected(order.strategy, order.order_id, reason)

    def cancel(self, order: OrderApproved) -> None:
        """Send it no more."""
        self._sender.hold(order.order_id)

    def reconcile(self, order: OrderApproved) -> None:
        """An order that is in the file is looked up on chain; one that is not was never sent.

        One that is older than what the file remembers is told to a person: nothing is guessed.
        """
        name, pending, reports = order.order_id, self._sender.pending, self._sender.reports
        sent = pending.get(name)
        if sent is not None:
            self._sender.resume(sent, is_order=self._is_order)
        elif order.ts_ns > pending.complete_since_ns:
            reports.rejected(order.strategy, name, "not_sent: it had not been written down, so it was never sent")
        elif name not in self._unexplained:
            self._unexplained.add(name)
            text = (
                f"order {name} is older than {pending.path.name}, which does not know it: look for it in the wallet's "
                "history by hand; until then it counts as possibly landed"
            )
            reports.unknown(order.strategy, name, text)
            reports.alert("critical", "order_unexplained", text)


async def sign_message(signer: Signer[SolanaTransaction], order_id: str, message: bytes) -> SignedTransaction:
    """Have it signed, and see that it is this message that was. Raises `SigningRefused`, `Invariant`."""
    signed = await signer.sign(order_id, SolanaTransaction(message=message))
    if signed.raw[:_SIGNATURE_AT] != b"\x01" or signed.raw[_MESSAGE_AT:] != message:
        raise Invariant(f"order {order_id}: the signer signed another message than it was given")
    return signed
