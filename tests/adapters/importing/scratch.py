"""Scratch imports: a root folder with hand-written files, and a manifest around one or more sources."""

import shutil
from collections.abc import Callable
from pathlib import Path

from adapters.importing import ImportPlan, ImportReport, load_manifest
from bus.events import Event, InstrumentListed

SAMPLES = Path(__file__).resolve().parent.parent / "data"

INSTRUMENTS = """
[log]
name = "scratch"
[[instrument]]
instrument = "binance:ABCUSDT"
venue = "binance"
kind = "spot"
base = "ABC"
quote = "USDT"
underlying = "ABC"
[[instrument]]
instrument = "drift:ABC-PERP"
venue = "drift"
kind = "perp"
base = "ABC"
quote = "USDC"
underlying = "ABC"
[[instrument]]
instrument = "uniswap_v3.ethereum:USDC/WETH-500"
venue = "uniswap_v3.ethereum"
kind = "pool"
base = "WETH"
quote = "USDC"
underlying = "ETH"
base_decimals = 18
quote_decimals = 6
fee_pips = 500
tick_spacing = 10
chain = "ethereum"
"""


class Scratch:
    """A root below `tmp_path`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.manifest = folder / "scratch.toml"

    def sample(self, name: str) -> str:
        """Copy a hand-written file into the root."""
        shutil.copy(SAMPLES / name, self.root / name)
        return name

    def write(self, name: str, content: str | bytes) -> str:
        (self.root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def plan(self, *sources: str, head: str = INSTRUMENTS, tail: str = "") -> ImportPlan:
        self.manifest.write_text(head + "".join(f"[[source]]\n{source}\n" for source in sources) + tail)
        return load_manifest(self.manifest, self.root)

    def run(self, *sources: str, tail: str = "") -> tuple[list[Event], ImportReport]:
        """Events without the listings, and the report."""
        plan = self.plan(*sources, tail=tail)
        events = [event for event in plan.events() if not isinstance(event, InstrumentListed)]
        return events, plan.report()


ScratchFactory = Callable[[], Scratch]
