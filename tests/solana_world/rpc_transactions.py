"""What nodes are asked about transactions: simulate, send, find."""

import base64
from collections.abc import Callable
from typing import Any

from solders.hash import Hash, ParseHashError
from solders.message import Message, MessageV0, from_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.solana_world.account_json import account_json
from tests.solana_world.chain import BLOCKHASH_BLOCKS, Block
from tests.solana_world.fees import budget_of
from tests.solana_world.landed import Landed
from tests.solana_world.node_view import NodeView, config_at, key_at, parse_key, parse_signature, text_at
from tests.solana_world.processor import Outcome
from tests.solana_world.resolved_message import Refused, ResolvedMessage
from tests.solana_world.rpc_error import PREFLIGHT_FAILURE, RpcError, invalid_params
from tests.solana_world.token_layouts import decimals_of
from tests.solana_world.transaction_json import transaction_json
from tests.solana_world.wire_transaction import check_signatures, decode_transaction

STATUSES_MAX = 256
SIGNATURES_MAX = 1_000
RECENT_BLOCKS = 300  #: behind finality, that getSignatureStatuses knows without searching the ledger
SIMULATED_ACCOUNTS_MAX = 64


def simulate_transaction(view: NodeView, params: list[Any]) -> Any:
    """On the state of the level that is asked for, finalized if none is."""
    config = config_at(params, 1)
    transaction = decode_transaction(text_at(params, 0, "a transaction"), config.get("encoding"))
    is_replaced = bool(config.get("replaceRecentBlockhash"))
    if config.get("sigVerify"):
        if is_replaced:
            raise RpcError(-32602, "sigVerify may not be used with replaceRecentBlockhash")
        check_signatures(transaction)
    block = view.block(config)
    value = _simulated(view, transaction, config, block, is_replaced)
    if is_replaced:
        value["replacementBlockhash"] = {
            "blockhash": str(block.blockhash), "lastValidBlockHeight": block.height + BLOCKHASH_BLOCKS,
        }  # fmt: skip
    return view.with_context(block, value)


def _simulated(
    view: NodeView, transaction: VersionedTransaction, config: dict[str, Any], block: Block, is_replaced: bool
) -> dict[str, Any]:
    world = view.world
    try:
        if is_replaced:
            message = world.resolve(transaction)
            budget_of(message)
        else:
            message, _ = world.check(transaction, block)
        outcome = world.simulate(message, block)
    except Refused as refused:
        return _simulation(refused.err, None, None)
    asked = config.get("accounts")
    accounts = None if asked is None else _asked_accounts(view, asked, message, outcome, block)
    return _simulation(outcome.err, outcome, accounts)


def _simulation(err: Any, outcome: Outcome | None, accounts: Any) -> dict[str, Any]:
    return {
        "accounts": accounts,
        "err": err,
        "innerInstructions": None,
        "loadedAccountsDataSize": 0 if outcome is None else sum(len(each.data) for each in outcome.before if each),
        "logs": [] if outcome is None else outcome.trace.logs,
        "replacementBlockhash": None,
        "returnData": None,
        "unitsConsumed": 0 if outcome is None else outcome.trace.units,
    }


def _asked_accounts(view: NodeView, asked: Any, message: ResolvedMessage, outcome: Outcome, block: Block) -> list[Any]:
    if not isinstance(asked, dict) or not isinstance(asked.get("addresses"), list):
        raise invalid_params("accounts: expected addresses.")
    if len(asked["addresses"]) > SIMULATED_ACCOUNTS_MAX:
        raise RpcError(-32602, f"Too many accounts provided; max {SIMULATED_ACCOUNTS_MAX}")
    encoding = asked.get("encoding") or "base64"
    if encoding in ("binary", "base58"):
        raise RpcError(-32602, "base58 encoding not supported")
    after = dict(zip(message.keys, outcome.after, strict=True))
    keys = [parse_key(each) for each in asked["addresses"]]
    accounts = [after[key] if key in after else view.account(key, block) for key in keys]
    return [account_json(each, {"encoding": encoding}) for each in accounts]


def send_transaction(view: NodeView, params: list[Any]) -> Any:
    """Checked, then passed on to the leaders; the answer promises nothing."""
    config = config_at(params, 1)
    transaction = decode_transaction(text_at(params, 0, "a transaction"), config.get("encoding"))
    check_signatures(transaction)
    if not config.get("skipPreflight"):
        block = view.block({**config, "commitment": config.get("preflightCommitment")})
        value = _simulated(view, transaction, {}, block, is_replaced=False)
        if value["err"] is not None:
            data = {key: value[key] for key in value if key != "replacementBlockhash"}
            text = f"Transaction simulation failed: {error_text(value['err'])}"
            raise RpcError(PREFLIGHT_FAILURE, text, data)
    accept(view, transaction)
    return str(transaction.signatures[0])


def accept(view: NodeView, transaction: VersionedTransaction) -> None:
    """On its way, unless a fault of `send` has other plans."""
    world = view.world
    due, copies = 0, 1
    for fault in world.faults.take("send"):
        if fault.what == "drop":
            copies = 0
        elif fault.what == "late":
            due = world.slot + fault["slots"]
        elif fault.what == "duplicate":
            copies += 1
        elif fault.what == "lose":
            world.history.lost_until[transaction.signatures[0]] = world.slot + fault["slots"]
    for _ in range(copies):
        world.submit(transaction, due_slot=due)


_TEXTS = {
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "InsufficientFundsForFee": "Insufficient funds for fee",
    "InvalidAccountForFee": "This account may not be used to pay transaction fees",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    "SanitizeFailure": "Transaction failed to sanitize accounts offsets correctly",
    "AddressLookupTableNotFound": "Transaction loads an address table account that doesn't exist",
    "InvalidAddressLookupTableIndex": "Transaction address table lookup uses an invalid index",
}


