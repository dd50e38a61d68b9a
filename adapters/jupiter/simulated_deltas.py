"""What a simulated transaction does to our accounts: the amounts that count, whatever the API promised."""

import struct
from collections.abc import Sequence

from msgspec import Struct
from solders.pubkey import Pubkey

from adapters.solana.account_bytes import AccountBytes
from adapters.solana.mints import WRAPPED_SOL
from kernel.errors import VenueRefused

TOKEN_ACCOUNT_BYTES = 165
FEE_LAMPORTS_MAX = 10_000  #: signature fee of a simulation without a price
RENT_LAMPORTS_EACH = 2_100_000  #: of a token account, which is 2,039,280 without extensions
_AMOUNT_AT, _DELEGATE_AT, _CLOSER_AT = 64, 72, 129


class Holding(Struct, frozen=True, kw_only=True):
    """Our account of a mint, before and after."""

    mint: str
    address: str
    before: AccountBytes | None
    after: AccountBytes | None


def check_deltas(
    wallet: Pubkey,
    lamports: tuple[int, int],
    holdings: Sequence[Holding],
    *,
    mint_in: str,
    mint_out: str,
    amount_in: int,
    amount_out_min: int,
    made: int,
) -> None:
    """Refuse a transaction that takes more or gives less. Raises `VenueRefused`.

    `lamports`: the wallet's, before and after. `made`: how many token accounts it may make and pay rent for.
    """
    for each in holdings:
        _check_authority(wallet, each)
    spent = -_delta(mint_in, lamports, holdings)
    gained = _delta(mint_out, lamports, holdings)
    slack = FEE_LAMPORTS_MAX + made * RENT_LAMPORTS_EACH
    sol = _delta(WRAPPED_SOL, lamports, holdings)
    if spent > amount_in + (slack if mint_in == WRAPPED_SOL else 0):
        raise VenueRefused(f"Jupiter: expected to spend at most {amount_in}, the simulation spends {spent}")
    if gained + (slack if mint_out == WRAPPED_SOL else 0) < amount_out_min:
        raise VenueRefused(f"Jupiter: expected at least {amount_out_min}, the simulation brings {gained}")
    if WRAPPED_SOL not in (mint_in, mint_out) and -sol > slack:
        raise VenueRefused(f"Jupiter: expected at most {slack} lamports of costs, the simulation takes {-sol}")


def _delta(mint: str, lamports: tuple[int, int], holdings: Sequence[Holding]) -> int:
    if mint == WRAPPED_SOL:  # wrapped or not, and with the rent that lies in our own accounts
        held = sum(_lamports(each.after) - _lamports(each.before) for each in holdings)
        return lamports[1] - lamports[0] + held
    return sum(_amount(each, each.after) - _amount(each, each.before) for each in holdings if each.mint == mint)


def _lamports(account: AccountBytes | None) -> int:
    return 0 if account is None else account.lamports


def _amount(holding: Holding, account: AccountBytes | None) -> int:
    if account is None:
        return 0
    if len(account.data) < TOKEN_ACCOUNT_BYTES:
        raise VenueRefused(f"Jupiter: expected a token account at {holding.address}, found {len(account.data)} bytes")
    amount: int = struct.unpack_from("<Q", account.data, _AMOUNT_AT)[0]
    return amount


def _check_authority(wallet: Pubkey, holding: Holding) -> None:
    """After the swap the account is still ours alone: no new owner, no delegate, nobody else who may close it."""
    account = holding.after
    if account is None:
        return
    _amount(holding, account)
    data = account.data
    if data[:32] != bytes(Pubkey.from_string(holding.mint)) or data[32:64] != bytes(wallet):
        raise VenueRefused(f"Jupiter: {holding.address} would no longer be our account of {holding.mint}")
    if data[_DELEGATE_AT : _DELEGATE_AT + 4] != bytes(4) or data[_CLOSER_AT : _CLOSER_AT + 4] != bytes(4):
        raise VenueRefused(f"Jupiter: somebody else would get power over {holding.address}")
