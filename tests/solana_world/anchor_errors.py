"""What the Anchor framework answers before a program's own code runs (anchor-lang 0.31, 2026), and who asks for it."""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.program_error import ProgramError

UNKNOWN_INSTRUCTION, BAD_ARGUMENTS = 101, 102
WRONG_RELATION, WRONG_VALUE = 2001, 2003  #: an account is not the one that another names; a condition does not hold
BAD_ACCOUNT, TOO_FEW_ACCOUNTS, FOREIGN_ACCOUNT = 3002, 3005, 3007
DISCRIMINATOR_BYTES = 8


def arguments_of(instruction: Instruction, discriminator: bytes, least_bytes: int, least_accounts: int) -> bytes:
    """The data behind the discriminator. Raises `ProgramError` for another instruction or one that is too short."""
    data = bytes(instruction.data)
    if data[: len(discriminator)] != discriminator:
        raise ProgramError(UNKNOWN_INSTRUCTION, (f"the stand-in knows no instruction {data[:8].hex()}",))
    if len(data) < len(discriminator) + least_bytes:
        raise ProgramError(BAD_ARGUMENTS)
    if len(instruction.accounts) < least_accounts:
        raise ProgramError(TOO_FEW_ACCOUNTS)
    return data[len(discriminator) :]


def owned_data(accounts: AccountsView, key: Pubkey) -> bytes:
    """The bytes of an account of the program that runs. Raises `ProgramError`."""
    if accounts.owner(key) != accounts.program:
        raise ProgramError(FOREIGN_ACCOUNT, (f"{key} is no account of this program",))
    return accounts.data(key)


def require_same(what: str, found: object, expected: object) -> None:
    """An account must be the one that the pool names. Raises `ProgramError`."""
    if found != expected:
        raise ProgramError(WRONG_RELATION, (f"{what}: expected {expected}, found {found}",))


def is_named(accounts: AccountsView, key: Pubkey) -> bool:
    """Whether the instruction has the account."""
    try:
        accounts.account(key)
    except ProgramError:
        return False
    return True
