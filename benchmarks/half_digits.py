"""Half a digit, completed: exact conditioning of the mixtures, the network on that base, and the plug-in beside it.

The upper half of real test digits is seen, with a little noise; the lower half is asked for. Given the label, pixels
that are seen and the state x_t are both a linear look at z: a pixel seen twice is one look with the sum of both
precisions. So the mixtures' posterior mean is known, at every time, and with it the field and the law of the answers.
The completed digits, one for each real one, are to have the law of real digits: distances are in floors.
"""

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.maps import seeded
from benchmarks.rows import Row, alone, over_seeds, processor
from course_utils import data, digits
from course_utils.distributions import PCAMixture
from course_utils.guidance import guided
from course_utils.networks import Residual
from course_utils.simulators import midpoint_step, simulate

VAR, START = 0.01, 0.3
"""Of the noise on a pixel that is seen; and the time of the exact draw."""
SEEN = (torch.arange(28) < 14).float()[:, None].expand(28, 28).flatten()
"""1 for a pixel that is seen, 0 for one that is not."""
BLIND = 1e-6
"""Precision of a pixel that is not looked at."""


class Dense(NamedTuple):
    """A mixture in all pixels: weights (k,), means (k, 784), covariances (k, 784, 784)."""

    weights: Tensor
    means: Tensor
    covs: Tensor


def dense(mixture: PCAMixture) -> Dense:
    """The same mixture, with the covariance of each component written out."""
    basis, rank = mixture.basis, mixture.rank
    lead, others = basis[:, :rank], basis[:, rank:]
    rest = mixture.rest * (torch.eye(len(basis)) - basis @ basis.T) + others * mixture.variances @ others.T
    means = mixture.centre.flatten() + mixture.top.means @ lead.T
    return Dense(mixture.top.weights, means, lead @ mixture.top.covs @ lead.T + rest)


