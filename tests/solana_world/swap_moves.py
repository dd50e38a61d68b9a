"""What hypothesis draws for swaps in pools of the world."""

from hypothesis import strategies as st

from tests.solana_world.swap_trial import Move


@st.composite
def moves(draw: st.DrawFn, digits_max: int = 13) -> Move:
    """Amounts over all magnitudes, pauses around the periods of moving fees."""
    digits = draw(st.integers(0, digits_max))
    amount = draw(st.integers(10**digits, 10 ** (digits + 1)))
    return Move(draw(st.booleans()), amount, draw(st.sampled_from((0, 1, 31, 650, 4_000))))
