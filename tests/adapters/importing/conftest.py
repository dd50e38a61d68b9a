"""Fixtures of the import tests."""

from pathlib import Path

import pytest

from tests.adapters.importing.scratch import Scratch, ScratchFactory


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


@pytest.fixture
def new_scratch(tmp_path_factory: pytest.TempPathFactory) -> ScratchFactory:
    return lambda: Scratch(tmp_path_factory.mktemp("scratch"))
