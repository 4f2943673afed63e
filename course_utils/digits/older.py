"""Files of generators from before version 0.3: the network alone, with the means to fit its mixtures anew."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from course_utils import data
from course_utils.digits.mixtures import NULL
from course_utils.digits.model import MARGIN, digit_model
from course_utils.networks import Residual, UNet
from course_utils.weights import put_weights

__all__ = ["load_older"]


def load_older(
    tensors: Mapping[str, Tensor],
    words: Mapping[str, str],
    path: str | Path,
    device: torch.device | str,
    progress: bool = False,
) -> Residual:
    """The generator of such a file: its weights, on mixtures of the digits that its card names.

    Args:
        tensors: Weights of the network.
        words: With the card, and under "base" what the closed form gave when the file was written.
        path: The file, for errors.
        device: Where the model is to live.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If the weights are those of another network.
        ConnectionError: If the digits are not to be had.

    Example:
        >>> file = digits.FINISHED_PIXELS
        >>> digits.older.load_older(*weights.read_tensors(file), file, "cpu")
        Residual(net=UNet, start=0.3), 285,540 parameters
    """
    put_weights(UNet(NULL, margin=MARGIN), tensors, path)  # refused before the digits are looked for
    plan = json.loads(words["card"])["plan"]
    digits = data.mnist("train", plan["source"])
    model = digit_model(digits.images, digits.labels, plan["seed"], device, progress)
    put_weights(model.net, tensors, path)
    if not torch.allclose(torch.tensor(_probe(model)), torch.tensor(json.loads(words["base"])), atol=0.02):
        warnings.warn(f"the mixtures fitted here differ from those that {path} was trained with", stacklevel=3)
    return model


@torch.no_grad()
def _probe(model: Residual) -> list[float]:
    """The closed form at one point for every label: the same fit gives the same numbers, up to rounding."""
    weights = next(model.parameters())
    y = torch.arange(NULL + 1)
    x = torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28).repeat(NULL + 1, 1, 1, 1).to(weights)
    return model.base(x, torch.full((NULL + 1,), 0.3).to(x), y.to(x.device)).square().mean((1, 2, 3)).tolist()
