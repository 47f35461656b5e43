"""What every test may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden arrays and real clips beside the checkout; not part of a plain clone."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "fixtures").is_dir():
        pytest.skip("needs the folder of fixtures and real clips beside the checkout")
    return folder
