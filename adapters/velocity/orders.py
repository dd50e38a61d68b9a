"""Velocity's order instructions: place, cancel one, cancel all of a market.

Accounts: state, user (writable), authority (signer), then oracles, spot markets, perp markets, in these three groups,
of every market the user has something in, of the settlement asset, and of the order's own market. None of the markets
is written by placing or cancelling. An order is placed here and filled later by keepers: the program refuses
immediate-or-cancel in this instruction (`InvalidOrderIOC`), so a market order rests in its auction until it expires.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.drift import PerpLayout, PerpMarket, PerpUser
from adapters.drift.units import BASE_SCALE, PRICE_SCALE
from adapters.velocity.program import QUOTE_SPOT_MARKET, Addresses
from kernel.errors import VenueRefused
from kernel.perp_venue import PerpOrder

NO_ORACLE = str(Pubkey.default())  #: the settlement asset's market may have none
CLIENT_ID_MAX = 255  #: user_order_id is a u8; 0 means none, and one id can be open once
RAW_MAX = (1 << 64) - 1
MARKETS_MAX = 8  #: positions a user can have; more accounts would not fit a transaction either
POST_ONLY = {"no": "None", "must": "MustPostOnly", "try": "TryPostOnly"}


class OrderBuilder:
    """Builds order instructions for one sub-account of one deployment."""

    def __init__(self, layout: PerpLayout, authority: Pubkey, sub_account: int) -> None:
        self.layout = layout
        self.addresses = Addresses(layout.program)
        self.authority = authority
        self.user = self.addresses.user(authority, sub_account)

    def place(
        self,
        order: PerpOrder,
        market: PerpMarket,
        user: PerpUser,
        markets: Mapping[int, PerpMarket],
        spot_oracles: Mapping[int, str],
    ) -> Instruction:
        """`place_perp_order`. `user` and `spot_oracles` (spot market -> oracle) say which accounts must come along.

        Raises `VenueRefused` for an order off the lattice, below the smallest, or with accounts unknown.
        """
        params = order_params(order, market)
        metas = self._metas("place_perp_order", user, {market.market_index}, markets, spot_oracles)
        return Instruction(
            self.addresses.program, self.layout.codec.encode_instruction("place_perp_order", {"params": params}), metas
        )

    def cancel(
        self, client_id: int, user: PerpUser, markets: Mapping[int, PerpMarket], spot_oracles: Mapping[int, str]
    ) -> Instruction:
        """`cancel_order_by_user_id`: one order by our mark. Raises `VenueRefused` without a usable mark."""
        if not 0 < client_id <= CLIENT_ID_MAX:
            raise VenueRefused(f"velocity: expected a client id from 1 to {CLIENT_ID_MAX}, found {client_id}")
        data = self.layout.codec.encode_instruction("cancel_order_by_user_id", {"user_order_id": client_id})
        metas = self._metas("cancel_order_by_user_id", user, set(), markets, spot_oracles)
        return Instruction(self.addresses.program, data, metas)

    def cancel_all(
        self,
        market: PerpMarket,
        user: PerpUser,
        markets: Mapping[int, PerpMarket],
        spot_oracles: Mapping[int, str],
    ) -> Instruction:
        """`cancel_orders` of one perp market, both directions."""
        arguments = {"market_type": "Perp", "market_index": market.market_index, "direction": None}
        data = self.layout.codec.encode_instruction("cancel_orders", arguments)
        metas = self._metas("cancel_orders", user, {market.market_index}, markets, spot_oracles)
        return Instruction(self.addresses.program, data, metas)

    def _metas(
        self,
        instruction: str,
        user: PerpUser,
        extra_perps: set[int],
        markets: Mapping[int, PerpMarket],
        spot_oracles: Mapping[int, str],
    ) -> list[AccountMeta]:
        named = {"state": self.addresses.state, "user": self.user, "authority": self.authority}
        roles = self.layout.codec.instruction(instruction).accounts
        unknown = [role.name for role in roles if role.name not in named]
        if unknown:
            raise VenueRefused(
                f"velocity {instruction}: expected the accounts {', '.join(named)} in the IDL, found "
                f"{', '.join(unknown)} too: the program was upgraded; no order is sent"
            )
        fixed = [AccountMeta(named[role.name], role.is_signer, role.is_writable) for role in roles]
        perps = sorted(extra_perps | {each.market_index for each in user.positions} | _order_markets(user))
        spots = sorted({QUOTE_SPOT_MARKET, *user.spot_markets})
        missing = [f"perp {index}" for index in perps if index not in markets]
        missing += [f"spot {index}" for index in spots if index not in spot_oracles]
        if missing:
            raise VenueRefused(
                f"velocity: expected to know the markets of the account, {', '.join(missing)} unseen yet"
            )
        if len(perps) > MARKETS_MAX or len(spots) > MARKETS_MAX:
            raise VenueRefused(f"velocity: expected at most {MARKETS_MAX} markets of a kind, found {len(perps)} perp")
        oracles = [spot_oracles[index] for index in spots] + [markets[index].oracle for index in perps]
        distinct = [each for each in dict.fromkeys(oracles) if each != NO_ORACLE]
        return [
            *fixed,
            *_readable(Pubkey.from_string(each) for each in distinct),
            *_readable(self.addresses.spot_market(index) for index in spots),
            *_readable(self.addresses.perp_market(index) for index in perps),
        ]


def _order_markets(user: PerpUser) -> set[int]:
    return {each.market_index for each in user.orders}


def _readable(addresses: Iterable[Pubkey]) -> list[AccountMeta]:
    return [AccountMeta(each, False, False) for each in addresses]


def order_params(order: PerpOrder, market: PerpMarket) -> dict[str, Any]:
    """The program's OrderParams, exactly as asked or not at all. Raises `VenueRefused`."""
    qty = _on_lattice(order.qty, BASE_SCALE, market.order_step_size, "quantity")
    smallest = max(market.min_order_size, market.order_step_size)
    if qty < smallest and not order.is_reduce_only:
        raise VenueRefused(f"{market.instrument}: expected at least {smallest} raw base units, found {qty}")
    is_market = order.limit_price is None
    if is_market and order.post_only != "no":
        raise VenueRefused(f"{market.instrument}: expected a limit price for a post-only order, found none")
    if not 0 <= order.client_id <= CLIENT_ID_MAX or order.expires_s < 0:
        raise VenueRefused(
            f"{market.instrument}: expected a client id from 0 to {CLIENT_ID_MAX} and an expiry of 0 or later, found "
            f"{order.client_id} and {order.expires_s}"
        )
    return {
        "order_type": "Market" if is_market else "Limit",
        "market_type": "Perp",
        "direction": "Long" if order.side == "buy" else "Short",
        "user_order_id": order.client_id,
        "base_asset_amount": qty,
        "price": 0
        if order.limit_price is None
        else _on_lattice(order.limit_price, PRICE_SCALE, market.order_tick_size, "price"),
        "market_index": market.market_index,
        "reduce_only": order.is_reduce_only,
        "post_only": POST_ONLY[order.post_only],
        "bit_flags": 0,
        "max_ts": order.expires_s or None,
        "trigger_price": None,
        "trigger_condition": "Above",
        "oracle_price_offset": None,
        "auction_duration": None,
        "auction_start_price": None,
        "auction_end_price": None,
        "builder_idx": None,
        "builder_fee_tenth_bps": None,
    }


def _on_lattice(value: Decimal, scale: int, step: int, what: str) -> int:
    """Exact raw units on the market's lattice; never rounded here: the caller's number is what its costs rest on."""
    if not value.is_finite() or value <= 0:
        raise VenueRefused(f"expected a {what} above 0, found {value}")
    numerator, denominator = value.as_integer_ratio()
    raw, rest = divmod(numerator * scale, denominator)
    if rest or raw % step or raw > RAW_MAX:
        raise VenueRefused(f"expected a {what} that is a multiple of {step} / {scale}, found {value}")
    return raw
