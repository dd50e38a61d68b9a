"""One bin of a DLMM swap, in one direction: what filling it whole costs, and what a part of it gives.

A bin trades at one price. Providers' liquidity goes first, then limit orders already begun, then open ones; each is
rounded against the swapper on its own. Meteora lb_clmm, dlmm package 1.9.14, checked 2026-11 against its outputs.
"""

from typing import NamedTuple

from bus.pool_parts.dlmm import DlmmBin
from kernel.amm.dlmm_fee import exclude_fee, include_fee, protocol_part


class Taken(NamedTuple):
    """What a swap does in one bin, raw units. `taken_*` leave the bin, a fee on output included; inputs are net."""

    amount_in: int  #: gross
    amount_out: int  #: net
    fee: int
    protocol_fee: int
    pool_in: int
    taken_pool: int
    taken_begun: int
    taken_open: int
    surplus: int = 0  #: of an exact output: what the input buys beyond it, kept by the protocol


class Step(NamedTuple):
    """A bin as one direction sees it; outputs are what it holds, inputs what buys them without the fee."""

    held: DlmmBin
    is_x_in: bool
    price: int
    rate: int
    is_fee_on_input: bool
    protocol_share_bps: int
    pool_out: int
    begun_out: int
    open_out: int
    pool_in: int
    begun_in: int
    open_in: int

    @property
    def total_in(self) -> int:
        """Net input that buys all of it."""
        return self.pool_in + self.begun_in + self.open_in

    @property
    def total_out(self) -> int:
        """All of it, a fee on output included."""
        return self.pool_out + self.begun_out + self.open_out

    def whole(self) -> Taken:
        """Everything the bin holds."""
        total_in, total_out, rate = self.total_in, self.total_out, self.rate
        amount_in, amount_out = total_in, total_out
        if self.is_fee_on_input:
            amount_in = include_fee(total_in, rate)
        else:
            amount_out = exclude_fee(total_out, rate)
        fee = amount_in - total_in + total_out - amount_out
        protocol_fee = protocol_part(fee, self.pool_in, total_in, self.protocol_share_bps)
        parts = (self.pool_in, self.pool_out, self.begun_out, self.open_out)
        return Taken(amount_in, amount_out, fee, protocol_fee, *parts)

    def part_in(self, amount_in: int) -> Taken:
        """For a gross input too small to leave anything over. One whose fee is all of it reports no fee, as the SDK."""
        rate, is_fee_on_input = self.rate, self.is_fee_on_input
        net = exclude_fee(amount_in, rate) if is_fee_on_input else amount_in
        if net < self.pool_in:
            pool_in, begun, opened = net, 0, 0
            pool = gross_out = self._bought(net)
        else:
            pool_in, pool = self.pool_in, self.pool_out
            left = net - pool_in
            begun = self.begun_out if left >= self.begun_in else self._bought(left)
            left -= self.begun_in
            opened = 0 if left <= 0 else self.open_out if left >= self.open_in else self._bought(left)
            gross_out = pool + begun + opened
        amount_out = gross_out if is_fee_on_input else exclude_fee(gross_out, rate)
        fee = amount_in - net + gross_out - amount_out
        if not net:
            return Taken(amount_in, amount_out, 0, 0, 0, pool, begun, opened)
        protocol_fee = protocol_part(fee, pool_in, net, self.protocol_share_bps)
        return Taken(amount_in, amount_out, fee, protocol_fee, pool_in, pool, begun, opened)

    def part_out(self, amount_out: int) -> Taken:
        """For a net output below what the bin holds. A surplus of one unit is not counted, as in the SDK."""
        wanted = amount_out if self.is_fee_on_input else include_fee(amount_out, self.rate)
        pool = min(wanted, self.pool_out)
        net = self._cost(pool)
        wanted -= pool
        if wanted:
            begun = min(wanted, self.begun_out)
            net += self._cost(begun) + self._cost(wanted - begun)
        fill = self.part_in(include_fee(net, self.rate) if self.is_fee_on_input else net)
        surplus = fill.amount_out - amount_out
        return fill._replace(amount_out=amount_out, surplus=surplus if surplus > 1 else 0)

    def _bought(self, net_in: int) -> int:
        return net_in * self.price >> 64 if self.is_x_in else (net_in << 64) // self.price

    def _cost(self, out: int) -> int:
        return cost(out, self.price, is_x_in=self.is_x_in)


def cost(out: int, price: int, *, is_x_in: bool) -> int:
    """Net input for an output at a bin's price, rounded up."""
    return -((-out << 64) // price) if is_x_in else -(-out * price >> 64)


def step_of(
    held: DlmmBin,
    price: int,
    rate: int,
    *,
    is_x_in: bool,
    has_limit_orders: bool,
    is_fee_on_input: bool,
    protocol_share_bps: int,
) -> Step:
    """The bin as one direction sees it; orders count where they sell what comes out."""
    pool_out = held.amount_y if is_x_in else held.amount_x
    begun = opened = begun_in = open_in = 0
    if has_limit_orders and held.is_ask is not is_x_in:
        begun, opened = held.orders_begun, held.orders_open
        begun_in = cost(begun, price, is_x_in=is_x_in)
        open_in = cost(opened, price, is_x_in=is_x_in)
    pool_in = cost(pool_out, price, is_x_in=is_x_in)
    how = (held, is_x_in, price, rate, is_fee_on_input, protocol_share_bps)
    return Step(*how, pool_out, begun, opened, pool_in, begun_in, open_in)
