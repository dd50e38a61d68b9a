"""What nodes are asked about accounts."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from tests.solana_world import base58
from tests.solana_world.account_json import account_json, amount_json
from tests.solana_world.addresses import TOKEN_PROGRAMS
from tests.solana_world.chain import Block
from tests.solana_world.node_view import NodeView, config_at, key_at, parse_key
from tests.solana_world.rpc_error import RpcError, invalid_params
from tests.solana_world.token_layouts import decimals_of, holding_of, is_mint

KEYS_MAX = 100  #: of getMultipleAccounts
FILTERS_MAX = 4
LARGEST = 20
MEMCMP_BYTES_MAX = 128


def shown(view: NodeView, account: Account | None, config: dict[str, Any], block: Block) -> Any:
    """One account; parsed token accounts need their mint's decimals."""
    decimals = None
    holding = holding_of(account) if config.get("encoding") == "jsonParsed" else None
    if holding is not None:
        mint = view.account(holding.mint, block)
        decimals = None if mint is None else decimals_of(mint.data)
    return account_json(account, config, decimals)


def get_account_info(view: NodeView, params: list[Any]) -> Any:
    """One account."""
    config = config_at(params, 1)
    block = view.block(config)
    return view.with_context(block, shown(view, view.account(key_at(params, 0), block), config, block))


def get_multiple_accounts(view: NodeView, params: list[Any]) -> Any:
    """Up to 100 accounts of one slot; base64 where no encoding is named."""
    keys = params[0] if params else None
    if not isinstance(keys, list):
        raise invalid_params("expected a list of addresses at 0.")
    if len(keys) > KEYS_MAX:
        raise RpcError(-32602, f"Too many inputs provided; max {KEYS_MAX}")
    config = {"encoding": "base64", **config_at(params, 1)}
    block = view.block(config)
    accounts = [view.account(parse_key(each), block) for each in keys]
    return view.with_context(block, [shown(view, each, config, block) for each in accounts])


def get_balance(view: NodeView, params: list[Any]) -> Any:
    """Lamports."""
    block = view.block(config_at(params, 1))
    account = view.account(key_at(params, 0), block)
    return view.with_context(block, 0 if account is None else account.lamports)


def get_program_accounts(view: NodeView, params: list[Any]) -> Any:
    """Accounts that a program owns, through filters."""
    config = config_at(params, 1)
    block = view.block(config)
    passes = account_filter(config.get("filters") or [])
    found = [
        {"pubkey": str(key), "account": shown(view, account, config, block)}
        for key, account in view.world.store.of_program(key_at(params, 0), block.slot)
        if passes(account.data)
    ]
    return view.with_context(block, found) if config.get("withContext") else found


def account_filter(filters: Any) -> Callable[[bytes], bool]:
    """memcmp and dataSize. Raises `RpcError` for anything else."""
    if not isinstance(filters, list) or len(filters) > FILTERS_MAX:
        raise RpcError(-32602, f"Too many filters provided; max {FILTERS_MAX}")
    sizes: list[int] = []
    parts: list[tuple[int, bytes]] = []
    for each in filters:
        if isinstance(each, dict) and isinstance(each.get("dataSize"), int):
            sizes.append(each["dataSize"])
        elif isinstance(each, dict) and isinstance(each.get("memcmp"), dict):
            parts.append(_memcmp(each["memcmp"]))
        else:
            raise invalid_params("filters: expected memcmp or dataSize.")

    def passes(data: bytes) -> bool:
        return all(len(data) == size for size in sizes) and all(data[at : at + len(b)] == b for at, b in parts)

    return passes


