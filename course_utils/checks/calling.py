"""Calling an answer: inputs that are data become arguments, and what comes back becomes named tensors again.

This half knows neither oracles nor mistakes, so that it can run where the student's code runs.
An input is a tensor, a number, a text, or a family: a dictionary with the key "family" and the parameters of a
field, process, schedule or model, built into an object just before the call.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from course_utils.likelihood import divergence
from course_utils.processes import SDE
from course_utils.schedules import Cosine, Linear, Schedule
from course_utils.shapes import expand_time


class AnswerError(Exception):
    """The answer raised an exception or returned something that is no answer; the text says what."""


@dataclass
class Observation:
    """What one call showed.

    Attributes:
        values: Named results.
        changed: Names of the inputs that the call changed in place.
        repeatable: Whether a second call with the same inputs gave the same results.
    """

    values: dict[str, Tensor]
    changed: list[str] = field(default_factory=list)
    repeatable: bool = True


def affine_field(matrix: Tensor, offset: Tensor, rate: Tensor) -> Callable:
    """u(x, t) = x matrix^T + offset + t rate."""

    def field(x: Tensor, t: Tensor) -> Tensor:
        at = expand_time(t, x)  # first: it names arguments that are exchanged
        return x @ matrix.T + offset + at * rate

    return field


def curved_field(matrix: Tensor, offset: Tensor, rate: Tensor) -> Callable:
    """u(x, t) = sin(x matrix^T + offset) + t^2 rate: on affine fields, methods of one order look alike."""

    def field(x: Tensor, t: Tensor) -> Tensor:
        at = expand_time(t, x)
        return torch.sin(x @ matrix.T + offset) + at**2 * rate

    return field


def affine_score(matrix: Tensor, mean: Tensor) -> Callable:
    """The score of a Gaussian with precision `matrix`: -(x - mean) matrix^T."""
    return lambda x: -(x - mean) @ matrix.T


class AffineSDE(SDE):
    """Affine drift; a diffusion coefficient that depends on state and time."""

    def __init__(self, matrix: Tensor, offset: Tensor, rate: Tensor, scale: Tensor):
        self._drift, self._scale = affine_field(matrix, offset, rate), scale

    def drift(self, x, t):
        return self._drift(x, t)

    def diffusion(self, x, t):
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
            got = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else _kind(y)
            raise ValueError(f"expected labels of shape ({len(x)},), one a state, got {got}")
        shift = self.labels[y] if labelled else 0
        return x @ self.matrix.T + self.offset + expand_time(t, x) * self.rate + shift


class BlockLayers(nn.Module):
    """The layers of a residual block of a U-Net with given weights; what the block does with them is the exercise.

    Args:
        groups: Groups of the normalisation.
        modulation, conv1, conv2: Weight matrix, shape (2c, size), and kernels, shape (c, c, 3, 3).
        biases: Of these three layers, shape (4c,).
    """

    def __init__(self, groups: int, modulation: Tensor, conv1: Tensor, conv2: Tensor, biases: Tensor):
        super().__init__()
        c, size = len(conv1), modulation.shape[1]
        self.norm = nn.GroupNorm(groups, c, affine=False)
        self.modulation = nn.Linear(size, 2 * c)
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        layers, weights = (self.modulation, self.conv1, self.conv2), (modulation, conv1, conv2)
        for layer, weight, bias in zip(layers, weights, biases.split([2 * c, c, c]), strict=True):
            layer.weight, layer.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())

    def forward(self, *arguments):
        raise TypeError("these are the layers alone: how they work together is what you write")


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
        return (1 + expand_time(t, x)) * torch.einsum("ijk,bj,bk->bi", self.quadratic, x, x) + x @ self.matrix.T


def squared_distance(model, z, shift=None):
    """A loss that is quadratic in the parameters of an affine model."""
    if not isinstance(z, Tensor):
        raise TypeError(f"expected loss_fn(model, *batch) with tensors in the batch, got {_kind(z)} as its first part")
    return ((model(z, 0.5) - z - (0 if shift is None else shift)) ** 2).sum(1).mean()


class CountingSGD(torch.optim.SGD):
    """Stochastic gradient descent that counts its steps."""

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)


FAMILIES: dict[str, Callable] = {
    "affine field": affine_field,
    "curved field": curved_field,
    "affine score": affine_score,
    "affine SDE": AffineSDE,
    "affine model": AffineModel,
    "block layers": BlockLayers,
    "schedule": lambda name: {"linear": Linear, "cosine": Cosine}[name](),
    "power schedule": PowerSchedule,
    "polynomial field": PolynomialField,
    "batches": lambda **parts: zip(*parts.values(), strict=True),
    "squared distance": lambda: squared_distance,
    "jacobian trace": lambda: divergence,
    "SGD": lambda lr: lambda parameters: CountingSGD(parameters, lr=lr),
}


def build(case: dict) -> dict:
    """The arguments of one call: families are built, tensors copied."""
    return {name: _build(value) for name, value in case.items()}


def _build(value):
    if isinstance(value, dict) and "family" in value:
        parameters = {k: v for k, v in value.items() if k != "family"}
        return FAMILIES[value["family"]](**parameters)
    return value.clone() if isinstance(value, Tensor) else value


def returned(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """The tensor that the answer returns."""
    return {"result": _tensor(fn(*arguments.values()), "result")}


def number(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """A number, as such or as a tensor of shape ()."""
    value = fn(*arguments.values())
    as_such = isinstance(value, int | float) and not isinstance(value, bool)
    return {"result": torch.tensor(float(value), dtype=torch.float64) if as_such else _tensor(value, "result")}


def loss_and_gradient(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """A loss, and its gradient in the parameters of the argument `model`."""
    loss = _tensor(fn(*arguments.values()), "loss")
    if loss.ndim:
        raise AnswerError(f"expected a loss of shape (), got shape {tuple(loss.shape)}: average over the batch")
    parameters = list(arguments["model"].parameters())
    zeros = [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(loss, parameters, allow_unused=True) if loss.requires_grad else zeros
    gradient = [z if g is None else g for g, z in zip(found, zeros, strict=True)]
    return {"loss": loss, "gradient": torch.cat([g.flatten() for g in gradient])}


def drift_and_diffusion(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """A pair of drift and diffusion, each broadcast against the states `x`."""
    pair = fn(*arguments.values())
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise AnswerError(f"expected the pair (drift, diffusion), got {_kind(pair)}")
    x = arguments["x"]
    out = {}
    for name, value in zip(("drift", "diffusion"), pair, strict=True):
        value = x.new_tensor(value) if isinstance(value, int | float) else _tensor(value, name)
        value = value if value.ndim else value.to(x)
        try:
            out[name] = value.broadcast_to(x.shape)
        except RuntimeError:
            wanted = f"expected a number, or a tensor that broadcasts against x of shape {tuple(x.shape)}"
            raise AnswerError(f"{wanted}, as {name}, got shape {tuple(value.shape)}") from None
    return out


def several(*names: str) -> Callable:
    """An observer of an answer that returns a tuple of tensors."""

    def observer(fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = fn(*arguments.values())
        if not isinstance(values, tuple | list) or len(values) != len(names):
            got = f"{len(values)} values" if isinstance(values, tuple | list) else _kind(values)
            raise AnswerError(f"expected the tuple ({', '.join(names)}), got {got}")
        return {name: _tensor(value, name) for name, value in zip(names, values, strict=True)}

    return observer


def also_at_the_end(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """The states that a step leads to, and those it leads to when `t_next` is 1: nan if they are not all finite."""
    at_the_end = {**arguments, "t_next": torch.ones_like(arguments["t_next"])}
    result, end = (_tensor(fn(*each.values()), "result") for each in (arguments, at_the_end))
    return {"result": result, "result for t_next = 1": end if end.isfinite().all() else torch.full_like(end, torch.nan)}


def points_and_images(observer: Callable) -> Callable:
    """An observer of two calls: with flat states cut from the images of the case, and with the images.

    There are as many images as pixels in a row, so that a time that is not reshaped broadcasts, but wrongly.
    """

    def both(fn: Callable, arguments: dict) -> dict[str, Tensor]:
        n = len(arguments["z"])
        flat = {k: v.flatten(1)[:, :n] if isinstance(v, Tensor) and v.ndim > 1 else v for k, v in arguments.items()}
        return {
            f"{name} for states of shape {tuple(call['z'].shape)}": value
            for call in (flat, arguments)
            for name, value in observer(fn, call).items()
        }

    return both


def training(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """What a training loop did: steps of its optimiser, the weights after them, the losses it returned."""
    model = arguments["model"]
    optimizer = arguments["optimizer"](model.parameters())
    losses = fn(*{**arguments, "optimizer": optimizer}.values())
    if not isinstance(losses, list | tuple):
        raise AnswerError(f"expected the list of losses, got {_kind(losses)}")
    if any(isinstance(loss, Tensor) and loss.requires_grad for loss in losses):
        raise AnswerError("expected losses that are plain numbers: these tensors keep the graphs of all batches alive")
    return {
        "number of steps of the given optimizer": torch.tensor(optimizer.steps),
        "vector of trained weights": torch.cat([p.flatten() for p in model.parameters()]),
        "list of losses": torch.tensor([float(loss) for loss in losses], dtype=torch.float64),
    }


OBSERVERS: dict[str, Callable[[Callable, dict], dict[str, Tensor]]] = {
    "returned": returned,
    "number": number,
    "loss and gradient": loss_and_gradient,
    "drift and diffusion": drift_and_diffusion,
    "schedule": several("alpha", "beta", "alpha_dot", "beta_dot"),
    "alpha and beta": several("alpha", "beta"),
    "state for points and images": points_and_images(returned),
    "x and velocity for points and images": points_and_images(several("x", "velocity")),
    "training": training,
    "state also at t_next = 1": also_at_the_end,
    "data, noise and score": several("data", "noise", "score"),
}


def observe(fn: Callable, case: dict, observer: str = "returned") -> Observation:
    """Call the answer twice with freshly built inputs, and say what came back.

    Raises:
        NotImplementedError: If the answer is an unfinished stub.
        AnswerError: If it raised something else or returned no tensor.
    """
    arguments = build(case)
    values = _call(fn, arguments, observer)
    changed = [k for k, v in case.items() if isinstance(v, Tensor) and not _same(v, arguments[k])]
    again = _call(fn, build(case), observer)
    return Observation(values, changed, all(_same(values[k], again[k]) for k in values))


def _call(fn: Callable, arguments: dict, observer: str) -> dict[str, Tensor]:
    try:
        values = OBSERVERS[observer](fn, arguments)
    except AnswerError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError) and not error.args:
            raise
        power = "; in Python a power is `**`" if "xor" in str(error) else ""
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == _file(fn)]
        where = f" in your line {own[-1].lineno}, `{own[-1].line}`" if own and own[-1].line else ""
        raise AnswerError(f"your function raised {type(error).__name__}: {error}{where}{power}") from error
    return {name: value.detach().clone() for name, value in values.items()}


def _file(fn: Callable) -> str | None:
    return getattr(getattr(fn, "__code__", None), "co_filename", None)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a.double()), torch.nan_to_num(b.double()))


def _tensor(value, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise AnswerError(f"expected a tensor as {name}, got {_kind(value)}")
    return value


def _kind(value) -> str:
    if value is None:
        return "None: is a `return` missing?"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' or name == 'ndarray' else 'a'} {name}"
