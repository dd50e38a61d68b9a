"""What each JSON-RPC method does, so that the pool knows which calls may be asked of another endpoint.

read          changes nothing: asked again anywhere
repeatable    sends signed bytes whose effect is the same however often they arrive (a nonce or a signature is used up
              once): the same bytes may go to another endpoint
once          anything else, and every method that is not known here: never repeated once bytes may have left
"""

from typing import Literal

Kind = Literal["read", "repeatable", "once"]

REPEATABLE = frozenset({"eth_sendRawTransaction", "sendTransaction"})
#: A filter hands out each change once. A bundle must not wander to another relay by itself: who sees it may copy it.
ONCE = frozenset({
    "eth_sendBundle", "sendBundle", "eth_sendPrivateTransaction", "eth_sendPrivateRawTransaction", "mev_sendBundle",
    "eth_sendTransaction", "eth_cancelBundle", "eth_sendRawTransactionSync", "requestAirdrop",
    "eth_getFilterChanges",
})  # fmt: skip
READ_PREFIXES = (
    "eth_get", "eth_call", "net_", "web3_", "debug_trace", "trace_", "txpool_", "rpc_", "get", "simulate", "is",
    "minimumLedgerSlot",
)  # fmt: skip
READS = frozenset({
    "eth_chainId", "eth_blockNumber", "eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_feeHistory", "eth_estimateGas",
    "eth_createAccessList", "eth_syncing", "eth_protocolVersion", "eth_simulateV1", "eth_blobBaseFee", "eth_accounts",
    "mev_simBundle", "eth_callBundle", "flashbots_getFeeRefundTotalsByRecipient",
})  # fmt: skip
#: Where the block stands among the parameters; quorums must name one.
BLOCK_PARAMETER = {
    "eth_call": 1, "eth_getBalance": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_estimateGas": 1,
    "eth_getStorageAt": 2, "eth_getProof": 2, "eth_getBlockByNumber": 0, "eth_getBlockReceipts": 0,
    "eth_createAccessList": 1, "eth_feeHistory": 1,
}  # fmt: skip
MOVING_TAGS = frozenset({"latest", "pending", "safe", "finalized"})


def kind_of(method: str, is_idempotent: bool | None = None) -> Kind:
    """The declared kind; `is_idempotent` decides instead where the caller knows better."""
    if is_idempotent is not None:
        return "read" if is_idempotent else "once"
    if method in REPEATABLE:
        return "repeatable"
    if method in ONCE:
        return "once"
    return "read" if method in READS or method.startswith(READ_PREFIXES) else "once"


def class_of(method: str) -> str:
    """For usage counts: read or send."""
    return "read" if kind_of(method) == "read" else "send"
