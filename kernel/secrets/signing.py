"""Signing as a narrow door: an order id and an unsigned transaction go in, signed bytes or a refusal come out.

The key stays behind the door, which may one day be another process. A signer trusts nobody: it checks chain, targets,
approvals and spending by itself, from the bytes that it signs.
"""

from typing import Protocol, TypeVar

from msgspec import Struct

from kernel.errors import KernelError


class EvmTransaction(Struct, frozen=True, kw_only=True):
    """A type-2 (EIP-1559) transaction; there is no other kind. Amounts in wei."""

    chain_id: int
    nonce: int
    to: str  #: 0x and 40 hex digits; "" would create a contract and is refused
    value_wei: int
    data: bytes
    gas_limit: int
    max_fee_per_gas_wei: int
    max_priority_fee_per_gas_wei: int


class SolanaTransaction(Struct, frozen=True, kw_only=True):
    """A compiled message, legacy or v0, as it will be signed."""

    message: bytes


class SignedTransaction(Struct, frozen=True, kw_only=True):
    """What may be sent."""

    raw: bytes
    tx_id: str  #: hash (EVM) or first signature (Solana)
    spent_raw: int  #: what it may cost at most, wei or lamports


class SigningRefused(KernelError):
    """The signer will not sign this. `code` is short and stable, the text says what was expected and found."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"not signed ({code}): {text}")
        self.code = code


Unsigned = TypeVar("Unsigned", EvmTransaction, SolanaTransaction, contravariant=True)


class Signer(Protocol[Unsigned]):
    """Holds one key."""

    @property
    def address(self) -> str:
        """Whose signature it makes."""

    async def sign(self, order_id: str, transaction: Unsigned) -> SignedTransaction:
        """Check and sign; both outcomes are audited. Raises SigningRefused."""
