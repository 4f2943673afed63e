"""Files of weights, there and back."""

import os
import stat
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils.networks import UNet
from course_utils.weights import load_weights, read_tensors, read_words, save_tensors, save_weights


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


@pytest.mark.parametrize("other", [nn.Linear(4, 1), nn.Linear(3, 1, bias=False), nn.Sequential(nn.Linear(3, 1))])
def test_a_refused_file_leaves_the_model_as_it_was(tmp_path, other):
    path = tmp_path / "model.safetensors"
    save_weights(linear(), path)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(ValueError, match=r"expected .* of shape .*, got"):
        load_weights(other, path)
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())


def test_a_share_that_knows_no_permissions_costs_nothing(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(1, "Operation not permitted")

    for module in (os, Path):
        monkeypatch.setattr(module, "chmod", refuse)
    save_weights(linear(), tmp_path / "model.safetensors")
    load_weights(nn.Linear(3, 1), tmp_path / "model.safetensors")


def test_words_are_read_without_the_weights(tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(linear(), path, {"steps": "12"})
    assert read_words(path) == {"steps": "12"}
    save_weights(linear(), path)
    assert read_words(path) == {}
    path.write_bytes(b"not safetensors")
    assert read_words(path) == {}


def test_tensors_to_a_file_and_back(tmp_path):
    tensors = {"a.b": torch.arange(3), "c": torch.randn(4, 2).T}
    save_tensors(tensors, tmp_path / "t.safetensors", {"steps": "1"})
    found, words = read_tensors(tmp_path / "t.safetensors")
    assert words == {"steps": "1"} and found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "missing.safetensors")
