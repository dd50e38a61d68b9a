"""The command line as scripts use it: fast help, exit codes, one clear error line, stable JSON, one report file."""

import json
import os
import re
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.events import Event
from kernel.__main__ import main
from kernel.compose.registry import spec_of_profile
from kernel.log import LogHeader
from kernel.profile import load_profile
from persistence.event_log import EventLogWriter
from tests.bench.feed import START_NS, feed, listings
from tests.replay.recording import Recording, rewrite
from tests.shared_data import PROJECT

STRATEGY_KEYS = {
    "seen", "priced", "intents", "denied", "orders", "fills", "why_not", "pnl_usd", "costs", "max_drawdown_usd",
    "positions",
}  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "a.evl"
    writer = EventLogWriter(
        path, LogHeader(run="import", created_ts_ns=0, code_version="0", profile="import", note="made")
    )
    for seq, event in enumerate([*listings(), *feed(2000)], start=1):
        writer.append(seq, False, event)
    writer.close()
    return path


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kernel", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a refusal; exit code 2, nothing on stdout, no traceback."""
    code = main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    return lines[0]


# help


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"], ["run", "--help"], ["import", "--help"]])
def test_help_comes_within_half_a_second(arguments: list[str]) -> None:
    best = 9.0
    for _ in range(3):
        started = time.monotonic()
        done = _run(*arguments)
        best = min(best, time.monotonic() - started)
        assert done.returncode == 0 and "usage: python -m kernel" in done.stdout
        if best < 0.5:
            break
    assert best < 0.5


def test_help_needs_no_heavy_package() -> None:
    heavy = "('msgspec', 'asyncio', 'starlette')"
    text = f"import sys, kernel.__main__ as m; m._parser(); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_command_of_the_issue_is_there() -> None:
    done = _run("--help")
    for command in ("run", "replay", "import", "log", "check", "db", "doctor"):
        assert re.search(rf"^\s+{command}\s", done.stdout, re.MULTILINE), command


def test_a_wrong_use_ends_with_2_and_usage() -> None:
    for arguments in (["fly"], [], ["replay"], ["replay", "x", "--mode", "guess"], ["db", "drop"], ["log"]):
        done = _run(*arguments)
        assert done.returncode == 2 and done.stderr.startswith("usage: "), arguments


def test_an_error_through_the_real_process_has_its_code_and_one_line(tmp_path: Path) -> None:
    done = _run("replay", str(tmp_path / "nothing.evl"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")


# errors


@pytest.mark.parametrize(
    "command", [["replay"], ["replay", "--mode", "verify"], ["log", "info"], ["log", "cat"], ["log", "export"]]
)
def test_a_log_that_is_not_there_or_no_log_is_named(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def arguments(path: Path) -> list[object]:
        return [command[0], command[1], path] if command[0] == "log" else ["replay", path, *command[1:]]

    missing, wrong, empty = tmp_path / "nothing.evl", tmp_path / "wrong.evl", tmp_path / "empty"
    wrong.write_bytes(b"PK\x03\x04 not a log")
    empty.mkdir()
    assert f"{missing}: no such file" in _refused(capsys, *arguments(missing))
    assert f"{wrong}: not an event log" in _refused(capsys, *arguments(wrong))
    assert "no event log here" in _refused(capsys, *arguments(empty))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "cex_dex_arb.min_profit_usd"], "expected strategy.key=value"),
        (["--set", "cex_dex_arb=3"], "expected strategy.key=value"),
        (
            ["--set", "moon.size=3"],
            "'moon' is not a strategy of this run (cex_dex_arb, drift_funding_arb, graduation_sniper, solana_arb)",
        ),
        (["--set", "cex_dex_arb.colour=red"], "colour"),
        (["--set", "cex_dex_arb.min_profit_usd=much"], "min_profit_usd"),
        (["--set", "cex_dex_arb.min_profit_usd=-1"], "min_profit_usd"),
        (["--set", "cex_dex_arb.limits.max_notional_usd=1e99"], "max_notional_usd"),
        (["--set", "risk.budget_usd=NaN"], "budget_usd"),
        (["--set", "paper.latency_ms=0"], "latency_ms"),
        (["--strategy", "moon"], "no strategy 'moon'; known: cex_dex_arb, drift_funding_arb"),
        (["--mode", "verify", "--set", "risk.budget_usd=1"], "--mode verify"),
    ],
)
def test_a_wrong_setting_or_strategy_is_named(
    arguments: list[str], message: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in _refused(capsys, "replay", log, *arguments)


def test_a_report_that_cannot_be_written_is_one_error(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no/such" in _refused(capsys, "replay", log, "--report", tmp_path / "no/such/place.html")


def test_an_unknown_event_type_lists_the_known_ones(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = _refused(capsys, "log", "cat", log, "--type", "qoute")
    assert "--type qoute: no such event type; known: accepted," in line and "quote" in line


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("", "log"),
        ("[log]\nname = ", "Invalid value"),
        ('[log]\nname = "x"\ncolour = 1\n', "colour"),
    ],
)
def test_a_bad_manifest_is_one_error_and_leaves_nothing(
    manifest: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(manifest)
    line = _refused(capsys, "import", path, "--root", tmp_path, "--out", tmp_path / "out.evl")
    assert str(path) in line and message in line
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bad.toml"]


def test_a_manifest_that_is_not_there_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.toml" in _refused(
        capsys, "import", tmp_path / "none.toml", "--root", tmp_path, "--out", tmp_path / "out.evl"
    )


def test_an_import_never_overwrites(tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = log.read_bytes()
    line = _refused(capsys, "import", tmp_path / "x.toml", "--root", tmp_path, "--out", log)
    assert "exists already" in line
    assert log.read_bytes() == before


def test_a_failing_import_leaves_no_half_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = PROJECT / "samples" / "imports" / "drift-funding.toml"
    line = _refused(capsys, "import", manifest, "--root", tmp_path, "--out", tmp_path / "out.evl")
    assert str(tmp_path) in line
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_profile_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "check"):
        assert "no profile 'nightly'; known:" in _refused(
            capsys, command, "--profile", "nightly", "--data", tmp_path, "--no-db"
        )


def test_a_profile_with_an_absurd_setting_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "x"\ntitle = "X"\nmode = "PAPER"\n[feed]\nkind = "none"\n[web]\nenabled = false\n'
        "[strategies.cex_dex_arb]\nenabled = true\n[strategies.cex_dex_arb.settings]\nmin_profit_usd = -5\n"
    )
    assert "min_profit_usd" in _refused(capsys, "run", "--profile", path, "--data", tmp_path / "d", "--no-db")


