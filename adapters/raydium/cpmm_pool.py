"""One Raydium CPMM pool as the feed and the executor need it; `swap_base_input`, accounts as of 2026."""

from typing import Self

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.raydium.addresses import CPMM, CPMM_AUTHORITY
from adapters.raydium.cpmm_accounts import CpmmConfig, CpmmPoolState
from adapters.raydium.vault import decode_vault
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState, VaultBalance
from kernel.amm.constant_product import FEE_UNIT

SWAP_BASE_INPUT = bytes.fromhex("8fbe5adac41e33de")


class CpmmPool:
    """`adapters.solana.tracked_pool.TrackedPool`; make it with `from_account`."""

    family = "raydium_cpmm"
    program = str(CPMM)

    def __init__(self, address: str, state: CpmmPoolState) -> None:
        _state_part(state)
        self.address = address
        self.mints = (str(state.mint_a), str(state.mint_b))
        self._state = state
        self._config = str(state.config)
        self._vaults = (str(state.vault_a), str(state.vault_b))

    @classmethod
    def from_account(cls, address: str, owner: str, data: bytes) -> Self:
        """From the pool account's bytes. Raises `UnknownLayout`."""
        _check_owner(address, owner)
        return cls(address, CpmmPoolState.decode(data))

    def neighbours(self) -> tuple[str, ...]:
        """Fee tier and the two vaults."""
        return (self._config, *self._vaults)

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """Parts of the pool or a neighbour. Raises `UnknownLayout`."""
        if address == self.address:
            _check_owner(address, owner)
            return self._update_state(CpmmPoolState.decode(data))
        if address == self._config:
            _check_owner(address, owner)
            return (_config_part(CpmmConfig.decode(data)),)
        if address in self._vaults:
            side = self._vaults.index(address)
            vault = decode_vault(address, owner, data)
            if str(vault.mint) != self.mints[side]:
                raise UnknownLayout(f"vault {address}: expected mint {self.mints[side]}, found {vault.mint}")
            # Nothing can be swapped through a frozen vault: it is as good as empty.
            return (VaultBalance(side == 0, 0 if vault.is_frozen else vault.amount),)
        return ()

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """A pool without a vault holds nothing; a missing fee tier says nothing."""
        if address in self._vaults:
            return (VaultBalance(address == self._vaults[0], 0),)
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
        """`swap_base_input`. The token programs are the pool's own record of them; the caller's are not needed."""
        state = self._state
        order = (0, 1) if is_a_to_b else (1, 0)
        vaults, mints = (state.vault_a, state.vault_b), (state.mint_a, state.mint_b)
        programs = (state.token_program_a, state.token_program_b)
        accounts = [
            AccountMeta(wallet, is_signer=True, is_writable=False),
            AccountMeta(CPMM_AUTHORITY, is_signer=False, is_writable=False),
            AccountMeta(state.config, is_signer=False, is_writable=False),
            AccountMeta(Pubkey.from_string(self.address), is_signer=False, is_writable=True),
            *(AccountMeta(token_accounts[side], is_signer=False, is_writable=True) for side in order),
            *(AccountMeta(vaults[side], is_signer=False, is_writable=True) for side in order),
            *(AccountMeta(programs[side], is_signer=False, is_writable=False) for side in order),
            *(AccountMeta(mints[side], is_signer=False, is_writable=False) for side in order),
            AccountMeta(state.observation, is_signer=False, is_writable=True),
        ]
        amounts = amount_in.to_bytes(8, "little") + amount_out_min.to_bytes(8, "little")
        return Instruction(CPMM, SWAP_BASE_INPUT + amounts, accounts)

    def _update_state(self, state: CpmmPoolState) -> tuple[PoolPart, ...]:
        before = self._state
        fixed = (
            "config",
            "mint_a",
            "mint_b",
            "vault_a",
            "vault_b",
            "observation",
            "token_program_a",
            "token_program_b",
        )
        changed = [name for name in fixed if getattr(before, name) != getattr(state, name)]
        if changed:
            raise UnknownLayout(f"pool {self.address}: {', '.join(changed)} changed, which a pool's never do")
        part = _state_part(state)
        self._state = state
        return (part,)


def _state_part(state: CpmmPoolState) -> RaydiumCpmmState:
    if state.creator_fee_on > 2 or state.enable_creator_fee > 1:
        raise UnknownLayout(
            f"Raydium CPMM PoolState: creator fee on {state.creator_fee_on}, enabled {state.enable_creator_fee}; "
            "expected 0..2 and 0..1"
        )
    return RaydiumCpmmState(
        status=state.status,
        open_time_s=state.open_time_s,
        creator_fee_on=state.creator_fee_on,
        is_creator_fee_on=state.enable_creator_fee == 1,
        owed_a=state.protocol_fees_a + state.fund_fees_a + state.creator_fees_a,
        owed_b=state.protocol_fees_b + state.fund_fees_b + state.creator_fees_b,
    )


def _config_part(config: CpmmConfig) -> RaydiumCpmmConfig:
    if (
        config.trade_fee_rate + config.creator_fee_rate >= FEE_UNIT
        or config.protocol_fee_rate + config.fund_fee_rate > FEE_UNIT
    ):
        raise UnknownLayout(
            f"Raydium CPMM AmmConfig: rates {config.trade_fee_rate} + {config.creator_fee_rate}, shares "
            f"{config.protocol_fee_rate} + {config.fund_fee_rate}; expected below and up to {FEE_UNIT}"
        )
    return RaydiumCpmmConfig(
        config.trade_fee_rate, config.protocol_fee_rate, config.fund_fee_rate, config.creator_fee_rate
    )


def _check_owner(address: str, owner: str) -> None:
    if owner != CpmmPool.program:
        raise UnknownLayout(f"account {address}: expected owner {CpmmPool.program}, found {owner}")
