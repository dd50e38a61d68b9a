"""Addresses that the Whirlpool program derives: of a pool's tick arrays and of its fee oracle."""

from solders.pubkey import Pubkey

WHIRLPOOL_PROGRAM = Pubkey.from_string("whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc")


def tick_array_address(pool: Pubkey, start: int) -> Pubkey:
    """Of the array that begins at tick `start`, whether or not it exists; the tick is a seed in decimal digits."""
    return Pubkey.find_program_address([b"tick_array", bytes(pool), str(start).encode()], WHIRLPOOL_PROGRAM)[0]


def oracle_address(pool: Pubkey) -> Pubkey:
    """Every swap names it; it exists only where the fee adapts."""
    return Pubkey.find_program_address([b"oracle", bytes(pool)], WHIRLPOOL_PROGRAM)[0]
