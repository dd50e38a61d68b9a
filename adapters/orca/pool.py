"""One Whirlpool as the feed watches it and the executor swaps in it.

`swap_v2` of the Whirlpool program: account order from its IDL (whirlpools-sdk 0.22.0, 2026). The program takes three
tick arrays in any order and, as remaining accounts, up to three more in case the price moves before the swap lands.
"""

from struct import Struct as Layout

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.orca.accounts import Oracle, Whirlpool, decode_oracle, decode_whirlpool, initialised_ticks
from adapters.orca.addresses import WHIRLPOOL_PROGRAM, oracle_address, tick_array_address
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray
from kernel.amm.whirlpool_builder import ARRAYS_EACH_SIDE
from kernel.amm.whirlpool_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    TICK_ARRAY_SIZE,
    array_start,
    arrays_of_swap,
)

MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
SWAP_V2 = bytes.fromhex("2b04ed0b1ac91e62")
SWAP_ARRAYS = 3
NO_PRICE_LIMIT = 0
SUPPLEMENTAL_TICK_ARRAYS = 6  #: of the IDL's AccountsType
# Deriving an address costs tens of microseconds, so they are kept; a pool that wanders forgets the far half.
ADDRESSES_KEPT_MAX = 256
_ARGUMENTS = Layout("<8sQQ16s??")
U64_MAX = (1 << 64) - 1


