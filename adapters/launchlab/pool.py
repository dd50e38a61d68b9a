"""A LaunchLab curve as a tracked pool."""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.launchlab.accounts import GLOBAL_CONFIG, LAUNCHLAB, PLATFORM_CONFIG, POOL_STATE
from adapters.launchlab.instructions import LaunchLabTrade, buy_exact_in, sell_exact_in
from adapters.pumpfun.owner import expect_owner
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from kernel.errors import VenueRefused


class LaunchLabPool:
    """From the pool's own bytes on, which name its mints, vaults and configs. Raises `UnknownLayout`."""

    family = "launchlab"
    program = str(LAUNCHLAB)

    def __init__(self, address: str, owner: str, data: bytes) -> None:
        expect_owner(address, owner, LAUNCHLAB)
        self.address = address
        self._state = POOL_STATE.decode(data)
        self.mints = (self._state.base_mint, self._state.quote_mint)

    def neighbours(self) -> tuple[str, ...]:
        """The config of the curve and that of the launching site."""
        return self._state.global_config, self._state.platform_config

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """The part that an account's bytes say. Raises `UnknownLayout`; () for an account that is not the pool's."""
        if address not in (self.address, *self.neighbours()):
            return ()
        expect_owner(address, owner, LAUNCHLAB)
        if address == self.address:
            return (self._read_pool(data),)
        if address == self._state.global_config:
            config = GLOBAL_CONFIG.decode(data)
            return (LaunchLabTerms(curve_type=config.curve_type, trade_fee_rate=config.trade_fee_rate),)
        platform = PLATFORM_CONFIG.decode(data)
        return (LaunchLabPlatform(fee_rate=platform.fee_rate, creator_fee_rate=platform.creator_fee_rate),)

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """Both configs must exist: without one there is no quote."""
        return ()

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """A sale (a to b) or a buy for a budget. Raises `VenueRefused` once the curve is sold out."""
        state = self._state
        if state.status:
            raise VenueRefused(f"{self.address}: the curve is sold out or migrated (status {state.status})")
        trade = LaunchLabTrade(
            user=wallet,
            pool=Pubkey.from_string(self.address),
            global_config=Pubkey.from_string(state.global_config),
            platform_config=Pubkey.from_string(state.platform_config),
            creator=Pubkey.from_string(state.creator),
            mints=(Pubkey.from_string(state.base_mint), Pubkey.from_string(state.quote_mint)),
            vaults=(Pubkey.from_string(state.base_vault), Pubkey.from_string(state.quote_vault)),
            token_accounts=token_accounts,
            token_programs=token_programs,
        )
        return (sell_exact_in if is_a_to_b else buy_exact_in)(trade, amount_in, amount_out_min)

    def _read_pool(self, data: bytes) -> LaunchLabState:
        state, before = POOL_STATE.decode(data), self._state
        named = (state.base_mint, state.quote_mint, state.global_config, state.platform_config)
        if named != (before.base_mint, before.quote_mint, before.global_config, before.platform_config):
            raise UnknownLayout(f"{self.address}: the pool's mints or configs are not those it was tracked with")
        self._state = state
        return LaunchLabState(
            status=state.status,
            supply=state.supply,
            total_base_sell=state.total_base_sell,
            virtual_base=state.virtual_base,
            virtual_quote=state.virtual_quote,
            real_base=state.real_base,
            real_quote=state.real_quote,
            total_quote_fund_raising=state.total_quote_fund_raising,
        )
