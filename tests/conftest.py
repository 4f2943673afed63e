"""Fixtures that every test may use."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
import torch

HOME = tempfile.TemporaryDirectory(prefix="course-")
os.environ["COURSE_HOME"] = HOME.name  # what tests and notebooks do is nobody's progress
# nbval reads what a cell has sent when the cell has ended: of thousands of a bar's messages the last ones are lost.
os.environ["TQDM_MININTERVAL"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole notebooks are slow, and so is all that opens a browser; other slow tests say so themselves."""
    for item in items:
        browser = Path(__file__).parent / "browser" in item.path.parents
        if browser:
            item.add_marker("browser")
        if browser or item.path.suffix == ".ipynb":
            item.add_marker("slow")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C is heard, as in a terminal: a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch):
    """No run-time checks of the shapes in annotations: a wrong shape meets the package's own error, as for a user."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def outline():
    """Function of an axis with one filled histogram: its area, its left and its right end."""

    def measure(ax):
        [polygon] = ax.patches
        x, y = polygon.get_xy().T
        inside = x[y > 0]
        return abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2, inside.min(), inside.max()

    return measure
