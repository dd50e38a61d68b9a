"""Delta-neutral funding capture on a perp venue: see guide.md."""

from strategies.drift_funding_arb.settings import DriftFundingArbSettings
from strategies.drift_funding_arb.strategy import DriftFundingArb
from strategies.drift_funding_arb.view import DriftFundingArbView

__all__ = ["DriftFundingArb", "DriftFundingArbSettings", "DriftFundingArbView"]
