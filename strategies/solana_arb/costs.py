"""What one trade costs on Solana, in lamports: signature, priority fee, tip, and failures where they cost something.

Pool fees, dynamic fees and transfer fees of tokens are inside the exact quotes. Account rent is not a cost here: the
tokens of the pairs are held anyway.
"""

from decimal import Decimal

from msgspec import Struct

from bus.events import PriorityFees
from bus.intents import Cost
from kernel.finance.lamports import SIGNATURE_FEE_LAMPORTS, lamports_usd, priority_fee_lamports
from strategies.solana_arb.settings import SolanaArbSettings

OWN_RESULTS_MIN = 20  #: sends after which the own share of failures replaces the setting


class NetworkCosts(Struct, frozen=True, kw_only=True):
    """Costs that do not depend on the size."""

    base_lamports: int
    priority_lamports: int
    failure_lamports: int

    @property
    def before_tip_lamports(self) -> int:
        """Everything but the tip."""
        return self.base_lamports + self.priority_lamports + self.failure_lamports


def network_costs(
    settings: SolanaArbSettings, hops: int, fees: PriorityFees | None, failure_share: float
) -> NetworkCosts | str:
    """Costs of a trade of so many hops, or the reason code of what is unknown.

    In a bundle the tip alone buys the place and a trade that fails does not land, so neither costs anything there.
    """
    if settings.use_jito_bundles:
        return NetworkCosts(base_lamports=SIGNATURE_FEE_LAMPORTS, priority_lamports=0, failure_lamports=0)
    if fees is None:
        return "priority_fee_unknown"
    units = settings.compute_units_per_swap * hops
    priority = min(settings.max_priority_fee_lamports, priority_fee_lamports(fees.p75_micro_lamports, units))
    failures = int((SIGNATURE_FEE_LAMPORTS + priority) * failure_share / max(0.01, 1.0 - failure_share))
    return NetworkCosts(base_lamports=SIGNATURE_FEE_LAMPORTS, priority_lamports=priority, failure_lamports=failures)


def cost_lines(costs: NetworkCosts, tip_lamports: int, sol_usd: Decimal) -> tuple[Cost, ...]:
    """The stack as a person reads it, in USD; lines of 0 are left out."""
    lines = {
        "gas": costs.base_lamports,
        "priority_fee": costs.priority_lamports,
        "tip": tip_lamports,
        "expected_failures": costs.failure_lamports,
    }
    return tuple(Cost(name=name, usd=lamports_usd(lamports, sol_usd)) for name, lamports in lines.items() if lamports)
