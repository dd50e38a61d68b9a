"""One DLMM pair from the bytes of its accounts: which to watch, their parts, its swap.

Watched beside the pair: the nearest bin arrays with liquidity each way, as its bitmap names them, and the far bitmap.
A swap is given as many arrays as a quote may visit. The reserve accounts
need no watching (the program keeps them above the bins) but are understood when given.
"""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.meteora import addresses
from adapters.meteora.bin_array import BIN_ARRAY
from adapters.meteora.bitmap_extension import BITMAP_EXTENSION, far_arrays
from adapters.meteora.lb_pair import LB_PAIR, LbPair
from adapters.meteora.parts import array_part, pair_part
from adapters.meteora.swap2 import Hooks, swap2
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.dlmm import DlmmFarArrays, DlmmPair, DlmmReserve
from kernel.amm.dlmm_arrays import ARRAYS_PER_SWAP, arrays_ahead
from kernel.amm.errors import PoolRefused

ADDRESSES_KEPT = 256  #: of bin arrays seen near the price; deriving one costs some ten microseconds
TOKEN_ACCOUNT_BYTES = 165  #: the part that both token programs share
U64_MAX = (1 << 64) - 1


class MeteoraPool:
    """A `TrackedPool`. Made from the pair's own account; raises `UnknownLayout` if it is none.

    `hooks` are the accounts that transfer hooks of X and Y want, none for mints without a hook.
    """

    family = "dlmm"
    program = addresses.PROGRAM

    def __init__(self, address: str, owner: str, data: bytes, slot: int, *, hooks: Hooks = ((), ())) -> None:
        self.address = address
        self._hooks = hooks
        self.account = self._decoded(owner, data)
        self._pair = pair_part(address, self.account, slot)
        self.mints = (self.account.token_x_mint, self.account.token_y_mint)
        self._extension = addresses.bitmap_extension(address)
        self._far: tuple[int, ...] | None = None
        self._has_extension = False
        self._indexes: dict[str, int] = {}
        self._addresses: dict[int, str] = {}

    def neighbours(self) -> tuple[str, ...]:
        """Bin arrays near the price as of the last update of the pair, then the far bitmap."""
        down, up = (self._ahead(is_x_in) for is_x_in in (True, False))
        return (*dict.fromkeys((*down, *up)), self._extension)

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """The pair's, a bin array's, the far bitmap's or a reserve's bytes; () for other accounts."""
        if address == self.address:
            return (self._update_pair(owner, data, slot),)
        if address in self._indexes:
            self._check_owner(address, owner)
            array = BIN_ARRAY.decode(data)
            self._check_place(address, array.lb_pair, array.index, self._indexes[address])
            return (array_part(address, array, self._pair.bin_step_bps),)
        if address == self._extension:
            self._check_owner(address, owner)
            extension = BITMAP_EXTENSION.decode(data)
            self._check_place(address, extension.lb_pair, 0, 0)
            self._has_extension = True
            self._far = far_arrays(extension)
            return (DlmmFarArrays(self._far),)
        if address in (self.account.reserve_x, self.account.reserve_y):
            return (self._reserve(address, data),)
        return ()

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """No far bitmap: no far arrays. A bin array that the bitmap names but nobody has stays unknown."""
        if address != self._extension:
            return ()
        self._has_extension, self._far = False, ()
        return (DlmmFarArrays(()),)

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """`swap2` through the watched arrays. Raises `PoolRefused` where no bin sells, or an amount is no u64."""
        if not 0 < amount_in <= U64_MAX or not 0 <= amount_out_min <= U64_MAX:
            raise PoolRefused("amount_out_of_range", f"amounts are u64, found {amount_in} for {amount_out_min}")
        ahead = self._ahead(is_a_to_b)
        if not ahead:
            raise PoolRefused("insufficient_liquidity", f"{self.address} has no bin array with liquidity on that side")
        return swap2(
            pair=self.address,
            account=self.account,
            wallet=wallet,
            is_x_in=is_a_to_b,
            amount_in=amount_in,
            amount_out_min=amount_out_min,
            token_accounts=token_accounts,
            token_programs=token_programs,
            bin_arrays=ahead,
            bitmap_extension=self._extension if self._has_extension else None,
            hooks=self._hooks,
        )

    def _ahead(self, is_x_in: bool) -> tuple[str, ...]:
        indexes = arrays_ahead(self._pair, self._far, is_x_in=is_x_in)[:ARRAYS_PER_SWAP]
        return tuple(self.array_address(index) for index in indexes)

    def array_address(self, index: int) -> str:
        known = self._addresses.pop(index, None)
        if known is None:
            if len(self._addresses) >= ADDRESSES_KEPT:
                least_asked = next(iter(self._addresses))
                del self._indexes[self._addresses.pop(least_asked)]
            known = addresses.bin_array(self.address, index)
            self._indexes[known] = index
        self._addresses[index] = known
        return known

    def _decoded(self, owner: str, data: bytes) -> LbPair:
        self._check_owner(self.address, owner)
        return LB_PAIR.decode(data)

    def _update_pair(self, owner: str, data: bytes, slot: int) -> DlmmPair:
        account, before = self._decoded(owner, data), self.account
        names = ("token_x_mint", "token_y_mint", "reserve_x", "reserve_y", "bin_step")
        for name in names:
            if getattr(account, name) != getattr(before, name):
                raise UnknownLayout(
                    f"{name} of {self.address} was {getattr(before, name)} and never changes, "
                    f"found {getattr(account, name)}"
                )
        self._pair = pair_part(self.address, account, slot)
        self.account = account
        return self._pair

    def _reserve(self, address: str, data: bytes) -> DlmmReserve:
        is_x = address == self.account.reserve_x
        mint = Pubkey.from_string(self.mints[0 if is_x else 1])
        expected = bytes(mint) + bytes(Pubkey.from_string(self.address))
        if len(data) < TOKEN_ACCOUNT_BYTES or data[:64] != expected:
            raise UnknownLayout(
                f"reserve {address} is a token account of {self.address} for {mint}, found {len(data)} bytes "
                f"beginning {data[:64].hex()}"
            )
        return DlmmReserve(is_x, int.from_bytes(data[64:72], "little"))

    def _check_owner(self, address: str, owner: str) -> None:
        if owner != self.program:
            raise UnknownLayout(f"{address} belongs to the DLMM program {self.program}, found owner {owner}")

    def _check_place(self, address: str, pair: str, index: int, expected: int) -> None:
        if pair != self.address or index != expected:
            raise UnknownLayout(
                f"{address} is of pair {self.address}, index {expected}; found pair {pair}, index {index}"
            )
