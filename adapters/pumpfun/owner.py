"""Whose an account is: the first thing to look at, since under another program the same bytes may mean anything."""

from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout


def expect_owner(address: str, owner: str, program: Pubkey) -> None:
    """Raises `UnknownLayout` for an account of another program."""
    if owner != str(program):
        raise UnknownLayout(f"{address}: expected an account of {program}, found one of {owner}")
