"""The wheel holds all that the kernel needs: installed elsewhere, it checks, replays and serves from a new folder."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.newcomer import Demo, environment, run
from tests.shared_data import PROJECT

SOURCES = (
    "bus", "kernel", "strategies", "adapters", "persistence", "webui", "migrations", "samples",
    "pyproject.toml", "README.md", "LICENSE", ".gitignore",
)  # fmt: skip


def built(folder: Path) -> Path:
    """The wheel, built of a copy so that nothing is left behind in the checkout."""
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(source)], folder, {})
    (wheel,) = wheels.glob("*.whl")
    return wheel


def installed(folder: Path, wheel: Path) -> Path:
    """The `bin` of a venv with the wheel, and our own packages behind it in place of a download."""
    home = folder / "elsewhere"
    venv.create(home, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "--python",
        str(home / "bin" / "python"),
    ]
    run([*pip, "install", "--no-index", "--no-deps", str(wheel)], folder, environment())
    (site / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


@pytest.mark.slow
@pytest.mark.postgres
def test_the_wheel_works_from_a_foreign_folder(tmp_path: Path) -> None:
    programs = installed(tmp_path, built(tmp_path))
    away = tmp_path / "away"
    away.mkdir()
    kernel, environ = str(programs / "kernel"), environment()

    where = run([str(programs / "python"), "-c", "import kernel; print(kernel.__file__)"], away, environ)
    assert where.startswith(str(tmp_path / "elsewhere"))
    assert "usage" in run([kernel, "--help"], away, environ)
    checked = run([str(programs / "python"), "-m", "kernel", "check", "--no-db"], away, environ)
    assert "demo.evl" in checked and "FAILED" not in checked

    sample = Path(where.strip()).parent.parent / "samples" / "demo.evl"
    report = away / "report.html"
    assert "cex_dex_arb" in run([kernel, "replay", str(sample), "--report", str(report)], away, environ)
    assert report.stat().st_size > 0
    assert "applied trading" in run([kernel, "db", "migrate"], away, environ)

    with Demo([kernel, "run", "--port", "0"], away, environ) as demo:
        assert "embedded Postgres" in demo.output
        page = demo.page("/")
        assert "cex_dex_arb" in page
        for name in ("app.css", "main.js", "vendor/uPlot.iife.min.js"):
            assert f"/static/{name}" in page and demo.page(f"/static/{name}")
        demo.wait_recorded(away / "data" / "log")
        demo.stop()
    assert "identical" in run([kernel, "replay", "data/log", "--mode", "verify"], away, environ)


def test_the_build_takes_every_tracked_file_of_its_packages() -> None:
    """A file that git ignores would be missing from a wheel built of a clone."""
    asked = [
        "git",
        "check-ignore",
        "samples/demo.evl",
        "webui/static/vendor/uPlot.iife.min.js",
        "migrations/0001_trading.sql",
    ]
    done = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode == 128:
        pytest.skip(f"NOT A GIT CHECKOUT: {done.stderr.strip()}")
    assert done.stdout == ""
