"""The loop of a training, and what happened in it."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.training.checkpoint import Checkpoint
from course_utils.training.recipe import MovingAverage, Recipe

__all__ = ["History", "fit"]


@dataclass(repr=False)
class History:
    """What happened in training.

    Attributes:
        losses: The loss of every step.
        images: Number of data points that the steps saw.
        seconds: Wall time of the steps.
        interrupted: Whether the training was stopped before its end.

    Example:
        >>> training.History(losses=[0.5, 0.25], images=128, seconds=0.1)
        History(2 steps, last loss 0.25, 128 images in 0.1 s)
    """

    losses: list[float] = field(default_factory=list)
    images: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    def __repr__(self) -> str:
        last = f"last loss {self.losses[-1]:.4g}, " if self.losses else ""
        stopped = ", interrupted" if self.interrupted else ""
        return f"History({self.steps:,} steps, {last}{self.images:,} images in {self.seconds:.1f} s{stopped})"

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return len(self.losses)

    @property
    def images_per_second(self) -> float:
        """Data points a second of the steps."""
        return self.images / self.seconds if self.seconds else 0.0

    def recent_loss(self, window: int = 50) -> float:
        """Mean loss of the last steps."""
        recent = self.losses[-window:]
        return sum(recent) / len(recent)


def fit(
    model: nn.Module,
    loss: Callable[..., Tensor],
    batches: Iterable[tuple[Tensor, ...]],
    *,
    steps: int,
    lr: float = 3e-3,
    recipe: Recipe | None = None,
    device: Any = None,
    progress: bool = True,
    callback: Callable[[int, nn.Module, History], Any] | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train a model with AdamW. Afterwards it holds the moving average of its weights.

    Ctrl-C, or the stop button of a notebook, ends the training early: the model is as usable as at the end.

    Args:
        model: Trained in place.
        loss: Called as `loss(model, *batch)`; returns a scalar.
        batches: Tuples of tensors, `(z,)` or `(z, y)`; at least `steps` of them.
        steps: Number of optimiser steps.
        lr: Peak learning rate.
        recipe: The learning rate's schedule, weight decay and average, by default those of `Recipe`.
        device: Where to train, `torch.device` or its name; by default where the model is. Or a launched
            `lightning_fabric.Fabric`, to train on several devices or machines: `fit` runs in each of its processes on
            batches of their own, gradients are averaged, each process keeps a checkpoint, with its rank in the name.
        progress: Whether to show a progress bar with the loss.
        callback: Called as `callback(step, model, history)` after every step, with step = 1, 2, ...; the model
            holds its current weights. If it returns True, the training ends there.
        checkpoint: Where to save the state of the training, and whether to go on from it.

    Returns:
        The history, that of the run it resumes included.

    Raises:
        ValueError: If a loss or a gradient is not finite (the model keeps the weights of the step before),
            the batches run out, `steps` is less than 1, `lr` is not positive, or the checkpoint belongs to another
            training (nothing has been touched then).
        TypeError: If a batch is not a tuple.

    Example:
        >>> loss = lambda model, z: losses.flow_matching_loss(model, z, path=paths.GaussianPath())
        >>> training.fit(networks.MLP(2), loss, [(torch.ones(4, 2),)], steps=1, progress=False).steps
        1
    """
    _check_numbers(steps, lr)
    recipe = recipe or Recipe()
    fabric = device if hasattr(device, "launch") else None
    if fabric and fabric.world_size > 1:
        checkpoint = checkpoint and checkpoint.of_process(fabric.global_rank)
        progress = progress and fabric.is_global_zero
    batches = iter(batches)
    options = _options(steps, lr, recipe, fabric) if checkpoint else {}
    saved = checkpoint and checkpoint.load(model, options, batches)
    if device is not None and not fabric:
        model.to(device)
    run = _Run(model, steps, lr, recipe, fabric)
    if saved and checkpoint:
        run.restore(saved)
        checkpoint.restore_random(saved)
    bar = _bar(steps, run.history.steps, progress)
    model.train()
    try:
        _train(run, loss, batches, bar, callback, checkpoint, options)
    except KeyboardInterrupt:
        run.history.interrupted = True
    finally:
        bar.close()
        model.eval()
    if run.average:
        run.average.load_into(model)
    return run.history


