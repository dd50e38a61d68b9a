"""Random numbers of the simulated market."""

from adapters.simulated.draws import Draws


def test_streams_of_a_seed_are_separate_and_repeatable():
    first, again, other = (Draws(1, name) for name in ("a", "a", "b"))
    numbers = [first.unit() for _ in range(5)]
    assert numbers == [again.unit() for _ in range(5)]
    assert numbers != [other.unit() for _ in range(5)]


def test_the_first_number_of_a_stream_is_the_same_on_every_platform():
    assert Draws(9, "chain").unit() == 0.6917121432327162


def test_the_bell_has_mean_zero_and_variance_one():
    draws = Draws(1, "bell")
    numbers = [draws.bell() for _ in range(20_000)]
    mean = sum(numbers) / len(numbers)
    assert abs(mean) < 0.03
    assert abs(sum((each - mean) ** 2 for each in numbers) / len(numbers) - 1) < 0.03


def test_whole_numbers_reach_both_ends_and_heavy_ones_are_cut():
    draws = Draws(1, "ends")
    assert {draws.whole(1, 3) for _ in range(200)} == {1, 2, 3}
    sizes = [draws.heavy(10.0, 500.0) for _ in range(2_000)]
    assert min(sizes) >= 10.0 and max(sizes) == 500.0
