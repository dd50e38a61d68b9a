"""What a WebSocket client may subscribe to, and what each slot has for it."""

from collections.abc import Callable, Iterator
from typing import Any

from solders.pubkey import Pubkey

from tests.solana_world.chain import Block, Commitment
from tests.solana_world.node_view import NodeView, commitment_of, config_at, key_at, parse_key, parse_signature, text_at
from tests.solana_world.rpc_accounts import account_filter, shown
from tests.solana_world.rpc_error import invalid_params
from tests.solana_world.world import SlotUpdate, World


class Subscription:
    """One of them; `is_over` after its last notice. Levels move on by blocks, each block's news is told once."""

    method = ""

    def __init__(self, world: World, commitment: Commitment) -> None:
        self.world = world
        self.view = NodeView(world)
        self.commitment = commitment
        self.is_over = False
        self._told = world.chain.at(commitment).slot

    def first(self) -> Iterator[Any]:
        """What there is to tell right after subscribing."""
        return iter(())

    def after(self, update: SlotUpdate) -> Iterator[Any]:
        """Results to send for a slot."""
        chain = self.world.chain
        newest = chain.at(self.commitment).slot
        for block in chain.blocks:
            if self._told < block.slot <= newest:
                yield from self.in_block(block)
        self._told = max(self._told, newest)

    def in_block(self, block: Block) -> Iterator[Any]:
        """News of a block that just reached the level."""
        raise NotImplementedError

    def value(self, block: Block, value: Any) -> dict[str, Any]:
        """With its slot."""
        return {"context": {"slot": block.slot}, "value": value}


class SlotSubscription(Subscription):
    """Every slot that gets a block."""

    method = "slotNotification"

    def after(self, update: SlotUpdate) -> Iterator[Any]:
        yield {"parent": update.parent, "root": update.root, "slot": update.slot}


class AccountSubscription(Subscription):
    """One account."""

    method = "accountNotification"

    def __init__(self, world: World, params: list[Any]) -> None:
        self._key = key_at(params, 0)
        self._config = config_at(params, 1)
        super().__init__(world, commitment_of(self._config))

    def after(self, update: SlotUpdate) -> Iterator[Any]:
        is_written = self._key in self.world.store.changed(update.slot)
        if self.commitment == "processed" and self._key in update.undone and not is_written:
            yield self._value(self.world.chain.tip)
        yield from super().after(update)

    def in_block(self, block: Block) -> Iterator[Any]:
        if self._key in self.world.store.changed(block.slot):
            yield self._value(block)

    def _value(self, block: Block) -> Any:
        account = shown(self.view, self.view.account(self._key, block), self._config, block)
        if account is None:  # a node shows what is gone as empty
            account = {"data": ["", "base64"], "executable": False, "lamports": 0, "owner": "1" * 32, "rentEpoch": 0,
                       "space": 0}  # fmt: skip
        return self.value(block, account)


class ProgramSubscription(Subscription):
    """All accounts of a program, through filters."""

    method = "programNotification"

    def __init__(self, world: World, params: list[Any]) -> None:
        self._program = key_at(params, 0)
        self._config = config_at(params, 1)
        self._passes = account_filter(self._config.get("filters") or [])
        super().__init__(world, commitment_of(self._config))

    def after(self, update: SlotUpdate) -> Iterator[Any]:
        if self.commitment == "processed":
            written = self.world.store.changed(update.slot)
            yield from self._values([key for key in update.undone if key not in written], self.world.chain.tip)
        yield from super().after(update)

    def in_block(self, block: Block) -> Iterator[Any]:
        return self._values(self.world.store.changed(block.slot), block)

    def _values(self, keys: Any, block: Block) -> Iterator[Any]:
        for key in keys:
            account = self.view.account(key, block)
            if account is not None and account.owner == self._program and self._passes(account.data):
                shown_account = shown(self.view, account, self._config, block)
                yield self.value(block, {"pubkey": str(key), "account": shown_account})


class LogsSubscription(Subscription):
    """Logs of transactions: all, or those that mention an address."""

    method = "logsNotification"

    def __init__(self, world: World, params: list[Any]) -> None:
        which = params[0] if params else None
        self._mentions: Pubkey | None = None
        if isinstance(which, dict) and isinstance(which.get("mentions"), list):
            if len(which["mentions"]) != 1:
                raise invalid_params("Invalid Request: Only 1 address supported")
            self._mentions = parse_key(which["mentions"][0])
        elif which not in ("all", "allWithVotes"):
            raise invalid_params("expected all, allWithVotes or mentions at 0.")
        super().__init__(world, commitment_of(config_at(params, 1)))

    def in_block(self, block: Block) -> Iterator[Any]:
        for landed in self.world.history.in_slot(block.slot):
            if self._mentions is None or self._mentions in landed.keys:
                value = {"err": landed.err, "logs": landed.trace.logs, "signature": str(landed.signature)}
                yield self.value(block, value)


class SignatureSubscription(Subscription):
    """One signature, until it reaches the level."""

    method = "signatureNotification"

    def __init__(self, world: World, params: list[Any]) -> None:
        self._signature = parse_signature(text_at(params, 0, "a signature"))
        config = config_at(params, 1)
        self._is_receipt_wanted = bool(config.get("enableReceivedNotification"))
        super().__init__(world, commitment_of(config))

    def first(self) -> Iterator[Any]:
        return self._look()

    def after(self, update: SlotUpdate) -> Iterator[Any]:
        return self._look()

    def _look(self) -> Iterator[Any]:
        landed = self.world.history.get(self._signature)
        if landed is None:
            return
        tip = self.world.chain.tip
        if self._is_receipt_wanted:
            self._is_receipt_wanted = False
            yield self.value(tip, "receivedSignature")
        block = self.world.chain.at(self.commitment)
        if landed.slot <= block.slot:
            self.is_over = True
            yield self.value(block, {"err": landed.err})


def _slots(world: World, params: list[Any]) -> Subscription:
    return SlotSubscription(world, "processed")


KINDS: dict[str, Callable[[World, list[Any]], Subscription]] = {
    "slot": _slots,
    "account": AccountSubscription,
    "program": ProgramSubscription,
    "logs": LogsSubscription,
    "signature": SignatureSubscription,
}
