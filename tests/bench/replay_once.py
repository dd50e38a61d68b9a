"""One timed replay in a process of its own; prints one JSON object.

Usage: python -m tests.bench.replay_once LOG STRATEGIES
"""

import json
import sys
import time
from pathlib import Path
from types import FunctionType

from kernel.core import CoreSpec, StrategySpec
from kernel.replay import simulate
from persistence.event_log import EventLogReader
from tests.bench.two_mids import TwoMids

LIMITS = {
    "budget_usd": 1e6,
    "max_notional_usd": 1e5,
    "max_position_usd": 1e6,
    "max_gross_exposure_usd": 1e6,
    "max_open_orders": 1000,
    "max_orders_per_minute": 6000,
    "max_daily_loss_usd": 1e6,
    "max_drawdown_pct": 50.0,
    "max_consecutive_failures": 1000,
    "cooldown_after_loss_s": 0,
}


def spec(strategies: int, every: int = 1000) -> CoreSpec:
    """Copies of the load strategy under limits that let every order pass the gate's full set of checks."""
    kinds = [_copy(number) for number in range(strategies)]
    return CoreSpec(
        run="bench",
        strategies=tuple(StrategySpec(kind=kind, settings={"every": every}, limits=LIMITS) for kind in kinds),
        global_limits=LIMITS,
        paper={"quote_balance_usd": 1e8, "base_balance_usd": 1e7},
    )


def _copy(number: int) -> type[TwoMids]:
    """A class of its own with code of its own, as ten different strategies have: the interpreter adapts to each."""
    own = {
        name: FunctionType(part.__code__.replace(), part.__globals__, name, part.__defaults__, part.__closure__)
        for name, part in vars(TwoMids).items()
        if isinstance(part, FunctionType) and name != "__init__"
    }
    return type(f"TwoMids{number}", (TwoMids,), {**own, "name": f"two_mids_{number}"})


def _memory_mb(field: str) -> float:
    """Of this program alone: `ru_maxrss` would start from the size of the process that forked it."""
    status = Path("/proc/self/status").read_text()
    return float(status.split(f"{field}:")[1].split()[0]) / 1024


def main() -> None:
    path, strategies = Path(sys.argv[1]), int(sys.argv[2])
    base_mb = _memory_mb("VmRSS")
    reader = EventLogReader(path)
    began = time.process_time()
    done = simulate(reader, spec(strategies))
    cpu_s = time.process_time() - began
    slots = done.core.runner.slots.values()
    print(
        json.dumps(
            {
                "events": done.events,
                "strategies": strategies,
                "cpu_s": cpu_s,
                "orders": sum(slot.intents for slot in slots),
                "approved": sum(slot.approved for slot in slots),
                "fills": sum(slot.fills for slot in slots),
                "import_mb": base_mb,
                "rss_mb": _memory_mb("VmHWM"),
                "digest": done.digest,
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
