"""Digits in few evaluations: begun where the law is known exactly, and carried by a map instead of a field."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from course_utils.data import batches
from course_utils.digits.mixtures import ClassMixtures, mixtures_beneath
from course_utils.digits.model import BATCH_SIZE, START
from course_utils.digits.sampling import finished
from course_utils.distributions import PCAMixture
from course_utils.guidance import classifier_free
from course_utils.networks import Network, Residual
from course_utils.paths import GaussianPath, follow
from course_utils.shapes import Time, as_floats, check_labels, expand_path_time, expand_span
from course_utils.simulators import euler_step, midpoint_step
from course_utils.training import Recipe, fit

__all__ = ["Splitting", "distil", "exact_draw", "few_steps"]

CHUNK = 250
"""Digits carried at a time, to bound memory."""
TEACHER_STEPS = 3
"""Midpoint steps of the teacher from its start to the end: 6 evaluations."""


def exact_draw(
    mixtures: Mapping[int | None, PCAMixture],
    y: Int[Tensor, " labels"],
    t: Time,
    generator: torch.Generator | None = None,
) -> Num[Tensor, "labels *event"]:
    r"""$x_t = t z + (1 - t)\,\epsilon$ with z from the mixture of its label: the law of the flow at t, as it is known.

    No field is evaluated. As Lab 4's network begins at t = 0.3, its model's law up to there is this one, exactly.

    Args:
        mixtures: From labels 0 to n-1, and None for the null label n, to mixtures, as of `mixtures_beneath`.
        y: Labels.
        t: Time on the linear path, 0 to 1, shape () or (labels,).
        generator: Source of z and of the noise.

    Raises:
        ValueError: If the mixtures are not those of 0 to n-1 and None, the labels are not whole numbers from 0 to n, or
            a time is not within 0 to 1.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> digits.exact_draw({0: one, None: one}, torch.tensor([0, 0, 1]), 0.3).shape
        torch.Size([3, 4])
    """
    null = len(mixtures) - 1
    if set(mixtures) != {*range(null), None}:
        raise ValueError(f"expected mixtures of the labels 0 to n-1 and None for the null label, got {list(mixtures)}")
    check_labels(y, y.numel())
    if not len(y) or y.min() < 0 or y.max() > null:
        got = f"labels from {y.min()} to {y.max()}" if len(y) else "none"
        raise ValueError(f"expected at least one label, each from 0 to {null} (the null label), got {got}")
    like = mixtures[None].centre
    z = like.new_empty(len(y), *like.shape)
    expand_path_time(t, z)
    for label in y.unique().tolist():
        here = (y == label).to(z.device)
        z[here] = mixtures[None if label == null else label].draw(int(here.sum()), generator)
    return GaussianPath().sample(z, t, generator=generator).x


class Splitting(Network):
    r"""A flow map of digits with one evaluation of a network: half of the closed form, the network, the other half.

    With m = (s + t)/2 it is $X_{m,t} \circ N \circ X_{s,m}$: X carries each Gaussian of the mixtures exactly, with
    weights held (`held_map`); $N(x) = x + (t - s)\,\text{learned}(x, m)$ is what the network says of the whole span.
    Right to first order in t - s for any network; where it says nothing, exact for one Gaussian a label.

    Args:
        model: A generator of Lab 4, whose network this one shares: to train it alone, give a copy, as `distil` does.

    Raises:
        ValueError: If it does not stand on mixtures. When called: as `networks.FlowMap`.

    Source: Strang, "On the construction and comparison of difference schemes" (1968), for the order of the parts.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> carry = digits.Splitting(digits.digit_model(few.images, few.labels))
        >>> carry(torch.zeros(2, 1, 28, 28), 0.3, 1.0, torch.tensor([3, 8])).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, model: Residual):
        super().__init__()
        self.base = ClassMixtures(mixtures_beneath(model.base))
        self.model = model

    def extra_repr(self) -> str:
        return f"net={type(self.model.net).__name__}"

    def forward(self, x: Tensor, s: Time, t: Time, y: Tensor | None = None) -> Tensor:
        """Where x is carried from time s to time t, shape (batch, *event)."""
        x = as_floats(x)
        start, end = expand_span(s, t, x)
        middle = ((start + end) / 2).flatten() if start.ndim or end.ndim else (start + end) / 2
        x = self.base.held_map(x, s, middle, y)
        x = x + (end - start) * self.model.learned(x, middle, *(() if y is None else (y,)))
        return self.base.held_map(x, middle, t, y)


METHODS = {"euler": (1, euler_step), "midpoint": (2, midpoint_step)}
"""Evaluations of a step, and the step."""


