"""Velocity's spot market of the settlement asset: what its withdraw guard lets out, and where its insurance lies.

Guard: `check_withdraw_limits` and `calculate_min_deposit_token_amount` (programs/velocity/src/math/spot_withdraw.rs,
read 2026-11). Withdrawals stop where deposits would fall below the larger of two floors: a share of their 24 h mean,
and what keeps utilisation bearable.
"""

from msgspec import Struct

from adapters.drift import PerpLayout
from adapters.solana.tracked_pool import UnknownLayout

BPS = 10_000
DEFAULT_BREAKER_BPS = 2_500  #: where the market states 0
UTILIZATION_SCALE = 10**6
BALANCE_DIGITS = 19  #: scaled balance (9 digits) times interest (10 digits), less the token's decimals
DECIMALS_MAX = BALANCE_DIGITS
PAUSED_DEPOSIT, PAUSED_WITHDRAW = 0b00100, 0b01000  #: bits of paused_operations (SpotOperation)

_PATHS = (
    "market_index", "oracle", "mint", "decimals", "status", "paused_operations", "insurance_fund.vault",
    "deposit_balance", "borrow_balance", "cumulative_deposit_interest", "cumulative_borrow_interest",
    "withdraw_guard_threshold", "deposit_token_twap", "utilization_twap", "optimal_utilization",
    "withdraw_circuit_breaker_bps",
)  # fmt: skip


class SpotMarket(Struct, frozen=True, kw_only=True, gc=False):
    """A spot market, raw; token amounts in the token's smallest units."""

    slot: int
    market_index: int
    oracle: str
    mint: str
    decimals: int
    status: str
    paused_operations: int
    insurance_vault: str
    deposit_balance: int
    borrow_balance: int
    cumulative_deposit_interest: int
    cumulative_borrow_interest: int
    withdraw_guard_threshold: int
    deposit_token_twap: int
    utilization_twap: int
    optimal_utilization: int
    withdraw_circuit_breaker_bps: int

    @classmethod
    def decode(cls, layout: PerpLayout, owner: str, data: bytes, slot: int) -> "SpotMarket":
        """Read an account by its owner and length. Raises `UnknownLayout`."""
        values = layout.fields("SpotMarket", owner, data, _PATHS)
        market = cls(slot=slot, **dict(zip(cls.__struct_fields__[1:], values, strict=True)))
        if market.decimals > DECIMALS_MAX:
            raise UnknownLayout(
                f"velocity spot market {market.market_index}: expected at most {DECIMALS_MAX} decimals, found "
                f"{market.decimals}"
            )
        return market

    @property
    def _unit(self) -> int:
        unit: int = 10 ** (BALANCE_DIGITS - self.decimals)
        return unit

    @property
    def deposits(self) -> int:
        """All deposits, rounded down as the program rounds what it owes."""
        return self.deposit_balance * self.cumulative_deposit_interest // self._unit

    @property
    def borrows(self) -> int:
        """All borrows, rounded up as the program rounds what it is owed."""
        return -(-self.borrow_balance * self.cumulative_borrow_interest // self._unit)

    def withdraw_room(self) -> int:
        """What may leave now before the guard stops withdrawals, all users together."""
        return max(0, self.deposits - max(self._floor_by_mean(), self._floor_by_utilization()))

    def _floor_by_mean(self) -> int:
        mean = self.deposit_token_twap
        drop = mean * (self.withdraw_circuit_breaker_bps or DEFAULT_BREAKER_BPS) // BPS
        return max(0, mean - max(drop, min(self.withdraw_guard_threshold, mean)))

    def _floor_by_utilization(self) -> int:
        halfway = self.utilization_twap + max(0, UTILIZATION_SCALE - self.utilization_twap) // 2
        highest = max(self.optimal_utilization, halfway)
        if highest == 0:
            return 0
        needed = self.borrows * UTILIZATION_SCALE // highest
        return min(needed, max(0, self.deposits - self.withdraw_guard_threshold))
