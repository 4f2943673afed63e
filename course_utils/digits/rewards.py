"""Rewards of digits: how thick they are, how they lean, the generator of what is asked for, and one that is hacked."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.digits.few_steps import exact_draw
from course_utils.digits.mixtures import NULL, ClassMixtures, mixtures_beneath
from course_utils.digits.model import BATCH_SIZE
from course_utils.networks import Residual
from course_utils.shapes import as_states, check_labels, short_repr
from course_utils.simulators import midpoint_step
from course_utils.training import Recipe, fit

__all__ = ["PixelReward", "climb", "ink", "slant", "tilted_digits", "tilted_weights"]


@dataclass(frozen=True, repr=False)
class PixelReward:
    r"""$r(x) = b \cdot x + c$, linear in the pixels, so that a mixture tilted by it is a mixture.

    Attributes:
        slope: b, shape (1, 28, 28) or that of whatever is rewarded.
        offset: c.

    Example:
        >>> reward = digits.PixelReward(torch.tensor([2.0, 0.0]), offset=-1.0)
        >>> reward(torch.tensor([[1.0, 7.0], [0.0, 7.0]]))
        tensor([ 1., -1.])
    """

    slope: Float[Tensor, "*event"]
    offset: float

    def __repr__(self) -> str:
        return short_repr(self)

    def __call__(self, x: Float[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """The rewards, shape (batch,)."""
        states = as_states(x, self.slope.shape)
        return states.flatten(1) @ self.slope.flatten().to(states) + self.offset

    @classmethod
    def standardised(cls, template: Float[Tensor, "*event"], images: Float[Tensor, "n *event"]) -> "PixelReward":
        """The sum of the pixels times a template, scaled to mean 0 and variance 1 over the images.

        Args:
            template: What a pixel counts, shape (*event).
            images: At least two, such as all real digits, shape (n, *event).

        Raises:
            ValueError: If the shapes do not fit, or the sum is the same for all images.
        """
        sums = cls(template, 0.0)(images)
        if len(sums) < 2 or not sums.std() > 0:
            raise ValueError(f"expected images that the template tells apart, got {len(sums)} with equal sums")
        return cls(template / sums.std(), (-sums.mean() / sums.std()).item())


def ink(images: Float[Tensor, "n 1 28 28"]) -> PixelReward:
    """How thick a digit is: the sum of its pixels, in standard deviations from the mean of these images.

    Example:
        >>> some = data.mnist("train", "offline").images
        >>> round(digits.ink(some)(some).std().item(), 4)
        1.0
    """
    return PixelReward.standardised(torch.ones(images.shape[1:]), images)


def slant(images: Float[Tensor, "n 1 28 28"]) -> PixelReward:
    """How far a digit leans to the right: the mixed second moment of its ink, standardised over these images.

    A pixel counts as many rows as it stands above the middle, times columns to the right of it.

    Example:
        >>> slash = torch.eye(28).flip(1)[None, None] * 2 - 1
        >>> lean = digits.slant(data.mnist("train", "offline").images)
        >>> bool(lean(slash) > 1.5), bool(lean(slash.flip(3)) < -1.5)
        (True, True)
    """
    height, width = images.shape[-2:]
    up = (height - 1) / 2 - torch.arange(height)
    right = torch.arange(width) - (width - 1) / 2
    return PixelReward.standardised((up[:, None] * right).expand(images.shape[1:]), images)


def tilted_digits(model: Residual, reward: PixelReward, eta: float) -> Residual:
    r"""The generator of digits asked for: the same network on the mixtures $p(z)\,e^{\eta\, r(z)}$, in closed form.

    Nothing is trained, no gradient is taken, and $\eta = 1/\lambda$ may be 0 or negative. The exact draws of the new
    model begin at tilted mixtures, where most of what a reward decides is decided. The network shares its weights with
    that of `model`; what it adds to the base is taken to be the same.

    Args:
        model: Lab 4's generator, such as `digits.load(digits.FINISHED_PIXELS)`.
        reward: Linear in the pixels.
        eta: How much the reward counts, finite.

    Raises:
        ValueError: If `eta` is not finite, the model does not stand on mixtures of pixels, or the slope's shape is not
            theirs.

    Example:
        >>> some = data.mnist("test", "offline")
        >>> model = digits.digit_model(some.images, some.labels)
        >>> thicker = digits.tilted_digits(model, digits.ink(some.images), eta=1.0)
        >>> thicker.net is model.net
        True
    """
    if not math.isfinite(eta):
        raise ValueError(f"expected a finite eta, got {eta}")
    if not isinstance(model, Residual):
        raise ValueError(f"expected Lab 4's generator, a Residual on mixtures of pixels, got {model!r}")
    mixtures = mixtures_beneath(model)
    tilted = {label: mixture.tilted(eta * reward.slope) for label, mixture in mixtures.items()}
    return Residual(ClassMixtures(tilted), model.scale, model.net, model.start)


def tilted_weights(rewards: Float[Tensor, " n"], labels: Int[Tensor, " n"], eta: float = 1.0) -> Float[Tensor, " n"]:
    r"""Weights $\propto e^{\eta\, r}$ within each label, equal sums for all labels: real data as they were asked for.

    The yardstick of `tilted_digits`, as the weights of `metrics.frechet_distance`.

    Args:
        rewards: One an image, shape (n,).
        labels: Shape (n,).
        eta: How much the reward counts, finite.

    Returns:
        Weights with sum 1, shape (n,).

    Raises:
        ValueError: If there is not one finite reward and one label an image, or `eta` is not finite.

    Example:
        >>> digits.tilted_weights(torch.tensor([1.0, 3.0, 5.0]).log(), torch.tensor([0, 0, 1]))
        tensor([0.1250, 0.3750, 0.5000])
    """
    check_labels(labels, len(rewards))
    if not math.isfinite(eta) or not rewards.isfinite().all():
        raise ValueError(f"expected finite rewards and a finite eta, got {rewards} and {eta}")
    weights = torch.zeros_like(rewards)
    present = labels.unique()
    for label in present:
        own = labels == label
        weights[own] = (eta * rewards[own]).softmax(0) / len(present)
    return weights


def climb(
    model: Residual,
    reward: Callable[[Tensor, Tensor], Tensor],
    *,
    leash: float = 0.0,
    steps: int = 60,
    lr: float = 5e-4,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> Residual:
    r"""A copy of the generator, trained straight up a reward: it learns what scores, whether that is a digit or not.

    The network follows the gradient of $\mathbb{E}[r(x, y) - \frac{\kappa}{2} \|x - x_{\text{before}}\|^2]$ through
    both evaluations of one midpoint step, from the exact draw at its start to the image x. The leash $\kappa$ holds on
    to the image that the model made of the same draw: a distance in pixels, not between laws.

    Args:
        model: Lab 4's generator; it keeps its weights.
        reward: r(x, y) of images, which are not clamped, and their labels 0 to 9, shape (batch,); differentiable.
        leash: The leash's strength, at least 0.
        steps: Optimiser steps of 64 digits, all at the same rate.
        lr: Learning rate.
        generator: Source of labels and draws.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If `leash` is negative or the rewards are not one a digit, or as `mixtures_beneath` and
            `training.fit`.

    Source: Clark et al., "Directly fine-tuning diffusion models on differentiable rewards" (2024).

    Example:
        >>> model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
        >>> digits.climb(model, lambda x, y: x.mean((1, 2, 3)), steps=1, progress=False)
        Residual(net=UNet, start=0.3), 285,540 parameters
    """
    if not 0 <= leash < math.inf:
        raise ValueError(f"expected a leash of at least 0, got {leash}")
    climber = Residual(model.base, model.scale, copy.deepcopy(model.net), model.start)

    def loss(climber: Residual, x: Tensor, y: Tensor) -> Tensor:
        made = _in_one_step(climber, x, y)
        rewards = reward(made, y)
        if rewards.shape != y.shape:
            raise ValueError(f"expected rewards of shape {tuple(y.shape)}, one a digit, got {tuple(rewards.shape)}")
        if not leash:
            return -rewards.mean()
        with torch.no_grad():
            before = _in_one_step(model, x, y)
        return leash / 2 * (made - before).square().flatten(1).sum(1).mean() - rewards.mean()

    alike = Recipe(schedule=lambda step, steps: 1.0, average=None)
    fit(climber, loss, _draws(model, generator), steps=steps, lr=lr, recipe=alike, progress=progress)
    return climber


def _in_one_step(model: Residual, x: Tensor, y: Tensor) -> Tensor:
    """Images of states at the model's start, by two evaluations."""
    return midpoint_step(lambda x, t: model(x, t, y), x, torch.tensor(model.start).to(x), 1 - model.start)


def _draws(model: Residual, generator: torch.Generator | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of exact draws at the model's start, and their labels."""
    mixtures = mixtures_beneath(model)
    while True:
        y = torch.randint(NULL, (BATCH_SIZE,), generator=generator)
        yield exact_draw(mixtures, y, model.start, generator), y
