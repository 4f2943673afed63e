"""Fixtures that every test may use."""

import jaxtyping
import pytest
import torch


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch):
    """No run-time checks of the shapes in annotations: a wrong shape meets the package's own error, as for a user."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
