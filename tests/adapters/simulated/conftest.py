"""The demo's market, made once for all tests here."""

import pytest

from adapters.simulated.market import simulated_market
from bus.events import Event
from kernel.compose.sample import DEMO_SEED


@pytest.fixture(scope="session")
def events() -> list[Event]:
    return list(simulated_market(DEMO_SEED))
