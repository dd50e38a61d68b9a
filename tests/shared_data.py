"""Where the shared reference shelf lies (`../shared` beside the checkout); tests skip loudly without it."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("KERNEL_SHARED", PROJECT.parent / "shared"))


def require_shared(relative: str) -> Path:
    """Path below the shelf, or a loud skip that names what is missing."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"SHARED DATA MISSING: {path} not found; this test needs the reference shelf")
    return path
