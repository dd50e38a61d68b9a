"""One Raydium AMM v4 pool as the feed and the executor need it; `swap_base_in_v2`, which needs no market accounts."""

from typing import Self

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.raydium.addresses import AMM_V4, AMM_V4_AUTHORITY, TOKEN_PROGRAM
from adapters.raydium.amm_v4_account import AmmV4State
from adapters.raydium.vault import decode_vault
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.constant_product import RaydiumAmmV4State, VaultBalance

SWAP_BASE_IN_V2 = bytes([16])
STATUS_LAST = 7


class AmmV4Pool:
    """`adapters.solana.tracked_pool.TrackedPool`; make it with `from_account`. Base is the first token."""

    family = "raydium_amm_v4"
    program = str(AMM_V4)

    def __init__(self, address: str, state: AmmV4State) -> None:
        _state_part(state)
        self.address = address
        self.mints = (str(state.mint_a), str(state.mint_b))
        self._state = state
        self._vaults = (str(state.vault_a), str(state.vault_b))

    @classmethod
    def from_account(cls, address: str, owner: str, data: bytes) -> Self:
        """From the pool account's bytes. Raises `UnknownLayout`."""
        _check_owner(address, owner)
        return cls(address, AmmV4State.decode(data))

    def neighbours(self) -> tuple[str, ...]:
        """The two vaults."""
        return self._vaults

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """Parts of the pool or a vault. Raises `UnknownLayout`."""
        if address == self.address:
            _check_owner(address, owner)
            return self._update_state(AmmV4State.decode(data))
        if address in self._vaults:
            side = self._vaults.index(address)
            vault = decode_vault(address, owner, data)
            if str(vault.mint) != self.mints[side]:
                raise UnknownLayout(f"vault {address}: expected mint {self.mints[side]}, found {vault.mint}")
            # Nothing can be swapped through a frozen vault: it is as good as empty.
            return (VaultBalance(side == 0, 0 if vault.is_frozen else vault.amount),)
        return ()

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """A pool without a vault holds nothing."""
        return (VaultBalance(address == self._vaults[0], 0),) if address in self._vaults else ()

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """`swap_base_in_v2`. The pool knows the classic token program only; its direction follows from the accounts."""
        state = self._state
        order = (0, 1) if is_a_to_b else (1, 0)
        accounts = [
            AccountMeta(TOKEN_PROGRAM, is_signer=False, is_writable=False),
            AccountMeta(Pubkey.from_string(self.address), is_signer=False, is_writable=True),
            AccountMeta(AMM_V4_AUTHORITY, is_signer=False, is_writable=False),
            AccountMeta(state.vault_a, is_signer=False, is_writable=True),
            AccountMeta(state.vault_b, is_signer=False, is_writable=True),
            *(AccountMeta(token_accounts[side], is_signer=False, is_writable=True) for side in order),
            AccountMeta(wallet, is_signer=True, is_writable=False),
        ]
        amounts = amount_in.to_bytes(8, "little") + amount_out_min.to_bytes(8, "little")
        return Instruction(AMM_V4, SWAP_BASE_IN_V2 + amounts, accounts)

    def _update_state(self, state: AmmV4State) -> tuple[PoolPart, ...]:
        before = self._state
        changed = [
            name
            for name in ("mint_a", "mint_b", "vault_a", "vault_b", "nonce")
            if getattr(before, name) != getattr(state, name)
        ]
        if changed:
            raise UnknownLayout(f"pool {self.address}: {', '.join(changed)} changed, which a pool's never do")
        part = _state_part(state)
        self._state = state
        return (part,)


def _state_part(state: AmmV4State) -> RaydiumAmmV4State:
    if state.status > STATUS_LAST:
        raise UnknownLayout(f"Raydium AMM v4 AmmInfo: expected a status of 0..{STATUS_LAST}, found {state.status}")
    if not state.swap_fee_numerator < state.swap_fee_denominator:
        raise UnknownLayout(
            f"Raydium AMM v4 AmmInfo: a swap fee of {state.swap_fee_numerator}/{state.swap_fee_denominator}"
        )
    return RaydiumAmmV4State(
        status=state.status,
        open_time_s=state.pool_open_time_s,
        fee_numerator=state.swap_fee_numerator,
        fee_denominator=state.swap_fee_denominator,
        owed_a=state.base_need_take_pnl,
        owed_b=state.quote_need_take_pnl,
    )


def _check_owner(address: str, owner: str) -> None:
    if owner != AmmV4Pool.program:
        raise UnknownLayout(f"account {address}: expected owner {AmmV4Pool.program}, found {owner}")
