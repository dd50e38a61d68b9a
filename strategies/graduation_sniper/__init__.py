"""Buy coins with strong metrics when their curve graduates; sell in tiers, never hold for long."""

from strategies.graduation_sniper.settings import GraduationSniperSettings
from strategies.graduation_sniper.strategy import GraduationSniper
from strategies.graduation_sniper.view import GraduationSniperView

__all__ = ["GraduationSniper", "GraduationSniperSettings", "GraduationSniperView"]
