"""What nodes are asked about the chain itself."""

from collections.abc import Callable
from typing import Any

from tests.solana_world.chain import BLOCKHASH_BLOCKS, EPOCH_SLOTS, epoch_of
from tests.solana_world.genesis import airdrop
from tests.solana_world.node_view import VERSION, NodeView, config_at, key_at, parse_key
from tests.solana_world.rpc_error import invalid_params

FEE_SLOTS = 150  #: that getRecentPrioritizationFees looks at
FEE_KEYS_MAX = 128
ACCOUNT_BYTES_MAX = 10 * 1024 * 1024
AIRDROP_LAMPORTS_MAX = 10**16


def get_slot(view: NodeView, params: list[Any]) -> Any:
    """The slot of the level."""
    return view.block(config_at(params, 0)).slot


def get_block_height(view: NodeView, params: list[Any]) -> Any:
    """Blocks below it: what blockhashes expire by."""
    return view.block(config_at(params, 0)).height


def get_latest_blockhash(view: NodeView, params: list[Any]) -> Any:
    """Of the level's newest block."""
    block = view.block(config_at(params, 0))
    value = {"blockhash": str(block.blockhash), "lastValidBlockHeight": block.height + BLOCKHASH_BLOCKS}
    return view.with_context(block, value)


def get_epoch_info(view: NodeView, params: list[Any]) -> Any:
    """Where in its epoch the slot is."""
    block = view.block(config_at(params, 0))
    return {
        "absoluteSlot": block.slot,
        "blockHeight": block.height,
        "epoch": epoch_of(block.slot),
        "slotIndex": block.slot % EPOCH_SLOTS,
        "slotsInEpoch": EPOCH_SLOTS,
        "transactionCount": None,
    }


def get_block_time(view: NodeView, params: list[Any]) -> Any:
    """Unix seconds of a block; null where there was none."""
    slot = params[0] if params else None
    return next((each.time_s for each in view.world.chain.blocks if each.slot == slot), None)


def get_recent_prioritization_fees(view: NodeView, params: list[Any]) -> Any:
    """For each recent slot the least price at which a transaction that writes all these accounts landed; 0 = any."""
    keys = params[0] if params else []
    if not isinstance(keys, list) or len(keys) > FEE_KEYS_MAX:
        raise invalid_params(f"expected at most {FEE_KEYS_MAX} addresses at 0.")
    wanted = {parse_key(each) for each in keys}
    newest = view.block({}, "processed").slot
    blocks = [each for each in view.world.chain.blocks if each.slot <= newest][-FEE_SLOTS:]
    least: dict[int, int] = {}
    for landed in view.world.history.since(blocks[0].slot - 1):
        if wanted <= set(landed.message.writable_keys()):
            price = landed.budget.unit_price_micro
            least[landed.slot] = min(least.get(landed.slot, price), price)
    return [{"slot": each.slot, "prioritizationFee": least.get(each.slot, 0)} for each in blocks]


def get_rent_exemption(view: NodeView, params: list[Any]) -> Any:
    """Lamports that an account of so many bytes must hold."""
    if not params or not isinstance(params[0], int) or not 0 <= params[0] <= ACCOUNT_BYTES_MAX:
        raise invalid_params("expected a size at 0.")
    return view.world.store.svm.minimum_balance_for_rent_exemption(params[0])


def request_airdrop(view: NodeView, params: list[Any]) -> Any:
    """Lamports out of a faucet, by a transaction like any other."""
    key = key_at(params, 0)
    if len(params) < 2 or not isinstance(params[1], int) or not 0 < params[1] <= AIRDROP_LAMPORTS_MAX:
        raise invalid_params("expected lamports at 1.")
    return str(airdrop(view.world, key, params[1]))


METHODS: dict[str, Callable[[NodeView, list[Any]], Any]] = {
    "getSlot": get_slot,
    "getBlockHeight": get_block_height,
    "getLatestBlockhash": get_latest_blockhash,
    "getEpochInfo": get_epoch_info,
    "getBlockTime": get_block_time,
    "getRecentPrioritizationFees": get_recent_prioritization_fees,
    "getMinimumBalanceForRentExemption": get_rent_exemption,
    "requestAirdrop": request_airdrop,
    "getHealth": lambda view, params: "ok",
    "getGenesisHash": lambda view, params: view.world.options.genesis_hash,
    "getVersion": lambda view, params: {"feature-set": 3640012085, "solana-core": VERSION},
    "getFirstAvailableBlock": lambda view, params: view.world.chain.blocks[0].slot,
    "minimumLedgerSlot": lambda view, params: view.world.chain.blocks[0].slot,
}
