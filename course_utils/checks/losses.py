"""Losses on a path, whatever their target: two mistakes at once, and what can be said of wrong ones.

The mistakes themselves stand in `mistakes.loss_mistakes`, which every such exercise has.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake
from course_utils.checks.mistakes import OnPath, norm_squared, pairs, path_loss
from course_utils.checks.traits import Compared, Trait, close
from course_utils.shapes import expand_time

__all__ = ["SCORE", "VELOCITY", "loss_pairs", "loss_traits"]

Target = Callable[[OnPath], Tensor]

TARGETS: dict[str, tuple[str, Target]] = {
    "noise": ("the target is the noise.", lambda path: path.noise),
    "score": ("the target is the conditional score.", lambda path: -path.noise / path.beta),
    "score over the variance": (
        "the noise in the target is divided by beta squared.",
        lambda path: -path.noise / path.beta**2,
    ),
    "score without alpha": (
        "alpha is missing in the target, a score.",
        lambda path: -(path.x - path.z) / path.beta**2,
    ),
    "minus score": ("the target is minus the conditional score.", lambda path: path.noise / path.beta),
    "minus noise": ("the target is minus the noise.", lambda path: -path.noise),
    "data": ("the target is the data.", lambda path: path.z),
    "linear velocity": ("the target is the velocity of the linear path.", lambda path: path.z - path.noise),
    "its opposite": ("the target is minus the velocity of the linear path.", lambda path: path.noise - path.z),
    "velocity": (
        "the target is the velocity of the path.",
        lambda path: path.alpha_dot * path.z + path.beta_dot * path.noise,
    ),
    "sign of beta dot": (
        "the target is a velocity with a wrong sign before the noise.",
        lambda path: path.alpha_dot * path.z - path.beta_dot * path.noise,
    ),
    "state": ("the target is the state.", lambda path: path.x),
    "way that is left": ("the target is z - x.", lambda path: path.z - path.x),
}
VELOCITY = TARGETS["velocity"][1]
SCORE = TARGETS["score"][1]

STATES: dict[str, tuple[str, Target]] = {
    "velocity": ("the model sees the velocity of the path.", TARGETS["velocity"][1]),
    "exchanged": (
        "alpha and beta are exchanged in the state that the model sees.",
        lambda path: path.beta * path.z + path.alpha * path.noise,
    ),
    "data": ("the model sees the clean data.", lambda path: path.z),
    "noise": ("the model sees the noise alone.", lambda path: path.noise),
    "no alpha": ("alpha is missing in the state.", lambda path: path.z + path.beta * path.noise),
    "no beta": ("beta is missing in the state.", lambda path: path.alpha * path.z + path.noise),
    "noise taken off": (
        "the noise is taken off in the state.",
        lambda path: path.alpha * path.z - path.beta * path.noise,
    ),
    "one minus alpha": (
        "1 - alpha stands for beta in the state.",
        lambda path: path.alpha * path.z + (1 - path.alpha) * path.noise,
    ),
}
TIMES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "reversed": ("the model is told the time 1 - t.", lambda t: 1 - t),
    "0": ("the model is told the time 0.", torch.zeros_like),
    "first": ("the model is told the time of the first state, for all.", lambda t: t[:1].expand_as(t)),
}
NORMS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "mean over all": ("the mean runs over the coordinates, too.", lambda d: d.square().mean()),
    "sum over all": ("the sum runs over the batch, too.", lambda d: d.square().sum()),
    "not squared": ("the norm is not squared.", lambda d: d.flatten(1).norm(dim=1).mean()),
    "last axis": ("squares are added over the last axis only.", lambda d: d.square().sum(-1).mean()),
    "by the last size": (
        "the sum is divided by the length of the last axis.",
        lambda d: d.square().sum() / d.shape[-1],
    ),
    "absolute": ("absolute differences are added.", lambda d: norm_squared(d.abs())),
    "mean of sizes": ("the mean of absolute differences is taken, over all.", lambda d: d.abs().mean()),
    "half": ("there is a factor 1/2.", lambda d: norm_squared(d.square()) / 2),
    "half of the mean": ("there is a factor 1/2, and the mean runs over all.", lambda d: d.square().mean() / 2),
    "summed first": ("differences are added before they are squared.", lambda d: d.flatten(1).sum(1).square().mean()),
}
WEIGHTS: dict[str, tuple[str, Target]] = {
    "beta": ("the difference is multiplied by beta.", lambda path: path.beta),
    "over beta": ("the difference is divided by beta.", lambda path: 1 / path.beta),
    "variance": ("the difference is multiplied by beta squared.", lambda path: path.beta**2),
    "alpha": ("the difference is multiplied by alpha.", lambda path: path.alpha),
}
SHAPES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "as given": ("the times are not reshaped, and met the wrong axis.", lambda t, z: t),
    "not for images": (
        "for images, the times are not reshaped.",
        lambda t, z: t[:, None] if z.ndim == 2 else t,
    ),
    "for points": ("the times are reshaped to (B, 1), which fits no images.", lambda t, z: t[:, None]),
}


RIGHT_FOR_POINTS = ("not for images", "for points", "last axis")
"""What is wrong for images alone."""


def loss_pairs(right: Target, name: str, *, images: bool = True) -> list[Mistake]:
    """Two mistakes at once in a loss of points or images with this target, which has this name among `TARGETS`."""

    def formula(*arguments, target=right, **parts):
        return _loss(*arguments, target=target, **parts)

    wrong = {other: target for other, target in TARGETS.items() if other not in (name, f"minus {name}")}
    groups = {
        "target": wrong | {"sign": ("the target has a wrong sign.", lambda path: -right(path))},
        "state": STATES,
        "time": TIMES,
        "shape": SHAPES,
        "weight": WEIGHTS,
        "norm": NORMS,
    }
    return pairs(
        formula,
        *(
            {
                f"{part} {name}": (words, {part: replaced})
                for name, (words, replaced) in group.items()
                if images or name not in RIGHT_FOR_POINTS
            }
            for part, group in groups.items()
        ),
    )


def _loss(
    model,
    schedule,
    z,
    t,
    noise,
    *,
    target: Target,
    state: Target = lambda path: path.x,
    time: Callable[[Tensor], Tensor] = lambda t: t,
    shape: Callable[[Tensor, Tensor], Tensor] = expand_time,
    weight: Callable[[OnPath], Tensor | float] = lambda path: 1.0,
    norm: Callable[[Tensor], Tensor] = lambda d: norm_squared(d.square()),
) -> Tensor:
    """A loss of which every part can be replaced."""
    path = OnPath.at(schedule, shape(t, z), z, noise)
    return norm(weight(path) * (model(state(path), time(t)) - target(path)))


def loss_traits(target: Target) -> list[Trait]:
    """What can be said of wrong losses with this target."""
    return [
        *_of_single_states(target),
        Trait(
            "gradient right",
            lambda pair: all(pair.right(name) for name in pair.expected if name.startswith("gradient")),
            "the gradient is right, the loss is not: something is added that does not depend on the model.",
        ),
        Trait(
            "one factor",
            lambda pair: _alike(_factors(pair)),
            "loss and gradient are right but for one and the same factor: what is all multiplied or divided by?",
        ),
        Trait(
            "a factor that the shape decides",
            lambda pair: None not in _factors(pair),
            "loss and gradient are right but for a factor, which is another one in calls with other shapes: over which "
            "axes do you sum, and over which do you average?",
        ),
    ]


def _of_single_states(target: Target) -> list[Trait]:
    return [
        Trait(
            "one state",
            lambda pair: all(any(_gives(pair, target, row, kind) for row in range(5)) for kind in _kinds(pair)),
            "this is the loss of one state of the batch: average over all.",
        ),
        Trait(
            "a state left out",
            lambda pair: all(
                any(_gives(pair, target, row, kind, rest=True) for row in range(5)) for kind in _kinds(pair)
            ),
            "one state of the batch is left out: average over all.",
        ),
    ]


def _gives(pair: Compared, target: Target, row: int, kind: str, *, rest: bool = False) -> bool:
    """Whether the loss of this kind is that of one state, or of the rest."""

    def mean(squares: Tensor) -> Tensor:
        return squares.flatten(1).sum(1)[(torch.arange(len(squares)) == row % len(squares)) != rest].mean()

    own = pair.of(path_loss(target, reduce=mean))
    return close(pair.given[f"loss{kind}"], own[f"loss{kind}"])


def _kinds(pair: Compared) -> list[str]:
    """What follows "loss" or "gradient" in the names of values: one for each call."""
    return [name.removeprefix("loss") for name in pair.expected if name.startswith("loss")]


def _factors(pair: Compared) -> list[float | None]:
    """For each call the number that loss and gradient are multiplied by, None if there is none."""
    return [_factor(pair, kind) for kind in _kinds(pair)]


def _factor(pair: Compared, kind: str) -> float | None:
    names = [f"loss{kind}", f"gradient{kind}"]
    given, expected = (torch.cat([values[name].flatten() for name in names]) for values in (pair.given, pair.expected))
    if not given.isfinite().all() or not close(given * expected[0], given[0] * expected):
        return None
    return (given[0] / expected[0]).item()


def _alike(factors: list[float | None]) -> bool:
    """Whether all calls have one factor."""
    known = [factor for factor in factors if factor is not None]
    return len(known) == len(factors) and max(known) - min(known) <= 1e-6 * abs(max(known))