def _train(run: "_Run", loss: Callable[..., Tensor], batches: Iterator, bar, callback, checkpoint, options) -> None:
    """The steps that are left, each shown, watched and saved."""
    history = run.history
    for step in range(history.steps + 1, run.steps + 1):
        run.step(loss, _next(batches, step, run.steps))
        bar.update()
        if step % 20 == 0 or step == run.steps:
            shown = {"loss": f"{history.recent_loss():.4g}", "images/s": f"{history.images_per_second:,.0f}"}
            bar.set_postfix(shown, refresh=False)  # the bar is drawn in its own rhythm: each time costs a page messages
        stop = callback and callback(step, run.model, history)
        if checkpoint and (step % checkpoint.every == 0 or step == run.steps):
            checkpoint.save(run.state() | {"options": options}, run.last_batch)
        if stop and step < run.steps:
            history.interrupted = True
            return


class _Run:
    """The state of one training: model, optimiser, average and history."""

    def __init__(self, model: nn.Module, steps: int, lr: float, recipe: Recipe, fabric):
        self.model = model
        self.shared = model  # what the loss calls: the model, or the wrapper that averages gradients
        self.steps = steps
        self.lr = lr
        self.schedule = recipe.schedule
        self.fabric = fabric
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=True
        )
        if fabric:
            self.shared, self.optimizer = fabric.setup(model, self.optimizer)
        self.average = MovingAverage(model, recipe.average) if recipe.average else None
        self.history = History()
        self.last_batch: tuple[Tensor, ...] = ()

    def step(self, loss: Callable[..., Tensor], batch: tuple[Tensor, ...]) -> None:
        """One optimiser step, refused before it touches the weights if anything is not finite."""
        start = time.perf_counter()
        step = self.history.steps + 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.schedule(step - 1, self.steps)
        self.optimizer.zero_grad()
        device = next(self.model.parameters()).device
        value = loss(self.shared, *(part.to(device) for part in batch))
        shown = self._shown(value)
        _check_finite(shown, "loss", step)
        self._backward(value)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), math.inf)  # changes nothing: only the norm is wanted
        _check_finite(norm.item(), "gradient", step)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model)
        self.last_batch = batch
        self.history.losses.append(shown)
        self.history.images += len(batch[0])
        self.history.seconds += time.perf_counter() - start

    def _shown(self, value: Tensor) -> float:
        """The loss as a number, averaged over the processes."""
        if value.ndim:
            raise ValueError(f"expected a loss of shape (), one number a batch, got shape {tuple(value.shape)}")
        return self.fabric.all_reduce(value.detach()).item() if self.fabric else value.item()

    def _backward(self, value: Tensor) -> None:
        if self.fabric:
            self.fabric.backward(value)
        else:
            value.backward()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": (self.average.weights, self.average.steps) if self.average else None,
            "history": vars(self.history),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `Checkpoint.load` has found to be of this training."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = History(**state["history"])
        if self.average:
            weights, self.average.steps = state["average"]
            self.average.weights = [w.to(p) for w, p in zip(weights, self.model.parameters(), strict=True)]


def _options(steps: int, lr: float, recipe: Recipe, fabric) -> dict[str, Any]:
    """What a resumed training has to repeat; of the schedule, its factors at eleven steps."""
    return {
        "steps": steps,
        "lr": lr,
        "weight_decay": recipe.weight_decay,
        "average": recipe.average,
        "schedule": [recipe.schedule(k * (steps - 1) // 10, steps) for k in range(11)],
        "processes": fabric.world_size if fabric else 1,
    }


def _next(batches: Iterator, step: int, steps: int) -> tuple[Tensor, ...]:
    batch = next(batches, None)
    if batch is None:
        raise ValueError(f"expected {steps} batches, one a step, but they ran out after {step - 1}")
    if not isinstance(batch, (tuple, list)):
        raise TypeError(f"expected batches to be tuples (z,) or (z, y), got {type(batch).__name__}")
    return tuple(batch)


def _check_numbers(steps: int, lr: float) -> None:
    if steps < 1:
        raise ValueError(f"expected steps of at least 1, got {steps}")
    if not 0 < lr < math.inf:
        raise ValueError(f"expected a positive learning rate lr, got {lr}")


def _check_finite(value: float, name: str, step: int) -> None:
    if not math.isfinite(value):
        raise ValueError(
            f"the {name} is {value} at step {step}; training stopped, the model keeps the weights of step {step - 1}. "
            "A smaller learning rate often helps"
        )


def _bar(steps: int, done: int, progress: bool):
    from tqdm.auto import tqdm

    return tqdm(total=steps, initial=done, desc="fit", unit="step", disable=not progress)
