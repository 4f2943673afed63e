"""Training: one loop for every lab, which can be watched, interrupted, stopped and resumed."""

import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.storage import replace_file


def budget(full: Any, small: Any) -> Any:
    """`full`, or `small` where the environment variable COURSE_BUDGET is "small": a lab's trial run, in seconds.

    Raises:
        ValueError: If COURSE_BUDGET is set to anything else than "full" or "small".
    """
    name = os.environ.get("COURSE_BUDGET", "full")
    if name not in ("full", "small"):
        raise ValueError(f'expected COURSE_BUDGET to be "full" or "small", got {name!r}')
    return full if name == "full" else small


def best_device() -> torch.device:
    """A GPU or Apple's GPU where there is one, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@dataclass
class History:
    """What happened in training.

    Attributes:
        losses: The loss of every step.
        images: Number of data points that the steps saw.
        seconds: Wall time of the steps.
        interrupted: Whether the training was stopped before its end.
    """

    losses: list[float] = field(default_factory=list)
    images: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return len(self.losses)

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0


def trapezoid(step: int, steps: int, warmup: int = 100, flat: float = 0.4, final: float = 0.02) -> float:
    """Factor of the learning rate after `step` of `steps`: a linear rise, 1 for a while, a linear fall to `final`.

    The rise takes `warmup` steps, a tenth of all at most; the fall begins after the share `flat` of all.
    """
    rise = min(1.0, (step + 1) / max(1, min(warmup, steps // 10)))
    fall = min(1.0, (steps - step) / (steps * (1 - flat)))
    return rise * (final + (1 - final) * fall)


class MovingAverage:
    """An average of a model's weights over about the last `share` of the steps so far."""

    def __init__(self, model: nn.Module, share: float):
        self.share, self.steps = share, 0
        self.weights = [p.detach().clone() for p in model.parameters()]

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.steps += 1
        for average, p in zip(self.weights, model.parameters(), strict=True):
            average.lerp_(p, min(1.0, 1 / (self.share * self.steps)))

    @torch.no_grad()
    def load_into(self, model: nn.Module) -> None:
        for p, average in zip(model.parameters(), self.weights, strict=True):
            p.copy_(average)


def fit(
    model: nn.Module,
    loss: Callable[..., Tensor],
    batches: Iterable[tuple[Tensor, ...]],
    *,
    steps: int,
    device: torch.device | str | None = None,
    lr: float = 3e-3,
    weight_decay: float = 0.01,
    schedule: Callable[[int, int], float] = trapezoid,
    average: float | None = 0.05,
    progress: bool = True,
    callback: Callable[[int, nn.Module, History], None] | None = None,
    checkpoint: str | Path | None = None,
    every: int = 500,
    resume: bool = False,
    generator: torch.Generator | None = None,
    fabric: Any = None,
) -> History:
    """Train a model with AdamW. Afterwards it holds the moving average of its weights.

    Ctrl-C, or the stop button of a notebook, ends the training early: the model is as usable as at the end.

    Args:
        model: Trained in place.
        loss: Called as `loss(model, *batch)`; returns a scalar.
        batches: Tuples of tensors, `(z,)` or `(z, y)`; at least `steps` of them.
        steps: Number of optimiser steps.
        device: Where to move the model and the batches; by default where the model is.
        lr: Peak learning rate.
        weight_decay: Of AdamW.
        schedule: Factor of the learning rate at `(step, steps)`.
        average: Share of the steps that the moving average spans, or None for the last weights as they are.
        progress: Whether to show a progress bar with the loss.
        callback: Called as `callback(step, model, history)` after every step, with step = 1, 2, ...; the model
            holds its current weights.
        checkpoint: File to save the state of the training to.
        every: Steps between two savings.
        resume: Whether to go on from the file `checkpoint`, if it exists. The losses are those of an
            uninterrupted run if `batches` starts anew in the same order and does not share its generator with
            `loss`: the batches already seen are skipped.
        generator: The generator of `loss`, if any, so that a resumed run continues its stream.
        fabric: A launched `lightning_fabric.Fabric`, to train on several devices or machines: `fit` runs in each of
            its processes on batches of their own, and gradients are averaged. Each process keeps a checkpoint, with
            its rank in the name.

    Returns:
        The history, that of the run it resumes included.

    Raises:
        ValueError: If a loss or a gradient is not finite (the model keeps the weights of the step before),
            the batches run out, `steps` is less than 1, or the checkpoint belongs to another training.
        TypeError: If a batch is not a tuple.
    """
    _check_options(steps, average, every, checkpoint, resume)
    if device is not None:
        model.to(device)
    run = _Run(model, steps, lr, weight_decay, schedule, average, generator, fabric)
    if fabric and fabric.world_size > 1:
        checkpoint = checkpoint and f"{checkpoint}.{fabric.global_rank}"
        progress = progress and fabric.is_global_zero
    batches = iter(batches)
    if resume and Path(checkpoint).exists():
        run.load(Path(checkpoint), batches)
    bar = _bar(steps, run.history.steps, progress)
    model.train()
    try:
        for step in range(run.history.steps + 1, steps + 1):
            run.step(loss, _next(batches, step, steps))
            bar.update()
            if step % 20 == 0 or step == steps:
                speed = f"{run.history.images_per_second:,.0f}"
                bar.set_postfix({"loss": f"{run.recent_loss():.4g}", "images/s": speed})
            if callback:
                callback(step, model, run.history)
            if checkpoint and (step % every == 0 or step == steps):
                run.save(Path(checkpoint))
    except KeyboardInterrupt:
        run.history.interrupted = True
    finally:
        bar.close()
        model.eval()
    if run.average:
        run.average.load_into(model)
    return run.history


