"""Samples of points and of images beside data."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

__all__ = [
    "frechet_distance",
    "gaussian_frechet_distance",
    "in_chunks",
    "label_accuracy",
    "nearest_neighbours",
    "off_support",
    "sliced_wasserstein",
]


def off_support(dist: Distribution, x: Float[Tensor, "batch *event"]) -> float:
    """Fraction of the samples at which the distribution has no density.

    Args:
        dist: A distribution whose `log_prob` is -inf off its support, such as `Checkerboard`.
        x: Samples, shape (batch, *event).

    Raises:
        ValueError: If there are no samples.

    Example:
        >>> metrics.off_support(distributions.Checkerboard(), torch.tensor([[1.0, 1.0], [9.0, 9.0]]))
        0.5
    """
    _check_count(x, 1)
    return dist.log_prob(x).isneginf().double().mean().item()


def sliced_wasserstein(
    x: Float[Tensor, "n *event"],
    y: Float[Tensor, "m *other"],
    directions: int = 256,
    generator: torch.Generator | None = None,
) -> float:
    r"""Mean over random directions of the Wasserstein distance $W_1$ between the projections of two samples.

    In one dimension $W_1 = \int |F_x - F_y|$ with the two cumulative distribution functions.

    Args:
        x, y: Samples, shapes (n, *event) and (m, *event).
        directions: Number of directions, uniform on the unit sphere.
        generator: Source of the directions.

    Returns:
        The distance, in the units of the samples.

    Raises:
        ValueError: If the events differ in shape, a sample is empty, or `directions` is less than 1.

    Source: Rabin et al., "Wasserstein barycenter and its application to texture mixing" (2011).

    Example:
        >>> metrics.sliced_wasserstein(torch.zeros(10, 1), torch.full((20, 1), 3.0))
        3.0
    """
    _check_count(x, 1)
    _check_count(y, 1)
    if x.shape[1:] != y.shape[1:] or directions < 1:
        raise ValueError(f"expected events of one shape and directions >= 1, got {x.shape}, {y.shape}, {directions}")
    device = generator.device if generator else None
    axes = torch.randn(x[0].numel(), directions, generator=generator, dtype=torch.double, device=device)
    axes = F.normalize(axes, dim=0).to(x.device)
    x_on_lines = axes.T @ x.flatten(1).double().T
    y_on_lines = axes.T @ y.flatten(1).double().T
    return _wasserstein(x_on_lines, y_on_lines).mean().item()


def _wasserstein(x: Float[Tensor, "lines n"], y: Float[Tensor, "lines m"]) -> Float[Tensor, " lines"]:
    """Distance between two samples on each line: the area between their cumulative distribution functions."""
    x = x.sort().values
    y = y.sort().values
    points = torch.cat([x, y], 1).sort().values
    left = points[:, :-1].contiguous()
    share_of_x = torch.searchsorted(x, left, right=True).double() / x.shape[1]
    share_of_y = torch.searchsorted(y, left, right=True).double() / y.shape[1]
    return ((share_of_x - share_of_y).abs() * points.diff()).sum(1)


def gaussian_frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    r"""$\|m_a - m_b\|^2 + \text{tr}(C_a + C_b - 2 (C_a^{1/2} C_b C_a^{1/2})^{1/2})$: squared $W_2$ between Gaussians.

    Covariances may be singular. Computed in float64.

    Args:
        mean_a, mean_b: Shape (d,).
        cov_a, cov_b: Positive semi-definite, shape (d, d).

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982).

    Example:
        >>> zero, one = torch.zeros(1), torch.ones(1, 1)
        >>> metrics.gaussian_frechet_distance(zero, one, zero, 9 * one)
        4.0
    """
    shift = (mean_a.double() - mean_b.double()).square().sum()
    cov_a = cov_a.double()
    cov_b = cov_b.double()
    eigenvalues, basis = torch.linalg.eigh(cov_a)
    root = basis * eigenvalues.clamp(min=0).sqrt() @ basis.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return (shift + cov_a.trace() + cov_b.trace() - 2 * cross).item()


def frechet_distance(
    features_a: Float[Tensor, "n d"], features_b: Float[Tensor, "m e"], weights: Float[Tensor, " m"] | None = None
) -> float:
    """`gaussian_frechet_distance` between Gaussians with the mean and covariance of two sets of features.

    It shrinks with more samples even when nothing gets better: compare only at equal n, beside real against real.

    Args:
        features_a, features_b: Features of generated and of real images, shapes (n, d) and (m, d).
        weights: Of the rows of `features_b`, not negative, shape (m,): real images, reweighted to what was asked for,
            are the yardstick of a sampler that is steered. None for equal weights.

    Raises:
        ValueError: If there are fewer than two rows, d differs, or `weights` is not one weight of at least 0 a row, at
            least two of them positive.

    Source: Heusel et al., "GANs trained by a two time-scale update rule" (2017).

    Example:
        >>> features = torch.tensor([[0.0], [2.0]])
        >>> metrics.frechet_distance(features, features + 3)
        9.0
    """
    _check_count(features_a, 2)
    _check_count(features_b, 2)
    if features_a.shape[1] != features_b.shape[1]:
        raise ValueError(f"expected as many features a row, got {features_a.shape[1]} and {features_b.shape[1]}")
    a = features_a.double()
    b = features_b.double()
    shares = None if weights is None else _shares(weights, len(b)).to(b)
    mean_b = b.mean(0) if shares is None else shares @ b
    cov_a = torch.atleast_2d(a.T.cov())
    cov_b = torch.atleast_2d(b.T.cov(aweights=shares))
    return gaussian_frechet_distance(a.mean(0), cov_a, mean_b, cov_b)


@torch.no_grad()
def in_chunks(f: Callable[[Tensor], Tensor], x: Tensor, chunk: int = 1000) -> Tensor:
    """`f(x)` for a large batch, `chunk` rows at a time and without gradients.

    Raises:
        ValueError: If `chunk` is less than 1.

    Example:
        >>> metrics.in_chunks(torch.square, torch.arange(4.0), chunk=3)
        tensor([0., 1., 4., 9.])
    """
    if chunk < 1:
        raise ValueError(f"expected a chunk of at least 1 row, got {chunk}")
    return torch.cat([f(part) for part in x.split(chunk)])


def label_accuracy(
    classifier: Callable[[Tensor], Tensor], images: Float[Tensor, "batch *event"], labels: Int[Tensor, " labels"]
) -> float:
    """Fraction of the images that a classifier takes for the digit asked for.

    It says nothing about variety: one good image a digit, repeated, scores 1.

    Args:
        classifier: From images to logits, shape (batch, classes).
        images: Shape (batch, *event).
        labels: What was asked for, shape (batch,).

    Raises:
        ValueError: If there are no images, or not one label an image.

    Example:
        >>> metrics.label_accuracy(lambda x: -x, torch.tensor([[0.0, 9.0], [9.0, 0.0]]), torch.tensor([0, 0]))
        0.5
    """
    _check_count(images, 1)
    if len(images) != len(labels):
        raise ValueError(f"expected one label an image, got {len(labels)} for {len(images)}")
    return (in_chunks(classifier, images).argmax(1) == labels).double().mean().item()


@torch.no_grad()
def nearest_neighbours(
    x: Float[Tensor, "n *event"], data: Float[Tensor, "m *other"], chunk: int = 256
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Distance from each sample to the nearest data point, and which that is.

    Args:
        x: Samples, shape (n, *event).
        data: Data points, shape (m, *event).
        chunk: Samples compared at a time; memory is chunk times m numbers.

    Returns:
        Euclidean distances and indices into `data`, both of shape (n,).

    Raises:
        ValueError: If there is no data point, `chunk` is less than 1 or the events differ in shape.

    Example:
        >>> metrics.nearest_neighbours(torch.tensor([[2.0]]), torch.tensor([[0.0], [5.0]]))
        (tensor([2.]), tensor([0]))
    """
    _check_count(data, 1)
    if x.shape[1:] != data.shape[1:]:
        raise ValueError(f"expected events of one shape, got {tuple(x.shape[1:])} and {tuple(data.shape[1:])}")
    flat = data.flatten(1)
    half_squares = flat.square().sum(1) / 2

    def nearest(part: Tensor) -> Tensor:
        """Where |x - z|^2 / 2, but for the part that all z share, is least."""
        return (half_squares - part.flatten(1) @ flat.T).argmin(1)

    index = in_chunks(nearest, x, chunk)
    return (x - data[index]).flatten(1).norm(dim=1), index


def _check_count(x: Tensor, least: int) -> None:
    if x.ndim < 2 or len(x) < least:
        raise ValueError(f"expected at least {least} sample(s), shape (n, *event), got shape {tuple(x.shape)}")


def _shares(weights: Tensor, n: int) -> Tensor:
    """Weights with sum 1, float64; ValueError unless they are n, none negative, and more than one positive."""
    if weights.shape != (n,) or not (weights >= 0).all() or weights.isinf().any() or (weights > 0).sum() < 2:
        raise ValueError(f"expected {n} finite weights of at least 0, two of them positive, got {weights}")
    return weights.double() / weights.double().sum()
