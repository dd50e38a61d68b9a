"""The chain: one slot after the other, each with what waits for it, what other actors do and what goes wrong.

Everything is synchronous and single-threaded: `step` makes slots, requests look at the state between them. Given seed
and order of calls, every run is the same.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.solana_world.account_store import AccountStore
from tests.solana_world.addresses import LOADER, WRAPPED_SOL
from tests.solana_world.chain import Block, Chain, epoch_of
from tests.solana_world.faults import FaultScript
from tests.solana_world.fees import Budget, budget_of
from tests.solana_world.history import History
from tests.solana_world.landed import Landed
from tests.solana_world.market import Market
from tests.solana_world.mempool import Bundle, Mempool
from tests.solana_world.options import WorldOptions
from tests.solana_world.processor import Outcome, Processor
from tests.solana_world.resolved_message import Refused, ResolvedMessage
from tests.solana_world.stand_in import StandIn
from tests.solana_world.token_layouts import holding_of, native_mint

STATE_BLOCKS = 64  #: account states kept behind finality, for nodes that are late
PROGRAM_LAMPORTS = 1_141_440


class SlotUpdate(NamedTuple):
    """A slot was made: what listeners are told. `undone`: accounts that a fork's end changed back."""

    slot: int
    parent: int
    root: int
    undone: tuple[Pubkey, ...]
    dead_slots: tuple[int, ...]


class Actor(Protocol):
    """Somebody else on the chain."""

    def act(self, world: "World") -> None:
        """A slot begins; what is submitted now may be in it."""


