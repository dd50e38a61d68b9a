"""Puts mints, tokens, lamports and pools into a world, by the real token programs where they can do it."""

import hashlib
import struct

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.solana_world.addresses import ASSOCIATED, SYSTEM, TOKEN, TOKEN_2022, WRAPPED_SOL, associated, named
from tests.solana_world.fees import SIGNATURE_FEE_LAMPORTS
from tests.solana_world.resolved_message import Call
from tests.solana_world.token_layouts import ACCOUNT_BYTES, amount_of, transfer_fee_of
from tests.solana_world.world import World

MINT_BYTES_PLAIN = 82
MINT_BYTES_WITH_FEE = 278  #: account, kind, and the transfer-fee extension with its header
ACCOUNT_BYTES_WITH_FEE = 178  #: account, kind, and what it withheld, with its header
MINT_AUTHORITY = named("mint authority")
UNITS = 1_400_000
_CREATE_IDEMPOTENT = b"\x01"
_INITIALIZE_MINT_2, _INITIALIZE_ACCOUNT_3, _MINT_TO, _SYNC_NATIVE, _TRANSFER_FEE = 20, 18, 7, 17, 26


def administer(world: World, calls: list[Call]) -> None:
    """Run instructions outside of any transaction, in the slot under way, whoever would have to sign them."""
    keys = {each.pubkey: None for call in calls for each in call.metas}
    before = world.store.snapshot(keys)
    result = world.processor.native.run(calls, UNITS)
    if result.err is not None:
        raise RuntimeError(f"expected the world's own instructions to succeed, found {result.err}: {result.logs}")
    for key, old in before.items():
        if key != world.processor.native.payer and not world.store.same(old, world.store.get(key)):
            world.store.note(key, old)


def give_lamports(world: World, owner: Pubkey, lamports: int) -> None:
    """Add lamports out of nowhere."""
    account = world.store.get(owner)
    if account is None:
        world.store.put(owner, Account(lamports, b"", SYSTEM, False, 0))
    else:
        total = account.lamports + lamports
        world.store.put(owner, Account(total, account.data, account.owner, account.executable, account.rent_epoch))


def keypair(world: World, name: str) -> Keypair:
    """A wallet, the same for a seed and a name."""
    return Keypair.from_seed(hashlib.sha256(f"wallet:{world.options.seed}:{name}".encode()).digest())


def airdrop(world: World, owner: Pubkey, lamports: int) -> Signature:
    """Lamports by a transaction like any other, from a faucet that is used once."""
    faucet = keypair(world, f"faucet {world.mempool.next_order()}")
    give_lamports(world, faucet.pubkey(), lamports + SIGNATURE_FEE_LAMPORTS)
    transfer = Instruction(
        SYSTEM,
        struct.pack("<IQ", 2, lamports),
        [AccountMeta(faucet.pubkey(), True, True), AccountMeta(owner, False, True)],
    )
    message = MessageV0.try_compile(faucet.pubkey(), [transfer], [], world.chain.tip.blockhash)
    return world.submit(VersionedTransaction(message, [faucet]))


def create_mint(
    world: World, name: str, decimals: int, *, fee_bps: int | None = None, fee_max: int = 0, is_2022: bool = False,
    key: Pubkey | None = None,
) -> Pubkey:  # fmt: skip
    """A mint; with `fee_bps` one of Token-2022 that takes a fee of each transfer. `key`: an address that is known."""
    mint = key or named(f"mint {name}")
    program = TOKEN_2022 if is_2022 or fee_bps is not None else TOKEN
    size = MINT_BYTES_PLAIN if fee_bps is None else MINT_BYTES_WITH_FEE
    rent = world.store.svm.minimum_balance_for_rent_exemption(size)
    create = struct.pack("<IQQ", 0, rent, size) + bytes(program)
    payer = world.processor.native.payer
    calls = [Call(SYSTEM, [AccountMeta(payer, True, True), AccountMeta(mint, True, True)], create)]
    only = [AccountMeta(mint, False, True)]
    authority = bytes(MINT_AUTHORITY)
    if fee_bps is not None:
        config = bytes([_TRANSFER_FEE, 0, 1]) + authority + b"\x01" + authority + struct.pack("<HQ", fee_bps, fee_max)
        calls.append(Call(program, only, config))
    calls.append(Call(program, only, bytes([_INITIALIZE_MINT_2, decimals]) + authority + b"\0"))
    administer(world, calls)
    return mint


def token_program_of(world: World, mint: Pubkey) -> Pubkey:
    """Who owns the mint."""
    account = world.store.get(mint)
    if account is None:
        raise ValueError(f"expected a mint at {mint}, found nothing")
    return account.owner


def open_tokens(world: World, owner: Pubkey, mint: Pubkey) -> Pubkey:
    """The owner's associated token account, made if it is not there."""
    program = token_program_of(world, mint)
    key = associated(owner, mint, program)
    payer = world.processor.native.payer
    metas = [
        AccountMeta(payer, True, True), AccountMeta(key, False, True), AccountMeta(owner, False, False),
        AccountMeta(mint, False, False), AccountMeta(SYSTEM, False, False), AccountMeta(program, False, False),
    ]  # fmt: skip
    administer(world, [Call(ASSOCIATED, metas, _CREATE_IDEMPOTENT)])
    return key


def open_vault(world: World, key: Pubkey, owner: Pubkey, mint: Pubkey, amount: int) -> None:
    """A token account at an address of its own, as pools have them, with tokens out of nowhere."""
    program = token_program_of(world, mint)
    has_fee = transfer_fee_of(world.store.get(mint), 1 << 62).bps > 0
    size = ACCOUNT_BYTES_WITH_FEE if has_fee else ACCOUNT_BYTES
    rent = world.store.svm.minimum_balance_for_rent_exemption(size)
    create = struct.pack("<IQQ", 0, rent, size) + bytes(program)
    payer = world.processor.native.payer
    start = [AccountMeta(key, False, True), AccountMeta(mint, False, False)]
    administer(
        world,
        [
            Call(SYSTEM, [AccountMeta(payer, True, True), AccountMeta(key, True, True)], create),
            Call(program, start, bytes([_INITIALIZE_ACCOUNT_3]) + bytes(owner)),
        ],
    )
    _fill(world, key, mint, amount)


def give_tokens(world: World, owner: Pubkey, mint: Pubkey, amount: int) -> Pubkey:
    """Add tokens out of nowhere; returns the account. Wrapped SOL grows by lamports."""
    key = open_tokens(world, owner, mint)
    _fill(world, key, mint, amount)
    return key


def _fill(world: World, key: Pubkey, mint: Pubkey, amount: int) -> None:
    if mint == WRAPPED_SOL:
        give_lamports(world, key, amount)
        administer(world, [Call(TOKEN, [AccountMeta(key, False, True)], bytes([_SYNC_NATIVE]))])
        return
    metas = [AccountMeta(mint, False, True), AccountMeta(key, False, True), AccountMeta(MINT_AUTHORITY, True, False)]
    data = bytes([_MINT_TO]) + amount.to_bytes(8, "little")
    administer(world, [Call(token_program_of(world, mint), metas, data)])


def tokens_of(world: World, owner: Pubkey, mint: Pubkey) -> int:
    """What the owner's associated account holds at processed; 0 where there is none."""
    account = world.store.get(associated(owner, mint, token_program_of(world, mint)))
    return 0 if account is None else amount_of(account.data)
