"""Losses of velocities, scores and noise: `(model, z, y)`, and their times and labels."""

import torch
from torch import Tensor

from course_utils.paths import GaussianPath, GeodesicPath, LinearPath
from course_utils.shapes import as_floats, check_labels, check_same_shape

__all__ = [
    "drop_labels",
    "flow_matching_loss",
    "noise_prediction_loss",
    "score_matching_loss",
    "stratified_times",
    "uniform",
]


def stratified_times(n: int, generator: torch.Generator | None = None, start: float = 0.0) -> Tensor:
    """n uniform times, one in each n-th of [start, 1], shape (n,): the same average, less noise than independent ones.

    Raises:
        ValueError: If `n` is less than 1 or `start` is not in [0, 1).

    Example:
        >>> (4 * losses.stratified_times(4)).floor()
        tensor([0., 1., 2., 3.])
    """
    if n < 1:
        raise ValueError(f"expected at least 1 time, got n = {n}")
    if not 0 <= start < 1:
        raise ValueError(f"expected a start in [0, 1), got {start}")
    u = uniform((n,), generator)
    return start + (1 - start) * (torch.arange(n, device=u.device) + u) / n


def flow_matching_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath | LinearPath | GeodesicPath,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    weight: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Conditional flow matching loss: the batch mean of $\|u_\theta(x, t) - u_t(x|z)\|^2$.

    Args:
        model: `model(x, t)` or, with labels, `model(x, t, y)`; returns the shape of x.
        z: Data, shape (batch, *event).
        y: Labels, shape (batch,), or whatever else the model is given, such as a `Policy`'s observations; or None.
        path: Where x and its conditional velocity come from.
        t: Times, shape (batch,) or (); uniform over [0, 1] if not given.
        noise: Noise or source points, shape of `z`; if not given, what the path draws (a `LinearPath` needs it).
        weight: Weight of each term, shape (batch,).
        generator: Source of times and noise.

    Returns:
        A scalar. The squared norm sums over the event; only the batch is averaged.

    Raises:
        ValueError: If the model's answer or `weight` has another shape, or as `path.sample`.

    Source: 6.S184 lecture 3, algorithms 3 and 4.

    Example:
        >>> z, noise = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
        >>> losses.flow_matching_loss(lambda x, t: 0 * x, z, path=paths.GaussianPath(), noise=noise)
        tensor(25.)
    """
    return _mean_square("velocity", model, z, y, path, t, noise, weight, generator)


def score_matching_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    weight: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Denoising score matching loss: the batch mean of $\|s_\theta(x, t) + \epsilon/\beta_t\|^2$.

    Its terms grow like $1/\beta_t^2$; without given times they are uniform over the schedule's span, where
    $\beta_t > 0$. Arguments as for `flow_matching_loss`.

    Raises:
        ValueError: If a given time has beta = 0.

    Source: 6.S184 lecture 3, algorithm 5; Vincent, "A connection between score matching and denoising
    autoencoders" (2011).

    Example:
        >>> z, noise, t = torch.zeros(1, 2), torch.ones(1, 2), torch.tensor(0.5)
        >>> losses.score_matching_loss(lambda x, t: 0 * x, z, path=paths.GaussianPath(), t=t, noise=noise)
        tensor(8.)
    """
    return _mean_square("score", model, z, y, path, t, noise, weight, generator)


def noise_prediction_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: GaussianPath,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    weight: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Noise prediction loss: the batch mean of $\|\epsilon_\theta(x, t) - \epsilon\|^2$.

    This is `score_matching_loss` of $s_\theta = -\epsilon_\theta / \beta_t$ with the weight $\beta_t^2$.
    Arguments as for `flow_matching_loss`.

    Source: Ho et al., "Denoising diffusion probabilistic models" (2020).

    Example:
        >>> z, noise = torch.zeros(1, 2), torch.ones(1, 2)
        >>> losses.noise_prediction_loss(lambda x, t: 0 * x, z, path=paths.GaussianPath(), noise=noise)
        tensor(2.)
    """
    return _mean_square("noise", model, z, y, path, t, noise, weight, generator)


def _mean_square(target: str, model, z, y, path, t, noise, weight, generator) -> Tensor:
    """The batch mean of the squared distance between the model's answer and the `target` of the path's sample."""
    z = as_floats(z)
    if t is None:
        first, last = path.schedule.span if target == "score" else (0.0, 1.0)
        t = first + (last - first) * uniform((len(z),), generator).to(z)
    sample = path.sample(z, t, noise, generator)
    prediction = model(sample.x, t) if y is None else model(sample.x, t, y)
    check_same_shape(prediction=prediction, x=sample.x)
    wanted = getattr(sample, target)
    squares = (prediction - wanted).square().flatten(1).sum(1)
    if weight is None:
        return squares.mean()
    check_same_shape(weight=weight, terms=squares)
    return (weight * squares).mean()


def drop_labels(
    y: Tensor, p: float, null: int, u: Tensor | None = None, generator: torch.Generator | None = None
) -> Tensor:
    """Labels, each replaced by the null label with probability p, so that one model learns with and without them.

    Args:
        y: Labels, shape (batch,).
        p: Probability, from 0 to 1.
        null: The null label.
        u: Uniform numbers in [0, 1), shape (batch,); a label is dropped where u < p. Drawn here if not given.
        generator: Source of those numbers.

    Raises:
        ValueError: If p is not a probability, a label is not a whole number, or u has another shape than y.

    Source: Ho and Salimans, "Classifier-free diffusion guidance" (2022).

    Example:
        >>> losses.drop_labels(torch.tensor([3, 7]), 0.1, null=10, u=torch.tensor([0.05, 0.5]))
        tensor([10,  7])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"expected a probability from 0 to 1, got {p}")
    check_labels(y, len(y))
    u = uniform(y.shape, generator).to(y.device) if u is None else u
    check_same_shape(u=u, y=y)
    return torch.where(u < p, null, y)


def uniform(shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    """Uniform numbers, made where their generator lives."""
    return torch.rand(shape, generator=generator, device=generator.device if generator else None)
