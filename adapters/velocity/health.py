"""Whether Velocity may be trusted with money now: every reason against it, in words an operator can act on.

The program's predecessor was drained by a change of its administrators. So the keys in command, the program's code and
its upgrade key must be the ones the operator accepted; what is not known counts against it; and any pause, a withdraw
guard about to close, or a thin insurance fund ends trading before it ends us. In `prod` the venue stays off until
`check_health` returns nothing.
"""

from collections.abc import Mapping

from msgspec import Struct

from adapters.drift import PerpMarket
from adapters.velocity.exchange import EXCHANGE_PAUSES, MARKET_PAUSES, Exchange, named_bits
from adapters.velocity.program_data import ProgramData
from adapters.velocity.spot_market import PAUSED_DEPOSIT, PAUSED_WITHDRAW, SpotMarket
from bus.events import VenueHealth

REASONS_SHOWN_MAX = 3  #: in an event; `check_health` has them all
SETTLEMENTS_LATE_MAX = 3  #: funding periods without a settlement before funding counts as stuck


class HealthRules(Struct, frozen=True, kw_only=True):
    """What the operator accepted and demands. Amounts in the settlement asset's smallest units."""

    market_indices: tuple[int, ...]  #: the markets we trade
    admins: tuple[str, str, str] | None  #: cold, warm, pause, as looked up and accepted; None = not yet
    upgrade_authority: str | None  #: None = not accepted yet; "" = accepted that nobody can
    program_slot: int | None  #: the change of the code that was accepted; None = not yet
    settle_mint: str  #: mint of the settlement asset
    insurance_min: int = 1_000_000 * 10**6
    withdraw_room_min: int = 250_000 * 10**6  #: what must be able to leave, for us and those who run before us


class HealthFacts(Struct, frozen=True, kw_only=True):
    """What was seen last; None or a missing key = never."""

    exchange: Exchange | None = None
    markets: Mapping[int, PerpMarket] = {}
    quote: SpotMarket | None = None
    insurance: int | None = None  #: tokens in the insurance vault
    program: ProgramData | None = None
    faults: Mapping[str, str] = {}  #: account -> why it could not be read
    chain_s: int = 0  #: the chain's clock, 0 = unknown


def check_health(facts: HealthFacts, rules: HealthRules) -> list[str]:
    """Every reason not to trade, the gravest first; [] = healthy. Blind spots are reasons."""
    return [
        *(f"{account} cannot be read: {why}" for account, why in sorted(facts.faults.items())),
        *_program(facts.program, rules),
        *_exchange(facts.exchange, rules),
        *_quote(facts.quote, facts.insurance, rules),
        *(reason for index in rules.market_indices for reason in _market(index, facts)),
    ]


def verdict(facts: HealthFacts, rules: HealthRules, ts_ns: int) -> VenueHealth:
    """The same as an event: `down` where accounts cannot be read, `paused` for any other reason; both block entries
    and close positions. Else `ok`."""
    reasons = check_health(facts, rules)
    status = "down" if facts.faults else "paused" if reasons else "ok"
    text = "; ".join(reasons[:REASONS_SHOWN_MAX])
    if len(reasons) > REASONS_SHOWN_MAX:
        text += f"; and {len(reasons) - REASONS_SHOWN_MAX} more"
    return VenueHealth(ts_ns=ts_ns, venue="velocity", status=status, reason=text)


def _program(program: ProgramData | None, rules: HealthRules) -> list[str]:
    if program is None:
        return ["the program's code account was not seen yet"]
    reasons = []
    if rules.program_slot is None:
        reasons.append(f"the program's code of slot {program.changed_slot} is not accepted yet: check it, then accept")
    elif program.changed_slot != rules.program_slot:
        reasons.append(
            f"the program was upgraded: code of slot {rules.program_slot} was accepted, found {program.changed_slot}"
        )
    if rules.upgrade_authority is None:
        reasons.append(f"the upgrade key {program.upgrade_authority or 'nobody'} is not accepted yet")
    elif program.upgrade_authority != rules.upgrade_authority:
        reasons.append(
            f"the upgrade key changed: {rules.upgrade_authority or 'nobody'} was accepted, found "
            f"{program.upgrade_authority or 'nobody'}"
        )
    return reasons


def _exchange(exchange: Exchange | None, rules: HealthRules) -> list[str]:
    if exchange is None:
        return ["the state account was not seen yet"]
    reasons = []
    if rules.admins is None:
        reasons.append(f"the administrators {', '.join(exchange.admins)} are not accepted yet")
    else:
        for role, accepted, found in zip(("cold", "warm", "pause"), rules.admins, exchange.admins, strict=True):
            if accepted != found:
                reasons.append(f"the {role} administrator changed: {accepted} was accepted, found {found}")
    if exchange.exchange_status:
        reasons.append(f"the exchange paused {named_bits(exchange.exchange_status, EXCHANGE_PAUSES)}")
    if exchange.solvency_status:
        reasons.append(f"the exchange paused its repair of bankruptcies (solvency status {exchange.solvency_status})")
    return reasons


def _quote(quote: SpotMarket | None, insurance: int | None, rules: HealthRules) -> list[str]:
    if quote is None:
        return ["the settlement asset's market was not seen yet"]
    reasons = []
    if quote.mint != rules.settle_mint:
        reasons.append(f"the settlement asset is another: expected mint {rules.settle_mint}, found {quote.mint}")
    if quote.status != "Active":
        reasons.append(f"the settlement asset's market is {quote.status}, not Active")
    if quote.paused_operations & (PAUSED_DEPOSIT | PAUSED_WITHDRAW):
        reasons.append("deposits or withdrawals of the settlement asset are paused")
    room = quote.withdraw_room()
    if room < rules.withdraw_room_min:
        reasons.append(f"the withdraw guard leaves {room} units, expected at least {rules.withdraw_room_min}")
    if insurance is None:
        reasons.append("the insurance vault was not seen yet")
    elif insurance < rules.insurance_min:
        reasons.append(f"the insurance fund holds {insurance} units, expected at least {rules.insurance_min}")
    return reasons


def _market(index: int, facts: HealthFacts) -> list[str]:
    market = facts.markets.get(index)
    if market is None:
        return [f"perp market {index} was not seen yet"]
    reasons = []
    if market.status != "Active":
        reasons.append(f"{market.instrument} is {market.status}, not Active")
    if market.paused_operations:
        reasons.append(f"{market.instrument} paused {named_bits(market.paused_operations, MARKET_PAUSES)}")
    late_s = facts.chain_s - market.last_funding_rate_ts
    if facts.chain_s and late_s > SETTLEMENTS_LATE_MAX * market.funding_period:
        reasons.append(f"{market.instrument} settled no funding for {late_s} s: nobody cranks it")
    return reasons
