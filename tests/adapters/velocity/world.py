"""A healthy Velocity for tests: every account that the venue watches, in its own bytes."""

from typing import Any

from solders.pubkey import Pubkey

from adapters.velocity import Addresses, HealthRules, VelocityVenue, velocity
from adapters.velocity.program_data import LOADER, program_data_address
from tests.adapters.drift.accounts import blank, market

WALLET = Pubkey.from_string("4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T")
ADMINS = tuple(str(Pubkey.from_bytes(bytes([number]) * 32)) for number in (1, 2, 3))
UPGRADER = str(Pubkey.from_bytes(bytes([4]) * 32))
MINT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
ORACLE = str(Pubkey.from_bytes(bytes([7]) * 32))
TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
LAYOUT = velocity()
ADDRESSES = Addresses(LAYOUT.program)
USER = str(ADDRESSES.user(WALLET, 0))
SOL = str(ADDRESSES.perp_market(0))
QUOTE = str(ADDRESSES.spot_market(0))
STATE = str(ADDRESSES.state)
INSURANCE = str(ADDRESSES.insurance_vault(0))
PROGRAM_DATA = str(program_data_address(LAYOUT.program))
RULES = HealthRules(
    market_indices=(0,), admins=(ADMINS[0], ADMINS[1], ADMINS[2]), upgrade_authority=UPGRADER, program_slot=500,
    settle_mint=MINT,
)  # fmt: skip


def state(**changes: Any) -> bytes:
    admins = dict(zip(("cold_admin", "warm_admin", "pause_admin"), ADMINS, strict=True))
    return blank(LAYOUT, "State", **{**admins, **changes})


def quote(**changes: Any) -> bytes:
    """Five million deposited, one lent."""
    values = {
        "mint": MINT, "decimals": 6, "status": "Active", "deposit_balance": 5_000_000 * 10**9,
        "borrow_balance": 1_000_000 * 10**9, "cumulative_deposit_interest": 10**10,
        "cumulative_borrow_interest": 10**10, "deposit_token_twap": 5_000_000 * 10**6,
        "optimal_utilization": 800_000, "insurance_fund__vault": INSURANCE,
    }  # fmt: skip
    return blank(LAYOUT, "SpotMarket", **{**values, **changes})


def sol(**changes: Any) -> bytes:
    return market(LAYOUT, **{"oracle": ORACLE, **changes})


def user(**changes: Any) -> bytes:
    return blank(LAYOUT, "User", **{"authority": str(WALLET), **changes})


def vault(amount: int = 2_000_000 * 10**6, mint: str = MINT) -> bytes:
    return bytes(Pubkey.from_string(mint)) + bytes(32) + amount.to_bytes(8, "little") + bytes(93)


def program_data(slot: int = 500, authority: str = UPGRADER) -> bytes:
    key = b"\x01" + bytes(Pubkey.from_string(authority)) if authority else bytes(33)
    return (3).to_bytes(4, "little") + slot.to_bytes(8, "little") + key


def accounts() -> dict[str, tuple[str, bytes]]:
    """Address -> (owner, bytes) of a healthy venue."""
    return {
        STATE: (LAYOUT.program, state()),
        QUOTE: (LAYOUT.program, quote()),
        SOL: (LAYOUT.program, sol()),
        USER: (LAYOUT.program, user()),
        INSURANCE: (TOKEN_PROGRAM, vault()),
        PROGRAM_DATA: (LOADER, program_data()),
    }


def venue(rules: HealthRules = RULES, **changed: tuple[str, bytes]) -> VelocityVenue:
    """A venue that has seen every account, some of them changed."""
    made = VelocityVenue(LAYOUT, rules, WALLET, 0, "drift_funding_arb")
    for address, (owner, data) in {**accounts(), **changed}.items():
        made.on_account(address, owner, data, 100, 1)
    return made
