"""`python -m tests.replay.digest_of LOG RUNS`: simulate a log and print one digest a line. Run by `test_digest`."""

import sys
from pathlib import Path

from msgspec.structs import replace

from kernel.core import StrategySpec
from kernel.replay import simulate
from persistence.event_log import EventLogReader
from tests.bench.two_mids import TwoMids
from tests.kernel.puppet import WIDE
from tests.replay.recording import spec


def digest_of(path: Path) -> str:
    """Of the strategies of `recording` and the one of the benchmarks."""
    made = spec("sim")
    load = StrategySpec(kind=TwoMids, settings={"every": 20}, limits=WIDE)
    return simulate(EventLogReader(path), replace(made, strategies=(*made.strategies, load))).digest


if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        print(digest_of(Path(sys.argv[1])))
