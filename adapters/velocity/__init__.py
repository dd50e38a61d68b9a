"""Velocity, the successor of Drift v2: accounts, funding, orders and health of its perp markets."""

from adapters.velocity.health import HealthFacts, HealthRules, check_health
from adapters.velocity.orders import OrderBuilder
from adapters.velocity.program import Addresses, velocity, velocity_from
from adapters.velocity.venue import VelocityVenue

__all__ = [
    "Addresses",
    "HealthFacts",
    "HealthRules",
    "OrderBuilder",
    "VelocityVenue",
    "check_health",
    "velocity",
    "velocity_from",
]
