from bus.clock import NS_PER_S
from kernel.compose.replay_pace import Pace


def test_the_first_word_tells_no_pace() -> None:
    assert Pace().told(0, 0, 100) == (0.0, None)


def test_a_steady_run_is_foretold_exactly() -> None:
    pace = Pace()
    for second in range(20):
        told = pace.told(second * NS_PER_S, second * 50, 2_000)
    assert told == (50.0, 21_000)


def test_a_change_of_pace_shows_within_the_window() -> None:
    pace = Pace()
    for second in range(20):
        pace.told(second * NS_PER_S, second * 50, 10_000)
    for second in range(20, 40):
        rate, _ = pace.told(second * NS_PER_S, 1_000 + (second - 20) * 200, 10_000)
    assert rate == 200.0


def test_what_stands_still_has_no_end_in_sight() -> None:
    pace = Pace()
    pace.told(0, 10, 100)
    assert pace.told(NS_PER_S, 10, 100) == (0.0, None)
