"""The instructions around and of a routed swap, as the aggregator hands them out, and what a landed one brought."""

import base64
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from tests.solana_world.addresses import ASSOCIATED, SYSTEM, TOKEN, WRAPPED_SOL, associated
from tests.solana_world.landed import Landed
from tests.solana_world.routing import Leg
from tests.solana_world.standin_jupiter import route_instruction
from tests.solana_world.world import World


def swap_instructions(
    world: World, taker: Pubkey, legs: list[Leg], slippage_bps: int, is_wrapping: bool
) -> tuple[list[Instruction], Instruction, Instruction | None]:
    """(setup, swap, cleanup or None): token accounts are opened, SOL is wrapped and what is left of it unwrapped."""
    mints = [legs[0].mint_in, *(each.mint_out for each in legs)]
    accounts: list[Pubkey] = []
    setup: list[Instruction] = []
    for mint in mints:
        found = world.read(mint)
        program = TOKEN if found is None else found.owner
        accounts.append(associated(taker, mint, program))
        setup.append(open_account(taker, accounts[-1], mint, program))
    cleanup = None
    if is_wrapping and WRAPPED_SOL in (mints[0], mints[-1]):
        wrapped = associated(taker, WRAPPED_SOL)
        if mints[0] == WRAPPED_SOL:
            setup.append(transfer(taker, wrapped, legs[0].amount_in))
            setup.append(Instruction(TOKEN, b"\x11", [AccountMeta(wrapped, False, True)]))
        close = [
            AccountMeta(wrapped, False, True), AccountMeta(taker, False, True), AccountMeta(taker, True, False)
        ]  # fmt: skip
        cleanup = Instruction(TOKEN, b"\x09", close)
    swap = route_instruction(world, taker, accounts[0], accounts[-1], legs, slippage_bps)
    return setup, swap, cleanup


def received(landed: Landed, legs: list[Leg]) -> int:
    """What the taker's account grew by; where the transaction closed it (wrapped SOL), what the last pool paid."""
    theirs = paid = 0
    is_open = False
    for old, new in landed.holdings:
        if new is None or new.mint != legs[-1].mint_out:
            continue
        gain = new.amount - (0 if old is None else old.amount)
        if new.owner == landed.keys[0]:
            theirs, is_open = theirs + gain, True
        elif gain < 0:
            paid -= gain
    return theirs if is_open else paid


def step_json(leg: Leg) -> dict[str, Any]:
    """Of `routePlan`."""
    info = {
        "ammKey": str(leg.market.address),
        "label": leg.market.label,
        "inputMint": str(leg.mint_in),
        "outputMint": str(leg.mint_out),
        "inAmount": str(leg.amount_in),
        "outAmount": str(leg.amount_out),
    }
    return {"swapInfo": info, "percent": 100, "bps": 10_000, "usdValue": None}


def instruction_json(call: Instruction) -> dict[str, Any]:
    """As the API writes it."""
    accounts = [
        {"pubkey": str(each.pubkey), "isSigner": each.is_signer, "isWritable": each.is_writable}
        for each in call.accounts
    ]
    data = base64.b64encode(bytes(call.data)).decode()
    return {"programId": str(call.program_id), "accounts": accounts, "data": data}


def transfer(source: Pubkey, destination: Pubkey, lamports: int) -> Instruction:
    """Lamports of a wallet."""
    data = b"\2\0\0\0" + lamports.to_bytes(8, "little")
    return Instruction(SYSTEM, data, [AccountMeta(source, True, True), AccountMeta(destination, False, True)])


def open_account(owner: Pubkey, account: Pubkey, mint: Pubkey, program: Pubkey) -> Instruction:
    """An associated token account, if it is not there."""
    metas = [
        AccountMeta(owner, True, True), AccountMeta(account, False, True), AccountMeta(owner, False, False),
        AccountMeta(mint, False, False), AccountMeta(SYSTEM, False, False), AccountMeta(program, False, False),
    ]  # fmt: skip
    return Instruction(ASSOCIATED, b"\x01", metas)
