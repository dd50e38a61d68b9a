import argparse
import csv
import json
from pathlib import Path

import pytest

from kernel.compose.live import BUNDLED_LOG
from kernel.compose.sweep_arguments import add_arguments
from kernel.compose.sweep_command import command, parse_vary
from kernel.errors import ConfigError

VARY = "drift_funding_arb.perp_taker_fee_bps=1,50"


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    asked = ["--profile", "demo", "--strategy", "drift_funding_arb", *words]
    return command(parser.parse_args([str(BUNDLED_LOG), *asked]))


@pytest.mark.slow
def test_a_sweep_prints_each_combination_and_writes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, kept = tmp_path / "out.csv", tmp_path / "kept"
    assert run("--vary", VARY, "--out", str(out), "--keep", str(kept)) == 0
    assert capsys.readouterr().out.count("\n") == 3
    rows = list(csv.DictReader(out.open()))
    assert [row["drift_funding_arb.perp_taker_fee_bps"] for row in rows] == ["1", "50"]
    assert rows[0]["pnl_usd"] != rows[1]["pnl_usd"] and rows[0]["error"] == ""
    assert run("--vary", VARY, "--keep", str(kept), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["simulated"] is True and [cell["is_reused"] for cell in told["cells"]] == [True, True]
    assert [cell["figures"]["pnl_usd"] for cell in told["cells"]] == [row["pnl_usd"] for row in rows]


def test_wrong_input_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"expected strategy\.key=a,b,c"):
        parse_vary("nonsense")
    with pytest.raises(ConfigError, match="found 3"):
        run("--vary", VARY, "--vary", "paper.latency_ms=1", "--vary", "paper.unknown_ms=1")
    with pytest.raises(ConfigError, match="a number from"):
        run("--vary", "drift_funding_arb.perp_taker_fee_bps=-5000")
