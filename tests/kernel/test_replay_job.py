import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import ConfigError
from kernel.replay_job import CELLS_MAX, JobSpec, Vary, cell_assignments, cells_of, check_shape


def sweep(*vary: Vary) -> JobSpec:
    return JobSpec(mode="sweep", log="run", vary=vary, assignments=("a.z=1",))


def test_cells_run_row_by_row_and_their_settings_stand_behind_the_job_s() -> None:
    spec = sweep(Vary(path="a.x", values=("1", "2")), Vary(path="a.y", values=("p", "q", "r")))
    cells = cells_of(spec)
    assert [cell.index for cell in cells] == list(range(6))
    assert cells[4].values == ("2", "q")
    assert cell_assignments(spec, cells[4]) == ("a.z=1", "a.x=2", "a.y=q")


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_sweep_is_taken_up_to_the_limit_and_refused_beyond_it(rows: int, columns: int) -> None:
    spec = sweep(
        Vary(path="a.x", values=tuple(map(str, range(rows)))), Vary(path="a.y", values=tuple(map(str, range(columns))))
    )
    if rows * columns <= CELLS_MAX:
        assert check_shape(spec) is spec and len(cells_of(spec)) == rows * columns
    else:
        with pytest.raises(ConfigError, match=f"{rows} × {columns} = {rows * columns} runs, the limit is {CELLS_MAX}"):
            check_shape(spec)


X = Vary(path="a.x", values=("1",))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (sweep(), "expected 1 or 2 settings to vary, found 0"),
        (sweep(X, X), "a.x is varied twice"),
        (sweep(X, Vary(path="a.y", values=())), "a.y has no values"),
        (sweep(Vary(path="a.x", values=("1", "1"))), "the same value twice"),
        (JobSpec(mode="simulate", log="run", vary=(X,)), "belong to a sweep"),
        (JobSpec(mode="verify", log="run", assignments=("a.b=1",)), "do not apply"),
        (JobSpec(mode="simulate", log="run", assignments=("a.b=1",) * 41), "at most 40, found 41"),
        (JobSpec(mode="simulate", log="run", assignments=("a.b=" + "1" * 500,)), "at most 400 characters"),
        (JobSpec(mode="simulate", log="run", name="n" * 81), "at most 80 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(spec: JobSpec, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        check_shape(spec)
