"""Velocity as a perp venue: folds the accounts that a feed brings, answers in the kernel's words, builds orders.

No I/O and no clock: bytes, slots and receipt times come in. An account that cannot be read takes the venue down and
keeps the last good reading for closing; nothing that increases a position is built unless the health check passes.
"""

import re

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.drift import FundingPayment, PerpLayout, PerpMarket, PerpUser
from adapters.solana.tracked_pool import UnknownLayout
from adapters.velocity.exchange import Exchange
from adapters.velocity.health import HealthFacts, HealthRules, check_health, verdict
from adapters.velocity.orders import OrderBuilder
from adapters.velocity.payment_book import PaymentBook
from adapters.velocity.program import QUOTE_SPOT_MARKET
from adapters.velocity.program_data import ProgramData, program_data_address
from adapters.velocity.spot_market import SpotMarket
from bus.events import VenueHealth
from bus.events.base import Event
from kernel.errors import BadInput, VenueRefused
from kernel.finance.funding_index import FundingIndex
from kernel.finance.funding_settlements import FundingSettlements
from kernel.finance.perp_position import PerpPosition
from kernel.finance.perp_terms import PerpTerms
from kernel.perp_venue import PerpOrder

TOKEN_PROGRAMS = frozenset(
    {"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"}
)
TOKEN_ACCOUNT_BYTES = 165
FAULT_CHARS_MAX = 300
_NUMBERS = re.compile(r"\d+")  #: a reason's numbers move with every slot; the reason is told once


