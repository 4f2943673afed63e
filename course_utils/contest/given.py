"""What the contest gives to every entry, beside its own weights: the closed form that Lab 4's generator stands on."""

import functools
from pathlib import Path

from torch import Tensor

from course_utils.digits import FINISHED_PIXELS, NULL, load, mixtures_beneath
from course_utils.digits.model import MARGIN, assembled
from course_utils.distributions import PCAMixture, mixtures_from, tensors_of
from course_utils.networks import Residual, UNet
from course_utils.weights import put_weights, read_tensors

__all__ = ["MIXTURES", "given_tensors", "mixtures", "model"]

MIXTURES = Path(__file__).parents[1] / "assets" / "mixtures.safetensors"
"""The mixtures where real digits are not to be had: in the box in which entries are judged."""


@functools.cache
def given_tensors() -> dict[str, Tensor]:
    """The tensors of the mixtures beneath the course's finished generator; no entry needs to bring them.

    Example:
        >>> len(contest.given_tensors())
        77
    """
    if MIXTURES.is_file():
        return read_tensors(MIXTURES)[0]
    return tensors_of(mixtures_beneath(load(FINISHED_PIXELS, "cpu")[0]))


def mixtures() -> dict[int | None, PCAMixture]:
    """A mixture a digit, and under None one of all: those of the course's finished generator of Lab 4.

    Example:
        >>> contest.mixtures()[7]
        PCAMixture(components=17, rank=64, event_shape=(1, 28, 28))
    """
    return mixtures_from(given_tensors())


def model(weights: str | Path | None = None) -> Residual:
    """Lab 4's model on the mixtures that the contest gives.

    Args:
        weights: A file with the weights of its network, half precision or more; what else is in it is left alone.
            Without one the network is not trained.

    Raises:
        ValueError: If it does not hold the weights of such a network.

    Example:
        >>> contest.model(digits.FINISHED_PIXELS)
        Residual(net=UNet, start=0.3), 285,540 parameters
    """
    net = UNet(NULL, margin=MARGIN)
    if weights is not None:
        own = net.state_dict()
        found = read_tensors(weights)[0]
        put_weights(net, {name: tensor for name, tensor in found.items() if name in own}, weights)
    return assembled(mixtures(), net).eval()
