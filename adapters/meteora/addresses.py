"""Addresses that the DLMM program derives (lb_clmm, dlmm package 1.9.14, 2026): all base58 text in and out."""

from solders.pubkey import Pubkey

PROGRAM = "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"
_PROGRAM = Pubkey.from_string(PROGRAM)


def bin_array(pair: str, index: int) -> str:
    """The account of 70 bins from `index` * 70 on."""
    return _derive(b"bin_array", _raw(pair), index.to_bytes(8, "little", signed=True))


def bitmap_extension(pair: str) -> str:
    """The bitmap of arrays beyond -512..511; few pairs have one."""
    return _derive(b"bitmap", _raw(pair))


def oracle(pair: str) -> str:
    """The pair's price observations, written by every swap."""
    return _derive(b"oracle", _raw(pair))


def reserve(pair: str, mint: str) -> str:
    """The token account that holds the pair's X or Y."""
    return _derive(_raw(pair), _raw(mint))


def event_authority() -> str:
    """Signs the program's own event calls."""
    return _derive(b"__event_authority")


def pair(mint_a: str, mint_b: str, *, bin_step_bps: int, base_factor: int) -> str:
    """A permissionless pair of two mints, in any order."""
    low, high = sorted((_raw(mint_a), _raw(mint_b)))
    return _derive(low, high, bin_step_bps.to_bytes(2, "little"), base_factor.to_bytes(2, "little"))


def _raw(address: str) -> bytes:
    return bytes(Pubkey.from_string(address))


def _derive(*seeds: bytes) -> str:
    return str(Pubkey.find_program_address(list(seeds), _PROGRAM)[0])