# replay


def _replayed(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["replay", *(str(each) for each in arguments), "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    plain: dict[str, Any] = json.loads(out)
    return plain


def test_replay_prints_one_object_with_the_promised_keys(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = _replayed(capsys, log)
    assert {"events", "seconds", "digest", "strategies"} <= set(plain)
    assert (plain["events"], plain["mode"], plain["simulated"]) == (2003, "simulate", True)
    assert re.fullmatch(r"[0-9a-f]{64}", plain["digest"])
    assert set(plain["strategies"]) == {"cex_dex_arb", "drift_funding_arb", "graduation_sniper", "solana_arb"}
    for row in plain["strategies"].values():
        assert set(row) >= STRATEGY_KEYS
        assert set(row["costs"]) == {"fees", "gas", "slippage", "funding"}
        for text in (*row["costs"].values(), row["pnl_usd"], row["max_drawdown_usd"]):
            assert isinstance(text, str) and Decimal(text).is_finite()
        assert (
            isinstance(row["denied"], dict) and isinstance(row["why_not"], dict) and isinstance(row["positions"], list)
        )


def test_replay_takes_chosen_strategies_and_settings(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = _replayed(capsys, log, "--strategy", "cex_dex_arb")
    assert list(one["strategies"]) == ["cex_dex_arb"]
    again = _replayed(capsys, log, "--strategy", "cex_dex_arb")
    assert again["digest"] == one["digest"]
    other = _replayed(capsys, log, "--strategy", "cex_dex_arb", "--set", "paper.quote_balance_usd=5")
    assert other["digest"] != one["digest"]


def test_verify_of_market_data_says_that_there_is_nothing_to_verify(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds market data and no recorded run" in _refused(capsys, "replay", log, "--mode", "verify")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A run of both strategies as the demo profile would record it."""
    spec = spec_of_profile(load_profile("demo", {}), "r0001")
    Recording(tmp_path / "log", "r0001", spec).play([*listings(), *feed(3000)]).close()
    return tmp_path / "log"


def test_verify_of_a_recorded_run_is_identical_with_exit_0(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = _replayed(capsys, recorded, "--mode", "verify")
    assert (plain["mode"], plain["identical"], plain["difference"], plain["runs"]) == ("verify", True, None, 1)
    assert main(["replay", str(recorded), "--mode", "verify"]) == 0
    assert capsys.readouterr().out.startswith("identical: ")


def test_verify_of_an_altered_run_names_the_seq_with_exit_1(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = recorded.glob("*.evl")
    altered: list[int] = []

    def change(seq: int, is_derived: bool, event: Event) -> Event:
        if is_derived and not altered:
            altered.append(seq)
            return msgspec.structs.replace(event, ts_ns=event.ts_ns + 1)
        return event

    rewrite(path, change)
    assert main(["replay", str(recorded), "--mode", "verify", "--json"]) == 1
    plain = json.loads(capsys.readouterr().out)
    assert (plain["identical"], plain["difference"]["seq"]) == (False, altered[0])
    assert main(["replay", str(recorded), "--mode", "verify"]) == 1
    assert f"DIFFERENT at seq {altered[0]}" in capsys.readouterr().out


def test_the_report_is_one_file_that_needs_nothing_else(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.html"
    assert main(["replay", str(log), "--report", str(out)]) == 0
    assert f"report: {out}" in capsys.readouterr().out
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]
    text = out.read_text()
    assert text.lower().startswith("<!doctype html>")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert "@import" not in text and "<link" not in text
    for part in ("cex_dex_arb", "drift_funding_arb", "made"):
        assert part in text


# logs


def test_cat_prints_json_lines_of_a_type_from_a_seq(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "cat", str(log), "--type", "quote", "--from-seq", "100", "--limit", "5"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 5
    assert all(row["type"] == "quote" and row["seq"] >= 100 and row["derived"] is False for row in rows)
    assert rows[0]["ts_ns"] > START_NS


def test_info_counts_and_names(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "info", str(log)]) == 0
    out = capsys.readouterr().out
    assert "2,003 events (0 derived)" in out and "note: made" in out and "quote" in out


def test_a_reader_that_hangs_up_is_no_error(log: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m kernel log cat {log} | head -1"],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
