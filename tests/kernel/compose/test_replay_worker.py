import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kernel.compose.live import BUNDLED_LOG
from kernel.compose.replay_check import check_job
from kernel.compose.replay_worker import Failed, Message, Task, Told
from kernel.replay_job import JobSpec
from tests.shared_data import PROJECT

pytestmark = pytest.mark.slow

JOB = JobSpec(mode="simulate", log="sample:demo.evl", profile="demo")


def worker(folder: Path, log: Path = BUNDLED_LOG) -> "subprocess.Popen[bytes]":
    base, is_bare = check_job(JOB, BUNDLED_LOG)
    task = Task(
        job=JOB, log_path=str(log), log_label="it", folder=str(folder), cells_folder=str(folder), memory_mb=1024,
        base=base, is_bare=is_bare,
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "kernel.compose.replay_worker"], cwd=PROJECT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(task))
    process.stdin.close()
    return process


def test_a_worker_whose_kernel_is_gone_ends_by_itself_and_leaves_no_result(tmp_path: Path) -> None:
    process = worker(tmp_path)
    assert process.stdout is not None
    assert isinstance(msgspec.json.decode(process.stdout.readline(), type=Message), Told)
    process.stdout.close()
    assert process.wait(30) == 1
    assert list(tmp_path.iterdir()) == []


def test_damage_in_the_log_is_told_as_what_it_is(tmp_path: Path) -> None:
    raw = bytearray(BUNDLED_LOG.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    (tmp_path / "bad.evl").write_bytes(raw)
    process = worker(tmp_path, tmp_path / "bad.evl")
    assert process.stdout is not None
    told = msgspec.json.decode(process.stdout.read().splitlines()[-1], type=Message)
    assert isinstance(told, Failed) and "is damaged, restore it from a copy" in told.error
    assert process.wait(30) == 1
