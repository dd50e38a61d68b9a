"""Derived addresses of a pool that everybody knows: SOL/USDC, tick spacing 64."""

import pytest
from solders.pubkey import Pubkey

from adapters.orca.addresses import oracle_address, tick_array_address

POOL = Pubkey.from_string("HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ")


@pytest.mark.parametrize(
    ("start", "address"),
    [
        (-11_264, "81T5kNuPRkyVzhwbe2RpKR7wmQpGJ7RBkGPdTqyfa5vq"),
        (0, "JCpxMSDRDPBMqjoX7LkhMwro2y6r85Q8E6p5zNdBZyWa"),
        (5_632, "BW2Mr823NUQN7vnVpv5E6yCTnqEXQ3ZnqjZyiywXPcUp"),
    ],
)
def test_a_tick_array_lies_where_the_program_derives_it(start: int, address: str) -> None:
    assert str(tick_array_address(POOL, start)) == address


def test_the_oracle_lies_off_the_curve_and_is_the_pools_own() -> None:
    assert not oracle_address(POOL).is_on_curve()
    assert oracle_address(POOL) != oracle_address(Pubkey.default())
