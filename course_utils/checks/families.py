"""Parametric families: inputs of an exercise that are data, and the objects that an answer is called with.

An input is a tensor, a number, a text, or a family: a dictionary with the key "family" and the parameters of a
field, process, schedule or model, built into an object just before the call.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.checks.layers import AffineAutoencoder, BlockLayers, LetterTable, TransformerLayers, TwoTimeField
from course_utils.checks.plans import LinearWorld, Planner
from course_utils.likelihood import divergence
from course_utils.processes import SDE
from course_utils.schedules import Cosine, Linear, Schedule
from course_utils.shapes import expand_time

__all__ = [
    "AffineModel",
    "AffineSDE",
    "ArchSchedule",
    "Batches",
    "CountingSGD",
    "FAMILIES",
    "NAMED",
    "PolynomialField",
    "PowerSchedule",
    "QuadraticReward",
    "affine_field",
    "affine_score",
    "at_rest",
    "build",
    "bump",
    "changed",
    "curved_field",
    "drifting",
    "kind_of",
    "squared_distance",
]


def affine_field(matrix: Tensor, offset: Tensor, rate: Tensor) -> Callable:
    """u(x, t) = x matrix^T + offset + t rate."""

    def field(x, t):
        _states_first(x, t, "field(x, t)")
        return x @ matrix.T + offset + expand_time(t, x) * rate

    return _plainly_named(field)


def curved_field(matrix: Tensor, offset: Tensor, rate: Tensor) -> Callable:
    """u(x, t) = (1 + t) sin(x matrix^T + offset) + t^2 rate: on affine fields, methods of one order look alike."""

    def field(x, t):
        _states_first(x, t, "field(x, t)")
        t = expand_time(t, x)
        return (1 + t) * torch.sin(x @ matrix.T + offset) + t**2 * rate

    return _plainly_named(field)


def affine_score(matrix: Tensor, mean: Tensor) -> Callable:
    """The score of a Gaussian with precision `matrix`: -(x - mean) matrix^T."""

    def score(x):
        return -(x - mean) @ matrix.T

    return _plainly_named(score)


def _plainly_named(fn: Callable) -> Callable:
    """The function, called in errors what a student calls it, not `affine_score.<locals>.score`."""
    fn.__qualname__ = fn.__name__
    return fn


def _states_first(x, t, call: str) -> None:
    """Refuse exchanged arguments, and states that are no tensor."""
    exchanged = isinstance(t, Tensor) and t.ndim > 1 and t.ndim > getattr(x, "ndim", 0)
    if exchanged or isinstance(x, int | float):
        raise ValueError(f"the states come first, then the time: {call}")
    if not isinstance(x, Tensor):
        raise ValueError(f"expected states that are a tensor, got {kind_of(x)}")


class AffineSDE(SDE):
    """Affine drift; a diffusion coefficient that depends on state and time."""

    def __init__(self, matrix: Tensor, offset: Tensor, rate: Tensor, scale: Tensor):
        self._drift, self._scale = affine_field(matrix, offset, rate), scale

    def drift(self, x, t):
        _states_first(x, t, "drift(x, t)")
        return self._drift(x, t)

    def diffusion(self, x, t):
        _states_first(x, t, "diffusion(x, t)")
        return self._scale * (1 + expand_time(t, x)) * (1 + x**2).sqrt()


class AffineModel(nn.Module):
    """A model that is affine in state, time and label, with parameters to take gradients in."""

    def __init__(self, matrix: Tensor, offset: Tensor, rate: Tensor, labels: Tensor | None = None):
        super().__init__()
        self.matrix, self.offset, self.rate = map(nn.Parameter, (matrix.clone(), offset.clone(), rate.clone()))
        self.labels = None if labels is None else nn.Parameter(labels.clone())

    def forward(self, x, t, y=None):
        labelled = y is not None and self.labels is not None
        if labelled and (not isinstance(y, Tensor) or y.shape != x.shape[:1]):  # as the networks do
            got = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else kind_of(y)
            raise ValueError(f"expected labels of shape ({len(x)},), one a state, got {got}")
        shift = self.labels[y] if labelled else 0
        return x @ self.matrix.T + self.offset + expand_time(t, x) * self.rate + shift


class PowerSchedule(Schedule):
    """alpha = t^a, beta = (1 - t)^b: nothing relates alpha to beta, so that no shortcut gives the right answer."""

    def __init__(self, a: float, b: float):
        self.a, self.b = a, b

    def alpha(self, t):
        return t**self.a

    def beta(self, t):
        return (1 - t) ** self.b

    def alpha_dot(self, t):
        return self.a * t ** (self.a - 1)

    def beta_dot(self, t):
        return -self.b * (1 - t) ** (self.b - 1)


class PolynomialField:
    """u_i(x, t) = (1 + t) sum_jk quadratic_ijk x_j x_k + sum_j matrix_ij x_j."""

    def __init__(self, quadratic: Tensor, matrix: Tensor):
        self.quadratic, self.matrix = quadratic, matrix

    def __call__(self, x, t):
        _states_first(x, t, "field(x, t)")
        return (1 + expand_time(t, x)) * torch.einsum("ijk,bj,bk->bi", self.quadratic, x, x) + x @ self.matrix.T


def squared_distance(model, z, shift=None):
    """A loss that is quadratic in the parameters of an affine model."""
    if not isinstance(z, Tensor):
        raise TypeError(f"expected loss_fn(model, *batch) with tensors in the batch, got {kind_of(z)} as first part")
    return ((model(z, 0.5) - z - (0 if shift is None else shift)) ** 2).sum(1).mean()


class Batches:
    """Batches without a length, which can be run through several times."""

    def __init__(self, **parts: Tensor):
        self.parts = parts

    def __iter__(self):
        return zip(*self.parts.values(), strict=True)


class CountingSGD(torch.optim.SGD):
    """Stochastic gradient descent that counts its steps."""

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)


class ArchSchedule(Schedule):
    """alpha = top t (2 - t), beta = noise (1 - t^2) + rest: both ends are times like others, unless rest is 0.

    Four things that a formula might divide by are 0 at an end: alpha at t = 0, its derivative at t = 1, the derivative
    of beta at t = 0, and 1 - t at t = 1. What the conversions divide by never is.
    """

    def __init__(self, top: float, noise: float, rest: float):
        self.top, self.noise, self.rest = top, noise, rest

    def alpha(self, t):
        return self.top * t * (2 - t)

    def beta(self, t):
        return self.noise * (1 - t**2) + self.rest

    def alpha_dot(self, t):
        return 2 * self.top * (1 - t)

    def beta_dot(self, t):
        return -2 * self.noise * t


def at_rest(x: Tensor, t) -> Tensor:
    """A field that is 0 everywhere."""
    return 0 * x


def drifting(x: Tensor, t) -> Tensor:
    """A field that is the same everywhere, (1 + t)^2: it moves all points alike, and spreads none."""
    return (1 + expand_time(t, x)) ** 2 + 0 * x


class QuadraticReward:
    """r(z) = sum_ij quadratic_ij z_i z_j + sum_i slope_i z_i."""

    def __init__(self, quadratic: Tensor, slope: Tensor):
        self.quadratic, self.slope = quadratic, slope

    def __call__(self, z):
        if not isinstance(z, Tensor) or z.ndim != 2:
            got = f"shape {tuple(z.shape)}" if isinstance(z, Tensor) else kind_of(z)
            raise ValueError(f"expected reward(z) with states of shape (B, d), got {got}")
        return torch.einsum("ij,bi,bj->b", self.quadratic, z, z) + z @ self.slope


def bump(height: float, width: float) -> Callable:
    """weight(r2) = height exp(-r2 / width), of squared distances in any shape."""

    def weight(r2):
        return height * torch.as_tensor(-r2 / width).exp()

    return _plainly_named(weight)


NAMED = {"linear": Linear(), "at rest": at_rest, "drifting": drifting}
"""Things with a name, which `observers.Also` puts in the place of an argument."""

FAMILIES: dict[str, Callable] = {
    "affine field": affine_field,
    "curved field": curved_field,
    "affine score": affine_score,
    "affine SDE": AffineSDE,
    "affine model": AffineModel,
    "block layers": BlockLayers,
    "affine autoencoder": AffineAutoencoder,
    "transformer layers": TransformerLayers,
    "letter table": LetterTable,
    "schedule": lambda name: {"linear": Linear, "cosine": Cosine}[name](),
    "power schedule": PowerSchedule,
    "polynomial field": PolynomialField,
    "batches": lambda **parts: zip(*parts.values(), strict=True),
    "batches that can be had again": Batches,
    "squared distance": lambda: squared_distance,
    "jacobian trace": lambda: divergence,
    "arch schedule": ArchSchedule,
    "quadratic reward": QuadraticReward,
    "SGD": lambda lr: lambda parameters: CountingSGD(parameters, lr=lr),
    "two-time field": TwoTimeField,
    "bump": bump,
    "plan": Planner,
    "step": LinearWorld,
}


def build(case: dict) -> dict:
    """The arguments of one call: families are built, tensors copied."""
    return {name: _build(value) for name, value in case.items()}


def _build(value):
    if isinstance(value, dict) and "family" in value:
        parameters = {k: v for k, v in value.items() if k != "family"}
        return FAMILIES[value["family"]](**parameters)
    return value.clone() if isinstance(value, Tensor) else value


def changed(arguments: dict, change: str) -> dict:
    """The arguments of a call after a change such as "t_next=1, schedule=linear", see `observers.Also`."""
    pairs = [pair.split("=") for pair in change.split(", ")]
    return arguments | {name: _meant(arguments, name, text) for name, text in pairs}


def _meant(arguments: dict, name: str, text: str):
    """What a text gives an argument: another argument, a thing with a name, or a number of the kind that it is."""
    if text in arguments:
        return arguments[text]
    if text in NAMED:
        return NAMED[text]
    value = arguments[name]
    if text == "its first":
        return value[0]
    return torch.full_like(value, float(text)) if isinstance(value, Tensor) else type(value)(text)


def kind_of(value) -> str:
    """What a value is, in words for a student."""
    if value is None:
        return "None: is a `return` missing?"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' or name == 'ndarray' else 'a'} {name}"
