"""Trade through pools of one pair that disagree, in one transaction."""

from strategies.solana_arb.settings import SolanaArbSettings
from strategies.solana_arb.strategy import SolanaArb
from strategies.solana_arb.view import SolanaArbView

__all__ = ["SolanaArb", "SolanaArbSettings", "SolanaArbView"]
