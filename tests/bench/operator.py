"""`make bench-operator`: what an operator's tools cost the kernel. Prints figures beside their bars; gates nothing.

A kernel runs in a process of its own on the bundled log; open pages are raw connections of another process, so their
work is not the kernel's. Handler and loop times are the kernel's own, read from its metrics page.
"""

import argparse
import asyncio
import gzip
import http.client
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process.kernel_run import KernelRun
from tests.shared_data import PROJECT

PROFILE = PROJECT / "tests" / "bench" / "operator.toml"
SETTLE_S, MEASURE_S, ROUNDS = 2.0, 10.0, 5
TOPICS = "overview,strategy:cex_dex_arb"
SAVES = 60
STATIC = PROJECT / "webui" / "static"


@contextmanager
def kernel(*arguments: str) -> Iterator[KernelRun]:
    """One run, ended at the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = KernelRun(folder / "data", "--profile", str(PROFILE), *arguments, output=folder).wait_ready()
        try:
            yield run
        finally:
            if run.process.poll() is None:
                run.stop()


def histogram(run: KernelRun, name: str, label: str = "") -> dict[float, float]:
    """Buckets of a histogram: upper bound -> count so far."""
    found = {}
    for line in run.read("/metrics").splitlines():
        match = re.match(rf"{name}_bucket{{(.*)}} ([\d.e+]+)$", line)
        if match and label in match[1]:
            bound = re.search(r'le="([^"]+)"', match[1])
            assert bound is not None
            found[float(bound[1])] = float(match[2])
    return found


def quantile(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """The upper bound of the bucket in which this share of what came between lies, interpolated inside it."""
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in sorted(after)}
    total = max(counts.values(), default=0.0)
    low_bound = low_count = 0.0
    for bound, count in counts.items():
        if count >= total * share and total:
            if bound == float("inf"):
                return low_bound
            inside = (total * share - low_count) / (count - low_count) if count > low_count else 1.0
            return low_bound + inside * (bound - low_bound)
        low_bound, low_count = bound, count
    return low_bound


async def _listen(port: int, cookie: str, clients: int) -> None:
    """Open pages that take every frame, until the process is ended."""

    async def page() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET /stream?topics={TOPICS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
        )
        assert b" 200 " in await reader.readline()
        print("open", flush=True)
        while await reader.read(65536):
            pass

    await asyncio.gather(*(page() for _ in range(clients)))


@contextmanager
def open_pages(run: KernelRun, clients: int) -> Iterator[None]:
    """`clients` streams in another process."""
    run.read("/")
    cookie = run._cookie
    command = [sys.executable, "-m", "tests.bench.operator", "--listen", str(clients), str(run.port), cookie]
    listeners = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert listeners.stdout is not None
    try:
        for _ in range(clients):
            assert listeners.stdout.readline().strip() == "open"
        yield
    finally:
        listeners.kill()
        listeners.wait()


def handler_p99_us(run: KernelRun) -> float:
    """Of the busier strategy's last 1,024 events."""
    found = [
        line.rpartition(" ")[2]
        for line in run.read("/metrics").splitlines()
        if line.startswith("kernel_strategy_handler_seconds{") and "cex_dex_arb" in line and '"0.99"' in line
    ]
    return float(found[0]) * 1e6


def under_load(run: KernelRun) -> tuple[float, float]:
    """(99th percentile of a strategy's handler in us, median of looks; of the loop's lag in ms) over a while."""
    time.sleep(SETTLE_S)
    before = histogram(run, "kernel_loop_lag_seconds")
    handlers = []
    for _ in range(int(MEASURE_S)):
        time.sleep(1.0)
        handlers.append(handler_p99_us(run))
    lag = quantile(before, histogram(run, "kernel_loop_lag_seconds"), 0.99)
    return statistics.median(handlers), lag * 1e3