def posterior(mixture: Dense, looks: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """Given looks = z + noise of a precision a pixel: weights of the components (b, k), and their means (b, k, 784).

    A component's mean is mu + C (C + D)^-1 (look - mu), D the noise's variances.
    """
    noisy = mixture.covs + (1 / precision).diag()
    factor = torch.linalg.cholesky(noisy)
    off = looks - mixture.means[:, None]  # (k, b, 784)
    solved = torch.cholesky_solve(off.mT, factor)
    squares = (off.mT * solved).sum(1)
    log_det = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
    log_weights = mixture.weights.log()[:, None] - (squares + log_det[:, None]) / 2
    means = mixture.means[:, None] + (mixture.covs @ solved).mT
    return log_weights.softmax(0).T, means.transpose(0, 1)


def draws(mixture: Dense, seen: Tensor, source: torch.Generator) -> Tensor:
    """z from the mixture given what is seen of it, one each, shape (b, 784).

    A component by its posterior weight; then a draw of it and of the noise on it, moved by what its look lacks.
    """
    precision = SEEN / VAR + BLIND
    weights, _ = posterior(mixture, seen, precision)
    which = torch.multinomial(weights, 1, generator=source)[:, 0]
    roots = torch.linalg.cholesky(mixture.covs)[which]
    noise = torch.randn(2, *seen.shape, generator=source)
    z = mixture.means[which] + (roots @ noise[0][..., None])[..., 0]
    off = seen - z - noise[1] / precision.sqrt()
    noisy = mixture.covs + (1 / precision).diag()
    gain = mixture.covs @ torch.linalg.inv(noisy)
    return z + (gain[which] @ off[..., None])[..., 0]


def conditioned_velocity(mixture: Dense, seen: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """(E[z | x_t = x, what is seen] - x) / (1 - t), shape (b, 784)."""
    own = t**2 / (1 - t) ** 2
    given = SEEN / VAR
    looks = (t / (1 - t) ** 2 * x + given * seen) / (own + given)
    weights, means = posterior(mixture, looks, own + given)
    return ((weights[..., None] * means).sum(1) - x) / (1 - t)


class Task(NamedTuple):
    """Halves of one label: what is seen, flat, and the mixture of that label."""

    label: int
    seen: Tensor
    mixture: Dense


def completed_by_mixtures(model: Residual, task: Task, seed: int) -> Tensor:
    return draws(task.mixture, task.seen, seeded(seed)).reshape(-1, 1, 28, 28)


def completed_by_both(model: Residual, task: Task, seed: int, steps: int = 4) -> Tensor:
    """The same network on the conditioned mixtures: an exact draw at the start, then midpoint steps."""
    source = seeded(seed)
    z = draws(task.mixture, task.seen, source)
    x = START * z + (1 - START) * torch.randn(z.shape, generator=source)
    labels = torch.full((len(z),), task.label)

    def field(x: Tensor, t: Tensor) -> Tensor:
        known = conditioned_velocity(task.mixture, task.seen, x, t)
        return known + model.learned(x.reshape(-1, 1, 28, 28), t, labels).flatten(1)

    return carried(field, x, torch.linspace(START, 1, steps + 1)).reshape(-1, 1, 28, 28)


def completed_by_plug_in(model: Residual, task: Task, seed: int, steps: int = 32, wide: bool = False) -> Tensor:
    """Pushed up the log likelihood of what is seen, as the posterior mean says it, from an exact draw near noise.

    If it is wide, the variance of a look is the noise's and the posterior's, as if the pixels were one Gaussian.
    """
    labels = torch.full((len(task.seen),), task.label)
    x = digits.exact_draw(digits.mixtures_beneath(model), labels, 0.02, seeded(seed))

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        return model(x, t, labels)

    def likelihood(x: Tensor, t: Tensor) -> Tensor:
        z = x + (1 - t) * velocity(x, t)
        variance = VAR + ((1 - t) * model.scale(t)) ** 2 if wide else VAR
        return -(SEEN * (z.flatten(1) - task.seen).square()).sum(1) / (2 * variance)

    return carried(guided(velocity, likelihood), x, torch.linspace(0.02, 1, steps + 1))


@torch.no_grad()
def carried(field, x: Tensor, ts: Tensor) -> Tensor:
    return simulate(field, x, ts, midpoint_step, save_every=len(ts) - 1).end


WAYS = {
    "mixtures, conditioned": completed_by_mixtures,
    "network on conditioned mixtures, 8 evaluations": completed_by_both,
    "plug-in from noise, 64 evaluations": completed_by_plug_in,
    "plug-in with the posterior's width, 64 evaluations": partial(completed_by_plug_in, wide=True),
}


def tasks(model: Residual, test: data.Digits, per_label: int, seed: int = 0) -> list[Task]:
    """Halves of test digits, as many of each label, with the noise on what is seen."""
    source = seeded(seed)
    found = []
    for label, mixture in digits.mixtures_beneath(model).items():
        if label is not None:
            rows = (test.labels == label).nonzero()[:per_label, 0]
            flat = test.images[rows].flatten(1)
            seen = SEEN * (flat + math.sqrt(VAR) * torch.randn(flat.shape, generator=source))
            found.append(Task(label, seen, dense(mixture)))
    return found


def seen_error(images: Tensor, seen: Tensor) -> float:
    """Root mean square of what a pixel that is seen is off by, shape as flat images."""
    return ((images.flatten(1) - seen)[:, SEEN > 0]).square().mean().sqrt().item()


def half_digits(quick: bool) -> Iterator[Row]:
    """Rows of each way: how far it keeps to what is seen, labels, distance to real digits, spread of its answers."""
    per_label, seeds = (20, 2) if quick else (50, 3)
    test = data.mnist("test", "full")
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    given = tasks(model, test, per_label)
    judge = digits.Judge(test, 10 * per_label)
    y = torch.arange(10).repeat_interleave(per_label)
    seen = torch.cat([task.seen for task in given])
    for name, complete in WAYS.items():
        start = processor()
        made = [torch.cat([complete(model, task, seed) for task in given]) for seed in range(seeds)]
        yield alone("half_digits", f"{name}: {len(y):,} digits", (processor() - start) / seeds, "CPU-s")
        lost = [1 - images.isfinite().all(-1).all(-1).double().mean().item() for images in made]
        yield over_seeds("half_digits", f"{name}: share that became infinite", lost, "")
        if not any(lost):
            yield from completed_rows(name, [images.clamp(-1, 1) for images in made], seen, judge, y)


def completed_rows(name: str, made: list[Tensor], seen: Tensor, judge: digits.Judge, y: Tensor) -> Iterator[Row]:
    """Rows of images that were made of the same halves, once a seed."""
    found = [judge(images, y) for images in made]
    apart = [a - b for a, b in itertools.pairwise(images.flatten(1)[:, SEEN == 0] for images in made)]
    numbers = {
        "off what is seen, a pixel": [seen_error(images, seen) for images in made],
        "two answers apart, a pixel": [gap.square().mean().sqrt().item() for gap in apart],
        "label right": [one.accuracy for one in found],
    }
    for words, values in numbers.items():
        yield over_seeds("half_digits", f"{name}: {words}", values, "")
    yield over_seeds("half_digits", f"{name}: distance", [one.floors for one in found], "× floor")