class _Run:
    """The state of one training."""

    def __init__(self, model, steps, lr, weight_decay, schedule, average, generator, fabric):
        self.model, self.steps, self.lr, self.schedule, self.generator = model, steps, lr, schedule, generator
        options = {"betas": (0.9, 0.99), "weight_decay": weight_decay, "fused": True}
        self.optimizer = torch.optim.AdamW(model.parameters(), lr, **options)
        self.fabric, self.shared = fabric, model  # what is called: the model, or the wrapper that averages gradients
        if fabric:
            self.shared, self.optimizer = fabric.setup(model, self.optimizer)
        self.average = MovingAverage(model, average) if average else None
        self.history = History()
        self.last_batch: tuple[Tensor, ...] = ()

    def step(self, loss: Callable[..., Tensor], batch: tuple[Tensor, ...]) -> None:
        """One optimiser step, refused before it touches the weights if anything is not finite."""
        start, step = time.perf_counter(), self.history.steps + 1
        device = next(self.model.parameters()).device
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.schedule(step - 1, self.steps)
        self.optimizer.zero_grad()
        value = loss(self.shared, *(part.to(device) for part in batch))
        shown = (self.fabric.all_reduce(value.detach()) if self.fabric else value).item()
        _check_finite(shown, "loss", step)
        self.fabric.backward(value) if self.fabric else value.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), math.inf)  # changes nothing: only the norm is wanted
        _check_finite(norm.item(), "gradient", step)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model)
        self.last_batch = batch
        self.history.losses.append(shown)
        self.history.images += len(batch[0])
        self.history.seconds += time.perf_counter() - start

    def recent_loss(self, window: int = 50) -> float:
        recent = self.history.losses[-window:]
        return sum(recent) / len(recent)

    def save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": (self.average.weights, self.average.steps) if self.average else None,
            "history": vars(self.history),
            "last_batch": _fingerprint(self.last_batch),
            "random": (torch.get_rng_state(), self.generator.get_state() if self.generator else None),
        }
        replace_file(path, lambda temporary: torch.save(state, temporary))

    def load(self, path: Path, batches) -> None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = History(**state["history"])
            if self.average:
                weights, self.average.steps = state["average"]
                self.average.weights = [w.to(p) for w, p in zip(weights, self.model.parameters(), strict=True)]
        except Exception as error:
            raise ValueError(f"{path} is not a checkpoint of this training: {error}") from error
        if self.history.steps > self.steps:
            raise ValueError(f"expected at most {self.steps} steps in {path}, got {self.history.steps}")
        for step in range(1, self.history.steps + 1):
            batch = _next(batches, step, self.steps)
        if self.history.steps and _fingerprint(batch) != state["last_batch"]:
            raise ValueError(f"batch {step} is not the one that {path} was trained on: same data, seed and batch size?")
        everywhere, own = state["random"]
        torch.set_rng_state(everywhere)
        if self.generator and own is not None:
            self.generator.set_state(own)


def _fingerprint(batch: tuple[Tensor, ...]) -> list[float]:
    return [part.double().sum().item() for part in batch]


def _next(batches, step: int, steps: int) -> tuple[Tensor, ...]:
    batch = next(batches, None)
    if batch is None:
        raise ValueError(f"expected {steps} batches, one a step, but they ran out after {step - 1}")
    if not isinstance(batch, (tuple, list)):
        raise TypeError(f"expected batches to be tuples (z,) or (z, y), got {type(batch).__name__}")
    return batch


def _check_finite(value: float, name: str, step: int) -> None:
    if not math.isfinite(value):
        raise ValueError(
            f"the {name} is {value} at step {step}; training stopped, the model keeps the weights of step {step - 1}. "
            "A smaller learning rate often helps"
        )


def _check_options(steps: int, average: float | None, every: int, checkpoint, resume: bool) -> None:
    if steps < 1 or every < 1:
        raise ValueError(f"expected steps and every of at least 1, got {steps} and {every}")
    if average is not None and not 0 < average <= 1:
        raise ValueError(f"expected average to be a share of the steps in (0, 1] or None, got {average}")
    if resume and checkpoint is None:
        raise ValueError("expected a checkpoint file to resume from, got none")


def _bar(steps: int, done: int, progress: bool):
    from tqdm.auto import tqdm

    return tqdm(total=steps, initial=done, desc="fit", unit="step", disable=not progress)
