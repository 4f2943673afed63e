r"""Losses of flow maps: a model of two times, $u_\theta(x, s, t)$, is to be the average velocity from s to t.

The flow carries $x$ at time s to $X_{s,t}(x) = x + (t - s)\,u(x,s,t)$ at time t >= s. Three things are true of it, and
each is a way to learn it: it does not change while the start rides along, two halves are the whole, and its end moves
with the velocity there. With a teacher that knows it, it can be learned from pairs.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.losses.matching import uniform
from course_utils.paths import GaussianPath, LinearPath, PathSample
from course_utils.shapes import as_floats, check_same_shape, expand_span, expand_time

__all__ = [
    "average_velocity_loss",
    "average_velocity_target",
    "lagrangian_loss",
    "regression_loss",
    "shortcut_loss",
    "two_halves",
    "two_times",
]


def two_times(
    n: int, same: float = 0.5, generator: torch.Generator | None = None
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """n pairs of times s <= t: two uniform times in order; each pair with probability `same` one time twice.

    Args:
        n: Number of pairs.
        same: Share of pairs with t = s, at which a model learns the velocity itself.
        generator: Source of the times.

    Raises:
        ValueError: If `n` is less than 1 or `same` is not a probability.

    Example:
        >>> s, t = losses.two_times(1000, same=0.25, generator=torch.Generator().manual_seed(0))
        >>> (s <= t).all(), (s == t).float().mean()
        (tensor(True), tensor(0.2320))
    """
    if n < 1:
        raise ValueError(f"expected at least 1 pair, got n = {n}")
    if not 0 <= same <= 1:
        raise ValueError(f"expected a probability from 0 to 1 as same, got {same}")
    s, t = uniform((2, n), generator).sort(0).values
    return s, torch.where(uniform((n,), generator) < same, s, t)


@torch.no_grad()
def average_velocity_target(model, v: Tensor, x: Tensor, s: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
    r"""$v + (t - s)\,(\partial_s + v \cdot \nabla)\,u_\theta(x,s,t)$, by one forward derivative; it has no gradient.

    Along the flow $\frac{d}{ds} X_{s,t}(x_s) = 0$: as the start rides along with velocity v, the end stays where it is.
    Written out for $X = x + (t - s) u$, that is $u = v + (t-s)\,\frac{d}{ds} u$.

    Args:
        model: `model(x, s, t)` or, with labels, `model(x, s, t, y)`; returns the shape of x.
        v: Velocity at x, shape (batch, *event): that of the path, or one whose mean given x it is.
        x: States at time s, same shape.
        s, t: Start and end, shape (batch,).
        y: Labels, shape (batch,), or None.

    Raises:
        ValueError: If shapes do not fit, or a start is later than its end.

    Source: Geng et al., "Mean flows for one-step generative modeling" (2025), the MeanFlow identity. There data
    lie at time 0, and the end of the span moves: hence the other sign.

    Example:
        >>> x, s, t = torch.tensor([[1.0]]), torch.tensor([0.0]), torch.tensor([1.0])
        >>> losses.average_velocity_target(lambda x, s, t: x * t, torch.tensor([[2.0]]), x, s, t)
        tensor([[4.]])
    """
    check_same_shape(v=v, x=x)
    s, t = _ordered(s, t, x)
    label = () if y is None else (y,)
    rate = torch.func.jvp(lambda x, s: model(x, s, t, *label), (x, s), (v, torch.ones_like(s)))[1]
    return v + expand_time(t - s, x) * rate


@torch.no_grad()
def two_halves(model, x: Tensor, s: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
    r"""The average velocity of two steps, from s to the middle m and from there to t; it has no gradient.

    $\frac12 (u_\theta(x,s,m) + u_\theta(x',m,t))$ with $x' = x + (m - s)\,u_\theta(x,s,m)$. Arguments and errors as for
    `average_velocity_target`.

    Source: Frans et al., "One step diffusion via shortcut models" (2025).

    Example:
        >>> x, s, t = torch.tensor([[1.0]]), torch.tensor([0.0]), torch.tensor([1.0])
        >>> losses.two_halves(lambda x, s, t: x, x, s, t)
        tensor([[1.2500]])
    """
    s, t = _ordered(s, t, x)
    label = () if y is None else (y,)
    middle = (s + t) / 2
    first = model(x, s, middle, *label)
    return (first + model(x + expand_time(middle - s, x) * first, middle, t, *label)) / 2


def average_velocity_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath | LinearPath,
    s: Tensor | None = None,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    velocity: Callable | None = None,
    same: float = 0.5,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""MeanFlow: batch mean of $\|u_\theta(x,s,t) - w\|^2$, w the `average_velocity_target`, which stands still.

    Args:
        model: `model(x, s, t)` or, with labels, `model(x, s, t, y)`; returns the shape of x.
        z: Data, shape (batch, *event).
        y: Labels, shape (batch,), or None.
        path: Where x at time s and its conditional velocity come from.
        s, t: Start and end, shape (batch,) or (), s <= t; both from `two_times` if not given.
        noise: Noise or source points, shape of `z`; standard normal if not given (a `LinearPath` needs it).
        velocity: A teacher, velocity(x, s) or velocity(x, s, y), instead of the conditional velocity.
        same: Share of pairs with t = s among times that are drawn here.
        generator: Source of times and noise.

    Returns:
        A scalar. The squared norm sums over the event; only the batch is averaged.

    Raises:
        ValueError: If only one of s and t is given, a start is later than its end, the model's answer has another
            shape, or as `path.sample`.

    Source: Geng et al., "Mean flows for one-step generative modeling" (2025), algorithm 1. With t = 1 only, it is
    the continuous-time form of Song et al., "Consistency models" (2023).

    Example:
        >>> z, s, t = torch.tensor([[3.0, 4.0]]), torch.tensor(0.0), torch.tensor(1.0)
        >>> noise = torch.zeros(1, 2)
        >>> losses.average_velocity_loss(lambda x, s, t: 0 * x, z, path=paths.GaussianPath(), s=s, t=t, noise=noise)
        tensor(25.)
    """
    sample, s, t = _start(z, path, s, t, noise, same, generator)
    v = _velocity_of(sample, s, y, velocity)
    return _mean_square(model, sample.x, s, t, y, average_velocity_target(model, v, sample.x, s, t, y))


def shortcut_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath | LinearPath,
    s: Tensor | None = None,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    velocity: Callable | None = None,
    same: float = 0.5,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Batch mean of $\|u_\theta(x,s,t) - w\|^2$, w the velocity where t = s, else the model's `two_halves`.

    Arguments, value and errors as for `average_velocity_loss`; no derivative is needed.

    Source: Frans et al., "One step diffusion via shortcut models" (2025); the halves are those of Salimans
    and Ho, "Progressive distillation for fast sampling of diffusion models" (2022).

    Example:
        >>> z, s, t = torch.tensor([[3.0, 4.0]]), torch.tensor(0.5), torch.tensor(0.5)
        >>> noise = torch.zeros(1, 2)
        >>> losses.shortcut_loss(lambda x, s, t: 0 * x, z, path=paths.GaussianPath(), s=s, t=t, noise=noise)
        tensor(25.)
    """
    sample, s, t = _start(z, path, s, t, noise, same, generator)
    v = _velocity_of(sample, s, y, velocity)
    standing = expand_time((s == t).to(s), sample.x) > 0
    return _mean_square(model, sample.x, s, t, y, torch.where(standing, v, two_halves(model, sample.x, s, t, y)))


def lagrangian_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath | LinearPath,
    velocity: Callable,
    s: Tensor | None = None,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    same: float = 0.5,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Batch mean of $\|\partial_t X_{s,t}(x) - v(X_{s,t}(x), t)\|^2$: the end moves with the teacher's velocity there.

    $X = x + (t - s)\,u_\theta$ is the model's own; what the teacher says of it, v, stands still. Arguments, value and
    errors as for `average_velocity_loss`; the teacher is needed.

    Source: Boffi et al., "Flow map matching with stochastic interpolants" (2025), Lagrangian map distillation.

    Example:
        >>> z, s, t = torch.tensor([[1.0]]), torch.tensor(0.0), torch.tensor(1.0)
        >>> path, noise, still = paths.GaussianPath(), torch.zeros(1, 1), lambda x, s, t: 0 * x
        >>> losses.lagrangian_loss(still, z, path=path, velocity=lambda x, t: x + 3, s=s, t=t, noise=noise)
        tensor(9.)
    """
    sample, s, t = _start(z, path, s, t, noise, same, generator)
    moved, rate = torch.func.jvp(lambda t: _moved(model, sample.x, s, t, y), (t,), (torch.ones_like(t),))[:2]
    check_same_shape(answer=moved, x=sample.x)
    with torch.no_grad():
        wanted = velocity(moved, t, *(() if y is None else (y,)))
    return (rate - wanted).square().flatten(1).sum(1).mean()


def regression_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath | LinearPath,
    flow_map: Callable,
    s: Tensor | None = None,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    same: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Batch mean of $\|x + (t - s)\,u_\theta(x,s,t) - X_{s,t}(x)\|^2$, X a teacher: exact, or a solver's many steps.

    Arguments, value and errors as for `average_velocity_loss`; the teacher is called as flow_map(x, s, t) or
    flow_map(x, s, t, y). Pairs with t = s, of which nothing can be learned, are drawn only if asked for.

    Source: Luhman and Luhman, "Knowledge distillation in iterative generative models for improved sampling speed"
    (2021), for s = 0 and t = 1.

    Example:
        >>> z, s, t = torch.tensor([[1.0]]), torch.tensor(0.0), torch.tensor(1.0)
        >>> path, noise, still = paths.GaussianPath(), torch.zeros(1, 1), lambda x, s, t: 0 * x
        >>> losses.regression_loss(still, z, path=path, flow_map=lambda x, s, t: x + 2, s=s, t=t, noise=noise)
        tensor(4.)
    """
    sample, s, t = _start(z, path, s, t, noise, same, generator)
    with torch.no_grad():
        wanted = flow_map(sample.x, s, t, *(() if y is None else (y,)))
    moved = _moved(model, sample.x, s, t, y)
    check_same_shape(answer=moved, teacher=wanted)
    return (moved - wanted).square().flatten(1).sum(1).mean()


def _start(z, path, s, t, noise, same, generator) -> tuple[PathSample, Tensor, Tensor]:
    """A sample of the path at the times s, and both times, shape (batch,)."""
    z = as_floats(z)
    if (s is None) != (t is None):
        raise ValueError("expected both times s and t, or neither, got one of them")
    if s is None:
        s, t = two_times(len(z), same, generator)
    s, t = _ordered(s, t, z)
    return path.sample(z, s, noise, generator), s, t


def _ordered(s: Tensor, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Both times with shape (batch,); ValueError where a start is later than its end."""
    start, end = (time.flatten().expand(len(x)).contiguous() for time in expand_span(s, t, x))
    return start, end


def _velocity_of(sample: PathSample, s: Tensor, y: Tensor | None, velocity: Callable | None) -> Tensor:
    """The conditional velocity, or what a teacher says."""
    if velocity is None:
        return sample.velocity
    with torch.no_grad():
        return velocity(sample.x, s, *(() if y is None else (y,)))


def _moved(model, x: Tensor, s: Tensor, t: Tensor, y: Tensor | None) -> Tensor:
    """x + (t - s) u(x, s, t)."""
    return x + expand_time(t - s, x) * model(x, s, t, *(() if y is None else (y,)))


def _mean_square(model, x: Tensor, s: Tensor, t: Tensor, y: Tensor | None, target: Tensor) -> Tensor:
    """The batch mean of the squared distance between the model's answer and the target."""
    answer = model(x, s, t, *(() if y is None else (y,)))
    check_same_shape(answer=answer, x=x)
    return (answer - target).square().flatten(1).sum(1).mean()
