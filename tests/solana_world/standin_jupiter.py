"""The aggregator's program: calls the pools of a route one after the other and checks what arrived at the end.

Its instruction has the shape of `route_v2` (tag, amounts, slippage, fees, plan), but the plan is the world's own: for
each leg the place of its pool among the accounts. Each leg swaps all that the leg before brought.
"""

import hashlib
import struct
from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import JUPITER, associated
from tests.solana_world.program_error import ProgramError
from tests.solana_world.routing import Leg
from tests.solana_world.world import World

ROUTE_TAG = hashlib.sha256(b"global:route_v2").digest()[:8]
SLIPPAGE = 6001  #: SlippageToleranceExceeded
BPS = 10_000
LEGS_MAX = 4
_HEAD = struct.Struct("<8sQQHHHI")
_FIXED = 3  # taker, its source and its destination account


class Jupiter:
    """The program; it knows the world's pools."""

    program = str(JUPITER)
    units = 8_000

    def __init__(self, world: World) -> None:
        self._world = world

    def execute(self, accounts: AccountsView, metas: Sequence[AccountMeta], data: bytes) -> None:
        """Its one instruction."""
        if len(data) < _HEAD.size or data[:8] != ROUTE_TAG:
            raise ProgramError("InvalidInstructionData")
        _, amount, quoted, slippage_bps, _, _, count = _HEAD.unpack_from(data)
        places = data[_HEAD.size :]
        if not 1 <= count <= LEGS_MAX or len(places) != count or slippage_bps > BPS:
            raise ProgramError("InvalidInstructionData")
        if len(metas) <= _FIXED or any(each >= len(metas) for each in places):
            raise ProgramError("NotEnoughAccountKeys")
        accounts.log("Instruction: RouteV2")
        taker, source, destination = (each.pubkey for each in metas[:_FIXED])
        accounts.require_signer(taker)
        before = accounts.token_amount(destination)
        mint = self._mint_of(accounts, source)
        held = source
        for number, place in enumerate(places):
            market = self._world.markets.get(metas[place].pubkey)
            if market is None or mint not in market.mints:
                raise ProgramError("InvalidArgument", (f"{metas[place].pubkey} is no pool of {mint}",))
            mint_out = market.mints[1] if mint == market.mints[0] else market.mints[0]
            is_last = number == count - 1
            target = destination if is_last else associated(taker, mint_out, accounts.owner(mint_out) or JUPITER)
            had = accounts.token_amount(target)
            call = market.swap(accounts.account, taker, mint, amount, 0, held, target)
            accounts.call(call.program_id, call.accounts, bytes(call.data))
            amount = accounts.token_amount(target) - had
            mint, held = mint_out, target
        least = quoted * (BPS - slippage_bps) // BPS
        if accounts.token_amount(destination) - before < least:
            raise ProgramError(SLIPPAGE, ("Error Code: SlippageToleranceExceeded. Error Number: 6001.",))

    def _mint_of(self, accounts: AccountsView, source: Pubkey) -> Pubkey:
        accounts.token_amount(source)
        return Pubkey.from_bytes(accounts.data(source)[:32])


def route_instruction(
    world: World, taker: Pubkey, source: Pubkey, destination: Pubkey, legs: Sequence[Leg], slippage_bps: int
) -> Instruction:
    """What `/build` hands out for a route."""
    metas: dict[Pubkey, AccountMeta] = {}
    held = source
    for number, leg in enumerate(legs):
        program = world.read(leg.mint_out)
        is_last = number == len(legs) - 1
        target = destination if is_last else associated(taker, leg.mint_out, program.owner if program else JUPITER)
        call = leg.market.swap(world.read, taker, leg.mint_in, leg.amount_in, 0, held, target)
        mints = [AccountMeta(each, False, False) for each in (leg.mint_in, leg.mint_out)]
        for each in [*call.accounts, *mints, AccountMeta(call.program_id, False, False)]:
            old = metas.get(each.pubkey, each)
            metas[each.pubkey] = AccountMeta(
                each.pubkey, each.is_signer or old.is_signer, each.is_writable or old.is_writable
            )
        held = target
    first = [AccountMeta(taker, True, False), AccountMeta(source, False, True), AccountMeta(destination, False, True)]
    rest = [each for key, each in metas.items() if key not in (taker, source, destination)]
    accounts = [*first, *rest, AccountMeta(JUPITER, False, False)]
    place = {each.pubkey: index for index, each in enumerate(accounts)}
    head = _HEAD.pack(ROUTE_TAG, legs[0].amount_in, legs[-1].amount_out, slippage_bps, 0, 0, len(legs))
    return Instruction(JUPITER, head + bytes(place[each.market.address] for each in legs), accounts)
