"""Training in two processes against one process that sees both batches."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from course_utils.training import Checkpoint, fit

pytestmark = pytest.mark.slow

STEPS = 12


def batch(step: int, process: int) -> tuple[torch.Tensor, ...]:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(100 * step + process))
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3


def square_loss(model, x, y):
    return (model(x) - y).square().mean()


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def in_one_process(fabric: Fabric, folder: str, steps: int, resume: bool) -> None:
    """What each of the processes does; the results go to files."""
    model, batches = linear(), (batch(step, fabric.global_rank) for step in range(STEPS))
    saving = Checkpoint(Path(folder, "state"), every=4, resume=resume)
    stop = lambda step, *_: step == steps  # noqa: E731
    history = fit(model, square_loss, batches, steps=STEPS, device=fabric, lr=0.05, callback=stop, checkpoint=saving)
    torch.save((model.state_dict(), history.losses), Path(folder, f"result{fabric.global_rank}"))


def two_processes(folder, steps, resume):
    Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn").launch(in_one_process, str(folder), steps, resume)
    return [torch.load(folder / f"result{rank}", weights_only=True) for rank in (0, 1)]


def test_two_processes_train_as_one_on_both_batches(tmp_path, capfd):
    (first, losses), (second, same) = two_processes(tmp_path, STEPS + 1, False)
    both = ((torch.cat(pair) for pair in zip(batch(step, 0), batch(step, 1), strict=True)) for step in range(STEPS))
    model = linear()
    history = fit(model, square_loss, (tuple(pair) for pair in both), steps=STEPS, lr=0.05, progress=False)
    assert losses == same == pytest.approx(history.losses, rel=1e-5)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(first[name], value)
        assert torch.equal(first[name], second[name])
    assert capfd.readouterr().err.count("| 0/12") == 1  # one bar, not two
    assert sorted(p.name for p in tmp_path.glob("state*")) == ["state.0", "state.1"]


def test_two_processes_can_be_resumed(tmp_path):
    two_processes(tmp_path, 6, False)
    (resumed, losses), _ = two_processes(tmp_path, STEPS + 1, True)
    whole = tmp_path / "whole"
    whole.mkdir()
    (expected, uncut), _ = two_processes(whole, STEPS + 1, False)
    assert losses == pytest.approx(uncut, rel=1e-6)
    for name, value in expected.items():
        torch.testing.assert_close(resumed[name], value)