class World:
    """`step` it by hand, or let `ticking.tick` do it by the clock."""

    def __init__(self, options: WorldOptions | None = None) -> None:
        self.options = options or WorldOptions()
        set_up = self.options
        svm = LiteSVM().with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
        self.store = AccountStore(svm)
        lags = (set_up.confirmed_lag, set_up.finalized_lag)
        self.chain = Chain(set_up.seed, set_up.first_slot, set_up.first_height, set_up.first_time_s, lags)
        self.slot = set_up.first_slot  #: of the last block or gap
        #: What limits by the second go by; a server that runs a clock puts real time in its place.
        self.stopwatch_s: Callable[[], float] = lambda: self.elapsed_s
        self.time_source: Callable[[], int] | None = None  #: unix seconds; None = slots alone
        self.processor = Processor(self.store, self.chain.slot_hashes)
        self.mempool = Mempool()
        self.history = History()
        self.faults = FaultScript(set_up.faults)
        self.markets: dict[Pubkey, Market] = {}
        self.actors: list[Actor] = []
        self.listeners: list[Callable[[SlotUpdate], None]] = []
        self._set_clock()
        self.store.put(WRAPPED_SOL, native_mint())

    # -- time

    @property
    def now_s(self) -> int:
        """The chain's clock, unix seconds."""
        return self.processor.now_s

    @property
    def elapsed_s(self) -> float:
        """By slots, from the beginning, with fractions."""
        return (self.slot - self.options.first_slot) * self.options.slot_ms / 1000.0

    def _set_clock(self) -> None:
        self.store.slot = self.slot
        by_slots = self.options.first_time_s + int(self.elapsed_s)
        self.processor.now_s = by_slots if self.time_source is None else max(self.now_s, self.time_source())
        epoch = epoch_of(self.slot)
        clock = Clock(self.slot, self.options.first_time_s, epoch, epoch + 1, self.processor.now_s)
        self.store.svm.set_clock(clock)

    def step(self, slots: int = 1) -> None:
        """Make so many slots."""
        for _ in range(slots):
            self._make_slot()

    def _make_slot(self) -> None:
        self.slot += 1
        undone: tuple[Pubkey, ...] = ()
        dead: tuple[int, ...] = ()
        for fault in self.faults.take("slot"):
            if fault.what == "skip":
                self.slot += fault["slots"]
            elif fault.what == "fork":
                dead, undone = self.roll_back(fault["depth"], is_again=fault["is_again"])
        self._set_clock()
        self.chain.extend(self.slot, self.now_s)
        for actor in self.actors:
            actor.act(self)
        self._include()
        self.history.trim()
        root = self.chain.at("finalized").slot
        self.store.forget(self.chain.at("finalized", STATE_BLOCKS).slot)
        update = SlotUpdate(self.slot, self.chain.tip.parent, root, undone, dead)
        for listener in self.listeners:
            listener(update)

    def roll_back(self, depth: int, *, is_again: bool) -> tuple[tuple[int, ...], tuple[Pubkey, ...]]:
        """The newest blocks were on a fork that lost. `is_again`: the next leader takes their transactions again."""
        dead = tuple(each.slot for each in self.chain.roll_back(depth))
        undone = self.store.roll_back(self.chain.tip.slot)
        for each in self.history.roll_back(self.chain.tip.slot):
            if is_again:
                self.mempool.add(each.transaction, self.slot, 0)
        return dead, undone

    # -- what waits

    def submit(self, transaction: VersionedTransaction, *, due_slot: int = 0) -> Signature:
        """A transaction is on its way to the leaders. `due_slot`: not before that."""
        try:
            price = budget_of(self.resolve(transaction)).unit_price_micro
        except Refused:
            price = 0
        self.mempool.add(transaction, due_slot, price)
        return transaction.signatures[0]

    def resolve(self, transaction: VersionedTransaction) -> ResolvedMessage:
        """Its message with accounts of lookup tables. Raises `Refused`."""
        return ResolvedMessage(transaction, self.store, self.slot)

    def _include(self) -> None:
        bundles, waiting = self.mempool.take_due(self.slot)
        for bundle in bundles:
            if not self._include_bundle(bundle):
                self.mempool.add_bundle(bundle)
        for each in waiting:
            try:
                self.include(each.transaction)
            except Refused as refused:
                is_over = refused.err in ("AlreadyProcessed", "BlockhashNotFound", "SanitizeFailure")
                if not is_over:  # a payer without money, a table of this very slot: tried until the blockhash is old
                    self.mempool.transactions.append(each)

    def _include_bundle(self, bundle: Bundle) -> bool:
        """Whether nothing is left to do for it."""
        if bundle.alone:
            for each in bundle.transactions[: bundle.alone]:
                self.submit(each)
            bundle.state, bundle.why = "Failed", "unbundled"
            return True
        if self.slot > bundle.expires_slot:
            bundle.state, bundle.why = "Failed", "expired"
            return True
        if bundle.is_never:
            return False
        keys = set().union(*(self._writable(each) for each in bundle.transactions))
        mark, before = self.history.mark(), self.store.snapshot(sorted(keys, key=bytes))
        for each in bundle.transactions:
            try:
                landed = self.include(each, bundle.id)
                why = landed.err
            except Refused as refused:
                why = refused.err
            if why is not None:
                self.history.take_back(mark)
                self.store.restore(before)
                bundle.state, bundle.why = "Failed", why
                return True
        bundle.state, bundle.slot = "Landed", self.slot
        return True

    def _writable(self, transaction: VersionedTransaction) -> set[Pubkey]:
        try:
            return set(self.resolve(transaction).writable_keys())
        except Refused:
            return set()

    # -- one transaction

    def check(self, transaction: VersionedTransaction, block: Block | None = None) -> tuple[ResolvedMessage, Budget]:
        """What a bank checks before it runs anything: that of `block`, or the one under way. Raises `Refused`."""
        block = block or self.chain.tip
        landed = self.history.get(transaction.signatures[0])
        if landed is not None and landed.slot <= block.slot:
            raise Refused("AlreadyProcessed")
        if not self.chain.is_usable(transaction.message.recent_blockhash, block.height):
            raise Refused("BlockhashNotFound")
        message = self.resolve(transaction)
        return message, budget_of(message)

    def include(self, transaction: VersionedTransaction, bundle: str = "") -> Landed:
        """Into the block of the present slot. Raises `Refused`; a transaction that fails lands and pays."""
        message, budget = self.check(transaction)
        outcome = self.processor.run(message, budget, is_kept=True)
        sides = list(zip(outcome.before, outcome.after, strict=True))
        landed = Landed(
            signature=transaction.signatures[0],
            transaction=transaction,
            message=message,
            slot=self.slot,
            time_s=self.now_s,
            err=outcome.err,
            budget=budget,
            trace=outcome.trace,
            lamports=[(old.lamports if old else 0, new.lamports if new else 0) for old, new in sides],
            holdings=[(holding_of(old), holding_of(new)) for old, new in sides],
            bundle=bundle,
        )
        self.history.add(landed)
        return landed

    def simulate(self, message: ResolvedMessage, block: Block) -> Outcome:
        """On the accounts as they were after that block; nothing stays. Raises `Refused`.

        Sysvars, and what a stand-in looks at beyond the transaction's accounts, are those of the present.
        """
        budget = budget_of(message)
        present = self.store.go_back(message.keys, block.slot)
        try:
            return self.processor.run(message, budget, is_kept=False)
        finally:
            self.store.restore(present)

    # -- what is there from the beginning

    def register(self, stand_in: StandIn) -> Pubkey:
        """From now on the program exists. Returns its address."""
        program = Pubkey.from_string(stand_in.program)
        data_key = Pubkey.find_program_address([bytes(program)], LOADER)[0]
        pointer = (2).to_bytes(4, "little") + bytes(data_key)
        if self.store.get(program) is None:  # in this order: LiteSVM would load what is whole
            self.store.put(program, Account(PROGRAM_LAMPORTS, pointer, LOADER, True, 0))
        self.processor.stand_ins[program] = stand_in
        self.upgrade(program)
        return program

    def upgrade(self, program: Pubkey) -> None:
        """Its ProgramData says that it was deployed in the present slot."""
        data_key = Pubkey.find_program_address([bytes(program)], LOADER)[0]
        data = (3).to_bytes(4, "little") + self.slot.to_bytes(8, "little") + b"\0" + bytes(32)
        self.store.put(data_key, Account(PROGRAM_LAMPORTS, data, LOADER, False, 0))

    def add_market(self, market: Market) -> None:
        """The aggregator and other traders know it."""
        self.markets[market.address] = market

    def read(self, key: Pubkey) -> Account | None:
        """At processed."""
        return self.store.get(key)
