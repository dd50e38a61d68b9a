"""Trade lagging Uniswap V3 pools towards the CEX price."""

from strategies.cex_dex_arb.settings import CexDexArbSettings
from strategies.cex_dex_arb.strategy import CexDexArb
from strategies.cex_dex_arb.view import CexDexArbView

__all__ = ["CexDexArb", "CexDexArbSettings", "CexDexArbView"]
