"""`make bench` and `make bench-peers`: prints the figures with their ratios and writes bench.json. Gates nothing."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.bench.feed import feed, quotes
from tests.bench.measure import (
    PROJECT,
    Row,
    dispatch,
    floor,
    live_latency,
    orders_scale,
    recording,
    replay_once,
    write_log,
)
from tests.bench.observe import logging_cost, metrics_slice

TICKS, TICKS_TEN = 1_000_000, 300_000
PEER_VENV = PROJECT / ".venv-peers"
NAUTILUS = "nautilus_trader==1.231.0"


def peer_python() -> Path:
    """The interpreter of the peers' venv, made on first use: NautilusTrader needs Python 3.12 or newer."""
    python = PEER_VENV / "bin" / "python"
    if python.exists():
        return python
    candidates = [shutil.which(name) for name in ("python3.12", "python3.13", "python3.14")]
    candidates += [str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.1[234]*/bin/python"))]
    for each in candidates:
        if each and subprocess.run([each, "--version"], capture_output=True, check=False).returncode == 0:
            subprocess.run([each, "-m", "venv", str(PEER_VENV)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, "-r", str(PROJECT / "requirements.lock")], check=True)
            subprocess.run([*pip, NAUTILUS], check=True)
            return python
    raise SystemExit("bench-peers: no Python 3.12 or newer found; NautilusTrader needs one")


def nautilus(python: Path, ticks: int, strategies: int) -> dict[str, float]:
    """Its best of two runs."""
    script = PROJECT / "tests" / "bench" / "peers" / "nautilus_two_mids.py"
    runs = [
        json.loads(
            subprocess.check_output([str(python), str(script), str(ticks), str(strategies)], text=True).splitlines()[-1]
        )
        for _ in range(2)
    ]
    best: dict[str, float] = min(runs, key=lambda run: run["cpu_s"])
    return best


def replay_rows(folder: Path, is_with_peers: bool) -> list[Row]:
    """Replay speed against the decode floor, and against NautilusTrader where asked."""
    rows = []
    python = str(peer_python()) if is_with_peers else sys.executable
    for strategies, ticks in ((1, TICKS), (10, TICKS_TEN)):
        log = write_log(folder / f"quotes-{ticks}.evl", quotes(ticks))
        ours = replay_once(log, strategies, python)
        rate = ours["events"] / ours["cpu_s"]
        name = f"replay, {strategies} strateg{'y' if strategies == 1 else 'ies'}, gate and fills on"
        rows.append(Row(name=name, value=rate, unit="events/CPU s", against="decode floor", ratio=rate / floor(log)))
        print(f"  ({ours['orders']:.0f} orders, {ours['fills']:.0f} fills, Python {ours['python']})")
        if is_with_peers:
            theirs = nautilus(Path(python), ticks, strategies)
            peer = theirs["ticks"] / theirs["cpu_s"]
            print(f"  (NautilusTrader: {peer:,.0f}/s, {theirs['orders']:.0f} orders, {theirs['rss_mb']:.0f} MB)")
            rows.append(Row(name=name, value=rate, unit="events/CPU s", against=NAUTILUS, ratio=rate / peer))
    return rows


def memory_row(folder: Path, events: int) -> Row:
    """Memory of replaying a long log above what imports take."""
    log = write_log(folder / "long.evl", feed(events))
    command = [sys.executable, "-m", "tests.bench.replay_once", str(log), "1"]
    done = json.loads(subprocess.check_output(command, cwd=PROJECT, text=True))
    above = done["rss_mb"] - done["import_mb"]
    return Row(
        name=f"replaying {events:,} events, memory above import",
        value=above,
        unit="MB",
        against="bar 150",
        ratio=150 / max(above, 1.0),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="add NautilusTrader's rows (builds .venv-peers)")
    parser.add_argument("--events", type=int, default=10_000_000, help="length of the memory run")
    arguments = parser.parse_args()
    rows: list[Row] = []

    def show(found: list[Row]) -> None:
        for row in found:
            ratio = "" if row.ratio is None else f"{row.ratio:8.2f}x"
            print(f"{row.name:58} {row.value:14,.1f} {row.unit:14} {ratio} against {row.against}", flush=True)
        rows.extend(found)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        show(dispatch())
        show(recording())
        show([orders_scale()])
        show([live_latency()])
        show(logging_cost())
        show([metrics_slice()])
        show(replay_rows(folder, arguments.peers))
        show([memory_row(folder, arguments.events)])
    Path("bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    print("bench.json written")


if __name__ == "__main__":
    main()
