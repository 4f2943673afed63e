"""How good are samples? Report a figure with the number of samples, the floor (data against data) and a baseline."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from course_utils.networks import Classifier
from course_utils.training import fit
from course_utils.weights import load_weights, save_weights

CLASSIFIER = Path(__file__).parent / "assets" / "classifier.safetensors"
LEAST_ACCURACY = 0.99
"""On MNIST's test set, or a classifier is not fit to judge."""


def off_support(dist: Distribution, x: Float[Tensor, "batch *event"]) -> float:
    """Fraction of the samples at which the distribution has no density.

    Args:
        dist: A distribution whose `log_prob` is -inf off its support, such as `Checkerboard`.
        x: Samples, shape (batch, *event).

    Raises:
        ValueError: If there are no samples.
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
    """
    _check_count(x, 1)
    _check_count(y, 1)
    if x.shape[1:] != y.shape[1:] or directions < 1:
        raise ValueError(f"expected events of one shape and directions >= 1, got {x.shape}, {y.shape}, {directions}")
    x, y = x.flatten(1).double(), y.flatten(1).double()
    axes = F.normalize(torch.randn(x.shape[1], directions, generator=generator, dtype=torch.double), dim=0).to(x.device)
    x, y = (axes.T @ x.T).sort().values, (axes.T @ y.T).sort().values
    points = torch.cat([x, y], 1).sort().values
    left = points[:, :-1].contiguous()
    below = [torch.searchsorted(v, left, right=True).double() / v.shape[1] for v in (x, y)]
    return ((below[0] - below[1]).abs() * points.diff()).sum(1).mean().item()


def gaussian_frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    r"""$\|m_a - m_b\|^2 + \text{tr}(C_a + C_b - 2 (C_a^{1/2} C_b C_a^{1/2})^{1/2})$: squared $W_2$ between Gaussians.

    Covariances may be singular. Computed in float64.

    Args:
        mean_a, mean_b: Shape (d,).
        cov_a, cov_b: Positive semi-definite, shape (d, d).

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982).
    """
    mean_a, cov_a, mean_b, cov_b = (v.double() for v in (mean_a, cov_a, mean_b, cov_b))
    eigenvalues, basis = torch.linalg.eigh(cov_a)
    root = basis * eigenvalues.clamp(min=0).sqrt() @ basis.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return ((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross).item()


def frechet_distance(features_a: Float[Tensor, "n d"], features_b: Float[Tensor, "m e"]) -> float:
    """`gaussian_frechet_distance` between Gaussians with the mean and covariance of two sets of features.

    It shrinks with more samples even when nothing gets better: compare only at equal n, beside real against real.

    Args:
        features_a, features_b: Features of generated and of real images, shapes (n, d) and (m, d).

    Raises:
        ValueError: If there are fewer than two rows, or d differs.

    Source: Heusel et al., "GANs trained by a two time-scale update rule" (2017).
    """
    _check_count(features_a, 2)
    _check_count(features_b, 2)
    if features_a.shape[1] != features_b.shape[1]:
        raise ValueError(f"expected as many features a row, got {features_a.shape[1]} and {features_b.shape[1]}")
    a, b = features_a.double(), features_b.double()
    cov_a, cov_b = (torch.atleast_2d(f.T.cov()) for f in (a, b))
    return gaussian_frechet_distance(a.mean(0), cov_a, b.mean(0), cov_b)


@torch.no_grad()
def in_chunks(f: Callable[[Tensor], Tensor], x: Tensor, chunk: int = 1000) -> Tensor:
    """`f(x)` for a large batch, `chunk` rows at a time and without gradients."""
    return torch.cat([f(part) for part in x.split(chunk)])


def label_accuracy(
    classifier: Classifier, images: Float[Tensor, "batch 1 28 28"], labels: Int[Tensor, " labels"]
) -> float:
    """Fraction of the images that a classifier takes for the digit asked for.

    It says nothing about variety: one good image a digit, repeated, scores 1.

    Raises:
        ValueError: If there are no images, or not one label an image.
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
        ValueError: If there is no data point or the events differ in shape.
    """
    _check_count(data, 1)
    if x.shape[1:] != data.shape[1:]:
        raise ValueError(f"expected events of one shape, got {tuple(x.shape[1:])} and {tuple(data.shape[1:])}")
    flat = data.flatten(1)
    half_squares = flat.square().sum(1) / 2
    index = in_chunks(lambda part: (half_squares - part.flatten(1) @ flat.T).argmin(1), x, chunk)
    return (x - data[index]).flatten(1).norm(dim=1), index


def digit_classifier() -> Classifier:
    """The trained classifier that comes with the package; its accuracy stands in the file's metadata.

    Raises:
        FileNotFoundError: If the file is missing.
    """
    classifier = Classifier()
    load_weights(classifier, CLASSIFIER)
    return classifier.eval()


def train_classifier(
    images: Float[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " n"],
    *,
    steps: int = 2000,
    batch_size: int = 128,
    seed: int = 0,
    progress: bool = True,
) -> Classifier:
    """A classifier of digits, trained on images that are shifted by up to two pixels.

    Args:
        images: Digits in [-1, 1].
        labels: 0 to 9.
        steps: Optimiser steps.
        batch_size: Images a step.
        seed: For the initial weights, the batches and the shifts.
        progress: Whether to show a progress bar.
    """
    generator = torch.Generator().manual_seed(seed)

    def shifted_batches():
        while True:
            rows = torch.randint(len(images), (batch_size,), generator=generator)
            down, right = torch.randint(-2, 3, (2,), generator=generator).tolist()
            yield images[rows].roll((down, right), (2, 3)), labels[rows]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier()
    loss = lambda model, z, y: F.cross_entropy(model(z), y)  # noqa: E731
    fit(classifier, loss, shifted_batches(), steps=steps, lr=2e-3, progress=progress)
    return classifier


def save_classifier(classifier: Classifier, images: Tensor, labels: Tensor, path: str | Path = CLASSIFIER) -> float:
    """Write a classifier in half precision, if it is good enough to judge others; returns its accuracy.

    Args:
        classifier: As trained on the training set.
        images, labels: The test set.
        path: The file.

    Raises:
        ValueError: If fewer than 99% of the test set are classified correctly.
    """
    halved = Classifier()
    halved.load_state_dict({name: value.half().float() for name, value in classifier.state_dict().items()})
    accuracy = label_accuracy(halved, images, labels)
    if accuracy < LEAST_ACCURACY:
        raise ValueError(f"expected an accuracy of at least {LEAST_ACCURACY:.0%} on the test set, got {accuracy:.2%}")
    save_weights(halved.half(), path, {"accuracy": f"{accuracy:.4f}", "test_images": str(len(images))})
    return accuracy


def _check_count(x: Tensor, least: int) -> None:
    if x.ndim < 2 or len(x) < least:
        raise ValueError(f"expected at least {least} sample(s), shape (n, *event), got shape {tuple(x.shape)}")
