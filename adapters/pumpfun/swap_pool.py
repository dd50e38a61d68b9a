"""A PumpSwap pool as a tracked pool."""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.pumpfun.accounts import GLOBAL_CONFIG, POOL, ZERO_KEY, GlobalConfigAccount
from adapters.pumpfun.addresses import PUMP_SWAP, SWAP_FEE_CONFIG, SWAP_GLOBAL, pool_authority, quote_kind
from adapters.pumpfun.fee_schedule import fees_of, recipient_of
from adapters.pumpfun.owner import expect_owner
from adapters.pumpfun.swap_instructions import SwapTrade, swap_buy_exact_quote_in, swap_sell
from adapters.pumpfun.token_bytes import balance_of, supply_of
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapSupply, PumpSwapTerms, PumpSwapVault
from kernel.errors import Invariant

_GLOBAL, _FEES = str(SWAP_GLOBAL), str(SWAP_FEE_CONFIG)
_BUYING, _SELLING = 1 << 3, 1 << 4  #: bits of GlobalConfig's `disable_flags`


class SwapPool:
    """From the pool's own bytes on, which name its mints and vaults. Raises `UnknownLayout`."""

    family = "pump_swap"
    program = str(PUMP_SWAP)

    def __init__(self, address: str, owner: str, data: bytes) -> None:
        expect_owner(address, owner, PUMP_SWAP)
        pool = POOL.decode(data)
        self.address = address
        self.mints = (pool.base_mint, pool.quote_mint)
        self._pool = pool
        self._vaults = (pool.pool_base_token_account, pool.pool_quote_token_account)
        self._is_canonical = pool.creator == str(pool_authority(Pubkey.from_string(pool.base_mint)))
        self._global: GlobalConfigAccount | None = None

    def neighbours(self) -> tuple[str, ...]:
        """Vaults, global account, fee schedule, and the coin's mint: its supply decides the fee tier."""
        return *self._vaults, _GLOBAL, _FEES, self.mints[0]

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """The part that an account's bytes say. Raises `UnknownLayout`; () for an account that is not the pool's."""
        if address in self._vaults:
            is_first = address == self._vaults[0]
            return (PumpSwapVault(is_first, balance_of(address, owner, data, self.mints[0 if is_first else 1])),)
        if address == self.address:
            return (self._read_pool(owner, data),)
        if address == self.mints[0]:
            return (PumpSwapSupply(supply_of(address, owner, data)),)
        if address == _GLOBAL:
            expect_owner(address, owner, PUMP_SWAP)
            found = self._global = GLOBAL_CONFIG.decode(data)
            return (
                PumpSwapTerms(
                    lp_fee_bps=found.lp_fee_basis_points,
                    protocol_fee_bps=found.protocol_fee_basis_points,
                    creator_fee_bps=found.coin_creator_fee_basis_points,
                    is_creator_fee_configurable=found.creator_fee_configurable,
                    is_buying_disabled=bool(found.disable_flags & _BUYING),
                    is_selling_disabled=bool(found.disable_flags & _SELLING),
                ),
            )
        return (fees_of(address, owner, data),) if address == _FEES else ()

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """Without a fee schedule the program falls back to its global account; a vault that is gone is empty."""
        if address in self._vaults:
            return (PumpSwapVault(address == self._vaults[0], 0),)
        return (PumpFees(is_present=False),) if address == _FEES else ()

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """A sale (a to b) or a buy for a budget. Raises `Invariant` before the global account was seen."""
        known, pool = self._global, self._pool
        if known is None:
            raise Invariant(f"{self.address}: a swap before PumpSwap's global account was read")
        mint = self.mints[0]
        if pool.is_mayhem_mode:
            takers: tuple[str, ...] = (known.reserved_fee_recipient, *known.reserved_fee_recipients)
        else:
            takers = known.protocol_fee_recipients
        trade = SwapTrade(
            user=wallet,
            pool=Pubkey.from_string(self.address),
            mint=Pubkey.from_string(mint),
            quote_mint=Pubkey.from_string(self.mints[1]),
            coin_creator=Pubkey.from_string(pool.coin_creator),
            token_program=token_programs[0],
            quote_token_program=token_programs[1],
            fee_recipient=recipient_of(takers, mint),
            buyback_fee_recipient=recipient_of(known.buyback_fee_recipients, mint),
            is_cashback=pool.is_cashback_coin,
            base_vault=Pubkey.from_string(self._vaults[0]),
            quote_vault=Pubkey.from_string(self._vaults[1]),
            user_coins=token_accounts[0],
            user_quote=token_accounts[1],
        )
        return (swap_sell if is_a_to_b else swap_buy_exact_quote_in)(trade, amount_in, amount_out_min)

    def _read_pool(self, owner: str, data: bytes) -> PumpSwapState:
        expect_owner(self.address, owner, PUMP_SWAP)
        pool = POOL.decode(data)
        found = (pool.base_mint, pool.quote_mint, pool.pool_base_token_account, pool.pool_quote_token_account)
        if found != (*self.mints, *self._vaults):
            raise UnknownLayout(f"{self.address}: the pool's mints or vaults are not those it was tracked with")
        self._pool = pool
        return PumpSwapState(
            virtual_quote=pool.virtual_quote_reserves,
            is_canonical=self._is_canonical,
            has_creator=pool.coin_creator != ZERO_KEY,
            is_mayhem=pool.is_mayhem_mode,
            creator_fee_bps=pool.creator_fee_bps,
            quote_kind=quote_kind(pool.quote_mint),
        )