class VelocityVenue:
    """One sub-account of one wallet at one deployment of Velocity (`kernel.perp_venue.PerpVenue[Instruction]`)."""

    def __init__(
        self, layout: PerpLayout, rules: HealthRules, authority: Pubkey, sub_account: int, strategy: str
    ) -> None:
        self.venue = layout.venue
        self.settle_asset = layout.settle_asset
        self.layout = layout
        self.rules = rules
        self.strategy = strategy
        self.builder = OrderBuilder(layout, authority, sub_account)
        addresses = self.builder.addresses
        self.program_data = str(program_data_address(layout.program))
        self._perps = {str(addresses.perp_market(index)): index for index in rules.market_indices}
        self._spot_indices = {str(addresses.spot_market(QUOTE_SPOT_MARKET)): QUOTE_SPOT_MARKET}
        self._insurance_address = str(addresses.insurance_vault(QUOTE_SPOT_MARKET))
        self._state_address = str(addresses.state)
        self._user_address = str(self.builder.user)
        self._markets: dict[int, PerpMarket] = {}
        self._spots: dict[int, SpotMarket] = {}
        self._settlements: dict[int, FundingSettlements] = {}
        self._user: PerpUser | None = None
        self._positions: tuple[PerpPosition, ...] = ()
        self._exchange: Exchange | None = None
        self._insurance: int | None = None
        self._program: ProgramData | None = None
        self._faults: dict[str, str] = {}
        self._slots: dict[str, int] = {}
        self._chain_s = 0
        self._now_ns = 0
        self._told = ("", "")
        self._events: list[Event] = []
        self.payments = PaymentBook()

    def addresses(self) -> tuple[str, ...]:
        """Accounts to watch; grows with what our account uses. Of `program_data` the first 45 bytes are enough."""
        fixed = (self._state_address, self._insurance_address, self.program_data, self._user_address)
        return (*fixed, *self._spot_indices, *self._perps)

    # what comes in ----------------------------------------------------------------------------------------------

    def on_account(self, address: str, owner: str, data: bytes, slot: int, ts_ns: int) -> None:
        """An account as the chain has it at a slot. Older slots and accounts that are not ours to watch are dropped;
        one that cannot be read takes the venue down until it can."""
        self._now_ns = max(self._now_ns, ts_ns)
        if slot < self._slots.get(address, 0) or address not in self.addresses():
            return
        self._slots[address] = slot
        try:
            self._fold(address, owner, data, slot, ts_ns)
        except BadInput as error:
            self._faults[address] = str(error)[:FAULT_CHARS_MAX]
        else:
            self._faults.pop(address, None)
        self._tell(ts_ns)

    def on_missing(self, address: str, ts_ns: int) -> None:
        """An account does not exist. Ours may not (nothing was deposited yet); any other takes the venue down."""
        if address == self._user_address:
            self._user, self._positions = None, ()
        elif address in self.addresses():
            self._faults[address] = "the account does not exist"
        self._tell(ts_ns)

    def _fold(self, address: str, owner: str, data: bytes, slot: int, ts_ns: int) -> None:
        if address in self._perps:
            self._on_market(address, PerpMarket.decode(self.layout, owner, data, slot), ts_ns)
            self._positions = () if self._user is None else self._user.in_markets(self._markets)
        elif address in self._spot_indices:
            spot = SpotMarket.decode(self.layout, owner, data, slot)
            if spot.market_index != self._spot_indices[address]:
                raise UnknownLayout(f"expected spot market {self._spot_indices[address]}, found {spot.market_index}")
            self._spots[spot.market_index] = spot
        elif address == self._user_address:
            self._on_user(PerpUser.decode(self.layout, owner, data, slot))
            self._positions = () if self._user is None else self._user.in_markets(self._markets)
        elif address == self._state_address:
            self._exchange = Exchange.decode(self.layout, owner, data, slot)
        elif address == self._insurance_address:
            self._insurance = self._token_amount(owner, data)
        else:
            self._program = ProgramData.decode(owner, data)

    def _on_market(self, address: str, market: PerpMarket, ts_ns: int) -> None:
        index = self._perps[address]
        if market.market_index != index:
            raise UnknownLayout(f"expected perp market {index}, found {market.market_index}")
        if any(each.instrument == market.instrument for number, each in self._markets.items() if number != index):
            raise UnknownLayout(f"expected a name of its own, found {market.instrument}, which another market has")
        self._markets[index] = market
        settlements = self._settlements.setdefault(index, FundingSettlements(self.venue))
        self._events.extend(settlements.on_index(market.funding(), ts_ns))

    def _on_user(self, user: PerpUser) -> None:
        if user.authority != str(self.builder.authority):
            raise UnknownLayout(f"expected our wallet {self.builder.authority} to own it, found {user.authority}")
        self._user = user
        self.payments.on_user(user)
        addresses = self.builder.addresses
        used = {each.market_index for each in user.positions} | {each.market_index for each in user.orders}
        for index in used - set(self._perps.values()):
            self._perps[str(addresses.perp_market(index))] = index
        for index in set(user.spot_markets) - set(self._spot_indices.values()):
            self._spot_indices[str(addresses.spot_market(index))] = index

    def _token_amount(self, owner: str, data: bytes) -> int:
        mint = str(Pubkey.from_bytes(data[:32])) if len(data) >= TOKEN_ACCOUNT_BYTES else ""
        if owner not in TOKEN_PROGRAMS or mint != self.rules.settle_mint:
            raise UnknownLayout(
                f"insurance vault: expected a token account of {self.rules.settle_mint}, found {len(data)} bytes of "
                f"{mint or 'no mint'} owned by {owner!r:.60}"
            )
        return int.from_bytes(data[64:72], "little")

    def on_event(self, data: bytes, slot: int, ts_ns: int) -> None:
        """An event of the program, from a self-call or a log. A payment to or by us is booked once. Raises
        `UnknownLayout` for one that cannot be read."""
        self._now_ns = max(self._now_ns, ts_ns)
        payment = FundingPayment.decode(self.layout, data, self._user_address)
        if payment is None:
            return
        market = self._markets.get(payment.market_index)
        if market is not None and self.payments.on_payment(payment, slot):
            self._events.append(payment.paid(self.strategy, market.instrument, ts_ns))

    def on_clock(self, chain_s: int, ts_ns: int) -> None:
        """The chain's clock: tells when funding is overdue."""
        self._chain_s = max(self._chain_s, chain_s)
        self._now_ns = max(self._now_ns, ts_ns)
        self._tell(ts_ns)

    def _tell(self, ts_ns: int) -> None:
        now = verdict(self._facts(), self.rules, ts_ns)
        told = (now.status, _NUMBERS.sub("#", now.reason))
        if told != self._told:
            self._told = told
            self._events.append(now)

    def _facts(self) -> HealthFacts:
        return HealthFacts(
            exchange=self._exchange,
            markets=self._markets,
            quote=self._spots.get(QUOTE_SPOT_MARKET),
            insurance=self._insurance,
            program=self._program,
            faults=self._faults,
            chain_s=self._chain_s,
        )

    # what is asked ----------------------------------------------------------------------------------------------

    def reasons(self) -> list[str]:
        """All that the health check has against trading now; [] = nothing."""
        return check_health(self._facts(), self.rules)

    def health(self) -> VenueHealth:
        """The verdict on what is known now."""
        return verdict(self._facts(), self.rules, self._now_ns)

    def drain(self) -> tuple[Event, ...]:
        """`FundingRate`, `FeedGap`, `FundingPaid`, `VenueHealth` since the last call."""
        events, self._events = tuple(self._events), []
        return events

    def terms(self) -> tuple[PerpTerms, ...]:
        """Markets seen so far, by number."""
        return tuple(self._markets[index].terms() for index in sorted(self._markets))

    def funding(self, instrument: str) -> FundingIndex | None:
        """Indices as last seen."""
        return next((each.funding() for each in self._markets.values() if each.instrument == instrument), None)

    def positions(self) -> tuple[PerpPosition, ...]:
        """Open positions as last seen."""
        return self._positions

    def place(self, order: PerpOrder) -> Instruction:
        """`place_perp_order`. Raises `VenueRefused`, for anything but a reduction also while not healthy."""
        reasons = [] if order.is_reduce_only else self.reasons()
        if reasons:
            raise VenueRefused(f"velocity is not healthy, only reductions are built: {reasons[0]}")
        user = self._known_user()
        return self.builder.place(order, self._market(order.instrument), user, self._markets, self._oracles())

    def cancel(self, instrument: str, client_id: int) -> Instruction:
        """Take back one order by our mark; never held back by health."""
        self._market(instrument)
        return self.builder.cancel(client_id, self._known_user(), self._markets, self._oracles())

    def cancel_all(self, instrument: str) -> Instruction:
        """Take back all orders of a market; never held back by health."""
        return self.builder.cancel_all(self._market(instrument), self._known_user(), self._markets, self._oracles())

    def _oracles(self) -> dict[int, str]:
        return {index: spot.oracle for index, spot in self._spots.items()}

    def _known_user(self) -> PerpUser:
        if self._user is None:
            raise VenueRefused(f"velocity: expected our account {self._user_address}, not seen yet: deposit first")
        return self._user

    def _market(self, instrument: str) -> PerpMarket:
        for each in self._markets.values():
            if each.instrument == instrument:
                return each
        raise VenueRefused(f"velocity: expected a market seen so far, found {instrument!r:.60}")
