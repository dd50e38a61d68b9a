import pytest

from kernel.compose.live import BUNDLED_LOG
from kernel.compose.replay_check import check_job
from kernel.compose.replay_worker import core_spec, run_key, thinned
from kernel.errors import ConfigError
from kernel.replay_job import JobRefused, JobSpec, Vary


def job(*assignments: str, **fields: object) -> JobSpec:
    return JobSpec(mode="simulate", log="sample:demo.evl", profile="demo", assignments=assignments, **fields)  # type: ignore[arg-type]


def test_a_job_travels_to_the_worker_without_loss() -> None:
    base, is_bare = check_job(job(), BUNDLED_LOG)
    assert base is not None and not is_bare
    spec = core_spec(base)
    assert spec.settings_table() == base.settings and spec.seed == 7
    assert [each.kind.name for each in spec.strategies] == ["cex_dex_arb", "drift_funding_arb"]


def test_bare_defaults_are_told_as_such() -> None:
    _, is_bare = check_job(JobSpec(mode="simulate", log="x"), BUNDLED_LOG)
    assert is_bare


def test_each_value_of_a_sweep_is_checked_against_its_declaration() -> None:
    spec = JobSpec(
        mode="sweep", log="x", profile="demo", vary=(Vary(path="cex_dex_arb.min_profit_usd", values=("1", "0", "-2")),)
    )
    with pytest.raises(JobRefused, match=r"from 0\.01 to 100,000") as refused:
        check_job(spec, BUNDLED_LOG)
    assert list(refused.value.errors) == ["cex_dex_arb.min_profit_usd"]


def test_a_setting_of_a_strategy_that_does_not_run_is_told() -> None:
    spec = job("drift_funding_arb.min_rate_coverage_pct=50", strategies=("cex_dex_arb",))
    with pytest.raises(ConfigError, match="drift_funding_arb is not part of this run"):
        check_job(spec, BUNDLED_LOG)


def test_the_key_follows_log_settings_seed_and_overrides() -> None:
    base, _ = check_job(job(), BUNDLED_LOG)
    assert base is not None
    spec = core_spec(base)
    key = run_key("aa", spec, ())
    assert key == run_key("aa", core_spec(base), ())
    base.settings["paper"]["latency_ms"] = 1
    changed = core_spec(base)
    assert len({key, run_key("bb", spec, ()), run_key("aa", changed, ()), run_key("aa", spec, ("paper.x=1",))}) == 4


@pytest.mark.parametrize("count", [0, 1, 599, 600, 601, 1_199, 1_201, 4_000])
def test_a_thinned_curve_keeps_its_ends_and_its_order(count: int) -> None:
    points = [(at, str(at)) for at in range(count)]
    kept = thinned(points, 600)
    assert len(kept) <= 600 and kept == sorted(kept) and set(kept) <= set(points)
    if points:
        assert kept[-1] == points[-1] and kept[0] == points[0]