def few_steps(
    model,
    y: Int[Tensor, " labels"],
    evaluations: int,
    *,
    start: float = START,
    method: str | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "labels *image"]:
    """Digits in [-1, 1] by an exact draw at `start` and so many evaluations of the model from there.

    Args:
        model: A generator of digits in pixels or in latent space, or a `Splitting`.
        y: Labels.
        evaluations: In all; the decoder of latents, which everything there needs, is not counted.
        start: Time of the draw; 0 is noise.
        method: "euler", "midpoint" (two evaluations a step) or "splitting"; by default "splitting" for a `Splitting`,
            else "euler".
        generator: Source of the draw.

    Raises:
        ValueError: If the start is not from 0 to below 1, the evaluations are no whole steps of the method, the
            method does not fit the model, or as `exact_draw`.

    Example:
        >>> model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
        >>> digits.few_steps(model, torch.arange(10), 2, method="midpoint").shape
        torch.Size([10, 1, 28, 28])
    """
    _check_start(start)
    cost, carry = _map_of(model, method)
    if evaluations < cost or evaluations % cost:
        raise ValueError(f"expected a positive multiple of {cost} as evaluations, got {evaluations}")
    x = exact_draw(mixtures_beneath(model), y, start, generator).to(next(model.parameters()))
    return finished(model, _carried(carry, x, start, evaluations // cost, y))


def _map_of(model, method: str | None) -> tuple[int, Callable]:
    """What one step of the method costs, and the step as a map (x, s, t, y)."""
    trained = isinstance(model, Splitting)
    method = method or ("splitting" if trained else "euler")
    if method == "splitting" and (trained or isinstance(model, Residual)):
        return 1, model if trained else Splitting(model)
    if trained or method not in METHODS:
        known = "splitting" if trained else ", ".join([*METHODS, "splitting (of a Residual)"])
        raise ValueError(f"expected a method among {known} for {type(model).__name__}, got {method!r}")
    cost, step = METHODS[method]
    return cost, _stepping(model, step)


def _stepping(model, step: Callable, guidance: float = 1.0) -> Callable:
    """One step along the guided field, as a map (x, s, t, y)."""
    return lambda x, s, t, y: step(classifier_free(model, y, guidance), x, s, t - s)


@torch.no_grad()
def _carried(carry: Callable, x: Tensor, start: float, steps: int, y: Tensor) -> Tensor:
    """Where a map carries x from the start to 1 in so many steps, some rows at a time."""
    ts = torch.linspace(start, 1, steps + 1).to(x)
    parts = zip(x.split(CHUNK), y.to(x.device).split(CHUNK), strict=True)
    return torch.cat([follow(carry, rows, ts, labels) for rows, labels in parts])


def _check_start(start: float) -> None:
    if not 0 <= start < 1:
        raise ValueError(f"expected a start from 0 to below 1, got {start}")


def distil(
    model: Residual,
    *,
    pairs: int = 12_000,
    steps: int = 600,
    start: float = START,
    guidance: float = 1.0,
    lr: float = 5e-4,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> Splitting:
    r"""A `Splitting` that has learned where its teacher leads: $\mathbb{E}\,\|X_{s,1}(x) - x_1\|^2$, s the start.

    The pairs are made first: exact draws at the start, and their ends after three midpoint steps of the teacher. The
    student is trained from the teacher's own network, of which it gets a copy.

    Args:
        model: The teacher, a generator of Lab 4.
        pairs: Number of pairs, of labels 0, 1, ..., 9, 0, ...
        steps: Optimiser steps, of 64 pairs.
        start: Time s of the draws.
        guidance: Guidance scale w of the teacher; the student then needs one evaluation for its two.
        lr: Peak learning rate.
        generator: Source of draws and batches.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If the start is not from 0 to below 1, or as `exact_draw` and `training.fit`.

    Source: Luhman and Luhman, "Knowledge distillation in iterative generative models for improved sampling speed"
    (2021).

    Example:
        >>> model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
        >>> digits.distil(model, pairs=64, steps=1, progress=False)
        Splitting(net=UNet), 285,540 parameters
    """
    _check_start(start)
    mixtures = mixtures_beneath(model)
    y = torch.arange(pairs) % (len(mixtures) - 1)
    x = exact_draw(mixtures, y, start, generator).to(next(model.parameters()))
    ends = _carried(_stepping(model, midpoint_step, guidance), x, start, TEACHER_STEPS, y)
    student = Splitting(Residual(model.base, model.scale, copy.deepcopy(model.net), model.start))

    def loss(student: Any, x: Tensor, y: Tensor, ends: Tensor) -> Tensor:
        return (student(x, start, 1.0, y) - ends).square().flatten(1).sum(1).mean()

    parts = batches(x, y, ends, batch_size=BATCH_SIZE, generator=generator)
    fit(student, loss, parts, steps=steps, lr=lr, recipe=Recipe(average=0.1), progress=progress)
    return student