def _memcmp(spec: dict[str, Any]) -> tuple[int, bytes]:
    offset, text = spec.get("offset"), spec.get("bytes")
    if not isinstance(offset, int) or not isinstance(text, str):
        raise invalid_params("memcmp: expected offset and bytes.")
    try:
        is_base64 = spec.get("encoding") == "base64"
        data = base64.b64decode(text, validate=True) if is_base64 else base58.decode(text)
    except (ValueError, binascii.Error) as error:
        raise invalid_params("memcmp: bytes cannot be decoded.") from error
    if len(data) > MEMCMP_BYTES_MAX:
        raise RpcError(-32602, f"Invalid param: Data too large; max {MEMCMP_BYTES_MAX} bytes")
    return offset, data


def get_token_account_balance(view: NodeView, params: list[Any]) -> Any:
    """What a token account holds."""
    block = view.block(config_at(params, 1))
    account = view.account(key_at(params, 0), block)
    if account is None:
        raise RpcError(-32602, "Invalid param: could not find account")
    holding = holding_of(account)
    mint = None if holding is None else view.account(holding.mint, block)
    if holding is None or mint is None:
        raise RpcError(-32602, "Invalid param: not a Token account")
    return view.with_context(block, amount_json(holding.amount, decimals_of(mint.data)))


def get_token_accounts_by_owner(view: NodeView, params: list[Any]) -> Any:
    """Token accounts of a wallet, of one mint or of one token program."""
    owner, which, config = key_at(params, 0), config_at(params, 1), config_at(params, 2)
    block = view.block(config)
    if "mint" in which:
        mint = parse_key(which["mint"])
        account = view.account(mint, block)
        if account is None or not is_mint(account):
            raise RpcError(-32602, "Invalid param: could not find mint")
        programs: tuple[Pubkey, ...] = (account.owner,)
    elif "programId" in which:
        mint = None
        programs = (parse_key(which["programId"]),)
        if programs[0] not in TOKEN_PROGRAMS:
            raise RpcError(-32602, "Invalid param: unrecognized Token program id")
    else:
        raise invalid_params("expected mint or programId at 1.")
    found = []
    for program in programs:
        for key, each in view.world.store.of_program(program, block.slot):
            holding = holding_of(each)
            if holding is not None and holding.owner == owner and mint in (None, holding.mint):
                found.append({"pubkey": str(key), "account": shown(view, each, config, block)})
    return view.with_context(block, found)


def get_token_largest_accounts(view: NodeView, params: list[Any]) -> Any:
    """The 20 largest holders of a mint."""
    mint = key_at(params, 0)
    block = view.block(config_at(params, 1))
    account = view.account(mint, block)
    if account is None or not is_mint(account):
        raise RpcError(-32602, "Invalid param: not a Token mint")
    rows = [
        (holding.amount, key)
        for key, each in view.world.store.of_program(account.owner, block.slot)
        if (holding := holding_of(each)) is not None and holding.mint == mint
    ]
    rows.sort(key=lambda row: (-row[0], bytes(row[1])))
    decimals = decimals_of(account.data)
    value = [{"address": str(key), **amount_json(amount, decimals)} for amount, key in rows[:LARGEST]]
    return view.with_context(block, value)


def get_token_supply(view: NodeView, params: list[Any]) -> Any:
    """What there is of a mint."""
    block = view.block(config_at(params, 1))
    account = view.account(key_at(params, 0), block)
    if account is None or not is_mint(account):
        raise RpcError(-32602, "Invalid param: not a Token mint")
    return view.with_context(
        block, amount_json(int.from_bytes(account.data[36:44], "little"), decimals_of(account.data))
    )


METHODS: dict[str, Callable[[NodeView, list[Any]], Any]] = {
    "getAccountInfo": get_account_info,
    "getMultipleAccounts": get_multiple_accounts,
    "getBalance": get_balance,
    "getProgramAccounts": get_program_accounts,
    "getTokenAccountBalance": get_token_account_balance,
    "getTokenAccountsByOwner": get_token_accounts_by_owner,
    "getTokenLargestAccounts": get_token_largest_accounts,
    "getTokenSupply": get_token_supply,
}
