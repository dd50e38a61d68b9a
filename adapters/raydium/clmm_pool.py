"""One Raydium CLMM pool as the feed and the executor need it: accounts to watch, their parts, `swap_v2`.

Accounts and argument order of `swap_v2` as of 2026: the bitmap extension and the tick arrays that the swap may meet
follow the fixed accounts.
"""

from typing import Self

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.raydium.addresses import (
    CLMM,
    MEMO_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    extension_address,
    tick_array_address,
)
from adapters.raydium.clmm_accounts import ARRAY_TICKS, ClmmConfig, ClmmExtension, ClmmPoolState, ClmmTickArray
from adapters.raydium.clmm_parts import config_part, extension_part, state_part, tick_array_part
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.raydium_clmm import RaydiumClmmExtension, RaydiumClmmTickArray
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm import ARRAYS_MAX
from kernel.amm.raydium_clmm_bitmap import array_of, arrays_ahead, needs_extension

SWAP_V2 = bytes.fromhex("2b04ed0b1ac91e62")
_NO_PRICE_LIMIT = bytes(16)
_EXACT_IN = b"\x01"
# Arrays seen at some time; the oldest give way. A pool that runs through more in one session is read anew.
_STARTS_KEPT_MAX = 1024


class ClmmPool:
    """`adapters.solana.tracked_pool.TrackedPool`; make it with `from_account`."""

    family = "raydium_clmm"
    program = str(CLMM)

    def __init__(self, address: str, state: ClmmPoolState) -> None:
        self.address = address
        self.mints = (str(state.mint_a), str(state.mint_b))
        self._key = Pubkey.from_string(address)
        self._state, self._part = state, state_part(state)
        self._config = str(state.config)
        self._extension = str(extension_address(self._key))
        self._extension_arrays: tuple[int, ...] | None = None
        self._has_extension = False
        self._starts: dict[str, int] = {}

    @classmethod
    def from_account(cls, address: str, owner: str, data: bytes) -> Self:
        """From the pool account's bytes. Raises `UnknownLayout`."""
        _check_owner(address, owner)
        return cls(address, ClmmPoolState.decode(data))

    def neighbours(self) -> tuple[str, ...]:
        """Fee tier, bitmap extension where the spacing needs one, and the nearest initialised arrays either way."""
        found = [self._config]
        if needs_extension(self._part.tick_spacing):
            found.append(self._extension)
        numbers = {*self._ahead(True), *self._ahead(False)}
        found.extend(self._array_address(number) for number in sorted(numbers))
        return tuple(found)

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """Parts of the pool or a neighbour. Raises `UnknownLayout`."""
        if address == self.address:
            _check_owner(address, owner)
            return self._update_state(ClmmPoolState.decode(data))
        if address == self._config:
            _check_owner(address, owner)
            return (config_part(ClmmConfig.decode(data)),)
        if address == self._extension:
            _check_owner(address, owner)
            extension = ClmmExtension.decode(data)
            self._check_pool(extension.pool, address)
            part = extension_part(extension)
            self._extension_arrays, self._has_extension = part.arrays, True
            return (part,)
        start = self._starts.get(address)
        if start is None:
            return ()
        _check_owner(address, owner)
        array = ClmmTickArray.decode(data)
        self._check_pool(array.pool, address)
        if array.start != start:
            raise UnknownLayout(f"tick array {address}: expected start {start}, found {array.start}")
        return (tick_array_part(array, self._part.tick_spacing),)

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """An extension or a tick array that does not exist marks nothing; a missing fee tier says nothing."""
        if address == self._extension:
            self._extension_arrays, self._has_extension = (), False
            return (RaydiumClmmExtension(()),)
        start = self._starts.get(address)
        return () if start is None else (RaydiumClmmTickArray(start, ()),)

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """`swap_v2` with exact input and no price limit. Both token programs are passed whatever the mints' own."""
        state = self._state
        order = (0, 1) if is_a_to_b else (1, 0)
        vaults, mints = (state.vault_a, state.vault_b), (state.mint_a, state.mint_b)
        accounts = [
            AccountMeta(wallet, is_signer=True, is_writable=False),
            AccountMeta(state.config, is_signer=False, is_writable=False),
            AccountMeta(self._key, is_signer=False, is_writable=True),
            *(AccountMeta(token_accounts[side], is_signer=False, is_writable=True) for side in order),
            *(AccountMeta(vaults[side], is_signer=False, is_writable=True) for side in order),
            AccountMeta(state.observation, is_signer=False, is_writable=True),
            AccountMeta(TOKEN_PROGRAM, is_signer=False, is_writable=False),
            AccountMeta(TOKEN_2022_PROGRAM, is_signer=False, is_writable=False),
            AccountMeta(MEMO_PROGRAM, is_signer=False, is_writable=False),
            *(AccountMeta(mints[side], is_signer=False, is_writable=False) for side in order),
        ]
        if self._has_extension:
            accounts.append(AccountMeta(Pubkey.from_string(self._extension), is_signer=False, is_writable=True))
        span = ARRAY_TICKS * state.tick_spacing
        accounts.extend(
            AccountMeta(tick_array_address(self._key, number * span), is_signer=False, is_writable=True)
            for number in self._ahead(is_a_to_b)
        )
        amounts = amount_in.to_bytes(8, "little") + amount_out_min.to_bytes(8, "little")
        return Instruction(CLMM, SWAP_V2 + amounts + _NO_PRICE_LIMIT + _EXACT_IN, accounts)

    def _update_state(self, state: ClmmPoolState) -> tuple[PoolPart, ...]:
        before = self._state
        fixed = ("config", "mint_a", "mint_b", "vault_a", "vault_b", "observation", "tick_spacing")
        changed = [name for name in fixed if getattr(before, name) != getattr(state, name)]
        if changed:
            raise UnknownLayout(f"pool {self.address}: {', '.join(changed)} changed, which a pool's never do")
        part = state_part(state)
        self._state, self._part = state, part
        return (part,)

    def _ahead(self, is_a_to_b: bool) -> list[int]:
        """Numbers of the nearest initialised arrays, as far as they are known."""
        part = self._part
        extension = self._extension_arrays if needs_extension(part.tick_spacing) else ()
        first = array_of(part.tick, part.tick_spacing)
        found: list[int] = []
        try:
            for number in arrays_ahead(part.bitmap, extension, first, is_a_to_b):
                found.append(number)
                if len(found) == ARRAYS_MAX:
                    break
        except PoolRefused:  # The extension was not read yet; what lies before it is known.
            pass
        return found

    def _array_address(self, number: int) -> str:
        start = number * ARRAY_TICKS * self._part.tick_spacing
        address = str(tick_array_address(self._key, start))
        if address not in self._starts and len(self._starts) == _STARTS_KEPT_MAX:
            del self._starts[next(iter(self._starts))]
        self._starts[address] = start
        return address

    def _check_pool(self, pool: Pubkey, address: str) -> None:
        if pool != self._key:
            raise UnknownLayout(f"account {address}: expected one of pool {self.address}, found one of {pool}")


def _check_owner(address: str, owner: str) -> None:
    if owner != ClmmPool.program:
        raise UnknownLayout(f"account {address}: expected owner {ClmmPool.program}, found {owner}")
