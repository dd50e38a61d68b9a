"""`sweep LOG --strategy S --vary strategy.key=a,b,c`: a replay for every combination, in processes of their own."""

import argparse
import asyncio
import csv
import io
import os
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp

import msgspec
from tqdm import tqdm

from kernel.compose.replay_check import check_job
from kernel.compose.replay_process import run_worker
from kernel.compose.replay_settings import ReplaySettings
from kernel.compose.replay_worker import CellDone, Failed, Message, Task, Told, write_atomically
from kernel.errors import ConfigError
from kernel.replay_job import Cell, JobSpec, Vary, cells_of

TIME_LIMIT_S = 7 * 86_400.0  #: who sits at the terminal ends it himself
COLUMNS = ("pnl_usd", "max_drawdown_usd", "costs_usd", "orders", "fills", "closed", "profitable")


def command(arguments: argparse.Namespace) -> int:
    """`sweep`. 0 = every combination ran, 1 = some could not. Raises `ConfigError` or `BadInput` before it starts."""
    job = JobSpec(
        mode="sweep",
        log=str(arguments.log),
        profile=arguments.profile,
        strategies=tuple(arguments.strategy),
        assignments=tuple(arguments.settings),
        vary=tuple(parse_vary(text) for text in arguments.vary),
    )
    memory_mb: int = ReplaySettings().memory_mb if arguments.memory_mb is None else arguments.memory_mb
    if memory_mb < 256:
        raise ConfigError(f"--memory-mb: expected at least 256, found {memory_mb}")
    base, is_bare = check_job(job, arguments.log)
    folder = Path(arguments.keep or mkdtemp(prefix="kernel-sweep-"))
    task = Task(
        job=job,
        log_path=str(arguments.log.resolve()),
        log_label=str(arguments.log),
        folder=str(folder.resolve()),
        cells_folder=str(folder.resolve()),
        memory_mb=memory_mb,
        base=base,
        is_bare=is_bare,
    )
    try:
        cells = asyncio.run(_run(task))
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.out:
        write_atomically(arguments.out, csv_of(job, cells).encode())
        os.chmod(arguments.out, 0o644)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(_json(job, cells)).decode() + "\n")
    else:
        _print(job, cells)
    return 1 if any(each.error for each in cells) else 0


def parse_vary(text: str) -> Vary:
    """`strategy.key=a,b,c`. Raises `ConfigError`."""
    path, equals, values = text.partition("=")
    if not equals or "." not in path:
        raise ConfigError(f"--vary {text[:80]!r}: expected strategy.key=a,b,c")
    return Vary(path=path.strip(), values=tuple(each.strip() for each in values.split(",") if each.strip()))


async def _run(task: Task) -> list[Cell]:
    cells: list[Cell] = []
    with tqdm(
        total=None, unit=" events", unit_scale=True, desc="sweep", disable=None, leave=False, file=sys.stderr
    ) as bar:

        def take(message: Message) -> None:
            match message:
                case Told(events, total):
                    bar.total = total
                    bar.update(events - bar.n)
                case CellDone(cell, events):
                    cells.append(cell)
                    bar.update(max(0, events - bar.n))

        end = await run_worker(task, take, time_limit_s=TIME_LIMIT_S)
    if isinstance(end, Failed):
        raise ConfigError(f"the sweep ended after {len(cells)} of {len(cells_of(task.job))} runs: {end.error}")
    return cells


def csv_of(job: JobSpec, cells: list[Cell]) -> str:
    """One line per combination."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*(each.path for each in job.vary), *COLUMNS, "error", "key"))
    for cell in cells:
        figures = [getattr(cell.figures, name, None) for name in COLUMNS]
        writer.writerow((*cell.values, *("" if each is None else each for each in figures), cell.error, cell.key))
    return out.getvalue()


def _json(job: JobSpec, cells: list[Cell]) -> dict[str, object]:
    return {
        "mode": "sweep",
        "simulated": True,
        "log": job.log,
        "vary": {each.path: list(each.values) for each in job.vary},
        "cells": [
            {"settings": dict(zip((each.path for each in job.vary), cell.values, strict=True)), "key": cell.key,
             "is_reused": cell.is_reused, "error": cell.error, "figures": cell.figures}
            for cell in cells
        ],
    }  # fmt: skip


def _print(job: JobSpec, cells: list[Cell]) -> None:
    titles = [each.path for each in job.vary]
    widths = [max(len(title), *(len(cell.values[at]) for cell in cells)) for at, title in enumerate(titles)]
    print("  ".join(title.rjust(width) for title, width in zip(titles, widths, strict=True)), end="")
    print("       P&L USD   drawdown   fills  (simulated)")
    for cell in cells:
        print("  ".join(value.rjust(width) for value, width in zip(cell.values, widths, strict=True)), end="")
        figures = cell.figures
        if figures is None or figures.pnl_usd is None or figures.max_drawdown_usd is None:
            print(f"  {cell.error or 'no result'}")
            continue
        pnl, drawdown = (f"{Decimal(each):,.2f}" for each in (figures.pnl_usd, figures.max_drawdown_usd))
        print(f"  {pnl:>12} {drawdown:>10} {figures.fills:>7,}", end="")
        print("  (kept)" if cell.is_reused else "")
