"""The chain as one node shows it to one request: perhaps some blocks late, at the commitment that was asked for."""

from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.signature import Signature

from tests.solana_world.chain import COMMITMENTS, Block, Commitment
from tests.solana_world.rpc_error import MIN_CONTEXT_SLOT, RpcError, invalid_params
from tests.solana_world.world import World

VERSION = "2.3.13"


class NodeView:
    """`behind`: blocks by which the node is late."""

    def __init__(self, world: World, behind: int = 0) -> None:
        self.world = world
        self.behind = behind

    def block(self, config: dict[str, Any], default: Commitment = "finalized") -> Block:
        """The block that the answer is about. Raises `RpcError` where it is before `minContextSlot`."""
        block = self.world.chain.at(commitment_of(config, default), self.behind)
        least = config.get("minContextSlot")
        if least is not None:
            if not isinstance(least, int) or least < 0:
                raise invalid_params("minContextSlot: expected a slot.")
            if block.slot < least:
                text = "Minimum context slot has not been reached"
                raise RpcError(MIN_CONTEXT_SLOT, text, {"contextSlot": block.slot})
        return block

    def account(self, key: Pubkey, block: Block) -> Account | None:
        """As of that block."""
        return self.world.store.get(key, block.slot)

    def with_context(self, block: Block, value: Any) -> dict[str, Any]:
        """An answer with the slot that it is of. The context comes first, as nodes write it."""
        return {"context": {"apiVersion": VERSION, "slot": block.slot}, "value": value}


def config_at(params: list[Any], place: int) -> dict[str, Any]:
    """The options object of a request; {} where there is none."""
    value = params[place] if len(params) > place else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid_params(f"expected an object at {place}.")
    return value


def commitment_of(config: dict[str, Any], default: Commitment = "finalized") -> Commitment:
    """Raises `RpcError` for a level that does not exist."""
    value = config.get("commitment") or default
    for known in COMMITMENTS:
        if value == known:
            return known
    raise invalid_params(f"unknown variant `{value}`, expected one of {', '.join(COMMITMENTS)}.")


def text_at(params: list[Any], place: int, what: str) -> str:
    """A required text."""
    if len(params) <= place or not isinstance(params[place], str):
        raise invalid_params(f"expected {what} at {place}.")
    value: str = params[place]
    return value


def key_at(params: list[Any], place: int) -> Pubkey:
    """A required address."""
    return parse_key(text_at(params, place, "an address"))


def parse_key(text: Any) -> Pubkey:
    """Raises `RpcError`."""
    try:
        return Pubkey.from_string(text)
    except (ValueError, TypeError) as error:
        raise RpcError(-32602, "Invalid param: Invalid") from error


def parse_signature(text: Any) -> Signature:
    """Raises `RpcError`."""
    try:
        return Signature.from_string(text)
    except (ValueError, TypeError) as error:
        raise RpcError(-32602, "Invalid param: Invalid") from error
