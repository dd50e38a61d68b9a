"""Laws 5 and 13 of the code: one gate makes orders, few seats catch everything, imports point one way."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.laws.sources import aliases, dotted, files, name_of, tree
from tests.shared_data import PROJECT

CATCH_ALL = {
    "bus/bus.py": "where a handler's fault is handed to the runner",
    "persistence/embedded_postgres.py": "cleans up after itself and raises again",
}


def _catches_all(path: Path) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or any(
                dotted(each) in ("Exception", "BaseException")
                for each in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])
            )
        )
    ]


def test_only_named_seats_catch_everything() -> None:
    found = [
        f"{name_of(path)}:{line}" for path in files() if name_of(path) not in CATCH_ALL for line in _catches_all(path)
    ]
    assert found == []


def test_every_catch_all_seat_is_needed() -> None:
    assert [name for name in CATCH_ALL if not _catches_all(files(name)[0])] == []


def test_a_catch_all_outside_the_bus_raises_again() -> None:
    for name in CATCH_ALL:
        if name == "bus/bus.py":
            continue
        for node in ast.walk(tree(files(name)[0])):
            if isinstance(node, ast.ExceptHandler) and node.type is not None and dotted(node.type) == "BaseException":
                assert isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None, f"{name}:{node.lineno}"


@cache
def _calls(path: Path) -> frozenset[str]:
    """Last names of everything that a file calls, aliases resolved."""
    known = aliases(path)
    names = {dotted(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    return frozenset(known.get(name, name).rpartition(".")[2] for name in names)


def _makes(path: Path, thing: str) -> bool:
    """Whether it constructs the thing, under whatever name it was imported."""
    return thing in _calls(path)


def test_only_the_gate_makes_orders() -> None:
    assert {name_of(path) for path in files() if _makes(path, "OrderApproved")} == {"kernel/risk.py"}


def test_nobody_alters_an_order_after_the_gate() -> None:
    """`replace` in the code that sees orders would be a second way to make one."""
    seen = [*files("kernel/execution"), *files("kernel/runner.py", "kernel/core.py", "kernel/live.py")]
    assert [name_of(path) for path in seen if _makes(path, "replace")] == []


def test_only_executors_and_lanes_make_reports() -> None:
    reports = ("Fill", "Filled", "Landed", "Reverted", "Cancelled", "Expired", "Submitted", "Accepted")
    makers = {name_of(path) for path in files() for each in reports if _makes(path, each)}
    assert makers <= {
        "kernel/execution/paper.py", "kernel/execution/paper_swaps.py",
        "adapters/solana/reports.py", "adapters/solana/fills.py",
    }  # fmt: skip


def test_executors_take_nothing_but_orders_of_the_gate() -> None:
    from adapters.jupiter.executor import JupiterExecutor
    from adapters.solana.executor import SolanaExecutor
    from kernel.execution.executor import Executor
    from kernel.execution.lanes import Lane
    from kernel.execution.paper import PaperVenue

    for kind in (Executor, Lane, PaperVenue, SolanaExecutor, JupiterExecutor):
        for action in ("submit", "cancel", "reconcile"):
            order = getattr(kind, action).__annotations__["order"]
            assert getattr(order, "__name__", order) == "OrderApproved", f"{kind.__name__}.{action}"


def test_imports_point_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(tool), "--no-cache"], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
    assert "0 kept" not in done.stdout
