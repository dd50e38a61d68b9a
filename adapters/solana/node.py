"""Solana's JSON-RPC, typed: the calls that feeds and executors make, each through the RPC pool.

Every method raises what `RpcCaller.call` raises (`RpcUnavailable`, `RpcRefused`, `OutcomeUnknown` of a send) and
`BadWire` where an answer contradicts itself.
"""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, TypeVar

from adapters.solana.account_bytes import AccountBytes, account_of
from adapters.solana.rpc_answers import (
    ConfirmedTransaction,
    EpochInfo,
    LatestBlockhash,
    ParsedTokenAccount,
    PrioritizationFee,
    RawAccount,
    SignatureStatus,
    Simulation,
    Whole,
    WithContext,
)
from kernel.errors import BadWire
from kernel.rpc.caller import RpcCaller

T = TypeVar("T")
RPC = "SOLANA_RPC"
ACCOUNTS_MAX = 100  #: of one getMultipleAccounts, the node's own limit
SIGNATURES_MAX = 256  #: of one getSignatureStatuses, the node's own limit
FEE_ACCOUNTS_MAX = 128  #: of one getRecentPrioritizationFees, the node's own limit
SEND_TIMEOUT_S = 4.0  #: a slower answer is not waited for: the status is what counts


class SolanaNode:
    """Calls of one cluster, whichever endpoint answers. `commitment` is that of reads that name none."""

    def __init__(self, rpc: RpcCaller, commitment: str = "confirmed") -> None:
        self._rpc = rpc
        self.commitment = commitment

    async def latest_blockhash(self) -> WithContext[LatestBlockhash]:
        """Hash for new transactions, and the last height at which it is valid."""
        return await self._call("getLatestBlockhash", [{"commitment": "confirmed"}], WithContext[LatestBlockhash])

    async def epoch_info(self, commitment: str = "confirmed") -> EpochInfo:
        """Slot, block height and epoch of one moment."""
        return await self._call("getEpochInfo", [{"commitment": commitment}], EpochInfo)

    async def accounts(
        self, addresses: Sequence[str], *, min_slot: int = 0, commitment: str = ""
    ) -> list[tuple[int, AccountBytes | None]]:
        """(slot, account or None if absent) for each address, in order; a hundred a call, calls beside each other.

        Answers older than `min_slot` do not count as answers.
        """
        config: dict[str, Any] = {"encoding": "base64", "commitment": commitment or self.commitment}
        if min_slot:
            config["minContextSlot"] = min_slot
        parts = [addresses[at : at + ACCOUNTS_MAX] for at in range(0, len(addresses), ACCOUNTS_MAX)]
        answers = await asyncio.gather(*(self._accounts(part, config, min_slot) for part in parts))
        return [each for part in answers for each in part]

    async def _accounts(
        self, addresses: Sequence[str], config: dict[str, Any], min_slot: int
    ) -> list[tuple[int, AccountBytes | None]]:
        answer = await self._call(
            "getMultipleAccounts", [list(addresses), config], WithContext[list[RawAccount | None]]
        )
        slot = answer.context.slot
        if len(answer.value) != len(addresses):
            raise BadWire(f"getMultipleAccounts: expected {len(addresses)} accounts, found {len(answer.value)}")
        if slot < min_slot:
            raise BadWire(f"getMultipleAccounts: expected slot {min_slot} or later, found {slot}")
        return [(slot, account_of(each)) for each in answer.value]

    async def balance(self, address: str, commitment: str = "confirmed") -> tuple[int, int]:
        """(slot, lamports) of an account; 0 where there is none."""
        found = await self._call("getBalance", [address, {"commitment": commitment}], WithContext[Whole])
        return found.context.slot, found.value

    async def token_accounts(
        self, owner: str, program: str, *, min_slot: int = 0, commitment: str = "confirmed"
    ) -> list[tuple[str, int, int]]:
        """(mint, raw amount, decimals) of every token account of an owner in one token program."""
        config: dict[str, Any] = {"encoding": "jsonParsed", "commitment": commitment}
        if min_slot:
            config["minContextSlot"] = min_slot
        found = await self._call(
            "getTokenAccountsByOwner", [owner, {"programId": program}, config], WithContext[list[ParsedTokenAccount]]
        )
        infos = [each.account.data.parsed.info for each in found.value]
        return [(each.mint, int(each.token_amount.amount), each.token_amount.decimals) for each in infos]

    async def statuses(
        self, signatures: Sequence[str], *, is_history_searched: bool = False
    ) -> WithContext[list[SignatureStatus | None]]:
        """What the node knows of signatures (at most 256); without history those of about two minutes."""
        config = [{"searchTransactionHistory": True}] if is_history_searched else []
        answer = await self._call(
            "getSignatureStatuses", [list(signatures), *config], WithContext[list[SignatureStatus | None]]
        )
        if len(answer.value) != len(signatures):
            raise BadWire(f"getSignatureStatuses: expected {len(signatures)} entries, found {len(answer.value)}")
        return answer

    async def transaction(self, signature: str) -> ConfirmedTransaction | None:
        """A confirmed transaction with its balances; None while this node does not have it."""
        config = {"encoding": "jsonParsed", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        kind: Any = ConfirmedTransaction | None
        found: ConfirmedTransaction | None = await self._call("getTransaction", [signature, config], kind)
        return found

    async def simulate(self, raw: bytes, *, min_slot: int = 0, accounts: Sequence[str] = ()) -> WithContext[Simulation]:
        """Run an unsigned transaction against the newest state; `accounts` come back as they would be after it."""
        config: dict[str, Any] = {
            "encoding": "base64", "sigVerify": False, "replaceRecentBlockhash": True, "commitment": "processed",
        }  # fmt: skip
        if min_slot:
            config["minContextSlot"] = min_slot
        if accounts:
            config["accounts"] = {"encoding": "base64", "addresses": list(accounts)}
        answer = await self._call("simulateTransaction", [b64encode(raw).decode(), config], WithContext[Simulation])
        if accounts and answer.value.err is None and len(answer.value.accounts or ()) != len(accounts):
            found = len(answer.value.accounts or ())
            raise BadWire(f"simulateTransaction: expected {len(accounts)} accounts, found {found}")
        return answer

    async def send(self, raw: bytes) -> str:
        """Hand over signed bytes, once, without the node's own retries; returns the node's word for the signature."""
        config = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
        return await self._rpc.call(
            RPC, "sendTransaction", [b64encode(raw).decode(), config], result=str, timeout_s=SEND_TIMEOUT_S
        )

    async def priority_fees(self, addresses: Sequence[str]) -> list[PrioritizationFee]:
        """What recent transactions that wrote these accounts paid, per slot, micro-lamports per unit."""
        return await self._call(
            "getRecentPrioritizationFees", [list(addresses[:FEE_ACCOUNTS_MAX])], list[PrioritizationFee]
        )

    async def _call(self, method: str, params: list[Any], result: type[T]) -> T:
        return await self._rpc.call(RPC, method, params, result=result)
