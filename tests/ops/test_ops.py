"""What is shipped for operation fits what the kernel has: rules, dashboards, service, made files as committed."""

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kernel.compose.ops import OPS, main, ops_command, ops_files
from kernel.compose.ops_dashboards import COLUMNS, DATASOURCE, board_json, boards
from kernel.compose.ops_rules import rules, rules_yaml
from kernel.metrics.metric_catalogue import CATALOGUE
from tests.ops.promql import flaws, read

NEEDED = {
    "FeedStale", "LoopLag", "Drawdown", "KillSwitchOn", "OrphanLeg", "UnknownOrder", "RpcPoolExhausted",
    "DatabaseBehind", "NoGas", "LogLinesDropped", "KernelDown",
}  # fmt: skip


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of everything that is shipped."""
    for group in yaml.safe_load((OPS / "prometheus/rules/kernel.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for path in sorted((OPS / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def test_every_expression_names_metrics_labels_and_kinds_that_exist() -> None:
    found = {f"{where}: {expr}": flaws(expr) for where, expr in expressions()}
    assert {where: flawed for where, flawed in found.items() if flawed} == {}
    assert len(found) > 100


@pytest.mark.parametrize(
    ("expr", "flaw"),
    [
        ("kernel_nothing > 1", "there is no metric kernel_nothing"),
        ('kernel_pnl_usd{strategy="a"}', "kernel_pnl_usd has no label strategy"),
        ("rate(kernel_pnl_usd[5m])", "rate over the gauge kernel_pnl_usd"),
        ("kernel_strategy_fills_total > 1", "stands without rate"),
        ("sum by (venue) (rate(kernel_strategy_fills_total[5m]))", "grouped by venue"),
        ("rate(kernel_strategy_fills_total)", "has no range"),
        ("histogram_quantile(0.9, rate(kernel_loop_lag_seconds[5m]))", "there is no metric kernel_loop_lag_seconds"),
    ],
)
def test_the_check_sees_what_is_wrong(expr: str, flaw: str) -> None:
    assert any(flaw in each for each in flaws(expr)), flaws(expr)


@pytest.mark.parametrize("expr", ["", "(kernel_ready", "kernel_ready)", 'kernel_ready{a"b"}', "kernel_ready ? 1", "1"])
def test_what_is_no_expression_is_refused(expr: str) -> None:
    with pytest.raises(ValueError):
        read(expr)


def test_made_files_are_as_committed(tmp_path: Path) -> None:
    assert {name: (OPS / name).read_text() for name in ops_files()} == ops_files()
    committed = {path.relative_to(OPS).as_posix() for path in (OPS / "grafana/dashboards").glob("*.json")}
    assert committed == {name for name in ops_files() if name.endswith(".json")}


def test_the_command_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    parts = {"out": tmp_path}
    assert ops_command(argparse.Namespace(**parts, check=True)) == 1
    assert ops_command(argparse.Namespace(**parts, check=False)) == 0
    assert ops_command(argparse.Namespace(**parts, check=True)) == 0
    (tmp_path / "prometheus/rules/kernel.yml").write_text("groups: []\n")
    assert ops_command(argparse.Namespace(**parts, check=True)) == 1
    assert "differs" in capsys.readouterr().out
    assert callable(main)


def test_every_alert_says_what_and_what_to_do() -> None:
    names = [rule.name for rule in rules()]
    assert len(set(names)) == len(names) and set(names) >= NEEDED
    loaded = yaml.safe_load(rules_yaml())
    made = {each["alert"]: each for group in loaded["groups"] for each in group["rules"]}
    for rule in rules():
        assert made[rule.name]["expr"] == rule.expr
        assert rule.severity in ("warning", "critical") and re.fullmatch(r"[0-9]+[mh]", rule.hold)
        assert rule.summary.endswith(".") and rule.action.endswith(".")
        labels = set(re.findall(r"\$labels\.(\w+)", rule.summary + rule.action))
        known = {label for use in read(rule.expr).uses for label in CATALOGUE[use.series].labels} if labels else set()
        assert labels <= known, rule.name


def test_dashboards_fit_their_grid_and_look_at_one_datasource() -> None:
    uids = [board.uid for board in boards()]
    assert len(set(uids)) == len(uids)
    for board in boards():
        table: dict[str, Any] = json.loads(board_json(board))
        taken: set[tuple[int, int]] = set()
        for panel in table["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= COLUMNS
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, f"{board.uid}: {panel['title']} lies on another"
            taken |= cells
            assert {str(each["datasource"]) for each in [panel, *panel["targets"]]} == {str(DATASOURCE)}
        assert len({panel["id"] for panel in table["panels"]}) == len(table["panels"])


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {use.series for _, expr in expressions() for use in read(expr).uses}
    assert {name for name in CATALOGUE if name not in shown and f"{name}_bucket" not in shown} == set()


def test_provisioning_fits_the_dashboards() -> None:
    sources = yaml.safe_load((OPS / "grafana/provisioning/datasources/kernel.yml").read_text())
    assert sources["datasources"][0]["uid"] == DATASOURCE["uid"]
    providers = yaml.safe_load((OPS / "grafana/provisioning/dashboards/kernel.yml").read_text())
    assert providers["providers"][0]["type"] == "file" and providers["providers"][0]["options"]["path"]


def test_prometheus_scrapes_the_job_that_the_rules_look_for() -> None:
    config = yaml.safe_load((OPS / "prometheus/prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert (
        job["job_name"] == "kernel" and job["metrics_path"] == "/metrics" and job["authorization"]["type"] == "Bearer"
    )
    assert config["rule_files"] == ["rules/*.yml"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_agrees() -> None:
    subprocess.run(["promtool", "check", "rules", str(OPS / "prometheus/rules/kernel.yml")], check=True, timeout=60)


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(OPS / "systemd/kernel.service")
    return parser


def test_the_service_gives_the_master_key_as_a_credential_and_little_else() -> None:
    service = unit()["Service"]
    assert service["LoadCredential"].startswith("kernel_master_key:/")
    assert service["User"] != "root"
    for name, value in (
        ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("ProtectHome", "yes"), ("LimitCORE", "0"),
        ("CapabilityBoundingSet", ""), ("KillMode", "mixed"), ("UMask", "0077"), ("StateDirectoryMode", "0700"),
    ):  # fmt: skip
        assert service[name] == value
    assert not any("KEY=" in line for line in (OPS / "systemd/kernel.service").read_text().splitlines())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_knows_every_line_of_the_service() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(OPS / "systemd/kernel.service")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    unknown = [line for line in done.stderr.splitlines() if "Unknown" in line or "Failed to parse" in line]
    assert unknown == []