class OrcaPool:
    """Implements `TrackedPool`. Made from the pool's own account; `update` with the same bytes gives its part."""

    family = "whirlpool"
    program = str(WHIRLPOOL_PROGRAM)

    def __init__(self, address: str, owner: str, data: bytes) -> None:
        """Raises `UnknownLayout`."""
        self.address = address
        self._key = Pubkey.from_string(address)
        self._pool = self._decode_pool(owner, data)
        self.mints = (str(self._pool.token_mint_a), str(self._pool.token_mint_b))
        self._oracle = oracle_address(self._key)
        self._oracle_address = str(self._oracle)
        self._starts: dict[str, int] = {}  #: of every tick array whose address was derived
        self._arrays: dict[int, Pubkey] = {}
        self._slots: dict[str, int] = {}

    @property
    def has_adaptive_fee(self) -> bool:
        """The fee moves with the clock, and the oracle account must be watched."""
        return self._pool.fee_tier_index != self._pool.tick_spacing

    def neighbours(self) -> tuple[str, ...]:
        """Tick arrays around the present price, nearest first, then the oracle where there is one to watch."""
        spacing = self._pool.tick_spacing
        here, size = array_start(self._pool.tick_current_index, spacing), TICK_ARRAY_SIZE * spacing
        numbers = sorted(range(-ARRAYS_EACH_SIDE, ARRAYS_EACH_SIDE + 1), key=abs)
        starts = [here + number * size for number in numbers]
        found = [str(self._array(start)) for start in starts if start <= MAX_TICK and start + size > MIN_TICK]
        return (*found, self._oracle_address) if self.has_adaptive_fee else tuple(found)

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """The part that the bytes are. Raises `UnknownLayout`; () for other accounts and for an older slot."""
        if slot < self._slots.get(address, 0):
            return ()
        part: PoolPart | None = None
        if address == self.address:
            part = self._state(owner, data)
        elif address in self._starts:
            part = self._tick_array(address, owner, data)
        elif address == self._oracle_address and self.has_adaptive_fee:
            part = self._oracle_part(owner, data)
        if part is None:
            return ()
        self._slots[address] = slot
        return (part,)

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """A tick array that does not exist is empty to the program; an oracle that does not exist changes nothing."""
        start = self._starts.get(address)
        return () if start is None else (WhirlpoolTickArray(start, ()),)

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """Exact-in `swap_v2` without a price limit, with the tick array behind the price as a spare.

        `amount_out_min` is what must arrive, after any transfer fee. Raises ValueError for amounts that are no u64.
        """
        if not 0 < amount_in <= U64_MAX or not 0 <= amount_out_min <= U64_MAX:
            raise ValueError(f"expected amounts in u64, found {amount_in} in and at least {amount_out_min} out")
        pool, size = self._pool, TICK_ARRAY_SIZE * self._pool.tick_spacing
        starts = arrays_of_swap(pool.tick_current_index, pool.tick_spacing, is_a_to_b)
        behind = starts[0] + size if is_a_to_b else starts[0] - size
        spares = [behind] if behind <= MAX_TICK and behind + size > MIN_TICK else []
        # Three places must be filled; the program drops repetitions.
        arrays = [*starts, *(starts[-1:] * SWAP_ARRAYS)][:SWAP_ARRAYS]
        accounts = [
            AccountMeta(token_programs[0], False, False),
            AccountMeta(token_programs[1], False, False),
            AccountMeta(MEMO_PROGRAM, False, False),
            AccountMeta(wallet, True, False),
            AccountMeta(self._key, False, True),
            AccountMeta(pool.token_mint_a, False, False),
            AccountMeta(pool.token_mint_b, False, False),
            AccountMeta(token_accounts[0], False, True),
            AccountMeta(pool.token_vault_a, False, True),
            AccountMeta(token_accounts[1], False, True),
            AccountMeta(pool.token_vault_b, False, True),
            *(AccountMeta(self._array(start), False, True) for start in arrays),
            AccountMeta(self._oracle, False, True),
            *(AccountMeta(self._array(start), False, True) for start in spares),
        ]
        limit = NO_PRICE_LIMIT.to_bytes(16, "little")
        data = _ARGUMENTS.pack(SWAP_V2, amount_in, amount_out_min, limit, True, is_a_to_b)
        if spares:
            slices = (1).to_bytes(4, "little") + bytes([SUPPLEMENTAL_TICK_ARRAYS, len(spares)])
            return Instruction(WHIRLPOOL_PROGRAM, data + b"\1" + slices, accounts)
        return Instruction(WHIRLPOOL_PROGRAM, data + b"\0", accounts)

    def _array(self, start: int) -> Pubkey:
        found = self._arrays.get(start)
        if found is None:
            if len(self._arrays) >= ADDRESSES_KEPT_MAX:
                self._forget_far_arrays()
            found = self._arrays[start] = tick_array_address(self._key, start)
            self._starts[str(found)] = start
        return found

    def _forget_far_arrays(self) -> None:
        here = self._pool.tick_current_index
        for start in sorted(self._arrays, key=lambda each: abs(each - here))[ADDRESSES_KEPT_MAX // 2 :]:
            address = str(self._arrays.pop(start))
            del self._starts[address]
            self._slots.pop(address, None)

    def _decode_pool(self, owner: str, data: bytes) -> Whirlpool:
        self._check_owner(self.address, owner)
        pool = decode_whirlpool(data)
        if not pool.tick_spacing:
            raise UnknownLayout(f"{self.address}: expected a tick spacing above 0")
        if not MIN_SQRT_PRICE <= pool.sqrt_price <= MAX_SQRT_PRICE:
            raise UnknownLayout(f"{self.address}: sqrt price {pool.sqrt_price} is off the scale")
        if not MIN_TICK - 1 <= pool.tick_current_index <= MAX_TICK:
            raise UnknownLayout(f"{self.address}: tick {pool.tick_current_index} is off the scale")
        return pool

    def _state(self, owner: str, data: bytes) -> WhirlpoolState:
        pool, known = self._decode_pool(owner, data), self._pool
        for name in (
            "tick_spacing",
            "fee_tier_index",
            "token_mint_a",
            "token_mint_b",
            "token_vault_a",
            "token_vault_b",
        ):
            if getattr(pool, name) != getattr(known, name):
                raise UnknownLayout(f"{self.address}: {name} changed from {getattr(known, name)}, which cannot be")
        self._pool = pool
        return WhirlpoolState(
            pool.tick_spacing, pool.fee_tier_index, pool.fee_rate, pool.protocol_fee_rate,
            pool.liquidity, pool.sqrt_price, pool.tick_current_index,
        )  # fmt: skip

    def _tick_array(self, address: str, owner: str, data: bytes) -> WhirlpoolTickArray:
        self._check_owner(address, owner)
        start, pool, found = initialised_ticks(data)
        if pool != self._key or start != self._starts[address]:
            raise UnknownLayout(
                f"{address}: expected the tick array {self._starts[address]} of {self.address}, found {start} of {pool}"
            )
        spacing = self._pool.tick_spacing
        return WhirlpoolTickArray(start, tuple((start + number * spacing, net) for number, net in found))

    def _oracle_part(self, owner: str, data: bytes) -> WhirlpoolOracle:
        address = self._oracle_address
        self._check_owner(address, owner)
        oracle: Oracle = decode_oracle(data)
        of, now = oracle.adaptive_fee_constants, oracle.adaptive_fee_variables
        if oracle.whirlpool != self._key or not of.tick_group_size:
            raise UnknownLayout(
                f"{address}: expected the oracle of {self.address} with a group of 1 tick or more, "
                f"found {oracle.whirlpool} and {of.tick_group_size}"
            )
        return WhirlpoolOracle(
            oracle.trade_enable_timestamp, of.filter_period, of.decay_period, of.reduction_factor,
            of.adaptive_fee_control_factor, of.max_volatility_accumulator, of.tick_group_size,
            of.major_swap_threshold_ticks, now.last_reference_update_timestamp, now.last_major_swap_timestamp,
            now.volatility_reference, now.tick_group_index_reference, now.volatility_accumulator,
        )  # fmt: skip

    def _check_owner(self, address: str, owner: str) -> None:
        if owner != self.program:
            raise UnknownLayout(f"{address}: expected an account of {self.program}, found one of {owner}")
