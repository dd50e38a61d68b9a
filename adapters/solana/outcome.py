"""What a confirmed transaction did to us, from its balances before and after: token deltas, fee, tip, rent.

SOL that was swapped is what remains of the change of our lamports (wallet and token accounts together, so that wrapping
and rent inside our own accounts cancel out) once fee, tip and rent of accounts made for others are put back.
"""

from collections.abc import Collection

from msgspec import Struct

from adapters.solana.mints import WRAPPED_SOL
from adapters.solana.rpc_answers import ConfirmedTransaction, TokenBalance
from bus.clock import NS_PER_S
from kernel.errors import BadWire

#: A new account of 10 KB; what a transaction makes beside our own accounts and is above this was not paid by us.
RENT_LAMPORTS_MAX = 80_000_000


class Outcome(Struct, frozen=True, kw_only=True):
    """Raw units. `deltas`: what each mint of ours changed by, SOL under the wrapped mint."""

    slot: int
    block_ts_ns: int  #: 0 = the node did not say
    err: object
    logs: tuple[str, ...]
    fee_lamports: int
    tip_lamports: int
    rent_lamports: int  #: positive = locked in accounts, negative = came back
    deltas: dict[str, int]


def outcome_of(
    found: ConfirmedTransaction, wallet: str, accounts: Collection[str], tip_account: str, signature: str
) -> Outcome:
    """Read it. `accounts` are our token accounts. Raises `BadWire` where it contradicts itself or is another's."""
    meta = found.meta
    keys = [each.pubkey for each in found.transaction.message.account_keys]
    if found.transaction.signatures[0] != signature:
        raise BadWire(f"getTransaction: expected {signature}, found {found.transaction.signatures[0][:90]}")
    if not len(keys) == len(meta.pre_balances) == len(meta.post_balances):
        raise BadWire(
            f"getTransaction {signature}: {len(keys)} accounts but {len(meta.pre_balances)} and "
            f"{len(meta.post_balances)} balances"
        )
    if not keys or keys[0] != wallet:
        raise BadWire(f"getTransaction {signature}: expected {wallet} to pay, found {keys[0] if keys else 'nobody'}")
    changes = {key: (meta.pre_balances[at], meta.post_balances[at]) for at, key in enumerate(keys)}
    balances = [*(meta.pre_token_balances or ()), *(meta.post_token_balances or ())]
    if any(each.account_index >= len(keys) for each in balances):
        raise BadWire(f"getTransaction {signature}: a token balance of an account that it does not name")
    ours = {keys[each.account_index] for each in balances if each.owner == wallet} | set(accounts)
    tokens = _token_deltas(meta.pre_token_balances or [], meta.post_token_balances or [], keys, ours)
    held = sum(after - before for key, (before, after) in changes.items() if key in ours)
    wrapped = tokens.pop(WRAPPED_SOL, 0)  # is inside the lamports of the account that holds it
    tip = made = rent = 0
    if meta.err is None:
        if tip_account in changes:
            tip = max(0, changes[tip_account][1] - changes[tip_account][0])
        others = [each for key, each in changes.items() if key not in ours | {wallet, tip_account}]
        made = sum(after for before, after in others if not before and after <= RENT_LAMPORTS_MAX)
        rent = held - wrapped + made
    deltas = {mint: change for mint, change in tokens.items() if change}
    sol = changes[wallet][1] - changes[wallet][0] + held + meta.fee + tip + made
    if sol:
        deltas[WRAPPED_SOL] = sol
    return Outcome(
        slot=found.slot, block_ts_ns=(found.block_time or 0) * NS_PER_S, err=meta.err,
        logs=tuple(meta.log_messages or ()), fee_lamports=meta.fee, tip_lamports=tip, rent_lamports=rent,
        deltas=deltas,
    )  # fmt: skip


def _token_deltas(
    before: list[TokenBalance], after: list[TokenBalance], keys: list[str], ours: Collection[str]
) -> dict[str, int]:
    deltas: dict[str, int] = {}
    for direction, balances in ((-1, before), (1, after)):
        for each in balances:
            if keys[each.account_index] in ours:
                amount = int(each.ui_token_amount.amount)
                deltas[each.mint] = deltas.get(each.mint, 0) + direction * amount
    return deltas
