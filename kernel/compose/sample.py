"""`python -m kernel.compose.sample --out LOG [--seed N]`: writes the simulated market as an event log."""

import argparse
import sys
from pathlib import Path

from adapters.simulated.market import simulated_market
from adapters.simulated.scenario import START_NS
from kernel import __version__
from kernel.errors import KernelError
from kernel.log import LogHeader
from persistence.event_log import EventLogWriter

DEMO_SEED = 9
FILE_MODE = 0o644
ZSTD_LEVEL = 19  #: slow to write, a fifth smaller; it is written once and kept in the repository


def write_sample(out: Path, seed: int) -> int:
    """Replace `out` by the simulated market of a seed; returns how many events it holds."""
    partial = out.with_name(out.name + ".partial")
    partial.unlink(missing_ok=True)
    header = LogHeader(
        run=f"simulated-{seed}",
        created_ts_ns=START_NS,
        code_version=__version__,
        profile="simulated",
        seed=seed,
        note=f"simulated market, seed {seed}, made by this project; no real prices",
    )
    log = EventLogWriter(partial, header, ZSTD_LEVEL)
    count = 0
    for count, event in enumerate(simulated_market(seed), start=1):
        log.append(count, False, event)
    log.close()
    partial.chmod(FILE_MODE)
    partial.replace(out)
    return count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kernel.compose.sample", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="LOG")
    parser.add_argument("--seed", type=int, default=DEMO_SEED)
    arguments = parser.parse_args()
    try:
        count = write_sample(arguments.out, arguments.seed)
    except KernelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{arguments.out}: {count:,} events, {arguments.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
