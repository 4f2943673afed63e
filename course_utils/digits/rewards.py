"""Rewards of digits: how thick they are, how they lean, and the generator of what is asked for."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.digits.mixtures import ClassMixtures, mixtures_beneath
from course_utils.networks import Residual
from course_utils.shapes import as_states, check_labels, short_repr

__all__ = ["PixelReward", "ink", "slant", "tilted_digits", "tilted_weights"]


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
