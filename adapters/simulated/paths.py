"""Prices and premiums second by second, before anybody quotes them. The last price is the first: a loop has no seam."""

from adapters.simulated.draws import Draws
from adapters.simulated.scenario import ASSETS, LENGTH_S, SPELLS, Asset, spell_at

CALM_SIGMA = 0.00009  #: standard deviation of a second's move: about 50 % a year
PREMIUM_PULL = 1 / 900  #: per second, towards the regime's level
PREMIUM_SIGMA = 0.0000075  #: per root second
FLOOR, CEILING = 0.5, 1.8  #: of the wandering part of volatility


class Paths:
    """`price[name][second]` in USDC and `premium[name][second]` as a fraction (perp over spot)."""

    def __init__(self, seed: int) -> None:
        self.speed = _speeds(Draws(seed, "volatility"))
        jumps = _jumps(Draws(seed, "jumps"))
        common = Draws(seed, "common")
        moves = [common.bell() for _ in range(LENGTH_S)]
        self.price: dict[str, list[float]] = {}
        self.premium: dict[str, list[float]] = {}
        for asset in ASSETS:
            self.price[asset.name] = _path(asset, Draws(seed, f"path {asset.name}"), moves, self.speed, jumps)
            self.premium[asset.name] = _premium(asset, Draws(seed, f"premium {asset.name}"), self.speed)


def _speeds(draws: Draws) -> list[float]:
    """Times the calm standard deviation: a slow wander, times the spell's factor."""
    level = 1.0
    speeds = []
    for second in range(LENGTH_S):
        level = min(CEILING, max(FLOOR, level + (1.0 - level) / 3_600 + 0.008 * draws.bell()))
        spell = spell_at(second)
        speeds.append(level * (spell.speed if spell is not None else 1.0))
    return speeds


def _jumps(draws: Draws) -> dict[int, float]:
    """Moves at once, as fractions, by second; a jump takes three seconds to unfold."""
    jumps: dict[int, float] = {}
    for spell in SPELLS:
        for number in range(spell.jumps):
            width = (spell.end_s - spell.start_s - 120) // spell.jumps
            second = spell.start_s + 60 + number * width + draws.whole(0, width - 5)
            size = spell.jump_pct / 100 * draws.between(0.7, 1.3) * (1 if draws.is_so(0.5) else -1)
            for part in range(3):
                jumps[second + part] = size / 3
    return jumps


def _path(asset: Asset, draws: Draws, moves: list[float], speeds: list[float], jumps: dict[int, float]) -> list[float]:
    price = asset.start_price
    path = []
    for second in range(LENGTH_S):
        path.append(price)
        move = CALM_SIGMA * speeds[second] * (asset.beta * moves[second] + asset.own * draws.bell())
        price *= 1.0 + move + asset.beta * jumps.get(second, 0.0)
    missing = asset.start_price / price - 1.0
    return [each * (1.0 + missing * second / LENGTH_S) for second, each in enumerate(path)]


def _premium(asset: Asset, draws: Draws, speeds: list[float]) -> list[float]:
    premium = asset.premium_at(0)
    path = []
    for second in range(LENGTH_S):
        path.append(premium)
        pull = (asset.premium_at(second) - premium) * PREMIUM_PULL
        premium += pull + PREMIUM_SIGMA * speeds[second] * draws.bell()
    return path
