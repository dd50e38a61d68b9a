"""Instructions of the token programs that our transactions need, built by hand: tag byte and account order.

SPL Token / Token-2022 (SyncNative 17, CloseAccount 9) and the Associated Token program (CreateIdempotent 1), 2026.
"""

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address

from adapters.solana.mints import TOKEN_PROGRAM, WRAPPED_SOL

ASSOCIATED = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
TOKEN = Pubkey.from_string(TOKEN_PROGRAM)
SOL_MINT = Pubkey.from_string(WRAPPED_SOL)
TOKEN_ACCOUNT_BYTES = 165

_CREATE_IDEMPOTENT = bytes([1])
_SYNC_NATIVE = bytes([17])
_CLOSE_ACCOUNT = bytes([9])


def token_account(wallet: Pubkey, mint: Pubkey, program: Pubkey) -> Pubkey:
    """The wallet's associated account of a mint."""
    return get_associated_token_address(wallet, mint, program)


def create_if_missing(wallet: Pubkey, mint: Pubkey, program: Pubkey) -> Instruction:
    """Make the wallet's account of a mint; does nothing where it exists. The wallet pays its rent."""
    account = token_account(wallet, mint, program)
    metas = [
        AccountMeta(wallet, True, True),
        AccountMeta(account, False, True),
        AccountMeta(wallet, False, False),
        AccountMeta(mint, False, False),
        AccountMeta(SYSTEM, False, False),
        AccountMeta(program, False, False),
    ]
    return Instruction(ASSOCIATED, _CREATE_IDEMPOTENT, metas)


def wrap(wallet: Pubkey, lamports: int) -> list[Instruction]:
    """SOL into the wallet's wrapped account, made where missing; `lamports` 0 only makes it."""
    account = token_account(wallet, SOL_MINT, TOKEN)
    made = [create_if_missing(wallet, SOL_MINT, TOKEN)]
    if not lamports:
        return made
    return [
        *made,
        transfer(TransferParams(from_pubkey=wallet, to_pubkey=account, lamports=lamports)),
        Instruction(TOKEN, _SYNC_NATIVE, [AccountMeta(account, False, True)]),
    ]


def unwrap(wallet: Pubkey) -> Instruction:
    """Close the wrapped account: all of it, and its rent, becomes SOL of the wallet."""
    return close(wallet, token_account(wallet, SOL_MINT, TOKEN), TOKEN)


def close(wallet: Pubkey, account: Pubkey, program: Pubkey) -> Instruction:
    """Close an empty (or wrapped) token account in favour of the wallet."""
    metas = [AccountMeta(account, False, True), AccountMeta(wallet, False, True), AccountMeta(wallet, True, False)]
    return Instruction(program, _CLOSE_ACCOUNT, metas)


def pay(wallet: Pubkey, to: Pubkey, lamports: int) -> Instruction:
    """A plain transfer of SOL (a tip)."""
    return transfer(TransferParams(from_pubkey=wallet, to_pubkey=to, lamports=lamports))
