"""Mints: decimals, which token program they belong to, and the transfer fee of Token-2022 with its change of epoch.

Layouts: SPL Token mint (82 bytes) and spl-token-2022 extensions (type-length-value from byte 166 on), as of 2026-11.
"""

import contextlib
import struct
from collections.abc import Sequence

from msgspec import Struct

from adapters.solana.account_bytes import AccountBytes
from adapters.solana.node import SolanaNode
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.token_fee import TokenFee

TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022_PROGRAM = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
WRAPPED_SOL = "So11111111111111111111111111111111111111112"

MINT_BYTES = 82
_TYPE_AT, _EXTENSIONS_AT = 165, 166  # token-2022 pads a mint to the length of an account, then says what it is
_IS_MINT = 1
_TRANSFER_FEE_CONFIG = 1
_TRANSFER_FEE_BYTES = 108
_OLDER_AT, _NEWER_AT = 72, 90  # behind two authorities and the withheld amount
_BPS_MAX = 10_000
EXTENSIONS_MAX = 64  #: there are under thirty kinds, each at most once
MINTS_MAX = 20_000  #: remembered; the oldest are forgotten first


class TransferFee(Struct, frozen=True, gc=False):
    """Valid from `epoch` on."""

    epoch: int
    fee_max: int
    fee_bps: int


class Mint(Struct, frozen=True, kw_only=True):
    """What a transaction needs to know of a token. `extensions` are the type numbers of spl-token-2022."""

    address: str
    program: str
    decimals: int
    has_freeze_authority: bool
    extensions: tuple[int, ...] = ()
    older_fee: TransferFee | None = None
    newer_fee: TransferFee | None = None

    def fee_at(self, epoch: int) -> TransferFee | None:
        """The fee that a transfer in that epoch pays; None = the mint takes none."""
        if self.newer_fee is not None and epoch >= self.newer_fee.epoch:
            return self.newer_fee
        return self.older_fee

    def token_fee(self, epoch: int, *, is_first: bool) -> TokenFee:
        """The pool part for exact quotes."""
        fee = self.fee_at(epoch)
        return TokenFee(is_first, fee.fee_bps if fee else 0, fee.fee_max if fee else 0)


def decode_mint(address: str, account: AccountBytes) -> Mint:
    """Read a mint. Raises `UnknownLayout`."""
    data = account.data
    if account.owner not in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
        raise UnknownLayout(f"mint {address}: expected a token program as owner, found {account.owner}")
    is_2022 = account.owner == TOKEN_2022_PROGRAM
    if len(data) != MINT_BYTES and not (is_2022 and len(data) > _EXTENSIONS_AT and data[_TYPE_AT] == _IS_MINT):
        raise UnknownLayout(
            f"mint {address}: expected {MINT_BYTES} bytes or a Token-2022 mint, found {len(data)} bytes"
        )
    if data[45] != 1:
        raise UnknownLayout(f"mint {address}: expected an initialised mint, found flag {data[45]}")
    found = _extensions(address, data) if len(data) > _EXTENSIONS_AT else []
    older = newer = None
    for kind, body in found:
        if kind == _TRANSFER_FEE_CONFIG:
            if len(body) != _TRANSFER_FEE_BYTES:
                raise UnknownLayout(f"mint {address}: transfer fee: expected 108 bytes, found {len(body)}")
            older, newer = _fee(address, body, _OLDER_AT), _fee(address, body, _NEWER_AT)
    return Mint(
        address=address, program=account.owner, decimals=data[44],
        has_freeze_authority=struct.unpack_from("<I", data, 46)[0] == 1,
        extensions=tuple(kind for kind, _ in found), older_fee=older, newer_fee=newer,
    )  # fmt: skip


def _extensions(address: str, data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = _EXTENSIONS_AT
    while at + 4 <= len(data) and len(found) < EXTENSIONS_MAX:
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == 0:
            return found
        if at + 4 + size > len(data):
            raise UnknownLayout(f"mint {address}: extension {kind} of {size} bytes is cut short at byte {at}")
        found.append((kind, data[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _fee(address: str, body: bytes, at: int) -> TransferFee:
    epoch, fee_max, fee_bps = struct.unpack_from("<QQH", body, at)
    if fee_bps > _BPS_MAX:
        raise UnknownLayout(f"mint {address}: transfer fee: expected at most 10000 bps, found {fee_bps}")
    return TransferFee(epoch, fee_max, fee_bps)


class MintBook:
    """Mints as they were last read."""

    def __init__(self, node: SolanaNode) -> None:
        self._node = node
        self._mints: dict[str, Mint] = {}

    def known(self, address: str) -> Mint | None:
        """From memory alone."""
        return self._mints.get(address)

    async def prefetch(self, addresses: Sequence[str], *, is_fresh: bool = False) -> None:
        """Read many in few calls; what is no mint is left for `read` to refuse. Raises as the node."""
        asked = [each for each in dict.fromkeys(addresses) if is_fresh or each not in self._mints]
        if not asked:
            return
        for address, (_, account) in zip(asked, await self._node.accounts(asked), strict=True):
            self._mints.pop(address, None)
            if account is not None:
                with contextlib.suppress(UnknownLayout):
                    self._mints[address] = decode_mint(address, account)
        while len(self._mints) > MINTS_MAX:
            del self._mints[next(iter(self._mints))]

    async def read(self, addresses: Sequence[str]) -> list[Mint]:
        """In the order asked, from memory where known. Raises `UnknownLayout` or as the node."""
        found = {each: self._mints[each] for each in addresses if each in self._mints}
        asked = [each for each in dict.fromkeys(addresses) if each not in found]
        if asked:
            for address, (_, account) in zip(asked, await self._node.accounts(asked), strict=True):
                if account is None:
                    raise UnknownLayout(f"mint {address}: expected an account, found none")
                found[address] = self._mints[address] = decode_mint(address, account)
        return [found[each] for each in addresses]
