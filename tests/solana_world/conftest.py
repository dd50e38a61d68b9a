"""A world and a client of it for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.solana_world.client import Client, open_client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Stepped by hand; the block engine allows any number of requests."""
    async with open_client(seed=7, jito_per_s=0.0) as found:
        yield found