def error_text(err: Any) -> str:
    """A transaction's error in the words of a node."""
    if isinstance(err, str):
        return _TEXTS.get(err, err)
    if "InstructionError" in err:
        index, what = err["InstructionError"]
        if isinstance(what, dict) and "Custom" in what:
            return f"Error processing Instruction {index}: custom program error: {what['Custom']:#x}"
        return f"Error processing Instruction {index}: {what}"
    if "InsufficientFundsForRent" in err:
        index = err["InsufficientFundsForRent"]["account_index"]
        return f"Transaction results in an account ({index}) with insufficient funds for rent"
    return str(err)


def get_signature_statuses(view: NodeView, params: list[Any]) -> Any:
    """Of up to 256 signatures; old ones only where the history is searched."""
    names = params[0] if params else None
    if not isinstance(names, list):
        raise invalid_params("expected a list of signatures at 0.")
    if len(names) > STATUSES_MAX:
        raise RpcError(-32602, f"Too many inputs provided; max {STATUSES_MAX}")
    is_searched = bool(config_at(params, 1).get("searchTransactionHistory"))
    block = view.block({}, "processed")
    oldest = view.world.chain.at("finalized", view.behind + RECENT_BLOCKS).slot
    values = []
    for each in names:
        landed = view.world.history.find(parse_signature(each), view.world.slot)
        is_known = landed is not None and landed.slot <= block.slot and (is_searched or landed.slot >= oldest)
        values.append(_status(view, landed) if landed is not None and is_known else None)
    return view.with_context(block, values)


def _status(view: NodeView, landed: Landed) -> dict[str, Any]:
    level = view.world.chain.level(landed.slot, view.behind)
    confirmations = view.world.chain.confirmations(landed.slot, view.behind)
    return {
        "confirmationStatus": level,
        "confirmations": None if level == "finalized" else confirmations,
        "err": landed.err,
        "slot": landed.slot,
        "status": {"Ok": None} if landed.err is None else {"Err": landed.err},
    }


def get_transaction(view: NodeView, params: list[Any]) -> Any:
    """With everything that it changed; null until the level is reached."""
    raw = params[1] if len(params) > 1 else None
    config = {"encoding": raw} if isinstance(raw, str) else config_at(params, 1)
    if config.get("commitment") == "processed":
        raise RpcError(-32602, "Method does not support commitment below `confirmed`")
    block = view.block(config)
    landed = view.world.history.find(parse_signature(text_at(params, 0, "a signature")), view.world.slot)
    if landed is None or landed.slot > block.slot:
        return None

    def decimals(mint: Pubkey) -> int:
        account = view.account(mint, block)
        return 0 if account is None else decimals_of(account.data)

    return transaction_json(landed, config, decimals)


def get_signatures_for_address(view: NodeView, params: list[Any]) -> Any:
    """Newest first, `before` and `until` a signature."""
    key, config = key_at(params, 0), config_at(params, 1)
    if config.get("commitment") == "processed":
        raise RpcError(-32602, "Method does not support commitment below `confirmed`")
    limit = config.get("limit", SIGNATURES_MAX)
    if not isinstance(limit, int) or not 1 <= limit <= SIGNATURES_MAX:
        raise RpcError(-32602, f"Invalid limit; max {SIGNATURES_MAX}")
    block = view.block(config)
    found: list[dict[str, Any]] = []
    is_begun = config.get("before") is None
    for landed in view.world.history.of_address(key):
        if str(landed.signature) == config.get("until"):
            break
        if is_begun and landed.slot <= block.slot and len(found) < limit:
            found.append(_signature_row(view, landed))
        is_begun = is_begun or str(landed.signature) == config.get("before")
    return found


def _signature_row(view: NodeView, landed: Landed) -> dict[str, Any]:
    return {
        "blockTime": landed.time_s,
        "confirmationStatus": view.world.chain.level(landed.slot, view.behind),
        "err": landed.err,
        "memo": None,
        "signature": str(landed.signature),
        "slot": landed.slot,
    }


def is_blockhash_valid(view: NodeView, params: list[Any]) -> Any:
    """Whether a transaction with it could still land."""
    block = view.block(config_at(params, 1))
    try:
        blockhash = Hash.from_string(text_at(params, 0, "a blockhash"))
    except (ValueError, ParseHashError) as error:
        raise RpcError(-32602, "Invalid param: Invalid") from error
    return view.with_context(block, view.world.chain.is_usable(blockhash, block.height))


def get_fee_for_message(view: NodeView, params: list[Any]) -> Any:
    """Signatures and priority; null where its blockhash is too old."""
    block = view.block(config_at(params, 1))
    try:
        message = from_bytes_versioned(base64.b64decode(text_at(params, 0, "a message")))
    except ValueError as error:
        raise invalid_params("failed to deserialize VersionedMessage") from error
    if not isinstance(message, Message | MessageV0):
        raise invalid_params("unsupported version")
    if not view.world.chain.is_usable(message.recent_blockhash, block.height):
        return view.with_context(block, None)
    count = message.header.num_required_signatures
    unsigned = VersionedTransaction.populate(message, [Signature.default()] * count)
    return view.with_context(block, budget_of(view.world.resolve(unsigned)).fee)


METHODS: dict[str, Callable[[NodeView, list[Any]], Any]] = {
    "simulateTransaction": simulate_transaction,
    "sendTransaction": send_transaction,
    "getSignatureStatuses": get_signature_statuses,
    "getTransaction": get_transaction,
    "getSignaturesForAddress": get_signatures_for_address,
    "isBlockhashValid": is_blockhash_valid,
    "getFeeForMessage": get_fee_for_message,
}
