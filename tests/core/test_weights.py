"""Files of weights, there and back."""

import os
import stat

import pytest
import torch
from torch import nn

from course_utils.networks import UNet
from course_utils.weights import load_weights, save_weights


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def test_a_saved_model_may_be_read_by_whom_the_umask_lets(tmp_path):
    if os.name == "nt":
        return
    old = os.umask(0o022)
    try:
        save_weights(linear(), tmp_path / "model.safetensors")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "model.safetensors").stat().st_mode) == 0o644


def test_weights_to_a_file_and_back(tmp_path):
    torch.manual_seed(0)
    model, other, path = UNet(10), UNet(10), tmp_path / "new" / "model.safetensors"
    save_weights(model, path, {"steps": "12"})
    assert load_weights(other, path) == {"steps": "12"}
    x = torch.randn(2, 1, 28, 28)
    assert torch.equal(model(x, torch.tensor(0.5)), other(x, torch.tensor(0.5)))
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


def test_files_that_hold_other_weights(tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(linear(), path)
    with pytest.raises(ValueError, match="weights of this model"):
        load_weights(nn.Linear(4, 1), path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(ValueError, match="weights of this model"):
        load_weights(linear(), path)
    with pytest.raises(FileNotFoundError):
        load_weights(linear(), tmp_path / "missing.safetensors")
