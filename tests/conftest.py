"""What several test folders share."""

import os

import pytest
import torch
from hypothesis import settings

from featherweight.data import Dataset, Split

# Layouts do not depend on what was once measured on the machine: see `runtime/break_even.py`.
os.environ["FEATHERWEIGHT_BREAK_EVEN"] = ""

# A slow moment of the machine must not fail a test: speed is measured in benchmarks/, not here.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked slow (whole networks, minutes each) run only with `-m slow`."""
    if "slow" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="slow: run with -m slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def blobs() -> Dataset:
    """A small data set that a small network learns in seconds: noisy pictures of three patterns."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 256, (3, 1, 12, 12), generator=generator)

    def split(count: int) -> Split:
        labels = torch.randint(0, 3, (count,), generator=generator)
        noise = torch.randint(-120, 121, (count, 1, 12, 12), generator=generator)
        return Split((patterns[labels] + noise).clamp(0, 255).to(torch.uint8), labels)

    return Dataset(
        "blobs", ("a", "b", "c"), split(600), split(150), split(150), mean=(0.5,), std=(0.3,)
    )
