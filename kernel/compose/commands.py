"""`replay` and `import`."""

import argparse
import sys
import time
from decimal import Context, Decimal
from pathlib import Path

import msgspec
from tqdm import tqdm

from kernel.compose.code_version import code_version
from kernel.compose.replaying import ReplayOutcome, as_json, as_report, run_simulation, run_verification
from kernel.errors import ConfigError, KernelError
from kernel.finance.money import plain_text
from kernel.log import LogHeader
from kernel.replay import Progress
from kernel.report import write_html
from persistence.event_log import EventLogReader, EventLogWriter

PROGRESS_AFTER_S = 1.0  #: short replays need no bar
READ_DIGITS = 8  #: of quantities and prices on a terminal


class _Bar:
    """A progress bar with ETA, on a terminal only."""

    def __init__(self, path: Path) -> None:
        self._bar = tqdm(
            total=EventLogReader(path).count(),
            unit=" events",
            unit_scale=True,
            desc="replay",
            delay=PROGRESS_AFTER_S,
            disable=None,
            leave=False,
            file=sys.stderr,
        )

    def update(self, events: int) -> None:
        self._bar.update(events - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def replay_command(arguments: argparse.Namespace) -> int:
    """`replay LOG`."""
    path: Path = arguments.log
    bar = _Bar(path)
    progress: Progress = bar.update
    try:
        if arguments.mode == "verify":
            if arguments.settings or arguments.strategy or arguments.report or arguments.profile:
                raise ConfigError(
                    "--mode verify replays what was recorded: --set, --strategy and --report do not apply"
                )
            return _verify(path, progress, is_json=arguments.json)
        outcome = run_simulation(
            path,
            arguments.strategy,
            arguments.settings,
            is_what_if=arguments.mode == "what-if",
            profile=arguments.profile,
            progress=progress,
        )
    finally:
        bar.close()
    if arguments.report:
        write_html(as_report(outcome, arguments.mode), arguments.report)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(as_json(outcome, arguments.mode)).decode() + "\n")
    else:
        _print_outcome(outcome, arguments)
    return 0


def _verify(path: Path, progress: Progress, *, is_json: bool) -> int:
    result = run_verification(path, progress)
    if is_json:
        plain = {"mode": "verify", "identical": result.difference is None, **msgspec.to_builtins(result)}
        sys.stdout.write(msgspec.json.encode(plain).decode() + "\n")
    elif result.difference is None:
        print(f"identical: {result.events:,} events of {result.runs} run(s) in {result.seconds:.1f} s")
        print(f"digest {result.digest}")
        if result.unrecorded_tail:
            print(
                f"{result.unrecorded_tail} derived events behind the last block were made again (the run was cut short)"
            )
    else:
        print(f"DIFFERENT at seq {result.difference.seq}")
        print(f"  recorded: {result.difference.recorded}")
        print(f"  replayed: {result.difference.replayed}")
        made_by = sorted({each.header.code_version for each in EventLogReader(path).segments} - {code_version()})
        if made_by:
            print(f"  recorded by other code ({', '.join(made_by)}; this is {code_version()}): it may differ for that")
    return 0 if result.difference is None else 1


def _print_outcome(outcome: ReplayOutcome, arguments: argparse.Namespace) -> None:
    plain = as_json(outcome, arguments.mode)
    rate = plain["events"] / plain["seconds"] if plain["seconds"] else 0
    print(f"{plain['events']:,} events in {plain['seconds']:.2f} s ({rate:,.0f}/s), digest {plain['digest'][:16]}…")
    for name, row in plain["strategies"].items():
        print(f"\n{name} (simulated){'' if row['state'] == 'running' else '  ' + row['state'] + ': ' + row['reason']}")
        print(
            f"  seen {row['seen']:,}  priced {row['priced']:,}  intents {row['intents']:,}  orders {row['orders']:,}"
            f"  fills {row['fills']:,}"
        )
        print(f"  P&L {_cents(row['pnl_usd'])} USD, max drawdown {_cents(row['max_drawdown_usd'])} USD")
        print("  costs " + ", ".join(f"{key} {_cents(value)}" for key, value in row["costs"].items()))
        for title, counts in (("why not", row["why_not"]), ("denied", row["denied"])):
            if counts:
                ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
                print(f"  {title}: " + ", ".join(f"{key} {count:,}" for key, count in ranked))
        for position in row["positions"]:
            qty, price = _digits(position["qty"]), _digits(position["avg_price"])
            print(f"  open: {position['instrument']} {qty} @ {price}")
    if arguments.report:
        print(f"\nreport: {arguments.report}")


def _cents(usd: str) -> str:
    """For reading: `--json` and the report have every digit."""
    return f"{Decimal(usd):,.2f}"


def _digits(number: str) -> str:
    return plain_text(Context(prec=READ_DIGITS).create_decimal(number))


def import_command(arguments: argparse.Namespace) -> int:
    """`import MANIFEST --root DIR --out LOG`: written beside, then moved into place: a failure leaves nothing."""
    from adapters.importing.manifest import load_manifest

    out: Path = arguments.out
    if out.exists():
        raise ConfigError(f"--out {out} exists already; remove it or choose another name")
    plan = load_manifest(arguments.manifest, arguments.root)
    partial = out.with_name(out.name + ".partial")
    partial.unlink(missing_ok=True)
    header = LogHeader(
        run="import",
        created_ts_ns=0,
        code_version=code_version(),
        profile="import",
        note=f"{plan.name}: {plan.note}" if plan.note else plan.name,
    )
    started_s = time.monotonic()
    log = EventLogWriter(partial, header)
    try:
        for seq, event in enumerate(plan.events(), start=1):
            log.append(seq, False, event)
        log.close()
        report = plan.report()
        partial.replace(out)
    except KernelError:
        partial.unlink(missing_ok=True)
        raise
    for line in report.lines():
        print(line)
    print(f"{out}: {out.stat().st_size:,} bytes in {time.monotonic() - started_s:.1f} s")
    return 0