def streams() -> None:
    """Open pages against the strategies' handlers and the loop, in turns: the market is not the same all the time."""
    with kernel("--no-db") as run:
        found: dict[int, list[tuple[float, float]]] = {0: [], 50: [], 200: []}
        for _ in range(ROUNDS):
            for clients, looks in found.items():
                if clients:
                    with open_pages(run, clients):
                        looks.append(under_load(run))
                else:
                    looks.append(under_load(run))
        handlers = {clients: statistics.median(each[0] for each in looks) for clients, looks in found.items()}
        for clients, looks in found.items():
            lag_ms = max(each[1] for each in looks)
            seen = ", ".join(f"{each[0]:.1f}" for each in looks)
            print(
                f"{clients:3d} pages, 10 Hz: handler p99 {handlers[clients]:5.1f} us ({seen})"
                f"  {handlers[clients] / handlers[0]:.2f}x of none (bar 1.10 at 50)"
                f"  loop lag p99 at most {lag_ms:.2f} ms (bar 10 at 200)"
            )
        with open_pages(run, 200):
            code, seconds = run.stop(signal.SIGTERM)
            print(f"stop with 200 open pages: {seconds:.2f} s, exit {code} (bar 1 s)")


def settings() -> None:
    """From the click on save until the kernel has recorded and used the new value."""
    with kernel() as run:
        took = []
        for number in range(SAVES):
            value = str(1.0 + number / 100)
            form = {"version": str(number), "why": "a benchmark", "f.min_profit_usd": value, "was.min_profit_usd": ""}
            started_s = time.perf_counter()
            assert run.post("/settings/cex_dex_arb", **form) == 303
            took.append(time.perf_counter() - started_s)  # the answer waits until the value is in use
        took.sort()
        print(
            f"setting saved -> in use: p50 {statistics.median(took) * 1e3:.1f} ms, p99 {took[-1] * 1e3:.1f} ms"
            f" of {SAVES} (bar 250 ms)"
        )


def sizes() -> None:
    """JS and CSS of each page, compressed."""
    with kernel("--no-db") as run:
        for path in ("/", "/cex_dex_arb/dashboard", "/cex_dex_arb/settings", "/risk", "/events", "/replays/new"):
            page = run.read(path)
            names = set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page))
            todo, seen = list(names), set()
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                text = (STATIC / name.removeprefix("/static/")).read_text()
                todo += [f"/static/{each}" for each in re.findall(r'from "\./([^"]+\.js)"', text)]
            size = sum(len(gzip.compress((STATIC / each.removeprefix("/static/")).read_bytes())) for each in seen)
            print(f"JS and CSS of {path:26} {size / 1000:6.1f} kB gzip in {len(seen)} files (bar 150)")


def pages_served() -> None:
    """Server time of whole pages on the running demo."""
    with kernel() as run:
        time.sleep(SETTLE_S)
        for path in (
            "/", "/cex_dex_arb/dashboard", "/cex_dex_arb/trades", "/cex_dex_arb/settings", "/settings/risk", "/risk",
            "/execution", "/opportunities", "/balances", "/funding", "/events", "/api/v1/overview",
        ):  # fmt: skip
            took = []
            for _ in range(30):
                started_s = time.perf_counter()
                try:
                    run.read(path)
                except (AssertionError, http.client.HTTPException):
                    break
                took.append(time.perf_counter() - started_s)
            if took:
                took.sort()
                print(f"page {path:26} p50 {took[15] * 1e3:6.1f} ms   p95 {took[28] * 1e3:6.1f} ms (bar 50)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.operator", description=__doc__)
    parser.add_argument("--listen", nargs=3, metavar=("CLIENTS", "PORT", "COOKIE"), help=argparse.SUPPRESS)
    parser.add_argument("only", nargs="*", help="streams, settings, sizes, pages (default: all)")
    arguments = parser.parse_args()
    if arguments.listen:
        clients, port, cookie = arguments.listen
        asyncio.run(_listen(int(port), cookie, int(clients)))
        return
    parts = {"streams": streams, "settings": settings, "sizes": sizes, "pages": pages_served}
    for name in arguments.only or parts:
        parts[name]()


if __name__ == "__main__":
    main()
